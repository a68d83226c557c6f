"""What a student hands in: packed the same twice, missing things said, and whole when it is looked at later."""

import json
import sys
import types
import zipfile

import nbformat
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from course_utils.cli import main
from course_utils.colab import plain_tensors, save_artifact, submit
from course_utils.hand_in import HandInError, verify
from course_utils.topics import ROOT

KEY = "neurons"


@pytest.fixture
def folder(tmp_path):
    """A folder with the lab as it was handed out, and a trained net."""
    (tmp_path / f"{KEY}.ipynb").write_bytes((ROOT / "labs" / KEY / f"{KEY}.ipynb").read_bytes())
    save_artifact(KEY, {"w": torch.ones(2)}, "mini", tmp_path)
    return tmp_path


def test_the_same_work_gives_the_same_bytes_and_a_receipt_that_holds(folder, capsys):
    first = submit(KEY, folder).read_bytes()
    said = capsys.readouterr().out
    assert submit(KEY, folder).read_bytes() == first
    told, receipt = verify(folder / f"{KEY}.zip")
    assert f"Receipt: {receipt}" in said
    assert (told["key"], told["tier"]) == (KEY, "mini")
    assert set(told["files"]) == {f"{KEY}.ipynb", f"{KEY}.safetensors"}
    assert main(["receipt", str(folder / f"{KEY}.zip"), receipt]) == 0
    assert main(["receipt", str(folder / f"{KEY}.zip"), "0" * 16]) == 2


def test_what_is_missing_is_said_before_it_is_packed(folder, capsys):
    (folder / f"{KEY}.safetensors").unlink()
    submit(KEY, folder)
    said = capsys.readouterr().out
    assert (
        said.index("Missing: not written yet: ")
        < said.index("Missing: neurons.safetensors")
        < said.index("Packed")
    )
    solved = nbformat.read(folder / f"{KEY}.ipynb", as_version=4)
    for cell in solved.cells:
        cell.source = cell.source.replace("raise NotImplementedError", "return 1")
    nbformat.write(solved, folder / f"{KEY}.ipynb")
    submit(KEY, folder)
    assert "not written yet" not in capsys.readouterr().out


def test_an_archive_that_was_changed_is_found_out(folder):
    path = submit(KEY, folder)
    with zipfile.ZipFile(path) as book:
        held = {name: book.read(name) for name in book.namelist()}
    held[f"{KEY}.ipynb"] = held[f"{KEY}.ipynb"].replace(b"neuron", b"Neuron", 1)
    with zipfile.ZipFile(path, "w") as book:
        for name, data in held.items():
            book.writestr(name, data)
    with pytest.raises(HandInError, match=r"changed since it was packed: neurons\.ipynb"):
        verify(path)
    path.write_bytes(b"PK")
    assert main(["receipt", str(path)]) == 2


def test_without_a_notebook_it_says_in_words_what_to_do(tmp_path):
    with pytest.raises(HandInError, match=r"File, Download \.ipynb"):
        submit(KEY, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_under_a_copys_name_is_taken(folder, capsys):
    (folder / f"{KEY}.ipynb").rename(folder / f"Copy of {KEY}.ipynb")
    with zipfile.ZipFile(submit(KEY, folder)) as book:
        assert f"{KEY}.ipynb" in book.namelist()
    assert f"Copy of {KEY}.ipynb as it was saved" in capsys.readouterr().out


@pytest.fixture
def colab(monkeypatch):
    """Colab's module, whose page answers with what stands in `answer`; what it was asked to save is in `saved`."""
    asked = types.SimpleNamespace(answer={}, saved=[])
    message = types.ModuleType("google.colab._message")
    message.blocking_request = lambda kind, request, timeout_sec: asked.answer
    files = types.ModuleType("google.colab.files")
    files.download = asked.saved.append
    place = types.ModuleType("google.colab")
    place._message, place.files = message, files
    for name, module in (
        ("google.colab", place),
        ("google.colab._message", message),
        ("google.colab.files", files),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    return asked


def test_on_colab_the_page_is_asked_and_the_browser_saves_the_archive(tmp_path, colab):
    notebook = json.loads((ROOT / "labs" / KEY / f"{KEY}.ipynb").read_text())
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "first run"}]
    colab.answer = {"ipynb": notebook}
    path = submit(KEY, tmp_path)
    first = path.read_bytes()
    colab.answer = {"ipynb": json.loads(json.dumps(notebook).replace("first run", "second run"))}
    assert submit(KEY, tmp_path).read_bytes() == first
    assert colab.saved == [str(path)] * 2
    with zipfile.ZipFile(path) as book:
        held = nbformat.reads(book.read(f"{KEY}.ipynb").decode(), as_version=4)
    nbformat.validate(held)
    assert [cell.source for cell in held.cells] == ["".join(cell["source"]) for cell in notebook["cells"]]


def test_where_colab_does_not_answer_the_words_help(tmp_path, colab):
    colab.answer = None
    with pytest.raises(HandInError, match=r"File, Download \.ipynb"):
        submit(KEY, tmp_path)


def test_a_net_in_wrappers_is_saved_under_its_plain_names(tmp_path):
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    plain = set(net.state_dict())
    compiled = torch.compile(net, backend="eager")
    assert set(compiled.state_dict()) != plain  # what it would be saved as otherwise
    inner = nn.Sequential(torch.compile(net[0], backend="eager"), net[1], net[2])
    wrapped = (compiled, inner, nn.DataParallel(net), torch.compile(nn.DataParallel(net), backend="eager"))
    averaged = torch.optim.swa_utils.AveragedModel(net)
    for one in (*wrapped, averaged, compiled.state_dict()):
        assert set(plain_tensors(one)) == plain
    path = save_artifact(KEY, compiled, "mini", tmp_path)
    for name, tensor in load_file(path).items():
        assert torch.equal(tensor, net.state_dict()[name])
