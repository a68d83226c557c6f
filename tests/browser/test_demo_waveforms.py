"""Dilated causal convolutions: against PyTorch, the receptive field by gradients, and the controls."""

import pytest
import torch
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

NETS = [
    {"layers": layers, "factor": factor, "repeats": repeats}
    for layers in (1, 3, 4)
    for factor in (1, 2, 3)
    for repeats in (1, 2)
]


@pytest.fixture
def page(demo_page):
    return demo_page("waveforms")


def causal(x, weights, dilation):
    reach = (len(weights) - 1) * dilation
    return F.conv1d(F.pad(x[None, None], (reach, 0)), weights[None, None], dilation=dilation)[0, 0]


def test_the_convolution_is_pytorchs(page):
    module = maths(page)
    for kernel in (2, 3):
        for dilation in (1, 2, 5):
            x, weights = torch.randn(20), torch.randn(kernel)
            got = module.evaluate(
                "(m, a) => m.causalConvolution(...a)", [x.tolist(), weights.tolist(), dilation]
            )
            torch.testing.assert_close(torch.tensor(got), causal(x, weights, dilation))


def test_the_field_is_where_gradients_flow(page):
    module = maths(page)
    for kernel in (2, 3):
        for net in NETS:
            dilations = module.evaluate("(m, net) => m.dilations(net)", net)
            assert dilations == [net["factor"] ** n for n in range(net["layers"])] * net["repeats"]
            x = torch.ones(400, requires_grad=True)
            y = x
            for dilation in dilations:
                y = causal(y, torch.ones(kernel), dilation)
            y[399].backward()
            heard = x.grad.nonzero().squeeze(1)
            field, needed = module.evaluate(
                "(m, [d, k]) => [m.receptiveField(d, k), [...m.needed(d, k, 399)[0]].sort((a, b) => a - b)]",
                [dilations, kernel],
            )
            assert field == 400 - heard[0]
            assert needed == heard.tolist()


def test_queues_cost_one_evaluation_a_layer(page):
    naive, queues = maths(page).evaluate("m => Object.values(m.cost([1, 2, 4, 8], 2, 40))")
    assert (naive, queues) == (15, 4)


def test_the_controls_change_the_net(page):
    said = page.locator(".wf p[aria-live]")
    assert "over 16 samples" in said.inner_text()
    page.get_by_role("slider", name="Layers").fill("5")
    assert "over 32 samples" in said.inner_text()
    page.get_by_role("combobox", name="Kernel").select_option("3")
    assert "over 63 samples" in said.inner_text()
    page.get_by_role("combobox", name="Kernel").select_option("2")
    page.get_by_role("combobox", name="Dilations").select_option("1, 3, 9, …")
    assert "but only 32 of them are heard" in said.inner_text()
    page.get_by_role("combobox", name="Dilations").select_option("1, 1, 1, …")
    assert "over 6 samples" in said.inner_text()


def test_queues_show_and_the_output_moves(page):
    assert not page.locator(".wf-net .queue").get_attribute("d")
    page.get_by_role("combobox", name="A new sample").select_option("with queues")
    assert page.locator(".wf-net .queue").get_attribute("d").count("M") == 4
    page.locator(".wf-net").focus()
    page.keyboard.press("ArrowLeft")
    assert "sample 47 of 48" in page.locator(".wf-net").get_attribute("aria-label")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('.wf-net').getAttribute('aria-label').includes('sample 2 of 48')"
    )
    page.get_by_role("button", name="Pause").click()
