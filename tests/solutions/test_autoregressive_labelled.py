"""Digits on demand: what a label changes, and what a reader sees in what was drawn."""

import torch

from solutions.autoregressive import labelled


def test_before_its_schooling_no_label_changes_anything_and_afterwards_it_does():
    x = torch.rand(3, 1, 8, 8).round()
    zeros, nines = torch.zeros(3, dtype=torch.long), torch.full((3,), 9)
    fresh = labelled.schooled(0, steps=0)
    torch.testing.assert_close(fresh(x, zeros), fresh(x, nines))
    taught = labelled.schooled(0, steps=3)
    assert (taught(x, zeros) - taught(x, nines)).abs().max() > 1e-3


def test_a_pixel_knows_none_of_the_later_ones_whatever_its_label():
    net = labelled.schooled(0, steps=1)
    x, label = torch.rand(1, 1, 8, 8).round(), torch.tensor([4])
    later = x.clone()
    later[:, :, 5:] = 1 - later[:, :, 5:]
    torch.testing.assert_close(net(x, label)[:, :, :5], net(later, label)[:, :, :5])


def test_a_reader_sees_chance_in_what_no_label_asked_for():
    torch.manual_seed(0)
    drawn, real = labelled.obeyed(labelled.schooled(0, steps=0), count=4)
    assert drawn < 0.4
    assert real > 0.85
