"""One thread everywhere: small nets lose to thread contention, and two cores are shared.

What an earlier run has left on this machine is not there: the cache of data begins empty, and no test asks the network.
A test marked `real_data("mnist", …)` runs where COURSE_DATA_MIRROR is a folder that holds these sets.

Of the files that take longest none is begun last, so that no worker is left with one when the others are done.
"""

import atexit
import os
import shutil
import socket
import sys
import tempfile

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# jsonschema imports this for a format that no notebook has; its parser takes 2 s (course_utils.cli does the same).
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

os.environ["COURSE_DATA"] = tempfile.mkdtemp(prefix="course-data-")
atexit.register(shutil.rmtree, os.environ["COURSE_DATA"], ignore_errors=True)

LONGEST = (
    "browser/test_pages.py",
    "grading/classroom/test_sample_gradebook.py",
    "grading/classroom/test_faults.py",
    "grading/classroom/test_commands.py",
    "grading/classroom/test_nbgrader.py",
    "audit/test_audit.py",
    "browser/test_demos.py",
    "book/test_book.py",
    "grading/classroom/test_cluster.py",
    "test_labs.py",
    "grading/sandbox/test_enter.py",
    "grading/sandbox/test_environments.py",
    "grading/sandbox/test_layers.py",
)


def pytest_collection_modifyitems(items):
    """The longest files first: `make test` keeps this order when it deals files out to its workers."""
    folder = os.path.dirname(__file__)
    rank = {os.path.join(folder, name): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(str(item.path), len(LONGEST)))


def pytest_runtest_setup(item):
    """Skip a test of real data, with the reason, where the data are not at hand."""
    from course_utils.data.fetch import at_hand
    from course_utils.data.registry import DATASETS

    for mark in item.iter_markers("real_data"):
        for file in (file for name in mark.args for file in DATASETS[name].files):
            if not at_hand(file):
                pytest.skip(f"{file.path} is not in the folder COURSE_DATA_MIRROR")


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """A connection to another machine fails the test that asks for it."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("localhost", "127.0.0.1", "::1"):
            pytest.fail(f"a test asks the network for {address[0]}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(autouse=True)
def own_settings():
    """What a test sets among the course's settings in the environment does not reach the next one."""
    before = {name: value for name, value in os.environ.items() if name.startswith("COURSE_")}
    yield
    for name in {name for name in os.environ if name.startswith("COURSE_")} - set(before):
        del os.environ[name]
    os.environ.update(before)
