"""A net made layer by layer: its arithmetic against PyTorch, freezing, and the controls."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from .demo_maths import maths

pytestmark = pytest.mark.browser

STEPS = """(m, [layers, x, labels, steps]) => {
  const net = { layers, activation: "ReLU" };
  const trainer = m.adam(net, 0.01);
  const losses = [];
  for (let n = 0; n < steps; n++) {
    const { loss, layers: grads } = m.gradients(net, x, labels);
    losses.push(loss);
    trainer.step(grads);
  }
  return { losses, layers };
}"""


@pytest.fixture
def page(demo_page):
    return demo_page("layerwise", epochs=20)


def accuracies(page):
    """What the chart says: {name: [percent, …]}."""
    said = page.locator(".lw-chart svg").first.get_attribute("aria-label")
    return {
        part.split(":")[0]: [float(v) for v in re.findall(r"([\d.]+) %", part)] for part in said.split("; ")
    }


def test_ten_steps_of_adam_are_pytorchs(page):
    net = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1)).double()
    x, labels = torch.randn(9, 2, dtype=torch.double), torch.randint(0, 2, (9,)) * 2 - 1
    linear = [net[0], net[2], net[4]]
    start = [{"w": layer.weight.tolist(), "b": layer.bias.tolist()} for layer in linear]
    got = maths(page).evaluate(STEPS, [start, x.tolist(), labels.tolist(), 10])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for said in got["losses"]:
        loss = F.softplus(-labels * net(x).squeeze(1)).mean()
        assert said == pytest.approx(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for mine, layer in zip(got["layers"], linear, strict=True):
        torch.testing.assert_close(
            torch.tensor(mine["w"]).double(), layer.weight.detach(), rtol=1e-4, atol=1e-6
        )
        torch.testing.assert_close(
            torch.tensor(mine["b"]).double(), layer.bias.detach(), rtol=1e-4, atol=1e-6
        )


def test_layers_are_added_and_frozen(page):
    add = page.get_by_role("button", name="Add a layer")
    add.click()
    assert page.locator(".lw-cards .frozen").count() == 1
    first = page.locator(".lw-cards li").first.inner_text()
    add.click()
    assert page.locator(".lw-cards .frozen").count() == 2
    assert page.locator(".lw-cards li").first.inner_text() == first, "a frozen layer does not change"
    said = accuracies(page)
    assert len(said["layer by layer"]) == len(said["end to end"]) == 2
    assert len(set(said["linear"])) == 1


def test_depth_helps_on_the_spiral(demo_page):
    page = demo_page("layerwise", epochs=60)
    for _ in range(3):
        page.get_by_role("button", name="Add a layer").click()
    said = accuracies(page)
    assert said["layer by layer"][2] > said["layer by layer"][0] + 5
    assert said["layer by layer"][2] > said["linear"][0] + 10


def test_frozen_layers_cost_nothing_again(page):
    for _ in range(4):
        page.get_by_role("button", name="Add a layer").click()
    greedy, whole = map(int, re.findall(r"(\d+) million", page.locator(".lw p").last.inner_text()))
    assert greedy < whole


def test_settings_start_again(page):
    page.get_by_role("button", name="Add a layer").click()
    page.get_by_role("combobox", name="Data").select_option("rings")
    assert page.locator(".lw-cards .frozen").count() == 0
    page.get_by_role("combobox", name="Auxiliary layers k").select_option("2")
    page.get_by_role("button", name="Play").click()
    page.locator(".lw-cards .frozen").first.wait_for(timeout=20_000)
    page.get_by_role("button", name="Pause").click()


def test_recorded_numbers_are_drawn(demo_page):
    page = demo_page("layerwise", recorded={"k = 1": [0.7, 0.8, 0.85], "k = 2": [0.75, 0.84, 0.9]})
    assert page.locator(".lw-chart svg").count() == 2
    said = page.locator(".lw-chart svg").last.get_attribute("aria-label")
    assert said == "k = 1: 70.0 %, 80.0 %, 85.0 %; k = 2: 75.0 %, 84.0 %, 90.0 %"
