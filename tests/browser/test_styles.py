"""What was cut out of the styles finds nothing in any page."""

import pytest

from .test_pages import MADE, PAGES

pytestmark = pytest.mark.browser

# Selectors of a whole sheet that find something, whatever is pointed at or pressed, and that the cut one has not.
LOST = """([whole, cut]) => {
  const parts = "before|after|marker|placeholder|backdrop|file-selector-button|-[\\w-]+";
  const PASSING = new RegExp(`::?(${parts}|hover|focus(-\\w+)?|active|visited|target)(\\([^)]*\\))?`, "g");
  const each = (text) => {
    const sheet = new CSSStyleSheet(), found = new Set();
    const walk = (rules) => [...rules].forEach((rule) => {
      if (rule.selectorText) found.add(rule.selectorText);
      else if (rule.cssRules && !(rule instanceof CSSKeyframesRule)) walk(rule.cssRules);
    });
    sheet.replaceSync(text);
    walk(sheet.cssRules);
    const single = [...found].flatMap((list) => list.split(/,(?![^(]*\\))/)).map((one) => one.trim());
    return new Set(single);
  };
  const kept = each(cut), classes = new Set([...document.all].flatMap((e) => [...e.classList]));
  // To look for what needs a class that nothing has would take most of the time.
  const hopeless = (selector) => {
    const plain = selector.replace(/\\[[^\\]]*\\]/g, "").replace(/:[\\w-]+\\([^()]*\\)/g, "");
    return !/[()\\\\]/.test(plain) && (plain.match(/(?<=\\.)[\\w-]+/g) ?? []).some((name) => !classes.has(name));
  };
  return [...each(whole)].filter((selector) => {
    const still = selector.replace(PASSING, "").trim();
    if (!still || kept.has(selector) || hopeless(still)) return false;
    try { return document.querySelector(still); } catch { return false; }
  });
}"""


@pytest.mark.parametrize("name", [*PAGES, *MADE[1:]])
def test_no_rule_that_finds_something_is_lost(open_page, built_book, name):
    originals = built_book.parent / ".styles"
    if not originals.is_dir():
        pytest.skip("the book's whole styles do not lie beside it")
    page = open_page((built_book / f"{name}.html").as_uri())
    for style in (built_book / "_static").rglob("*.css"):
        texts = [path.read_text("utf-8") for path in (originals / style.name, style)]
        assert page.evaluate(LOST, texts) == [], style.name
