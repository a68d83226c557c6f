"""The reference of the topic new_topic: by hand, against PyTorch, by a property, and a tiny training."""

import torch
import torch.nn.functional as F
from solutions.new_topic import reference

from course_utils.training import Run


def test_a_step_worked_by_hand():
    x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([1.0, 0.0])
    weight, bias = reference.descend(x, y, torch.zeros(2), torch.zeros(()), 1.0)
    torch.testing.assert_close(weight, torch.tensor([0.25, -0.5]))
    assert bias == 0


def test_the_surprise_is_pytorchs():
    z, y = torch.randn(20, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
    torch.testing.assert_close(reference.surprise(z, y), F.binary_cross_entropy_with_logits(z, y.float()))


def test_a_small_step_goes_down():
    x, y = torch.randn(30, 2, generator=torch.Generator().manual_seed(1)), torch.arange(30) % 2
    weight, bias = torch.ones(2), torch.zeros(())
    before = reference.surprise(reference.logits(x, weight, bias), y)
    after = reference.surprise(reference.logits(x, *reference.descend(x, y, weight, bias, 0.1)), y)
    assert after < before


def test_a_tiny_training_beats_the_baseline():
    tensors = reference.train("mini", 0, Run())
    assert reference.evaluate(tensors, "mini") > reference.baseline("mini") + 0.2
