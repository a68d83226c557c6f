"""The playground of small networks: its arithmetic against PyTorch, and its controls."""

import itertools
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

ACTIVATIONS = {
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "ELU": nn.ELU,
}
SIZES = (3, 5, 4, 1)


def torch_net(activation):
    """The demo's network in PyTorch, in double precision."""
    layers = []
    for inputs, outputs in itertools.pairwise(SIZES):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1]).double()


def plain(net):
    """Its weights as the demo holds them."""
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    return [{"w": layer.weight.tolist(), "b": layer.bias.tolist()} for layer in linear]


def batch(count=7):
    return torch.randn(count, SIZES[0], dtype=torch.double), torch.randint(0, 2, (count,)) * 2 - 1


@pytest.fixture
def page(demo_page):
    return demo_page("neurons")


def status(page):
    return page.locator(".nn-status").inner_text()


def test_loss_and_gradients_are_pytorchs(page):
    module = maths(page)
    for activation in ACTIVATIONS:
        net, (x, labels) = torch_net(activation), batch()
        loss = F.softplus(-labels * net(x).squeeze(1)).mean()
        loss.backward()
        got = module.evaluate(
            "(m, [layers, activation, x, labels]) => m.gradients({ layers, activation }, x, labels)",
            [plain(net), activation, x.tolist(), labels.tolist()],
        )
        assert got["loss"] == pytest.approx(loss.item())
        for layer, grads in zip(
            [part for part in net if isinstance(part, nn.Linear)], got["layers"], strict=True
        ):
            torch.testing.assert_close(
                torch.tensor(grads["w"]).double(), layer.weight.grad, rtol=1e-5, atol=1e-7
            )
            torch.testing.assert_close(
                torch.tensor(grads["b"]).double(), layer.bias.grad, rtol=1e-5, atol=1e-7
            )


def test_a_step_down_is_sgds(page):
    net, (x, labels) = torch_net("tanh"), batch()
    before = plain(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    F.softplus(-labels * net(x).squeeze(1)).mean().backward()
    optimizer.step()
    got = maths(page).evaluate(
        """(m, [layers, x, labels]) => {
          const net = { layers, activation: "tanh" };
          m.descend(net, m.gradients(net, x, labels).layers, 0.3);
          return net.layers;
        }""",
        [before, x.tolist(), labels.tolist()],
    )
    for mine, theirs in zip(got, plain(net), strict=True):
        torch.testing.assert_close(torch.tensor(mine["w"]), torch.tensor(theirs["w"]))
        torch.testing.assert_close(torch.tensor(mine["b"]), torch.tensor(theirs["b"]))


def test_xor_needs_the_product_or_a_hidden_layer(page):
    accuracy = """(m, [features, hidden]) => {
      const points = m.makeData("XOR", 200, 7);
      const inputs = points.map((p) => features.map((name) => m.FEATURES[name](p.x, p.y)));
      const labels = points.map((p) => p.label);
      const net = m.makeNet([features.length, ...hidden, 1], "tanh", m.random(1));
      const rand = m.random(2);
      for (let epoch = 0; epoch < 60; epoch++) m.trainEpoch(net, inputs, labels, 0.1, rand);
      return m.evaluate(net, inputs, labels).accuracy;
    }"""
    module = maths(page)
    assert module.evaluate(accuracy, [["x", "y"], []]) < 0.7
    assert module.evaluate(accuracy, [["xy"], []]) > 0.97
    assert module.evaluate(accuracy, [["x", "y"], [8]]) > 0.97


def test_the_same_seed_gives_the_same_run(page):
    for _ in range(3):
        page.get_by_role("button", name="Step").click()
    first = page.locator(".nn-curve").inner_text()
    page.get_by_role("button", name="Reset").click()
    for _ in range(3):
        page.get_by_role("button", name="Step").click()
    assert page.locator(".nn-curve").inner_text() == first
    assert "Epochs 0 to 3" in first
    page.get_by_role("button", name="New weights").click()
    page.get_by_role("button", name="Step").click()
    assert page.locator(".nn-curve").inner_text() != first


def test_playing_trains_and_pause_stops(page):
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => +document.querySelector('.nn-status').textContent.match(/\\d+/)[0] >= 20")
    page.get_by_role("button", name="Pause").click()
    stopped = status(page)
    page.wait_for_timeout(150)
    assert status(page) == stopped


def test_layers_widths_and_features_change_the_graph(page):
    links = page.locator(".nn-graph line")
    assert links.count() == 2 * 4 + 4 * 2 + 2
    page.get_by_role("button", name="Layer 1: one neuron more").click()
    assert links.count() == 2 * 5 + 5 * 2 + 2
    page.get_by_role("button", name="Input x²").click()
    assert links.count() == 3 * 5 + 5 * 2 + 2
    page.get_by_title("one layer less").click()
    page.get_by_title("one layer less").click()
    assert links.count() == 3
    for name in ("x", "y", "x²"):
        page.get_by_role("button", name=f"Input {name}", exact=True).click()
    assert links.count() == 1, "the last feature must stay"


def test_a_neuron_is_shown_large_and_its_weight_moves_by_hand(page):
    page.get_by_role("button", name="Layer 1, neuron 2").click()
    assert page.locator(".nn-plane figcaption").inner_text() == "Layer 1, neuron 2"
    before = page.locator(".nn-curve").inner_text()
    page.get_by_role("slider", name=re.compile("^x ?[−0-9]")).fill("4")
    assert "4.00" in page.locator(".nn-weights").inner_text()
    assert page.locator(".nn-curve").inner_text() != before


def test_clicking_a_link_takes_hold_of_its_weight(page):
    line = page.locator(".nn-graph line").last
    place = line.evaluate(
        """l => { const r = l.ownerSVGElement.getBoundingClientRect(), v = (n) => l[n].baseVal.value;
        return [r.x + (v('x1') + v('x2')) / 2, r.y + (v('y1') + v('y2')) / 2]; }"""
    )
    page.mouse.click(*place)
    assert page.locator(".nn-weights").inner_text().startswith("Output: its weights")
    assert page.evaluate("document.activeElement.type") == "range"


def test_weights_that_run_away_are_told(page):
    page.get_by_role("combobox", name="Activation").select_option("linear")
    page.get_by_role("button", name="Input x²").click()
    page.get_by_role("button", name="Input y²").click()
    page.get_by_role("combobox", name="Learning rate").select_option("3")
    for _ in range(12):
        page.get_by_role("button", name="Step").click()
    assert "lower learning rate" in status(page)
