"""Messages on a graph: convolution and colours against the reference, distances, and the controls."""

import pytest
import torch

from solutions.graphs.reference import gcn_layer, weisfeiler_lehman

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("graphs")


def drawn(n=8, chance=0.35):
    pairs = (torch.rand(n, n) < chance).triu(1).nonzero()
    senders, receivers = torch.cat([pairs[:, 0], pairs[:, 1]]), torch.cat([pairs[:, 1], pairs[:, 0]])
    return n, pairs.tolist(), senders, receivers


def test_a_round_is_a_graph_convolution(page):
    torch.manual_seed(0)
    n, pairs, senders, receivers = drawn()
    state = torch.rand(n, 1, dtype=torch.float64)
    got = maths(page).evaluate(
        "(m, [n, pairs, state]) => m.convolve(m.neighbours(n, pairs), state)",
        [n, pairs, state.flatten().tolist()],
    )
    one = torch.ones(1, 1, dtype=torch.float64)
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64), gcn_layer(state, senders, receivers, one)[:, 0]
    )


def test_colours_are_the_references(page):
    torch.manual_seed(1)
    for _ in range(5):
        n, pairs, senders, receivers = drawn()
        got = maths(page).evaluate(
            "(m, [n, pairs]) => m.rounds(m.neighbours(n, pairs), m.RULES[1], 0, n)[n]", [n, pairs]
        )
        names = {}
        assert got == [names.setdefault(c, len(names)) for c in weisfeiler_lehman(n, senders, receivers)]


def test_news_come_after_as_many_rounds_as_there_are_steps(page):
    for name in maths(page).evaluate("m => Object.keys(m.GRAPHS)"):
        first, states = maths(page).evaluate(
            """(m, name) => {
              const { places, pairs } = m.GRAPHS[name], near = m.neighbours(places.length, pairs);
              return [m.firstHeard(near, 0).map((r) => (r === Infinity ? 99 : r)), m.rounds(near, m.RULES[0], 0, 8)];
            }""",
            name,
        )
        for v, when in enumerate(first):
            assert [n for n, state in enumerate(states) if state[v] > 0] == list(range(when, 9))


def test_the_controls_react(page):
    note = page.locator(".gr p[aria-live]")
    page.get_by_label("Predict").select_option("3")
    for _ in range(3):
        page.get_by_role("button", name="One round").click()
    assert "5 of 5 nodes have heard of node 1" in note.inner_text()
    assert "you said 3: right" in note.inner_text()
    page.get_by_label("Second node").select_option("5")
    page.get_by_role("button", name="Join or cut").click()
    assert note.inner_text().startswith("Round 0.")
    assert page.locator(".gr .edge").count() == 6
    page.get_by_role("button", name="Join or cut").click()
    assert page.locator(".gr .edge").count() == 5
    page.get_by_role("button", name="Add a node").click()
    page.get_by_role("button", name="Remove the marked node").click()
    assert page.locator(".gr .node").count() == 5
    page.get_by_label("What a round does").select_option("colours that split")
    for name in ("ring of six", "two rings of three"):
        page.get_by_label("Graph to start from").select_option(name)
        page.get_by_role("button", name="One round").click()
        assert "1 colour: nothing splits any more" in note.inner_text()


def test_a_tap_marks_joins_and_adds(page):
    board = page.locator(".gr svg.board")
    box = board.bounding_box()
    scale = box["height"] / 60 if box["width"] / box["height"] > 100 / 60 else box["width"] / 100

    def tap(x, y):
        left, top = (box["width"] - 100 * scale) / 2, (box["height"] - 60 * scale) / 2
        board.click(position={"x": left + x * scale, "y": top + y * scale})

    tap(86, 30)
    assert page.get_by_label("Marked node").input_value() == "5"
    tap(12, 30)
    assert page.locator(".gr .edge").count() == 6
    tap(70, 52)
    assert page.locator(".gr .node").count() == 6
