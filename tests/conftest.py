"""One thread everywhere: small nets lose to thread contention, and two cores are shared.

Of the files that take longest none is begun last, so that no worker is left with one when the others are done.
"""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
# jsonschema imports this for a format that no notebook has; its parser takes 2 s (course_utils.cli does the same).
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

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
    "grading/sandbox/test_layers.py",
)


def pytest_collection_modifyitems(items):
    """The longest files first: `make test` keeps this order when it deals files out to its workers."""
    folder = os.path.dirname(__file__)
    rank = {os.path.join(folder, name): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(str(item.path), len(LONGEST)))
