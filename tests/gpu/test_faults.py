"""What a CPU never refuses, and a GPU does, is seen in a reference and in a lab; `tests.runs` runs them all."""

import json

import pytest

from tests.runs.ways import faults

REFERENCE = """
import torch
from solutions.neurons import reference
from tests.gpu.run_reference import main

first = reference.train
def train(tier, seed, run):
    {fault}
    return first(tier, seed, run)
reference.train = train
main(["neurons"])
"""
# What is done in a reference, and what is said of it: a GPU's own words, or the place where the host waits.
FAULTS = {
    "a generator on the CPU": (
        "torch.rand(3, device=run.device, generator=torch.Generator())",
        "for generator but found 'cpu'",
    ),
    "a tensor on the CPU": ("torch.ones(3) + torch.ones(3, device=run.device)", "found cuda:0 and cpu"),
    "a look in each step": (
        "steps = run.steps; run.steps = lambda *told: (step for step in steps(*told) if run.to(torch.ones(1))[0] > 0)",
        "the host waits for the device",
    ),
    "no loop": ("run.steps = lambda *told, **named: range(2)", "no loop"),
    "nothing": ("pass", ""),
}
LAB = """
import nbformat
from tests.gpu import run_lab

first = run_lab.filled
def filled(key, changed):
    notebook = first(key, changed)
    notebook.cells.insert(1, nbformat.v4.new_code_cell({cell!r}))
    return notebook
run_lab.filled = filled
run_lab.main(["neurons"])
"""


@pytest.fixture(scope="module")
def found(on_device):
    cell = "import torch\ntorch.ones(3) + torch.ones(3, device='cuda')"
    pieces = {name: REFERENCE.format(fault=fault) for name, (fault, _) in FAULTS.items()}
    return on_device(pieces | {"lab": LAB.format(cell=cell)})


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_reference_is_seen(found, name):
    _, said = FAULTS[name]
    assert found[name]["out"], found[name]["error"][-2000:]
    seen = "\n".join(faults(json.loads(found[name]["out"])))
    assert said in seen
    assert bool(said) == bool(seen)


def test_a_fault_in_a_lab_is_seen(found):
    assert found["lab"]["out"], found["lab"]["error"][-2000:]
    (failed,) = json.loads(found["lab"]["out"])["failed"]
    assert "found cuda:0 and cpu" in failed
