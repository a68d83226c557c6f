"""The Neural GPU as an automaton: its cell is the reference's, its weights add, and the controls react."""

import pytest
import torch

from solutions.programs import reference

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("automaton")


def test_a_step_is_the_references(page):
    torch.manual_seed(0)
    s, W, b = torch.randn(4, 9), torch.randn(12, 4, 3), torch.randn(12)
    got = maths(page).evaluate("(m, a) => m.step(...a)", [s.tolist(), W.tolist(), b.tolist()])
    torch.testing.assert_close(torch.tensor(got), reference.cgru(s[None], W, b)[0])


def test_the_weights_set_by_hand_add_whatever_the_bits(page):
    torch.manual_seed(0)
    bits = torch.randint(2, (40, 2, 16))
    bits[0], bits[1], bits[2, 0], bits[2, 1] = 0, 1, 1, 0
    places = 2 ** torch.arange(16)
    total = (bits * places).sum((1, 2))
    found = maths(page).evaluate(
        "(m, all) => all.map((pair) => m.read(m.states(m.image(...pair), m.adder(), 17).at(-1)))",
        bits.tolist(),
    )
    assert ((torch.tensor(found) * places).sum(1) == total % 2**16).all()


def test_the_same_weights_add_in_the_references_cgru(page):
    bits = torch.randint(2, (2, 16), generator=torch.Generator().manual_seed(1)).tolist()
    (W, b), first = maths(page).evaluate("(m, pair) => [m.adder(), m.image(...pair)]", bits)
    s = reference.iterate(torch.tensor([first]).float(), torch.tensor(W).float(), torch.tensor(b).float(), 17)
    due = maths(page).evaluate("(m, pair) => m.due(...pair)", bits)
    assert (s[0, 3:] > 0.5).any(0).int().tolist() == due


def test_particles_go_right_until_the_wall(page):
    rows = maths(page).evaluate("(m) => m.run('particles and a wall').rows.map((state) => state[0])")
    seen = torch.tensor(rows) > 0.5
    assert [row.nonzero().flatten().tolist() for row in seen[:3]] == [
        [0, 3, 4, 9],
        [1, 4, 5, 10],
        [2, 5, 6, 11],
    ]
    assert not seen[:, 12:].any()
    assert not seen[13:].any()


def test_the_controls_react(page):
    note = page.locator(".ca p[aria-live]")
    assert "Step 0 of 17" in note.inner_text()
    page.get_by_label("Predict").select_option("13 and more")
    for _ in range(17):
        page.get_by_role("button", name="One step").click()
    assert "right from step 13 on. You were right." in note.inner_text()
    page.get_by_label("What runs").select_option("particles and a wall")
    assert "Each particle" in note.inner_text()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('.ca p[aria-live]').textContent.startsWith('Step 1')"
    )
    page.get_by_role("button", name="Pause").click()
