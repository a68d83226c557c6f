"""A warm process that ends while it starts, as when a machine runs out of memory, costs nobody a mark."""

from subprocess import Popen

import pytest

from course_utils.grading import Limits, Warm
from course_utils.grading.kernel import warm as module
from course_utils.grading.kernel.warm import SandboxError

READS_AND_ENDS = "import socket; socket.socket(fileno={fd}).recv(1 << 20)"


def ends_as_it_starts(times, program):
    """`Popen`, whose first so many processes run this program instead."""
    left = [times]

    def start(command, **options):
        if left[0]:
            left[0] -= 1
            command = [*command[:-1], program.format(fd=options["pass_fds"][0])]
        return Popen(command, **options)

    return start


@pytest.mark.parametrize("program", [READS_AND_ENDS, "pass"], ids=["told", "before it is told"])
def test_a_warm_process_that_is_killed_as_it_starts_comes_back(monkeypatch, program):
    with Warm(sandboxed=False) as warm:
        monkeypatch.setattr(module.subprocess, "Popen", ends_as_it_starts(1, program))
        warm.fork(Limits()).close()
        assert warm.pid


def test_one_that_never_starts_is_said_in_a_line(monkeypatch):
    with Warm(sandboxed=False) as warm:
        monkeypatch.setattr(module.subprocess, "Popen", ends_as_it_starts(2, READS_AND_ENDS))
        with pytest.raises(SandboxError, match="the warm process ended as it started"):
            warm.fork(Limits())
        assert warm.pid is None
