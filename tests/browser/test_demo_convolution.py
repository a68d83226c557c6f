"""The filter that slides: its arithmetic against PyTorch, and its controls."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

SIZE = 12


@pytest.fixture
def page(demo_page):
    return demo_page("convolution")


def test_the_output_is_pytorchs(page):
    module = maths(page)
    for stride, padding in itertools.product((1, 2, 3), (0, 1, 2)):
        picture, kernel = torch.rand(SIZE, SIZE).double(), torch.randn(3, 3).double()
        expected = F.conv2d(picture[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]
        for relu in (False, True):
            got = module.evaluate(
                "(m, [x, k, options]) => m.convolve(x, 12, k, options)",
                [
                    picture.flatten().tolist(),
                    kernel.flatten().tolist(),
                    {"stride": stride, "padding": padding, "relu": relu},
                ],
            )
            want = expected.clamp(min=0) if relu else expected
            torch.testing.assert_close(torch.tensor(got).double(), want.flatten(), rtol=1e-5, atol=1e-6)
        assert module.evaluate("(m, a) => m.outputSize(...a)", [SIZE, stride, padding]) == expected.shape[0]


def test_the_sum_shown_is_the_output_at_the_window(page):
    page.get_by_role("combobox", name="Kernel").select_option("sharpen")
    page.get_by_role("combobox", name="Padding").select_option("1")
    for _ in range(18):
        page.get_by_role("button", name="Step").click()
    assert "row 2, column 7" in page.locator(".cv-sum").inner_text()
    expected = maths(page).evaluate(
        "m => m.convolve(m.PICTURES['digit 2'], 12, m.KERNELS.sharpen, { padding: 1 })[18]"
    )
    shown = page.locator(".cv-sum b").inner_text().replace("−", "-")
    assert shown == f"sum = {expected:g}"


def test_drawing_with_the_mouse_changes_picture_and_output(page):
    page.get_by_role("button", name="Clear").click()
    lit = """() => [...document.querySelectorAll('.cv-map.out :is(.pos, .neg)')]
      .filter((square) => square.getAttribute('fill-opacity') > 0).length"""
    assert page.evaluate(lit) == 0
    box = page.locator(".cv-map.in").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5, steps=20)
    page.mouse.up()
    inked = page.locator(".cv-map.in rect[fill-opacity='1']").count()
    assert 5 <= inked <= 6
    assert page.evaluate(lit) > 0


def test_the_keyboard_draws_and_moves_the_window(page):
    page.get_by_role("button", name="Clear").click()
    page.locator(".cv-map.in").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert "row 6, column 7" in page.locator(".cv-map.in").get_attribute("aria-label")
    assert page.locator(".cv-map.in rect[fill-opacity='1']").count() == 1
    page.locator(".cv-map.out").focus()
    page.keyboard.press("ArrowDown")
    assert "row 2, column 1" in page.locator(".cv-sum").inner_text()


def test_a_weight_is_chosen_and_slid(page):
    page.get_by_role("button", name="Weight row 1, column 1: −1").click()
    page.get_by_role("slider", name="Weight").fill("3.5")
    assert (
        page.get_by_role("button", name="Weight row 1, column 1: 3.5").get_attribute("aria-pressed") == "true"
    )


def test_relu_and_stride_show_in_the_output(page):
    assert page.locator(".cv-map.out rect.neg[fill-opacity='1']").count() > 0
    page.get_by_label("ReLU").check()
    assert page.locator(".cv-map.out rect.neg:not([fill-opacity='0'])").count() == 0
    assert "max(0," in page.locator(".cv-sum").inner_text()
    page.get_by_role("combobox", name="Stride").select_option("3")
    assert page.locator(".cv-map.out").get_attribute("data-side") == "4"


def test_playing_slides_the_window(page):
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('.cv-sum').textContent.includes('column 3')")
    page.get_by_role("button", name="Pause").click()
