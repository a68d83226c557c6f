"""The loop: repeatable, resumable, stopped at NaN, and not made to wait for the device."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.training import Run, TrainingError, run
from course_utils.training.devices import device

DATA = TensorDataset(torch.arange(10.0)[:, None])


class Cut(Exception):
    """The power fails."""


def learn(course_run, steps=30, fail_at=None):
    net = nn.Linear(1, 1).to(course_run.device)
    optimizer = torch.optim.Adam(net.parameters(), 0.05)
    for (x,) in course_run.batches(DATA, 3, steps, {"net": net, "optimizer": optimizer}):
        if course_run.step == fail_at:
            raise Cut
        noise = torch.rand(len(x), 1)  # drawn from the global state: resuming must bring that back too
        loss = ((net(x) - x + 0.01 * noise) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course_run.log(loss=loss)
    return net.weight.item(), course_run.curve


def test_one_seed_gives_one_result_and_another_seed_another():
    assert learn(Run(seed=1, device="cpu")) == learn(Run(seed=1, device="cpu"))
    assert learn(Run(seed=1, device="cpu"))[0] != learn(Run(seed=2, device="cpu"))[0]


def test_a_resumed_run_ends_as_an_undisturbed_one(tmp_path, monkeypatch):
    undisturbed = learn(Run(seed=3, device="cpu"))
    monkeypatch.setattr(run, "SAVE_EVERY", 0)  # after every step
    with pytest.raises(Cut):
        learn(Run(seed=3, device="cpu", folder=tmp_path), fail_at=17)
    steps = []
    second = Run(seed=3, device="cpu", folder=tmp_path, report=lambda step, total, values: steps.append(step))
    assert learn(second) == undisturbed
    assert steps[0] == 18  # the first 17 were not done again


def test_a_finished_phase_is_not_done_again(tmp_path):
    first = learn(Run(seed=3, device="cpu", folder=tmp_path))
    second = Run(seed=3, device="cpu", folder=tmp_path)
    assert learn(second, fail_at=0) == first
    assert second.seconds > 0


def test_a_checkpoint_of_other_code_is_not_taken_up(tmp_path):
    learn(Run(seed=3, device="cpu", folder=tmp_path, code="old"))
    with pytest.raises(Cut):
        learn(Run(seed=3, device="cpu", folder=tmp_path, code="new"), fail_at=0)


def test_two_phases_follow_each_other_on_one_curve(tmp_path):
    course_run = Run(device="cpu", folder=tmp_path)
    net = nn.Linear(1, 1)
    for phase in ("first", "second"):
        for step in course_run.steps(3, {"net": net}, phase):
            course_run.log(loss=float(step))
    assert course_run.curve["loss"] == [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]
    assert {path.stem for path in tmp_path.iterdir()} == {"first", "second"}


@pytest.mark.parametrize("bad", [float("nan"), torch.tensor(float("inf"))])
def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_try(bad):
    course_run = Run("line mini seed 0", device="cpu")

    def diverge():
        for step in course_run.steps(100, {}):
            course_run.log(loss=bad if step == 7 else 1.0)

    with pytest.raises(
        TrainingError, match=r"^line mini seed 0: loss became (nan|inf) at step 7 of 100; try "
    ):
        diverge()
    assert course_run.step < 50  # it did not go on to the end


def test_an_epoch_shows_every_example_once_in_a_new_order():
    seen = [x.flatten().tolist() for (x,) in Run(device="cpu").batches(DATA, 5, 4, {})]
    epochs = [seen[0] + seen[1], seen[2] + seen[3]]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0] != epochs[1]
    with pytest.raises(ValueError, match="expected a size of at most 10 examples, got 11"):
        next(Run(device="cpu").batches(DATA, 11, 4, {}))


def test_operations_are_counted():
    course_run, weight, x = Run(device="cpu"), torch.randn(4, 5), torch.randn(3, 4)
    for _ in course_run.steps(10, {}):
        x @ weight
    assert course_run.flops == 10 * 2 * 3 * 4 * 5


def test_operations_are_counted_where_the_gradient_in_a_net_s_input_is_asked_for():
    course_run, net = Run(device="cpu"), torch.nn.Linear(4, 5, bias=False)
    for _ in course_run.steps(10, {}):
        x = torch.randn(3, 4, requires_grad=True)
        torch.autograd.grad(net(x).sum(), x)
    assert course_run.flops == 10 * 2 * (2 * 3 * 4 * 5)  # forward, and back to x alone


def test_generators_depend_on_seed_and_purpose_alone():
    def draw(seed, purpose):
        return torch.rand(3, generator=Run(seed=seed, device="cpu").generator(purpose)).tolist()

    assert draw(0, "a") == draw(0, "a")
    assert draw(0, "a") != draw(0, "b")
    assert draw(0, "a") != draw(1, "a")


def test_logging_does_not_wait_for_the_device():
    """A tensor is only read when READ_EVERY steps have passed."""
    course_run, reads = Run(device="cpu"), []
    course_run._report = lambda step, total, values: reads.append(step)
    for step in course_run.steps(120, {}):
        course_run.log(loss=torch.tensor(float(step)))
    assert reads == [50, 100, 120]
    assert len(course_run.curve["loss"]) == 120


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="expected a GPU, got none"):
        device("cuda")
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert device().type == "cpu"
