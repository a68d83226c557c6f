"""nbgrader's commands as they are typed, each in a process of its own: forks of one that has imported nbgrader."""

import subprocess
import sys
from pathlib import Path

from course_utils.labs.release import find_alembic

SCRIPT = """
import os, subprocess, sys, warnings
warnings.simplefilter("ignore")
sys.modules["rfc3987_syntax"] = None  # as in course_utils.cli: 2 s for a format that no notebook has
from nbgrader.apps import nbgraderapp
from traitlets.config import Application
{before}
start = subprocess.call

def typed(words):
    pid = os.fork()
    if pid == 0:
        if Application.initialized():
            type(Application.instance()).clear_instance()
        sys.argv = ["nbgrader", *words]
        sys.exit(nbgraderapp.main())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def call(command, **options):  # `nbgrader quickstart` calls nbgrader five times
    if command[:3] == [sys.executable, "-m", "nbgrader"]:
        return typed(command[3:])
    return start(command, **options)

subprocess.call = call
for folder, *words in {commands}:
    os.chdir(folder)
    code = typed(words)
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
