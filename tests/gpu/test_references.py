"""Every reference's full tier trains on a GPU: no tensor and no generator left on the CPU, no waiting in a loop."""

import json

import pytest

from course_utils.topics import PROVEN

FAULT = """
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
# What a test on a CPU never sees, and a GPU refuses.
FAULTS = {
    "a generator on the CPU": (
        "torch.rand(3, device=run.device, generator=torch.Generator())",
        "for generator but found 'cpu'",
    ),
    "a tensor on the CPU": ("torch.ones(3) + torch.ones(3, device=run.device)", "found cuda:0 and cpu"),
    "a look in each step": (
        "steps = run.steps; run.steps = lambda *told: (step for step in steps(*told) if run.to(torch.ones(1))[0] > 0)",
        "",
    ),
}


def read(done) -> dict[str, dict]:
    """What each reference's run says, by key."""
    assert done.returncode == 0, done.stderr[-2000:]
    return {line["key"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def found(on_device) -> dict[str, dict]:
    """Of every reference."""
    return read(on_device("-m", "tests.gpu.run_reference", *PROVEN))


@pytest.mark.parametrize("key", PROVEN)
def test_a_reference_trains_on_the_device_and_does_not_wait_for_it(found, key):
    assert not found[key]["error"], found[key]["error"]
    assert found[key]["loops"]
    assert all(loop["operations"] for loop in found[key]["loops"].values())
    assert not found[key]["waits"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_reference_is_seen(on_device, name):
    fault, said = FAULTS[name]
    (line,) = read(on_device("-c", FAULT.format(fault=fault))).values()
    assert said in line["error"]
    assert bool(line["waits"]) == (not said)
