"""An LSTM's gates along a sentence: the cell against PyTorch's, what each cell keeps in mind, and the controls."""

import pytest
import torch
from torch import nn

from .demo_maths import maths

pytestmark = pytest.mark.browser

GATES = "ifgo"


@pytest.fixture
def page(demo_page):
    return demo_page("recurrence")


def memory(page, name, text, held=0.0):
    got = maths(page).evaluate("(m, a) => m.read(...a).map((now) => now.c)", [name, text, held])
    return torch.tensor(got)


def test_a_step_is_pytorchs(page):
    names, cells = (maths(page).evaluate(f"m => m.{what}") for what in ("TRAITS", "CELLS"))
    cell = nn.LSTMCell(len(names), 1)
    text = 'a (b) "c 4".'
    for name, weights in cells.items():
        rows = [weights[gate] for gate in GATES]
        state = {
            "weight_ih": torch.tensor([[float(row.get(trait, 0)) for trait in names] for row in rows]),
            "weight_hh": torch.tensor([[float(row.get("h", 0))] for row in rows]),
            "bias_ih": torch.tensor([float(row.get("bias", 0)) for row in rows]),
            "bias_hh": torch.zeros(4),
        }
        cell.load_state_dict(state)
        h = c = torch.zeros(1, 1)
        for letter, got in zip(text, memory(page, name, text)):
            x = torch.tensor([maths(page).evaluate("(m, c) => m.traits(c)", letter)]).float()
            with torch.no_grad():
                h, c = cell(x, (h, c))
            torch.testing.assert_close(got, c[0, 0], rtol=1e-4, atol=1e-5)


def test_each_cell_keeps_its_task(page):
    inside = memory(page, "inside quotation marks", 'ab "cd" ef')
    assert (inside > 0.5).tolist() == [False] * 3 + [True] * 3 + [False] * 4
    deep = memory(page, "how deep in brackets", "a(b(c)d)e").round()
    assert deep.tolist() == [0, 1, 1, 2, 2, 1, 1, 0, 0]
    length = memory(page, "length of this word", "abc de")
    assert length[2] > length[1] > length[0] > 0.1
    assert length[3] < 0.1
    assert length[4] < 0.3
    digit = memory(page, "a digit in this sentence", "a 7 b. c")
    assert (digit > 0.5).tolist() == [False, False, True, True, True, False, False, False]


def test_shut_forget_gates_forget(page):
    kept, lost = (memory(page, "how deep in brackets", "(" + "a" * 20, held) for held in (0.0, -6.0))
    assert kept[-1] > 0.9
    assert lost[-1] < 0.01


def test_the_controls_react(page):
    note, input_ = page.locator(".rc p[aria-live]"), page.get_by_label("Text: change it")
    input_.fill("((")
    assert "how deep in brackets: keeps, takes in, shows 1.9" in note.inner_text()
    page.get_by_role("slider", name="Look at letter").fill("0")
    assert "shows 0.99" in note.inner_text()
    before = note.inner_text()
    page.get_by_role("slider", name="Added to every").fill("-6")
    page.get_by_role("slider", name="Look at letter").fill("1")
    assert note.inner_text() != before
    assert page.locator(".rc svg[role=img]").first.locator(".here").count() == 1
    input_.fill("")
    assert "“(”" in page.locator(".kit-row").nth(1).inner_text(), "an empty text changes nothing"


def test_a_phone_shows_letters_that_can_be_read(page):
    page.set_viewport_size({"width": 375, "height": 800})
    letter = page.locator(".rc .strips text").first
    assert letter.evaluate("e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a") >= 9
    for at in ("0", "49"):
        page.get_by_role("slider", name="Look at letter").fill(at)
        box, here = (page.locator(f".rc .{name}").first.bounding_box() for name in ("strips", "here"))
        assert box["x"] - 1 <= here["x"]
        assert here["x"] + here["width"] <= box["x"] + box["width"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
