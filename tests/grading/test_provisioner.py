"""Stock Jupyter clients get kernels forked from the warm process, inside the sandbox."""

import asyncio
import shutil

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from course_utils.grading.provisioner import KERNELSPEC

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture()
def run(tmp_path):
    """Run cells as a notebook in `tmp_path / work`; the outputs' texts."""
    shutil.copytree(KERNELSPEC, tmp_path / "kernels" / "course-sandbox")
    specs = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")], ensure_native_kernel=False)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "data.txt").write_text("seen")

    def execute(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        manager = AsyncKernelManager(kernel_name="course-sandbox", kernel_spec_manager=specs)
        NotebookClient(
            notebook, km=manager, timeout=60, resources={"metadata": {"path": str(folder)}}
        ).execute()
        return [output.get("text", "").strip() for cell in notebook.cells for output in cell.outputs]

    execute.folder = folder
    return execute


def test_a_notebook_runs_in_its_folder_and_changes_nothing_there(run):
    assert run(
        "x = 2", "print(x + 1)", "print(open('data.txt').read())", "open('new.txt', 'w').write('y');"
    ) == ["3", "seen"]
    assert (run.folder / "data.txt").read_text() == "seen"
    assert [path.name for path in run.folder.iterdir()] == ["data.txt"]


@pytest.mark.parametrize(
    "attack",
    ["open('/etc/shadow')", "import os; os.fork()", "import socket; socket.socket()", f"open({__file__!r})"],
)
def test_it_is_in_the_sandbox(run, attack):
    with pytest.raises(CellExecutionError, match="Error"):
        run(attack)


def test_pytorch_is_there_already(run):
    (warm,) = run("import sys; print('torch' in sys.modules and sys.modules['torch'].get_num_threads())")
    assert warm == "1"
