"""The command's own manners: what its words do is tested with what they call."""

import os
import signal
import subprocess
import sys

import pytest

from course_utils.cli import READER_HAS_GONE, main

LIST = "from course_utils.cli import main; raise SystemExit(main(['data', 'list']))"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_ends_a_command_quietly(unbuffered):
    read, write = os.pipe()
    os.close(read)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        [sys.executable, "-c", LIST], stdout=write, stderr=subprocess.PIPE, text=True, env=environment
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (READER_HAS_GONE, "")


def test_a_broken_pipe_does_not_end_the_process(capsys):
    """A grader that dies of SIGPIPE would go down with the first worker or student's process that it writes to."""
    assert main(["data", "list"]) == 0
    assert capsys.readouterr().out
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
