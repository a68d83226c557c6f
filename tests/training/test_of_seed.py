"""A run within a run has its own seed and folder, and reports to the same bar."""

import torch

from course_utils.training import Run
from course_utils.training.of_seed import OfSeed


def learned(run):
    net = torch.nn.Linear(2, 1)
    for _ in run.steps(3, {"net": net}, "phase"):
        with torch.no_grad():
            net.weight += torch.rand(1, generator=run.generator("draw"))
    return net.weight.tolist()


def test_seeds_differ_and_each_comes_again(tmp_path):
    said = []
    outer = Run("outer", 0, "cpu", tmp_path, lambda *told: said.append(told), "code")
    one = learned(OfSeed(outer, 1))
    reports = len(said)
    two = learned(OfSeed(outer, 2))
    assert one != two
    assert len(said) == 2 * reports > 0, "both report to the outer run's bar"
    assert (tmp_path / "seed 1/phase.safetensors").is_file()
    net = torch.nn.Linear(2, 1)
    assert list(OfSeed(outer, 1).steps(3, {"net": net}, "phase")) == [], (
        "what was trained is not trained again"
    )
    assert net.weight.tolist() == one
    assert learned(OfSeed(Run("outer", 0, "cpu"), 2)) == two, "and a seed gives the same without its folder"
