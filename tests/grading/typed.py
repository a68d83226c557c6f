"""nbgrader's commands as they are typed, each in a process of its own: forks of one that has imported nbgrader."""

import subprocess
import sys
from pathlib import Path

from course_utils.release import find_alembic

SCRIPT = """
import os, sys, warnings
warnings.simplefilter("ignore")
sys.modules["rfc3987_syntax"] = None  # as in course_utils.cli: 2 s for a format that no notebook has
from nbgrader.apps import nbgraderapp
{before}
for folder, *command in {commands}:
    if os.fork() == 0:
        os.chdir(folder)
        sys.argv = ["nbgrader", *command]
        sys.exit(nbgraderapp.main())
    code = os.waitstatus_to_exitcode(os.wait()[1])
    if code:
        sys.exit(code)
"""


def nbgrader(*commands: tuple[str | Path, ...], before: str = "") -> None:
    """Run commands one after another: each is a folder and the words behind `nbgrader`; `before` is run before all."""
    find_alembic()
    listed = [tuple(map(str, command)) for command in commands]
    script = SCRIPT.format(before=before, commands=listed)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
