"""Every lab runs on a GPU as on a CPU: solved, at the full tier, from its first cell to its last."""

import json

import pytest

from course_utils.topics import PROVEN

HOST_ONLY = {"neurons"}  # nets of a few numbers: their lab stays on the CPU


@pytest.mark.parametrize("key", PROVEN)
def test_every_cell_and_check_of_a_solved_lab_runs_on_the_device(on_device, key):
    done = on_device("-m", "tests.gpu.run_lab", key)
    assert done.stdout, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert not found["failed"], "\n".join(found["failed"])
    assert key in HOST_ONLY or found["operations"] > 0
