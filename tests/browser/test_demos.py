"""What holds of every demo: its form, its size, both themes, a phone, a keyboard, and that it leaves nothing behind."""

import re

import pytest

from course_utils import demos
from course_utils.plots import COLOURS

from .accessibility import AXE, COLOUR_RULES, violations
from .conftest import PHONE
from .demo_maths import maths

pytestmark = pytest.mark.browser

LARGEST = 28_000  # bytes with what demos share; a page carries the text of each of its demos

# Whatever stands at its least, and after one step: one thing is no "1 things".
AT_LEAST = """() => { const live = document.querySelector('.demo-live'), seen = [];
  const look = () => seen.push(live.innerText, ...[...live.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel));
  for (const input of live.querySelectorAll('input[type=range]')) {
    for (const value of [1, input.min]) {
      input.value = value;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      look();
    }
  }
  for (const button of live.querySelectorAll('button'))
    if (/^(One )?(step|line|round|look)\\b/i.test(button.textContent)) { button.click(); look(); }
  return seen.join('\\n'); }"""
MANY = re.compile(r"(?<![\d.,−/×^] )(?<![\d.,−/×^])\b1 (?!is\b|was\b|has\b)[a-z]*[a-rt-z]s\b")

CLEAN_UP = """async (m) => {
  const el = document.body.appendChild(document.createElement("div"));
  const clean = await m.default.render({ model: undefined, el });
  const before = el.querySelectorAll("*").length;
  el.querySelectorAll("button").forEach((button) => button.textContent === "Play" && button.click());
  clean();
  await new Promise((resolve) => setTimeout(resolve, 200));
  return [before > 20, el.childNodes.length];
}"""


@pytest.mark.parametrize("name", demos.names())
def test_a_demo_is_one_small_module_without_dependencies(name):
    source = demos.source(name)
    assert len(source.encode()) <= LARGEST
    assert source.startswith("// ")
    assert re.findall(r"^export default .*", source, re.MULTILINE) == ["export default { render };"]
    assert not re.search(
        r"^import\b|import\(|fetch\(|https?://(?!www\.w3\.org/2000/svg)|localStorage", source, re.MULTILINE
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", demos.names())
def test_a_demo_is_accessible(demo_page, name, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page = demo_page(name, theme)
    options = AXE | ({"runOnly": COLOUR_RULES} if theme == "dark" else {})
    found = violations(axe.run(page, options=options).response)
    page_rules = {"landmark-one-main", "page-has-heading-one", "region"}  # of the bare page around the demo
    assert {rule: nodes for rule, nodes in found.items() if rule not in page_rules} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", demos.names())
def test_a_demo_fits_a_phone(demo_page, name, theme):
    page = demo_page(name, theme, PHONE)
    shown, wanted = (page.evaluate(f"document.documentElement.{side}Width") for side in ("client", "scroll"))
    assert wanted <= shown <= PHONE["width"]
    assert page.locator(".demo-live").bounding_box()["height"] > 100
    narrow = """() => [...document.querySelectorAll('.demo-live :is(button, select, input)')]
      .filter((e) => e.offsetParent).map((e) => e.closest('label') ?? e)
      .filter((e) => e.offsetWidth < 24 || e.offsetHeight < 24).map((e) => e.outerHTML.slice(0, 90))"""
    assert page.evaluate(narrow) == []


@pytest.mark.parametrize("name", demos.names())
def test_one_thing_is_said_in_the_singular(demo_page, name):
    assert MANY.findall(demo_page(name).evaluate(AT_LEAST)) == []


def test_a_plural_of_one_is_seen():
    assert MANY.findall("After 1 steps of 21 steps, 0.1 nats, 1 was, 1 loss, 1 step") == ["1 steps"]


@pytest.mark.parametrize("name", demos.names())
def test_a_demo_leaves_nothing_behind(demo_page, name):
    assert maths(demo_page(name)).evaluate(CLEAN_UP) == [True, 0]


@pytest.mark.parametrize("name", demos.names())
def test_every_control_can_be_reached_and_moved_by_keyboard(demo_page, name):
    page = demo_page(name)
    count = page.locator(".demo-live :is(button, select, input, [tabindex='0'])").count()
    page.locator(".demo-live").evaluate("e => { e.tabIndex = -1; e.focus(); }")
    seen = set()
    for n in range(count + 2):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                """() => [...document.querySelectorAll('.demo-live *')].indexOf(document.activeElement)"""
            )
        )
        if n % 3 == 0:
            page.keyboard.press("ArrowRight")
    assert len(seen - {-1}) >= count - 1


def test_the_demos_colours_are_the_figures():
    shared = dict(
        re.findall(r'^export const (BLUE|ORANGE|PINK) = "(#\w+)";$', demos.SHARED.read_text(), re.MULTILINE)
    )
    assert shared == {"BLUE": COLOURS[0], "ORANGE": COLOURS[1], "PINK": COLOURS[4]}
    for file in {file for name in demos.names() for file in demos.files(name)} - {demos.SHARED.resolve()}:
        own = file.read_text()
        assert not re.search("|".join(shared.values()), own), (
            f"{file.name}: take the colour from shared/kit.js"
        )
        assert "mulberry32" not in own
        assert "matchMedia" not in own.replace("@media", "")


def test_every_file_is_part_of_a_demo_and_names_what_it_takes():
    used = {file for name in demos.names() for file in demos.files(name)}
    assert used == {file.resolve() for file in demos.FOLDER.rglob("*.js")}
    given = {
        file: set(re.findall(r"^export (?:const|function|class) (\w+)", file.read_text(), re.MULTILINE))
        for file in used
    }
    for file in used:
        text = file.read_text()
        for line in demos.TAKEN.finditer(text):
            names = re.search(r"\{(.*)\}", line[0])[1].replace(" ", "").split(",")
            assert set(names) <= given[(file.parent / line[1]).resolve()]
            assert not [name for name in names if not re.search(rf"\b{name}\b", text.replace(line[0], ""))]
