"""Two ends of a wire: a student's side in a forked process, the trusted side here. And a warm process."""

import os
import socket

import pytest

from course_utils.grading import Limits, Warm
from course_utils.grading.engine.proxy import Trusted
from course_utils.grading.wire.channel import Channel


@pytest.fixture(autouse=True)
def which_tier_counts(monkeypatch):
    """As nobody has said: an audit or a worker that ran in this process before has, and kept verdicts depend on it."""
    monkeypatch.delenv("COURSE_COUNTS", raising=False)


@pytest.fixture(scope="session")
def warm():
    """A warm process for all tests that leave it alive: its start takes five seconds of CPU time."""
    with Warm() as process:
        process.fork(Limits()).close()
        yield process


@pytest.fixture(scope="session")
def unsandboxed():
    """The same without a sandbox, as `course check` starts one."""
    with Warm(sandboxed=False) as process:
        yield process


@pytest.fixture
def student():
    """A function from the student's source to the proxy, as a check sees it."""
    children = []

    def start(source=""):
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                _serve(theirs, ours)
            finally:
                os._exit(0)
        theirs.close()
        peer = Trusted(Channel(ours))
        children.append((pid, ours))
        result = peer.ask("cell", source, "answer")
        assert result["ok"], result["error"]
        return Door(peer)

    yield start
    for pid, ours in children:
        ours.close()
        os.waitpid(pid, 0)


def _serve(theirs, ours):
    from course_utils.grading.kernel.agent import serve
    from course_utils.grading.kernel.shell import capture, make_shell

    ours.close()
    shell = make_shell()
    capture(shell, pictures=False)
    serve(Channel(theirs), shell)


class Door:
    """`student.<name>`."""

    def __init__(self, peer):
        self.peer = peer

    def __getattr__(self, name):
        return self.peer.resolve(name)
