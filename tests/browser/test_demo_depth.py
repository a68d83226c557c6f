"""Signal and gradient through depth: forward and backward against PyTorch, known facts, and the controls."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

FUNCTIONS = {"ReLU": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda z: z}
RUN = """(m, [x, weights, gradient, options]) => {
  const there = m.forward(x, weights, options);
  const plain = (matrix) => matrix.map((row) => [...row]);
  return { output: plain(there.output), gradients: m.backward(there, gradient, options).map(plain) };
}"""
SIZES = """(m, options) => {
  const net = m.measure({ depth: 30, seed: 3, norm: false, activation: 'ReLU', ...options });
  return [net.signal.at(-1), net.gradient[0]];
}"""


@pytest.fixture
def page(demo_page):
    return demo_page("depth")


def torch_values(x, weights, activation, skip, norm):
    values = [x]
    for w in weights:
        z = values[-1] @ w.T
        z = F.batch_norm(z, None, None, training=True) if norm else z
        branch = FUNCTIONS[activation](z)
        values.append(values[-1] + branch if skip else branch)
        values[-1].retain_grad()
    return values


def test_forward_and_backward_are_pytorchs(page):
    module = maths(page)
    for activation, skip, norm in itertools.product(FUNCTIONS, (False, True), (False, True)):
        x = torch.randn(6, 5, dtype=torch.double, requires_grad=True)
        weights = [torch.randn(5, 5, dtype=torch.double) for _ in range(4)]
        gradient = torch.randn(6, 5, dtype=torch.double)
        values = torch_values(x, weights, activation, skip, norm)
        values[-1].backward(gradient)
        options = {"activation": activation, "skip": skip, "norm": norm}
        got = module.evaluate(RUN, [x.tolist(), [w.tolist() for w in weights], gradient.tolist(), options])
        torch.testing.assert_close(
            torch.tensor(got["output"]).double(), values[-1].detach(), rtol=1e-5, atol=1e-5
        )
        expected = torch.stack([value.grad for value in values])
        torch.testing.assert_close(torch.tensor(got["gradients"]).double(), expected, rtol=1e-4, atol=1e-4)


def test_what_is_known_of_initialisation(page):
    module = maths(page)
    he = module.evaluate(SIZES, {"init": "He: √(2 / fan-in)", "skip": False})
    xavier = module.evaluate(SIZES, {"init": "1 / √fan-in", "skip": False})
    small = module.evaluate(SIZES, {"init": "N(0, 0.01²)", "skip": False})
    skipped = module.evaluate(SIZES, {"init": "N(0, 0.01²)", "skip": True})
    assert all(0.1 < size < 10 for size in he)
    assert all(size < 1e-3 for size in xavier), "ReLU halves the variance at every layer"
    assert all(size < 1e-20 for size in small)
    assert all(0.9 < size < 2 for size in skipped)


def test_the_controls_change_what_is_measured(page):
    said = page.locator(".dp p[aria-live]")
    before = said.inner_text()
    page.get_by_role("combobox", name="Initialisation").select_option("He: √(2 / fan-in)")
    assert said.inner_text() != before
    before = said.inner_text()
    page.get_by_label("Batch normalisation").check()
    assert said.inner_text() != before
    page.get_by_role("slider", name="Depth").fill("7")
    assert "through 7 layers" in said.inner_text()
    page.get_by_role("slider", name="Look at layer").fill("2")
    assert "layer 2" in page.locator(".dp-bars").first.inner_text()


def test_playing_goes_forth_and_back(page):
    dots = page.locator(".dp-plots figure").nth(1).locator("path.dot")
    assert dots.count() == 2
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelectorAll('.dp-plots figure')[1].querySelectorAll('path.dot').length === 0"
    )
    page.wait_for_function("() => document.querySelector('.kit-main').textContent === 'Play'", timeout=20_000)
    assert "layer 0" in page.locator(".dp-bars").first.inner_text()
