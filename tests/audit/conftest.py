"""What audits in these tests have in common: a process that has imported all, and a small lab."""

import pytest

from course_utils.audit.commands import warm_processes
from tests.grading.sample_lab import sample_lab


@pytest.fixture(scope="module")
def warm():
    with warm_processes(1) as pool:
        yield pool


@pytest.fixture
def lab(monkeypatch):
    return sample_lab(monkeypatch)
