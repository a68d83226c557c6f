"""A lab and `course check` where Linux's own means are missing: on macOS and Windows."""

import os
import subprocess
import sys

import nbformat
import pytest

from course_utils.topics import ROOT
from course_utils.training import devices
from tests.labs.filled import filled


def test_a_lab_and_its_checks_run_without_what_only_linux_has(tmp_path):
    notebook = filled("neurons", {})
    notebook.cells = [cell for cell in notebook.cells if "trains" not in cell.metadata.get("course", {})]
    nbformat.write(notebook, tmp_path / "neurons.ipynb")
    command = [sys.executable, "-m", "tests.labs.elsewhere", "check", "neurons.ipynb"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COURSE_TIER": "mini"},
        capture_output=True,
        text=True,
    )
    said = done.stdout.splitlines()
    assert "✓ mlp_values: 3 of 3" in said, done.stdout + done.stderr
    assert said[-1] == "neurons: 22 of 24 points on the part of the checks that you can see"


def test_apples_gpu_is_declined_in_one_line():
    with pytest.raises(ValueError, match=r"Apple's GPU \(mps\) is not used by this course"):
        devices.device("mps")


def test_memory_is_0_where_the_system_does_not_say(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert devices.peak_memory(devices.device("cpu")) == 0
