"""The soft program counter: steps are the reference's, a sure blank sorts, and the controls react."""

import pytest
import torch

from solutions.programs import reference

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("programs")


def table(sure):
    values = torch.arange(reference.VALUES)
    return sure * (((values[:, None] > values) & (values > 0)).double() * 2 - 1)


@pytest.mark.parametrize("sure", [0.0, 1.5, 8.0])
def test_steps_are_the_references(page, sure):
    numbers = [4, 8, 6]
    stacks = tuple(part.double() for part in reference.stacked(torch.tensor([numbers]), reference.VALUES))
    counter = torch.eye(6, dtype=torch.float64)[:1]
    for steps in range(1, 16):
        stacks, counter = reference.tick(stacks, counter, reference.BUBBLE, table(sure))
        (data, back), got = maths(page).evaluate("(m, a) => m.run(...a)", [numbers, sure, steps])
        torch.testing.assert_close(torch.tensor([got], dtype=torch.float64), counter)
        for n, part in enumerate((data["cells"], data["top"], back["cells"], back["top"])):
            torch.testing.assert_close(torch.tensor([part], dtype=torch.float64), stacks[n])


def test_a_sure_blank_sorts(page):
    for numbers in ([2, 3, 9], [9, 5, 1], [1, 7, 2, 5]):
        steps = 5 * len(numbers) * (len(numbers) - 1)
        found = maths(page).evaluate(
            "(m, [numbers, steps]) => m.found(m.run(numbers, 60, steps)[0], numbers.length)", [numbers, steps]
        )
        assert found == sorted(numbers, reverse=True)


def test_the_controls_react(page):
    note = page.locator(".sp p[aria-live]")
    assert "Step 0 of 30" in note.inner_text()
    page.get_by_role("button", name="One step").click()
    assert "Step 1 of 30" in note.inner_text()
    assert "100 %, is at line 1" in note.inner_text()
    page.get_by_role("slider", name="How sure").fill("8")
    assert "Step 0" in note.inner_text()
    page.get_by_label("Predict").select_option("yes")
    page.get_by_role("button", name="To the end").click()
    assert "9, 3, 2, sorted" in note.inner_text()
    assert "right" in note.inner_text()
    page.get_by_label("List").select_option("1, 7, 2, 5")
    assert "Step 0 of 60" in note.inner_text()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('.sp p[aria-live]').textContent.startsWith('Step 1')"
    )
    page.get_by_role("button", name="Pause").click()
