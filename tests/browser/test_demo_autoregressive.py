"""The blind spot against PyTorch's gradients, the orders of generation, and the controls."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

SIDE = 15


@pytest.fixture
def page(demo_page):
    return demo_page("autoregressive")


def masked(kernel, include):
    """Ones above and to the left of the centre; at the centre only if `include`."""
    mask, middle = torch.ones(kernel, kernel), kernel // 2
    mask[middle, middle + int(include) :] = 0
    mask[middle + 1 :] = 0
    return mask[None, None]


def one_stack(x, kernel, layers):
    for layer in range(layers):
        x = F.conv2d(x, masked(kernel, layer > 0), padding=kernel // 2)
    return x


def two_stacks(x, kernel, layers):
    """Gated PixelCNN's vertical and horizontal stacks with all weights one."""
    radius, v, h = kernel // 2, x, x
    for layer in range(layers):
        v = F.conv2d(F.pad(v, (radius, radius, radius, 0)), torch.ones(1, 1, radius + 1, kernel))
        row = torch.ones(1, 1, 1, radius + 1)
        row[..., -1] = float(layer > 0)
        above = F.pad(v, (0, 0, 1, 0))[:, :, :-1]
        h = F.conv2d(F.pad(h, (radius, 0)), row) + above
    return h


def test_what_a_pixel_sees_is_where_gradients_flow(page):
    module = maths(page)
    for stacks, kernel, layers in itertools.product((1, 2), (3, 5, 7), (1, 2, 4)):
        pixel = torch.randint(0, SIDE, (2,)).tolist()
        x = torch.ones(1, 1, SIDE, SIDE, requires_grad=True)
        net = one_stack if stacks == 1 else two_stacks
        net(x, kernel, layers)[0, 0, pixel[0], pixel[1]].backward()
        options = {"stacks": stacks, "kernel": kernel, "layers": layers, "pixel": pixel}
        got = torch.tensor(module.evaluate("(m, o) => m.receptiveField(o)", options)).view(SIDE, SIDE)
        assert torch.equal(got, x.grad[0, 0] != 0)


def test_one_stack_has_a_blind_spot_and_two_have_none(page):
    for stacks in (1, 2):
        classes = maths(page).evaluate(
            "(m, stacks) => m.classify({ stacks, kernel: 3, layers: 5, pixel: [9, 7] })", stacks
        )
        assert classes.count("self") == 1
        assert classes.count("later") == SIDE * SIDE - 9 * SIDE - 8
        assert (classes.count("blind") > 0) == (stacks == 1)


def test_growing_scales_take_logarithmically_many_calls(page):
    module = maths(page)
    for side, base in itertools.product((8, 16, 32), (1, 2, 4)):
        order = torch.tensor(module.evaluate("(m, a) => m.multiscaleOrder(...a)", [side, base])).view(
            side, side
        )
        doublings = (side // base).bit_length() - 1
        assert order.max() + 1 == base * base + 3 * doublings
        assert torch.equal(order.unique(), torch.arange(int(order.max()) + 1))
        last = order.max()
        assert (order[1::2, 1::2] == last).all()
        assert (order[1::2, ::2] == last - 1).all()
        assert (order[::2, 1::2] == last - 2).all()
        assert (order[::2, ::2] < last - 2).all()
        raster = module.evaluate("(m, side) => m.rasterOrder(side)", side)
        assert raster == list(range(side * side))


def test_the_controls_change_the_field(page):
    said = page.locator(".ar p[aria-live]")
    assert " 6 in the blind spot" in said.inner_text()
    page.get_by_role("combobox", name="Network").select_option("two stacks")
    assert " 0 in the blind spot" in said.inner_text()
    page.get_by_role("slider", name="Layers").fill("1")
    assert page.locator(".ar-field .seen").count() == 7
    before = said.inner_text()
    page.locator(".ar-field").focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    assert said.inner_text() != before
    page.locator(".ar-field").click()
    assert "row 8, column 8" in page.locator(".ar-field").get_attribute("aria-label")


def test_both_orders_fill_the_same_picture(page):
    page.get_by_role("combobox", name="Side").select_option("8")
    page.get_by_role("button", name="Play").click()
    raster, growing = (page.locator(".ar-pair figcaption").nth(n) for n in (0, 1))
    growing.get_by_text("10 of 10 calls, 64 of 64 pixels").wait_for(timeout=20_000)
    assert "64 of 64 pixels" not in raster.inner_text()
    raster.get_by_text("64 of 64 calls, 64 of 64 pixels").wait_for(timeout=20_000)
    colours = (
        "n => [...document.querySelectorAll('.ar-pair svg')[n].children].map((r) => r.getAttribute('fill'))"
    )
    assert page.evaluate(colours, 0) == page.evaluate(colours, 1)
