"""Prototypes that are dragged and MAML's inner steps: both against the reference, and the controls."""

import pytest
import torch

from solutions.metalearning import reference

from .demo_maths import maths

pytestmark = pytest.mark.browser

SHAPES = ((1, 16), (1, 16), (16, 16), (1, 16), (16, 1), (1, 1))


@pytest.fixture
def page(demo_page):
    return demo_page("metalearning")


def weights(net):
    """The demo's lists of numbers as weights of the reference's perceptron."""
    return [
        torch.tensor(layer, dtype=torch.float64).view(shape).requires_grad_()
        for layer, shape in zip(net, SHAPES)
    ]


def test_scores_are_the_references(page):
    support = maths(page).evaluate("m => m.drawn(4)")
    got = maths(page).evaluate("(m, s) => m.scores(s, [3, 5])", support)
    query = torch.tensor([[3.0, 5.0]], dtype=torch.float64)
    wanted = reference.prototype_scores(torch.tensor(support, dtype=torch.float64), query)
    torch.testing.assert_close(torch.tensor([got], dtype=torch.float64), wanted)


@pytest.mark.parametrize("begin", ["m.learned()", "m.unlearned(3)"])
def test_inner_steps_are_the_references(page, begin):
    net, wave = maths(page).evaluate(f"m => [{begin}, m.wave(2)]")
    x, y = torch.tensor(wave["points"], dtype=torch.float64).split(1, dim=1)
    wanted = weights(net)
    for _ in range(3):
        wanted = reference.adapt(
            lambda params: (reference.perceptron(params, x) - y).square().mean(), wanted, 0.01, 1
        )
        net = maths(page).evaluate("(m, [net, points]) => m.step(net, points)", [net, wave["points"]])
    for got, due in zip(weights(net), wanted):
        torch.testing.assert_close(got, due)


def test_the_learned_beginning_is_one(page):
    errors = [
        [reference.sine_error([p.float() for p in weights(net)], steps) for steps in (0, 1, 5)]
        for net in maths(page).evaluate("m => [m.learned(), m.unlearned(1)]")
    ]
    assert errors[0][1] < 1.0 < 2.0 < errors[1][1]
    assert errors[0][2] < errors[0][1] < errors[0][0]


def test_the_controls_react(page):
    note, stage = page.locator(".ml p[aria-live]"), page.locator(".ml svg")
    assert "Say first" in note.inner_text()
    assert stage.locator("rect").count() == 0
    page.get_by_role("button", name="B", exact=True).click()
    assert "nearest prototype" in note.inner_text()
    assert stage.locator("rect").count() == 900
    mean = stage.locator(".mean").first.get_attribute("d")
    first = stage.locator("circle").first
    first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert stage.locator(".mean").first.get_attribute("d") != mean
    assert page.evaluate("() => document.activeElement.dataset.name") == "00"
    place = stage.locator("circle").nth(5).get_attribute("cx")
    box = stage.locator("circle").nth(5).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 30, box["y"] - 30, steps=5)
    page.mouse.up()
    assert stage.locator("circle").nth(5).get_attribute("cx") != place
    page.get_by_label("Learner").select_option("inner steps")
    assert "After 0 steps" in note.inner_text()
    page.get_by_role("button", name="One step").click()
    assert "After 1 step on" in note.inner_text()
    page.get_by_label("Beginning").select_option("at random")
    assert "After 0 steps" in note.inner_text()
    label = stage.get_attribute("aria-label")
    page.get_by_role("button", name="Another task").click()
    assert stage.get_attribute("aria-label") != label
