"""A spiral on its way through a net: its layers against PyTorch, what few and many of them do, and the controls."""

import math

import pytest
import torch

from .demo_maths import maths

pytestmark = pytest.mark.browser


@pytest.fixture
def page(demo_page):
    return demo_page("intro")


def test_layers_are_steps_along_the_field(page):
    x = torch.tensor([[0.3, 0.4], [0.6, -0.8]], dtype=torch.float64)
    for _ in range(4):
        speed = 2 * math.pi * x.norm(dim=1, keepdim=True).clamp(max=1)
        x = x + speed * torch.stack([x[:, 1], -x[:, 0]], dim=1) / 4
    ends = maths(page).evaluate("m => [[0.3, 0.4], [0.6, -0.8]].map((x) => m.journey(x, 4).at(-1))")
    torch.testing.assert_close(torch.tensor(ends, dtype=torch.float64), x)


def test_a_point_moves_on_straight_lines_between_layers(page):
    found = maths(page).evaluate("m => [0, 0.25, 0.5, 1].map((time) => m.at([[0, 0], [1, 0], [1, 2]], time))")
    assert found == [[0, 0], [0.5, 0], [1, 0], [1, 2]]


def test_a_neuron_alone_guesses_and_many_layers_unwind_the_spiral(page):
    shares = maths(page).evaluate("m => m.LAYERS.map(m.right)")
    assert max(shares[:3]) < 0.7
    assert shares[4:] == [1, 1, 1, 1]


def test_ever_more_layers_come_ever_nearer_to_a_flow_that_keeps_the_radius(page):
    far = maths(page).evaluate(
        "m => [16, 64, 256, 1024].map((n) => Math.hypot(...m.journey([0.6, 0.8], n).at(-1)) - 1)"
    )
    assert far == sorted(far, reverse=True)
    assert far[0] > 0.3
    assert 0 < far[-1] < 0.05


def test_what_is_far_out_is_drawn_inside_the_picture_on_its_own_side(page):
    drawn = maths(page).evaluate("m => [[50, -50], [-3, 0], [0.2, 0.1]].map((x) => m.place(x).map(Number))")
    assert all(math.hypot(*place) <= 1.45 for place in drawn)
    assert drawn[0][0] > 0 and drawn[0][1] > 0 and drawn[1][0] < 0  # noqa: PT018
    assert drawn[2] == [0.2, -0.1]


def test_the_controls_react(page):
    note, slider = page.locator(".in p[aria-live]"), page.get_by_label("How far through the net")
    page.locator(".in select").select_option("none: one neuron alone")
    slider.fill("100")
    assert "A straight edge alone" in note.inner_text()
    page.locator(".in select").select_option("32")
    assert "On their way" in note.inner_text()
    slider.fill("100")
    assert note.inner_text().startswith("After 32 layers 100 %")
    assert page.get_by_role("button", name="Play").is_visible()
