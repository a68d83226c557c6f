"""The wall of feature visualisations: its net and gradients against PyTorch, the ascent, and handed-over pictures."""

import re

import pytest
import torch
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

GOALS = ("one neuron", "whole channel")
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw=="


@pytest.fixture
def page(demo_page):
    return demo_page("transfer")


def excite(picture, first, second, layer, unit, goal):
    z = F.conv2d(picture[None, None], first, padding=2)
    if layer == 2:
        z = F.conv2d(F.avg_pool2d(z.relu(), 2), second, padding=2, dilation=2)
    z = z[0, unit]
    return z[z.shape[0] // 2, z.shape[1] // 2] if goal == "one neuron" else z.relu().mean()


def test_values_and_gradients_are_pytorchs(page):
    module = maths(page)
    first, second = module.evaluate(
        "m => [m.NET.first.map((k) => [...k]), m.NET.second.map((unit) => unit.map((k) => [...k]))]"
    )
    first = torch.tensor(first, dtype=torch.double).view(-1, 1, 5, 5)
    second = torch.tensor(second, dtype=torch.double).view(-1, len(first), 3, 3)
    assert first.sum((1, 2, 3)).abs().max() < 1e-9, "a line filter does not answer to even grey"
    for layer, units in ((1, len(first)), (2, len(second))):
        for unit in range(units):
            picture = torch.rand(32, 32, dtype=torch.double, requires_grad=True)
            goal = GOALS[unit % 2]
            value = excite(picture, first, second, layer, unit, goal)
            value.backward()
            got = module.evaluate(
                """(m, [x, layer, unit, goal]) => {
                  const { value, gradient } = m.excite(Float64Array.from(x), layer, unit, goal);
                  return [value, [...gradient]];
                }""",
                [picture.flatten().tolist(), layer, unit, goal],
            )
            assert got[0] == pytest.approx(value.item())
            gradient = torch.tensor(got[1], dtype=torch.double).view(32, 32)
            torch.testing.assert_close(gradient, picture.grad, rtol=1e-5, atol=1e-7)


def test_the_ascent_excites_every_unit(page):
    rises = maths(page).evaluate(
        """m => [1, 2].flatMap((layer) => [...m.NET.first.keys()].map((unit) => {
          let picture = Float64Array.from({ length: 1024 }, (_, n) => 0.1 * Math.sin(n * n));
          const start = m.excite(picture, layer, unit).value;
          const step = () => m.ascend(picture, layer, unit, { goal: "whole channel" }, Math.random).picture;
          for (let n = 0; n < 25; n++) picture = step();
          return m.excite(picture, layer, unit).value / start;
        }))"""
    )
    assert len(rises) == 16
    assert min(rises) > 3


def test_play_and_the_options_change_the_pictures(page):
    shot = "() => document.querySelectorAll('.fv canvas')[9].toDataURL()"
    before = page.evaluate(shot)
    page.get_by_role("button", name="Step").click()
    assert page.evaluate(shot) != before
    page.get_by_label("Jitter").uncheck()
    page.get_by_label("Smoothing").uncheck()
    page.get_by_role("combobox", name="Excite").select_option("whole channel")
    page.get_by_role("button", name="Play").click()
    page.get_by_text(re.compile(r"^Step ([4-9]|\d\d+)$")).wait_for(timeout=20_000)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Layer 2, unit 2: stars").click()
    assert "stars" in page.locator(".fv figcaption").inner_text()


def test_pictures_handed_over_are_shown(demo_page):
    page = demo_page(
        "transfer",
        pictures=[{"layer": "conv1", "images": [PIXEL, PIXEL]}, {"layer": "conv2", "images": [PIXEL]}],
    )
    assert page.get_by_role("button").count() == 3
    page.get_by_role("button", name="conv2, unit 1").click()
    assert page.locator(".fv figcaption").inner_text() == "conv2, unit 1"
    assert page.locator(".fv-large img").get_attribute("src") == PIXEL
