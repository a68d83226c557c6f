"""No released lab uses a name that nothing binds; what a check binds is seen by that check alone."""

import subprocess
import sys

import nbformat

from course_utils.topics import TOPICS


def test_every_name_is_bound_by_a_cell_that_is_no_check(tmp_path):
    for row in TOPICS:
        notebook = nbformat.read(row.release, as_version=4)
        cells = notebook.cells
        notebook.cells = [cell for cell in cells if not is_check(cell)]
        nbformat.write(notebook, tmp_path / f"{row.key}.ipynb")
        for check in filter(is_check, cells):
            notebook.cells = [check]
            nbformat.write(notebook, tmp_path / f"{row.key}-{check.metadata.nbgrader.grade_id}.ipynb")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--output-format=concise"]
    done = subprocess.run([*ruff, "--select=F821", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def is_check(cell):
    return bool(cell.metadata.get("nbgrader", {}).get("grade")) and cell.cell_type == "code"
