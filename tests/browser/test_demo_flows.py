"""A flow from noise to a picture: its field, trace and density against autograd, its solvers, and the controls."""

import math

import pytest
import torch

from .demo_maths import maths

pytestmark = pytest.mark.browser

SIZE = 0.09


@pytest.fixture
def page(demo_page):
    return demo_page("flows")


def log_density(t, x, dots, size=SIZE):
    """Of the mixture at time t: a Gaussian around t times each dot."""
    variance = (1 - t) ** 2 + (t * size) ** 2
    near = -((x[:, None] - t * dots) ** 2).sum(2) / (2 * variance)
    return near.logsumexp(1) - math.log(len(dots)) - math.log(2 * math.pi * variance)


def velocity(t, x, dots, size=SIZE):
    """The mean of the lines through x, by the score: (x + (1 - t) ∇log p) / t."""
    (score,) = torch.autograd.grad(log_density(t, x, dots, size).sum(), x, create_graph=True)
    return (x + (1 - t) * score) / t


@pytest.mark.parametrize("t", [0.2, 0.6, 0.95])
def test_field_trace_and_density_are_autograds(page, t):
    torch.manual_seed(0)
    dots = torch.randn(9, 2, dtype=torch.float64)
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    v = velocity(t, x, dots)
    trace = sum(torch.autograd.grad(v[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(2))
    got = maths(page).evaluate(
        "(m, [t, xs, dots]) => xs.map(([x, y]) => Object.values(m.field(t, x, y, dots)))",
        [t, x.tolist(), dots.tolist()],
    )
    expected = torch.stack([*v.T, trace, log_density(t, x, dots)], dim=1).detach()
    torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), expected)


def test_an_account_of_the_trace_ends_at_the_exact_density(page):
    gap = """(m, [method, steps]) => Math.max(...m.noise(20, 1).map((point) => {
      const [x, y, kept] = m.path(point, m.PICTURES.face, steps, method)[steps];
      return Math.abs(kept - m.field(1, x, y, m.PICTURES.face).logDensity);
    }))"""
    module = maths(page)
    coarse, fine, euler = (module.evaluate(gap, how) for how in (["RK4", 20], ["RK4", 200], ["Euler", 20]))
    assert fine < 1e-3
    assert fine < coarse < euler


def test_the_cloud_begins_as_noise_and_ends_as_the_picture(page):
    module = maths(page)
    begin = torch.tensor(module.evaluate("m => m.noise(4000, 3)"))
    assert begin.mean(0).abs().max() < 0.06
    torch.testing.assert_close(begin.T.cov(), torch.eye(2), atol=0.08, rtol=0)
    ends = torch.tensor(
        module.evaluate("m => m.noise(200, 3).map(p => m.path(p, m.PICTURES.heart, 60, 'RK4')[60])")
    )
    dots = torch.tensor(module.evaluate("m => m.PICTURES.heart"))
    nearest = torch.cdist(ends[:, :2], dots).min(1).values
    assert nearest.mean() < 1.5 * SIZE
    assert nearest.max() < 6 * SIZE


def test_the_controls_change_the_flow(page):
    said, stage = page.locator(".fl p[aria-live]"), page.locator(".fl-stage")
    before = said.inner_text()
    page.get_by_role("slider", name="Steps").fill("3")
    page.get_by_role("combobox", name="Solver").select_option("Euler")
    assert "3 steps of Euler" in said.inner_text() != before
    page.get_by_role("combobox", name="Picture").select_option("heart")
    assert "to heart" in stage.get_attribute("aria-label")
    mine = stage.locator(".mine").get_attribute("d")
    page.get_by_role("button", name="Another point").click()
    assert stage.locator(".mine").get_attribute("d") != mine
    page.get_by_role("slider", name="Time").fill("70")
    assert "at time 0.70" in stage.get_attribute("aria-label")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('.fl-stage').getAttribute('aria-label').includes('time 1.00')"
    )
    assert page.get_by_role("button", name="Play").is_visible()


def test_a_picture_of_your_own_is_drawn(page):
    page.get_by_role("combobox", name="Picture").select_option("your own")
    said, dots = page.locator(".fl p[aria-live]"), page.locator(".fl-stage .dots")
    assert said.inner_text().startswith("Draw on the stage")
    box = page.locator(".fl-stage").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 120, steps=20)
    page.mouse.up()
    assert dots.get_attribute("d").count("M") > 10
    assert not said.inner_text().startswith("Draw")
    page.get_by_role("button", name="Clear").click()
    assert dots.get_attribute("d").count("M") == 1
