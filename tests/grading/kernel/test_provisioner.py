"""Stock Jupyter clients get kernels forked from the warm process, inside the sandbox."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from course_utils.grading.kernel.provisioner import KERNELSPEC

CELLS = {
    "sum": "x = 2\nprint(x + 1)",
    "data": "print(open('data.txt').read())",
    "new file": "open('new.txt', 'w').write('y'); print('written')",
    "warm": "import sys; print('torch' in sys.modules, sys.modules['torch'].get_num_threads())",
    "shadow": "open('/etc/shadow')",
    "fork": "import os; os.fork()",
    "network": "import socket; socket.socket()",
    "tests": f"open({__file__!r})",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of a notebook after `jupyter execute`, and its outputs by the names of its cells."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(KERNELSPEC, home / "share" / "kernels" / "course-sandbox")
    folder = home / "work"
    folder.mkdir()
    (folder / "data.txt").write_text("seen")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "a.ipynb")
    command = [
        "execute",
        "--inplace",
        "--allow-errors",
        "--kernel_name=course-sandbox",
        "--timeout=120",
        "a.ipynb",
    ]
    subprocess.run(
        [sys.executable, "-m", "jupyter", *command],
        cwd=folder,
        env={**os.environ, "JUPYTER_PATH": str(home / "share")},
        check=True,
        capture_output=True,
        timeout=300,
    )
    notebook = nbformat.read(folder / "a.ipynb", as_version=4)
    return folder, dict(zip(CELLS, (cell.outputs for cell in notebook.cells)))


def test_it_runs_in_the_notebook_s_folder_and_changes_nothing_there(ran):
    folder, outputs = ran
    texts = [outputs[name][0]["text"].strip() for name in ("sum", "data", "new file")]
    assert texts == ["3", "seen", "written"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.ipynb", "data.txt"]


def test_pytorch_is_there_already(ran):
    assert ran[1]["warm"][0]["text"] == "True 1\n"


@pytest.mark.parametrize("attack", ["shadow", "fork", "network", "tests"])
def test_it_is_in_the_sandbox(ran, attack):
    assert ran[1][attack][0]["output_type"] == "error"
    assert ran[1][attack][0]["ename"] in ("PermissionError", "FileNotFoundError")
