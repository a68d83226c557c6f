"""A small course in a folder of its own, with one topic whose reference learns a line."""

import textwrap
from dataclasses import replace

import pytest

from course_utils import topics

REFERENCE = '''
"""Fit y = 2 x + 1."""
import torch
from torch import nn
from course_utils.training import Paper, main

PAPER = {"full": Paper(0.001, "gauss1809", system="least squares")}


def train(tier, seed, run):
    """A line, by gradient descent."""
    net = nn.Linear(1, 1).to(run.device)
    optimizer = torch.optim.SGD(net.parameters(), RATE, momentum=0.5)
    for step in run.steps(STEPS, {"net": net, "optimizer": optimizer}):
        x = torch.rand(16, 1)
        loss = ((net(x) - 2 * x - 1) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss)
    return net.state_dict()


def evaluate(tensors, tier, device="cpu"):
    """Mean squared error at 11 places.

    More words."""
    x = torch.linspace(0, 1, 11)[:, None]
    y = x * tensors["weight"].T + tensors["bias"]
    return ((y - 2 * x - 1) ** 2).mean().item()


def baseline(tier):
    """The mean of y."""
    return 1 / 3


if __name__ == "__main__":
    main(__spec__)
'''


@pytest.fixture
def course(tmp_path, monkeypatch):
    """`course(rate=..., steps=...)` writes the topic's reference and returns the course's folder."""
    row = replace(
        topics.TOPICS[0],
        key="line",
        data_mini="points",
        data_full="points",
        metric="squared error",
        higher_is_better=False,
        target=0.01,
    )
    monkeypatch.setattr(topics, "TOPICS", (row,))
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("COURSE_DEVICE", raising=False)

    def write(rate="0.2", steps=200, extra=""):
        folder = tmp_path / "solutions" / "line"
        folder.mkdir(parents=True, exist_ok=True)
        text = REFERENCE.replace("RATE", str(rate)).replace("STEPS", str(steps)) + textwrap.dedent(extra)
        (folder / "reference.py").write_text(text)
        return tmp_path

    return write
