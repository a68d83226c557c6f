"""Reading what was handed in: only cells survive, and whatever is wrong is said in one line."""

import json
import os

import pytest
import torch
from safetensors.torch import save

from course_utils.checks.failure import CheckFailed
from course_utils.grading.engine import notebook as notebook_module
from course_utils.grading.engine.artifact import read_artifact
from course_utils.grading.engine.notebook import STRING
from course_utils.grading.engine.submission import NotANotebook, SubmissionError, read_submission
from course_utils.grading.sandbox.limits import Limits


def notebook(cells):
    return json.dumps({"cells": cells, "metadata": {"secret": 1}, "nbformat": 4, "nbformat_minor": 5})


def code(source, name="", **metadata):
    marks = {"nbgrader": {"grade_id": name}} if name else {}
    return {"cell_type": "code", "source": source, "metadata": {**marks, **metadata}, "outputs": [{"x": 1}]}


def hand_in(folder, text, name="toy.ipynb"):
    (folder / name).write_text(text)
    return folder


def test_only_kind_name_source_and_what_it_trains_survive(tmp_path):
    tagged = code(["a\n", "b"], "one", tags=["skip-execution"], course={"trains": "toy"})
    cells = [tagged, {"cell_type": "markdown", "source": "prose"}]
    submission = read_submission(hand_in(tmp_path, notebook(cells)), "toy")
    assert [tuple(cell) for cell in submission.cells] == [
        (True, "one", "a\nb", "toy", (), ""),
        (False, "", "prose", "", (), ""),
    ]


def test_of_attachments_only_pictures_survive_and_a_few_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook_module, "ATTACHED", 8)
    pasted = {f"{n}.png": {"image/png": "iVBOR", "text/html": "<b>"} for n in range(9)}
    odd = {"a": 3, "b": {"image/png": 3}, "c": {"image/jpeg": "x" * 9}, "d": {"image/svg+xml": "<svg>"}}
    cells = [
        {"cell_type": "markdown", "source": "x", "attachments": told} for told in (pasted, odd, [1], None)
    ] + [code("1", attachments=pasted)]
    read = read_submission(hand_in(tmp_path, notebook(cells)), "toy").cells
    assert read[0].attachments == tuple((f"{n}.png", "image/png", "iVBOR") for n in range(3))
    assert [cell.attachments for cell in read[1:]] == [()] * 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        ("<!DOCTYPE html>\n<html><body>{}</body></html>", "a web page"),
        ('{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> other\n}', "a merge conflict"),
    ],
)
def test_what_is_no_notebook_is_named_for_what_it_looks_like(tmp_path, text, says):
    with pytest.raises(NotANotebook, match=says):
        read_submission(hand_in(tmp_path, text), "toy")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a notebook"),
        ("{", "not a notebook"),
        (notebook([code("x")])[:80], "cut off"),
        ("[]", "version 4"),
        ('{"cells": {}}', "version 4"),
        (notebook([]), "no cells"),
        (notebook([code("x")] * 5000), "5000 cells"),
        (notebook([3]), "no object"),
        (notebook([{"cell_type": "code", "source": 3}]), "no text"),
        (notebook([code("x" * 600_000)]), "longer"),
        ("[" * 100, "nested"),
        ('{"a":' * 100, "nested"),
        ("\x00\x01", "not a notebook"),
        ('{"cells": [NaN]}', "no object"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, says):
    with pytest.raises(SubmissionError, match=says) as caught:
        read_submission(hand_in(tmp_path, text), "toy")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_brackets_in_strings_are_no_nesting(tmp_path):
    assert read_submission(hand_in(tmp_path, notebook([code('"' + "[" * 1000 + '\\"{{')])), "toy").cells


def test_a_string_without_an_end_is_looked_through_once():
    assert STRING.findall(b'"' + rb"\"" * 20) == [b'"' + rb"\"" * 20]
    assert STRING.findall(b'"a\\') == [b'"a\\']
    assert STRING.findall(rb'"a\"[" [ "\\" {') == [rb'"a\"["', rb'"\\"']


def test_links_pipes_and_large_files_are_refused(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(notebook([code("1")]))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "toy.ipynb").symlink_to(secret)
    with pytest.raises(SubmissionError, match="link"):
        read_submission(tmp_path / "a", "toy")
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / "toy.ipynb")
    with pytest.raises(SubmissionError, match="not a regular file"):
        read_submission(tmp_path / "b", "toy")
    (tmp_path / "c" / "toy.ipynb").mkdir(parents=True)
    with pytest.raises(SubmissionError, match="not a regular file"):
        read_submission(tmp_path / "c", "toy")
    with pytest.raises(SubmissionError, match="MB"):
        read_submission(secret, "toy", Limits(notebook=10))
    (tmp_path / "d").mkdir()
    with pytest.raises(SubmissionError, match=r"toy\.ipynb is not in the submission"):
        read_submission(tmp_path / "d", "toy")
    assert issubclass(NotANotebook, SubmissionError)


def test_the_digest_is_of_all_that_counts(tmp_path):
    first = read_submission(hand_in(tmp_path, notebook([code("1")])), "toy")
    assert read_submission(tmp_path, "toy").digest == first.digest
    (tmp_path / "toy.safetensors").write_bytes(save({"w": torch.ones(2)}))
    second = read_submission(tmp_path, "toy")
    assert second.digest != first.digest
    assert torch.equal(second.artifact("toy")["w"], torch.ones(2))
    assert second.artifact("other") is None


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.bool, torch.uint8]
)
def test_artifacts_are_read_as_safetensors_reads_them(dtype):
    tensors = {
        "a": torch.randn(2, 3).to(dtype),
        "c": torch.ones(()).to(dtype),
    }
    got = read_artifact("toy", save(tensors, {"tier": "full"}))
    assert got.tier == "full"
    assert got.keys() == tensors.keys()
    assert all(torch.equal(got[name], tensors[name]) and got[name].dtype == dtype for name in tensors)


def file(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04pickle",
        (1 << 10).to_bytes(8, "little"),
        file(b"[]"),
        file(b"{"),
        file({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}),
        file({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"abcd"),
        file({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"abcd"),
        file({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"abcd"),
        file({"w": {"dtype": "F32", "shape": [1 << 20], "data_offsets": [0, 4]}}, b"abcd"),
        file({"w": {"dtype": "PICKLE", "shape": [1], "data_offsets": [0, 4]}}, b"abcd"),
        file({"w": 3}),
        file({"__metadata__": 3}),
        file({f"w{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(2000)}),
        file({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\x00\x00\xc0\x7f"),
        file({"w": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]}}),
        file({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"}, bytes(4)),
        file({"w": {"dtype": "F8_E5M2", "shape": [4], "data_offsets": [0, 4]}}, bytes(4)),
        file({"w": {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}}, bytes(4)),
        file({"w\x1b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    ],
)
def test_broken_artifacts_are_refused(data):
    with pytest.raises(CheckFailed, match=r"toy\.safetensors"):
        read_artifact("toy", data)
