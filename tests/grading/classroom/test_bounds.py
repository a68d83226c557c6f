"""What judges a submission has bounds of memory and time, and the next submission finds them as they were."""

import os
import resource
import signal

import pytest

from course_utils.grading.classroom import worker
from course_utils.grading.classroom.bounds import bounded
from course_utils.grading.engine.handed_in import HandedIn
from tests.grading.room import LIMITS
from tests.grading.tiny import LAB

JOB = worker.Job(LAB, HandedIn("tiny", b"{}"), {}, LIMITS, sandboxed=False)


def test_memory_beyond_the_bound_is_refused_and_the_bound_ends_with_the_block():
    before, alarm = resource.getrlimit(resource.RLIMIT_AS), signal.getitimer(signal.ITIMER_REAL)[0]
    with bounded(600, memory=64 << 20):
        with pytest.raises(MemoryError):
            bytearray(4 << 30)  # more than tests before this one may have left free in the process
        assert len(bytearray(1 << 20)) == 1 << 20
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] <= alarm


def test_what_never_ends_ends_its_process():
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # as a worker has it; here pytest may have its own
        with bounded(0.01):
            os.read(read, 1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    os.close(read), os.close(write)
    assert os.WTERMSIG(status) == signal.SIGALRM


def test_a_submission_that_takes_too_much_memory_is_told_so(monkeypatch):
    monkeypatch.setattr(worker, "mark", lambda job: bytearray(1 << 50))
    marked = worker.mark_bounded(JOB)
    assert marked.verdict.status == "refused"
    assert "more memory" in marked.verdict.reason
    assert [check.points for check in marked.verdict.checks] == [0.0] * 4


def test_a_worker_marks_within_bounds(monkeypatch):
    seen = []
    monkeypatch.setattr(worker, "mark", lambda job: seen.append(signal.getitimer(signal.ITIMER_REAL)[0]))
    worker.mark_bounded(JOB)
    assert 0 < seen[0] <= worker.OVERTIME * LIMITS.total_seconds
