"""Every lab runs on a GPU as on a CPU: solved, at the full tier, from its first cell to its last."""

import json

import pytest

from course_utils.topics import PROVEN

HOST_ONLY = {"neurons"}  # nets of a few numbers: their lab stays on the CPU


@pytest.fixture(scope="module")
def found(on_device) -> dict[str, dict]:
    """What each lab's run says, by key."""
    done = on_device("-m", "tests.gpu.run_lab", *PROVEN)
    said = {line["key"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert set(said) == set(PROVEN), done.stderr[-2000:]
    return said


@pytest.mark.parametrize("key", PROVEN)
def test_every_cell_and_check_of_a_solved_lab_runs_on_the_device(found, key):
    assert not found[key]["failed"], "\n".join(found[key]["failed"])
    assert key in HOST_ONLY or found[key]["operations"] > 0
