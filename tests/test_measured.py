"""Chapters take what was kept for them by name, and are told how to make what is missing."""

import json
from types import SimpleNamespace

import pytest
import torch

from benchmarks import pictures
from course_utils import measured


def test_an_experiment_is_read_by_name_and_a_missing_one_says_how_to_run_it(tmp_path):
    runs = {"plain 1": [{"right": 0.5}]}
    (tmp_path / "chapters.json").write_text(json.dumps({"depths": runs}))
    assert measured.experiment("depths", tmp_path / "chapters.json") == runs
    with pytest.raises(KeyError, match=r"python -m benchmarks\.chapters adding"):
        measured.experiment("adding", tmp_path / "chapters.json")


def test_what_chapters_say_about_learning_was_seen_from_three_seeds():
    kept = json.loads(measured.EXPERIMENTS.read_text(encoding="utf-8"))
    assert {"adding", "depths", "looking_back"} <= set(kept)
    for name in kept:
        for kind, runs in measured.experiment(name).items():
            assert len(runs) >= 3, (name, kind)


def test_a_picture_is_kept_with_its_facts_and_a_missing_one_says_how_to_make_it(tmp_path):
    grey = torch.arange(12).view(1, 3, 4) / 255
    kept = {"steps": {"licence": "our own", "picture": pictures.packed(grey)}}
    (tmp_path / "pictures.json").write_text(json.dumps(kept))
    pixels, facts = measured.picture("steps", tmp_path / "pictures.json")
    assert pixels.tolist() == torch.arange(12).view(3, 4).tolist()
    assert facts == {"licence": "our own"}
    with pytest.raises(KeyError, match=r"python -m benchmarks\.pictures misread"):
        measured.picture("misread", tmp_path / "pictures.json")


def test_every_picture_is_kept_and_says_whose_it_is():
    for name in pictures.THINGS:
        pixels, facts = measured.picture(name)
        assert pixels.dtype == "uint8", name
        assert any(word in facts["licence"] for word in ("CC BY", "MNIST")), name


def test_one_seed_is_no_plural():
    assert measured.seeds(SimpleNamespace(values=[0.5])) == "one seed"
    assert measured.seeds(SimpleNamespace(values=[0.5, 0.6, 0.7])) == "3 seeds"
