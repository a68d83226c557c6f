"""What runs in the trusted process for too long is stopped, and nothing else."""

import os
import threading
import time

import pytest

from course_utils.grading.engine.watchdog import stops


class Over(BaseException):
    """Too long."""


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_block_that_goes_on_is_stopped():
    with pytest.raises(Over), stops(0.1, Over):
        spin(10)


def test_a_shorter_time_begun_later_is_kept():
    failed = []

    def long():
        try:
            with stops(60, Over):
                spin(1)
        except Over:
            failed.append("the long one")

    other = threading.Thread(target=long)
    other.start()
    with pytest.raises(Over), stops(0.1, Over):
        spin(10)
    other.join()
    assert failed == []


def test_after_its_block_nothing_is_stopped():
    with stops(0.1, Over):
        pass
    spin(0.3)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_it_watches_after_a_fork():
    with stops(60, Over):
        child = os.fork()
        if child == 0:
            try:
                with stops(0.1, Over):
                    spin(10)
            except Over:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
