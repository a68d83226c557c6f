"""What axe is asked, and what is read of its answer."""

# Only violations are read: of what passes axe need not describe every element, a third of its time on a long page.
AXE = {"resultTypes": ["violations"]}
# What a theme decides.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
# Thousands of a page's elements are words of its code. Of visible ones that look the same on the same ground the first
# stays as it is, and the others become plain text of their block, until `putBack()`.
EACH_LOOK_ONCE = """() => {
  const seen = new Set();
  const blocks = [...document.querySelectorAll('article pre')].map((block) => {
    const copy = block.cloneNode(true), ground = getComputedStyle(block).backgroundColor;
    const hidden = !block.checkVisibility();
    const words = copy.querySelectorAll('span');
    block.querySelectorAll('span').forEach((word, n) => {
      if (word.firstElementChild) return;
      const { color, backgroundColor, fontSize, fontWeight, opacity } = getComputedStyle(word);
      const look = [ground, color, backgroundColor, fontSize, fontWeight, opacity].join();
      if (hidden || seen.has(look)) words[n].replaceWith(...words[n].childNodes);
      else seen.add(look);
    });
    return [block, copy];
  });
  for (const [block, copy] of blocks) block.replaceWith(copy);
  window.putBack = () => { for (const [block, copy] of blocks) copy.replaceWith(block); };
}"""


def violations(results: dict) -> dict[str, list[str]]:
    """The rules that are broken, each with the first elements that break it."""
    return {rule["id"]: [node["html"][:160] for node in rule["nodes"]][:4] for rule in results["violations"]}
