"""The page for teachers shows what was measured, missed targets included, and says where nothing was."""

import json
from types import SimpleNamespace

import pytest
import torch

from benchmarks import pictures
from course_utils import measured

ENGINE = {
    "key": "convolution",
    "cores": 2,
    "load": [0.1, 2.0],
    "date": "2026-01-02",
    "rows": {
        "stock nbgrader": {"submissions": 8, "seconds": 8.0, "cpu": 9.0},
        "engine": {"submissions": 40, "seconds": 0.5, "cpu": 1.0},
        "floor": {"submissions": 40, "seconds": 0.4, "cpu": 0.8},
    },
}


def written(folder, name, facts):
    (folder / f"{name}.json").write_text(json.dumps(facts))
    return folder


def test_speed_says_ratios_and_whether_the_aims_are_met(tmp_path):
    text = measured.speed(written(tmp_path, "engine", ENGINE))
    text = text.replace("\n", " ")
    assert "16.0 times as many submissions a minute as stock nbgrader (the aim is at least 12)" in text
    assert "1.25 times as long as the floor (the aim is at most 1.3)" in text
    assert "9.0 times less than" in text


def test_a_missed_aim_is_said_and_cpu_is_left_out_where_it_was_not_counted(tmp_path):
    slow = json.loads(json.dumps(ENGINE))
    slow["rows"]["engine"] = {"submissions": 40, "seconds": 1.0, "cpu": float("nan")}
    text = measured.speed(written(tmp_path, "engine", slow))
    assert "the aim of at least 12 is missed" in text
    assert "the aim of at most 1.3 is missed" in text
    assert "By CPU time" not in text


def test_attacks_are_counted_and_those_that_got_through_are_named(tmp_path):
    assert measured.attacks(written(tmp_path, "attacks", {"a patch": True, "a link": True})) == (
        "Of 2 attacks 2 gained nothing and did no harm."
    )
    text = measured.attacks(written(tmp_path, "attacks", {"a patch": True, "a link": False}))
    assert text == "Of 2 attacks 1 gained nothing and did no harm. **Got through: a link.**"


def test_a_class_of_each_size_has_a_row(tmp_path):
    rows = [{"submissions": n, "wall": n / 2, "each": 0.5, "cpu": 0.4, "memory": 150.0} for n in (10, 1000)]
    text = measured.class_size(written(tmp_path, "class_size", ENGINE | {"rows": rows}))
    assert "| 1000 | 500 | 0.50 | 0.40 | 150 |" in text


@pytest.mark.parametrize("name", ["speed", "class_size", "attacks"])
def test_what_is_not_measured_says_how_to(tmp_path, name):
    assert "python -m benchmarks." in getattr(measured, name)(tmp_path)


def test_an_experiment_is_read_by_name_and_a_missing_one_says_how_to_run_it(tmp_path):
    runs = {"plain 1": [{"right": 0.5}]}
    written(tmp_path, "chapters", {"depths": runs})
    assert measured.experiment("depths", tmp_path) == runs
    with pytest.raises(KeyError, match=r"python -m benchmarks\.chapters adding"):
        measured.experiment("adding", tmp_path)


def test_what_chapters_say_about_learning_was_seen_from_three_seeds():
    kept = json.loads((measured.FOLDER / "chapters.json").read_text(encoding="utf-8"))
    assert {"adding", "depths", "looking_back"} <= set(kept)
    for name in kept:
        for kind, runs in measured.experiment(name).items():
            assert len(runs) >= 3, (name, kind)


def test_a_picture_is_kept_with_its_facts_and_a_missing_one_says_how_to_make_it(tmp_path):
    grey = torch.arange(12).view(1, 3, 4) / 255
    written(tmp_path, "pictures", {"steps": {"licence": "our own", "picture": pictures.packed(grey)}})
    pixels, facts = measured.picture("steps", tmp_path)
    assert pixels.tolist() == torch.arange(12).view(3, 4).tolist()
    assert facts == {"licence": "our own"}
    with pytest.raises(KeyError, match=r"python -m benchmarks\.pictures misread"):
        measured.picture("misread", tmp_path)


def test_every_picture_is_kept_and_says_whose_it_is():
    for name in pictures.THINGS:
        pixels, facts = measured.picture(name)
        assert pixels.dtype == "uint8", name
        assert any(word in facts["licence"] for word in ("CC BY", "MNIST")), name


def test_a_gpus_seconds_are_added_up_and_judged(tmp_path):
    row = {
        "steps": 10,
        "operations": 500,
        "flops": 2e12,
        "bytes": 3e9,
        "alone": 90,
        "waits": 0,
        "seconds": 240,
        "bound": "bytes",
    }
    rates = {"launch": 9e-6, "kernel": 4e-6, "bf16": 250e12, "tf32": 120e12, "bandwidth": 3e12}
    facts = {"date": "2026-11-28", "rates": rates, "rows": {"depth": row, "waveforms": row, "flows": row}}
    (tmp_path / "gpu.json").write_text(json.dumps(facts))
    text = measured.gpu(tmp_path)
    assert "| depth | 10 | 50 | 0 | 200.0 | 0.30 | 90 | 240 | bytes |" in text
    assert "nine oldest topics come to 480 GPU-seconds (the aim is at most 600), of all 3 to 720" in text
    assert "for each of the others, at most 120, is missed by `flows` (240)." in text
    assert "Before" not in text
    old = {"operations": 70, "waits": 1, "flops": 4e11, "seconds": 315}
    (tmp_path / "gpu_before.json").write_text(json.dumps({"commit": "90b0f7a", "rows": {"depth": old}}))
    text = measured.gpu(tmp_path)
    assert "| depth | 70 → 50 | 1 → 0 | 400.0 → 200.0 | 315 → 240 |" in text
    assert "of commit `90b0f7a`, 315 GPU-seconds in all against 240" in text
    assert "python -m benchmarks.gpu" in measured.gpu(tmp_path / "nowhere")


def test_one_seed_is_no_plural():
    assert measured.seeds(SimpleNamespace(values=[0.5])) == "one seed"
    assert measured.seeds(SimpleNamespace(values=[0.5, 0.6, 0.7])) == "3 seeds"
