"""More seeds for a record that stands: its own are kept, the rest is trained."""

from dataclasses import replace

import pytest
import torch

from course_utils.training import records, reference_tensors
from course_utils.training.commands import train
from course_utils.training.record import write
from tests.training.test_commands import arguments


@pytest.fixture
def trained(monkeypatch):
    """The seeds that are really trained, as they begin."""
    begun = []

    def noted(tasks, *rest):
        begun.extend(task.seed for task in tasks if not task.experiments)
        return work(tasks, *rest)

    from course_utils.training.worker import work

    monkeypatch.setattr("course_utils.training.commands.work", noted)
    return begun


def asked(root, *words):
    return train(["line"], arguments("--jobs", "1", *words), root)


def test_one_seed_more_leaves_those_of_the_record(course, trained, capsys):
    root = course()
    assert asked(root, "--seeds", "2") == 0
    before, net = records("line", root)["mini"], reference_tensors("line", "mini", root)
    assert asked(root, "--seeds", "3") == 0
    after = records("line", root)["mini"]
    assert trained == [0, 1, 2]  # nothing twice
    assert after.seeds == [0, 1, 2]
    assert after.values[:2] == before.values
    assert (after.baseline, after.curve, after.flops) == (before.baseline, before.curve, before.flops)
    kept = reference_tensors("line", "mini", root)
    assert all(torch.equal(kept[name], tensor) for name, tensor in net.items())
    assert "the seeds that its record has are kept" in capsys.readouterr().out


def test_the_third_seed_is_what_it_would_have_been(course):
    root = course()
    assert asked(root, "--seeds", "3") == 0
    at_once = records("line", root)["mini"].values
    assert asked(root, "--seeds", "1", "--fresh") == 0
    assert asked(root, "--seeds", "3") == 0
    assert records("line", root)["mini"].values == at_once


def test_what_was_measured_beside_the_same_net_stays(course):
    root = course()
    assert asked(root, "--seeds", "1") == 0
    entry = records("line", root)["mini"]
    beside = replace(entry, experiments={"slope": 2.0}, experiments_from={"code": "c"})
    write(beside, reference_tensors("line", "mini", root), root)
    assert asked(root, "--seeds", "2") == 0
    assert records("line", root)["mini"].experiments == {"slope": 2.0}
    assert (
        asked(root, "--seeds", "3", "--fresh") == 0
    )  # the same net once more, and what was measured with it
    assert records("line", root)["mini"].experiments == {"slope": 2.0}
    course(rate="0.1")
    assert asked(root, "--seeds", "3") == 0
    assert records("line", root)["mini"].experiments == {}


@pytest.mark.parametrize("changed", ["code", "data", "device", "fresh"])
def test_another_record_is_trained_anew(course, trained, changed):
    root = course()
    assert asked(root, "--seeds", "1") == 0
    entry = records("line", root)["mini"]
    if changed == "code":
        course(rate="0.1")
    if changed == "data":
        write(replace(entry, data_sha256={"points": "0" * 64}), reference_tensors("line", "mini", root), root)
    if changed == "device":
        write(replace(entry, is_gpu=True), reference_tensors("line", "mini", root), root)
    assert asked(root, "--seeds", "2", *(["--fresh"] if changed == "fresh" else [])) == 0
    assert trained == [0, 0, 1]


def test_as_many_seeds_as_it_has_are_trained_anew(course, trained):
    root = course()
    assert asked(root, "--seeds", "2") == asked(root, "--seeds", "2") == 0
    assert trained == [0, 1, 0, 1]
