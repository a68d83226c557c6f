"""Two searches side by side: the language and the search against the reference's, the guide, and the controls."""

import random

import pytest

from course_utils.data.list_language import OPERATIONS
from solutions.synthesis.reference import execute, search

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("synthesis")


def program_of(lines):
    return tuple(tuple(line) for line in lines)


def test_operations_do_what_the_labs_do(page):
    rng = random.Random(0)
    for name in maths(page).evaluate("m => m.NAMES"):
        operation = OPERATIONS[name]
        for _ in range(10):
            xs = [rng.randint(-9, 9) for _ in range(rng.randint(0, 6))]
            given = [xs if kind == "list" else rng.randint(-2, 7) for kind in operation.takes]
            try:
                wanted = operation.do(*given)
            except ValueError:
                wanted = None
            got = maths(page).evaluate(
                "(m, [name, given]) => m.OPS[m.NAMES.indexOf(name)].f(...given)", [name, given]
            )
            assert got == wanted, (name, given)


def test_a_search_takes_the_references_nodes(page):
    for seed in range(1, 7):
        task, order = maths(page).evaluate(
            "(m, seed) => { const p = m.problem(seed); return [p, m.ordered(m.guide(p.program, 0.4, seed))]; }",
            seed,
        )
        examples = [([given], due) for given, due in task["examples"]]
        for given, due in task["examples"]:
            assert execute(program_of(task["program"]), [given])[-1] == due
        found, nodes = search(examples, order, 3, 1500)
        got = maths(page).evaluate("(m, [e, order]) => m.nodes(e, order, 1500)", [task["examples"], order])
        assert got == nodes + (found is None)


def test_a_guide_that_knows_needs_fewer_lines(page):
    counts = maths(page).evaluate(
        """m => [0, 1].map((knows) => Array.from({ length: 20 }, (_, seed) => {
          const { program, examples } = m.problem(seed);
          return m.nodes(examples, m.ordered(m.guide(program, knows, seed)), 1600);
        }).reduce((a, b) => a + b))"""
    )
    assert counts[0] > 4 * counts[1]


def test_the_controls_react(page):
    heads, note = page.locator(".sy strong"), page.locator(".sy p[aria-live]")
    page.get_by_label("Predict").select_option("3 to 10 times as many")
    page.get_by_role("button", name="One line").click()
    assert "1 line tried" in heads.nth(0).inner_text()
    page.get_by_role("button", name="To the end").click()
    assert "You said 3 to 10 times as many" in note.inner_text()
    page.get_by_role("slider").fill("1")
    assert "knows: 100 %" in page.locator(".sy label").last.inner_text()
    assert "0 lines tried" in heads.nth(1).inner_text()
    before = page.locator(".sy ul").inner_text()
    page.get_by_role("button", name="Another program").click()
    assert page.locator(".sy ul").inner_text() != before
