"""A cell that trains what was handed in is not run again; where nothing was handed in, it is."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save

from course_utils.grading import Limits, Warm, grade
from course_utils.grading.engine.plan import plan
from course_utils.grading.engine.submission import StudentCell, read_submission
from course_utils.grading.gradebook.marked_notebook import marked_notebook
from course_utils.labs.lab import Cell, Lab, to_notebook

TRAIN = """\
from safetensors.torch import save_file
import torch
net = {"w": torch.zeros(3)}
save_file(net, "toy.safetensors")"""
JUDGE = "from course_utils.checks import student\n2 * float(student.artifact('toy')['w'].mean())"
LAB = Lab(
    "toy",
    (
        Cell("solution", "def f(x):\n    return x", "f"),
        Cell("code", TRAIN, trains="toy"),
        Cell("code", "print(net['w'].sum())", trains="toy"),
        Cell("test", JUDGE, "judged", 2),
        Cell("code", "print('after')"),
    ),
)
ONES = save({"w": torch.ones(3)}, metadata={"tier": "mini"})


@dataclass
class Room:
    folder: object
    warm: Warm

    def verdict(self, artifact=None, change=None):
        nodes = json.loads(json.dumps(to_notebook("toy", LAB.cells)))
        if change:
            change(nodes["cells"])
        (self.folder / "toy.ipynb").write_text(json.dumps(nodes))
        if artifact is not None:
            (self.folder / "toy.safetensors").write_bytes(artifact)
        return grade(LAB, self.folder, Limits(cell_seconds=5, total_seconds=30), self.warm)


@pytest.fixture
def room(tmp_path, warm):
    return Room(tmp_path, warm)


def test_without_the_artifact_it_is_trained_in_the_sandbox(room):
    verdict = room.verdict()
    assert [cell.status for cell in verdict.cells] == ["ok"] * 4
    assert verdict.points == 0  # the cell's own zeros


def test_with_the_artifact_training_is_not_run_again_and_the_file_is_judged(room):
    verdict = room.verdict(ONES)
    assert [cell.status for cell in verdict.cells] == ["ok", "not run", "not run", "ok"]
    assert verdict.points == 2
    assert verdict.cells[1].outputs == (("text", "not run again: toy.safetensors was handed in"),)


def test_an_artifact_that_cannot_be_read_trains_and_says_so(room):
    verdict = room.verdict(b"no safetensors")
    assert "not run" not in [cell.status for cell in verdict.cells]
    assert verdict.points == 0
    assert "is not in order" in verdict.checks[0].message


def test_a_notebook_whose_metadata_was_lost_is_known_by_its_text(room):
    def strip(cells):
        for cell in cells:
            cell["metadata"].pop("course", None)

    assert [c.status for c in room.verdict(ONES, strip).cells] == ["ok", "not run", "not run", "ok"]


def test_a_changed_training_cell_is_known_by_its_metadata(room):
    def longer(cells):
        cells[1]["source"] = "while True: pass  # trained for longer"

    assert room.verdict(ONES, longer).cells[1].status == "not run"


def test_a_tag_on_a_solution_or_for_another_file_changes_nothing(room):
    def tag(cells):
        cells[0]["metadata"]["course"] = {"trains": "toy"}
        cells[4]["metadata"]["course"] = {"trains": "other"}

    verdict = room.verdict(ONES, tag)
    assert [cell.status for cell in verdict.cells] == ["ok", "not run", "not run", "ok"]


def test_a_check_is_run_whatever_its_tag():
    submitted = (StudentCell(True, "judged", JUDGE, "toy"),)
    assert [step.kind for step in plan(LAB.cells, submitted, frozenset({"toy"}))[0]] == ["check"]


def test_the_marked_notebook_says_it_in_place_of_the_outputs(room):
    verdict = room.verdict(ONES)
    notebook = marked_notebook(LAB, read_submission(room.folder, "toy"), verdict)
    trained = next(cell for cell in notebook.cells if cell.source == TRAIN)
    assert [(out.output_type, out.data["text/plain"]) for out in trained.outputs] == [
        ("display_data", "not run again: toy.safetensors was handed in")
    ]
