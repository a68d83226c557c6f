"""`synthesis`: scenes found again from their pictures, by proposals and Metropolis' rule."""

import numpy as np
import torch

from solutions.synthesis.reference import (
    draw_scenes,
    explain,
    render,
)

RNG = np.random.RandomState


def test_an_upright_and_a_lying_rectangle():
    scene = torch.tensor([[10.0, 8.0, 5.5, 2.5, 0.0]])
    picture = render(scene)[0]
    assert picture.sum() == 11 * 5
    assert picture[8, 5:16].all()
    torch.testing.assert_close(
        render(scene + torch.tensor([0, 0, 0, 0, torch.pi / 2]))[0][3:14, 8:13].sum(), torch.tensor(55.0)
    )
    half_a_turn = draw_scenes(20) + torch.tensor([0, 0, 0, 0, torch.pi])
    assert (
        render(half_a_turn) != render(half_a_turn - torch.tensor([0, 0, 0, 0, torch.pi]))
    ).float().mean() < 0.002


def test_metropolis_keeps_what_is_better_and_remembers_the_best():
    targets = iter(torch.tensor([[[2.0], [1.0]], [[0.5], [9.0]], [[3.0], [3.0]]]))
    best, score = explain(
        torch.tensor([[1.0], [0.0]]),
        lambda s: -(s[:, 0] - 2).abs(),
        lambda s: next(targets),
        torch.full((3, 2), 0.9),
    )
    assert best.tolist() == [2.0]
    assert score == 0


def test_metropolis_visits_states_as_often_as_they_are_likely():
    log_p = torch.tensor([0.0, 0.7, -0.5])
    seen = []

    def score(s):
        seen.append(s[:, 0].clone())
        return log_p[s[:, 0].long()]

    visits = []

    def propose(s):
        visits.append(s[:, 0].clone())
        return (s + torch.randint(1, 3, s.shape)) % 3

    explain(torch.zeros(400, 1), score, propose, torch.rand(200, 400))
    late = torch.stack(visits[50:]).long().flatten()
    share = late.bincount(minlength=3) / len(late)
    torch.testing.assert_close(share, log_p.softmax(0), atol=0.02, rtol=0)
