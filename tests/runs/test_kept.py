"""What passed is run again once something that it depends on has changed, and not before."""

import errno
import shutil

import pytest

from course_utils.topics import ROOT
from tests.runs import __main__ as runs
from tests.runs import kept
from tests.runs.kept import WAYS, content_hash, keep, passed

# A file, what changes in it, and the ways of running `transfer` that it decides.
CHANGES = {
    "what labs import": ("course_utils/data/figures.py", "\nchanged = True\n", {*WAYS}),
    "a check's comparison": (
        "course_utils/checks/comparisons.py",
        "\nchanged = True\n",
        {"notebook", "lab on a GPU"},
    ),
    "the reference's net": ("solutions/transfer/reference.safetensors", " ", {*WAYS}),
    "what trains": ("course_utils/training/worker.py", "\nchanged = True\n", {"reference on a GPU"}),
    "the small data": ("tests/gpu/small.py", "\nchanged = True\n", {*WAYS} - {"notebook"}),
    "the emulated device": ("tests/gpu/guard.cpp", "//", {*WAYS} - {"notebook"}),
    "how notebooks are run": ("tests/runs/ways.py", "\nchanged = True\n", {*WAYS}),
    "a comment": ("course_utils/data/figures.py", "\n# changed\n", set()),
    "another topic": ("solutions/neurons/reference.py", "\nchanged = True\n", set()),
    "the engine": ("course_utils/grading/engine/runner.py", "\nchanged = True\n", set()),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for name in ("course_utils", "solutions", "tests/gpu", "tests/labs", "tests/runs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    return root


@pytest.fixture(scope="module")
def before(copy):
    return {way: content_hash("transfer", way, copy) for way in WAYS}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_hangs_on_what_it_depends_on(copy, before, change):
    name, more, ways = CHANGES[change]
    path = copy / name
    was = path.read_bytes()
    path.write_bytes(was + more.encode())
    try:
        changed = {way for way in WAYS if content_hash("transfer", way, copy) != before[way]}
    finally:
        path.write_bytes(was)
    assert changed == ways


def test_a_reference_s_experiments_decide_its_own_run(copy):
    path = copy / "solutions" / "attention" / "experiments.py"
    before = {way: content_hash("attention", way, copy) for way in WAYS}
    path.write_text(path.read_text() + "\nchanged = True\n")
    changed = {way for way in WAYS if content_hash("attention", way, copy) != before[way]}
    assert changed == {"lab on a GPU", "reference on a GPU"}


def test_an_answer_of_the_notebook_decides(monkeypatch, copy, before):
    first = kept.filled

    def other(key, changed):
        notebook = first(key, changed)
        next(cell for cell in notebook.cells if cell.cell_type == "code").source += "\n1 + 1"
        return notebook

    monkeypatch.setattr(kept, "filled", other)
    changed = {way for way in WAYS if content_hash("transfer", way, copy) != before[way]}
    assert changed == {"notebook", "lab on a GPU"}


def test_what_is_kept_is_read_back_and_what_is_not_in_order_says_nothing(tmp_path):
    folder = tmp_path / "solutions" / "neurons"
    folder.mkdir(parents=True)
    assert passed("neurons", tmp_path) == {}
    keep("neurons", "reference on a GPU", "a", tmp_path)
    keep("neurons", "notebook", "b", tmp_path)
    assert passed("neurons", tmp_path) == {"notebook": "b", "reference on a GPU": "a"}
    assert [path.name for path in folder.iterdir()] == [kept.FILE]
    for text in ("", "[]", "{", "7"):
        (folder / kept.FILE).write_text(text)
        assert passed("neurons", tmp_path) == {}


@pytest.fixture
def commanded(monkeypatch):
    """What the command keeps where its runs are told to pass or fail, by way; nothing is run and nothing written."""
    wrote: list[tuple[str, str]] = []
    told: dict[str, list[str]] = {way: [] for way in WAYS}
    monkeypatch.setattr(
        runs, "_calls", lambda folder, ways: {way: lambda key, way=way: told[way] for way in WAYS}
    )
    monkeypatch.setattr(runs, "keep", lambda key, way, content: content and wrote.append((key, way)))
    monkeypatch.setattr(runs, "passed", lambda key: {})
    return told, wrote


def test_a_run_that_failed_is_said_and_not_kept_and_the_others_are(commanded, capsys):
    told, wrote = commanded
    told["notebook"] = ["cell 7: no such name", "cell 8: the same"]
    assert runs.main(["neurons"]) == 1
    said = capsys.readouterr()
    assert "neurons, notebook: FAILED" in said.out
    assert "  cell 7: no such name\n  cell 8: the same\n" in said.out
    assert "1 of 3 runs failed" in said.err
    assert sorted(wrote) == [("neurons", "lab on a GPU"), ("neurons", "reference on a GPU")]


def test_what_passed_is_not_run_again_but_where_it_is_drawn(commanded, monkeypatch, capsys):
    _, wrote = commanded
    monkeypatch.setattr(runs, "passed", lambda key: {way: content_hash(key, way) for way in WAYS})
    assert runs.main(["neurons", "transfer"]) == 0
    assert not wrote
    assert runs.main(["neurons", "transfer", "--drawn"]) == 0
    assert sorted({key for key, _ in wrote}) == ["neurons", "transfer"]
    assert "drawn for" in capsys.readouterr().out


def test_a_full_disk_is_one_line(commanded, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "runs.json")

    monkeypatch.setattr(runs, "keep", full)
    assert runs.main(["neurons"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "No space left on device: 'runs.json'" in line


def test_a_kept_run_that_fails_when_it_is_drawn_is_due_again(commanded, monkeypatch):
    told, _ = commanded
    told["notebook"] = ["cell 7: no such name"]
    now = {way: content_hash("neurons", way) for way in WAYS}
    monkeypatch.setattr(runs, "passed", lambda key: now)
    monkeypatch.setattr(runs, "keep", lambda key, way, content: now.update({way: content}))
    assert runs.due(("neurons",), again=False) == []
    assert runs.main(["neurons", "--drawn"]) == 1
    assert [way for _, way, _ in runs.due(("neurons",), again=False)] == ["notebook"]


def test_what_an_earlier_run_saved_is_gone(monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks" / "neurons-reference").mkdir(parents=True)
    (tmp_path / "notebooks" / "neurons-reference" / "net.safetensors").touch()
    runs._calls(tmp_path, {"notebook"})
    assert not (tmp_path / "notebooks").exists()


def test_a_key_that_is_none_is_one_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        runs.main(["neuron"])
    assert "no such topic: neuron" in capsys.readouterr().err


def test_without_a_compiler_the_reason_is_printed_and_notebooks_are_run(commanded, monkeypatch, capsys):
    _, wrote = commanded
    monkeypatch.setattr(runs, "missing", lambda: "no C++ compiler (g++)")
    assert runs.main(["neurons"]) == 0
    assert "not run on an emulated GPU: no C++ compiler" in capsys.readouterr().out
    assert wrote == [("neurons", "notebook")]
