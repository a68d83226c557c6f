"""A boat in a field that is drawn: its engines against the topic's reference, and the controls."""

import pytest
import torch

from solutions.odes import reference

from .demo_maths import maths

pytestmark = pytest.mark.browser

START = [1.3, -0.4]


@pytest.fixture
def page(demo_page):
    return demo_page("odes")


def ring(t, y):
    pull = 1 - y.square().sum() / 3
    return pull * y + 1.5 * torch.stack([-y[1], y[0]])


def whirl(t, y):
    return torch.stack([-0.1 * y[0] - 2 * y[1], 2 * y[0] - 0.1 * y[1]])


def midpoint(f, t, y, h):
    return y + h * f(t, y + h / 2 * f(t, y))


@pytest.mark.parametrize(
    ("method", "step"), [("Euler", reference.euler), ("midpoint", midpoint), ("Runge–Kutta", reference.rk4)]
)
def test_steps_of_fixed_size_are_the_references(page, method, step):
    got = maths(page).evaluate(
        "(m, [method, y]) => m.fixed(method, m.makeField('a ring that attracts'), y, 3, 12)", [method, START]
    )
    start, times = torch.tensor(START, dtype=torch.float64), torch.linspace(0, 3, 13, dtype=torch.float64)
    expected = reference.integrate(step, ring, start, times)
    path = torch.tensor([each["y"] for each in got["path"]], dtype=torch.float64)
    torch.testing.assert_close(path, expected, atol=1e-10, rtol=0)
    assert got["looks"] == {"Euler": 1, "midpoint": 2, "Runge–Kutta": 4}[method] * 12


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6])
def test_adaptive_steps_are_the_references(page, tolerance):
    got = maths(page).evaluate(
        "(m, [tolerance, y]) => m.adaptive(m.makeField('a ring that attracts'), y, 6, tolerance)",
        [tolerance, START],
    )
    looks = []
    end, times = reference.adaptive(
        lambda t, y: looks.append(t) or ring(t, y),
        torch.tensor(START, dtype=torch.float64),
        0.0,
        6.0,
        tolerance,
        tolerance,
    )
    assert [each["t"] for each in got["path"]] == pytest.approx(times, abs=1e-9)
    assert got["path"][-1]["y"] == pytest.approx(end.tolist(), abs=1e-9)
    assert got["looks"] == len(looks)


def test_the_pen_adds_to_the_field_around_it(page):
    there, far = maths(page).evaluate(
        """m => { const f = m.makeField("still water", [{ x: 1, y: 1, u: 2, v: -1 }]);
        return [f([1, 1]), f([-3, -3])]; }"""
    )
    assert there == [2, -1]
    assert far == pytest.approx([0, 0], abs=1e-9)


def said(page):
    return page.locator(".od p").inner_text()


def test_engine_and_dial_are_told(page):
    assert said(page).startswith("Euler, 24 steps, 24 looks")
    page.get_by_role("combobox", name="Engine").select_option("Runge–Kutta")
    assert said(page).startswith("Runge–Kutta, 24 steps, 96 looks")
    page.get_by_role("slider").fill("6")
    assert said(page).startswith("Runge–Kutta, 48 steps, 192 looks")
    page.get_by_role("combobox", name="Engine").select_option("adaptive")
    assert page.locator(".kit-row label", has=page.get_by_role("slider")).inner_text() == "Tolerance: 1e−3"
    assert "tried again" in said(page)
    assert page.locator(".od-chart [data-engine]").count() == 4


def test_a_drag_draws_and_wipe_takes_it_back(page):
    page.get_by_role("combobox", name="Water").select_option("still water")
    assert not page.locator(".od-water .arrows").get_attribute("d")
    box = page.locator(".od-water").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=12)
    page.mouse.up()
    assert page.locator(".od-water .arrows").get_attribute("d").count("M") > 20
    page.get_by_role("button", name="Wipe").click()
    assert not page.locator(".od-water .arrows").get_attribute("d")


def test_the_boat_moves_by_keys_and_by_the_pen(page):
    water = page.locator(".od-water")
    water.focus()
    page.keyboard.press("ArrowLeft")
    assert "boat at 1.9, 0.0" in water.get_attribute("aria-label")
    page.get_by_role("combobox", name="Your pen").select_option("place the boat")
    box = water.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "boat at" in water.get_attribute("aria-label")
    assert abs(float(page.locator(".od-water .start").get_attribute("cx"))) < 0.05


def test_step_and_play_show_one_step_after_another(page):
    page.get_by_role("combobox", name="Engine").select_option("Runge–Kutta")
    page.get_by_role("button", name="Step").click()
    assert page.locator(".od-water .steps").get_attribute("d").count("M") == 2
    assert page.locator(".od-water .looks").get_attribute("d").count("M") == 4
    page.get_by_role("button", name="Step").click()
    assert page.locator(".od-water .steps").get_attribute("d").count("M") == 3
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('.od-water .steps').getAttribute('d').split('M').length > 6"
    )
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("button", name="Play").count() == 1
