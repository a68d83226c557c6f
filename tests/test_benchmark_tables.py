"""The page for teachers shows what was measured, missed targets included, and says where nothing was."""

import json

import pytest

from course_utils import benchmark_tables

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
    text = benchmark_tables.speed(written(tmp_path, "engine", ENGINE))
    text = text.replace("\n", " ")
    assert "16.0 times as many submissions a minute as stock nbgrader (the aim is at least 12)" in text
    assert "1.25 times as long as the floor (the aim is at most 1.3)" in text
    assert "9.0 times less than" in text


def test_a_missed_aim_is_said_and_cpu_is_left_out_where_it_was_not_counted(tmp_path):
    slow = json.loads(json.dumps(ENGINE))
    slow["rows"]["engine"] = {"submissions": 40, "seconds": 1.0, "cpu": float("nan")}
    text = benchmark_tables.speed(written(tmp_path, "engine", slow))
    assert "the aim of at least 12 is missed" in text
    assert "the aim of at most 1.3 is missed" in text
    assert "By CPU time" not in text


def test_attacks_are_counted_and_those_that_got_through_are_named(tmp_path):
    assert benchmark_tables.attacks(written(tmp_path, "attacks", {"a patch": True, "a link": True})) == (
        "Of 2 attacks 2 gained nothing and did no harm."
    )
    text = benchmark_tables.attacks(written(tmp_path, "attacks", {"a patch": True, "a link": False}))
    assert text == "Of 2 attacks 1 gained nothing and did no harm. **Got through: a link.**"


def test_a_class_of_each_size_has_a_row(tmp_path):
    same = {"each": 0.5, "cpu": 0.4, "memory": 150.0, "worker_peak": 320.0}
    rows = [{"submissions": n, "wall": n / 2} | same for n in (10, 1000)]
    text = benchmark_tables.class_size(written(tmp_path, "class_size", ENGINE | {"rows": rows}))
    assert "| 1000 | 500.0 | 0.50 | 0.40 | 150 | 320 |" in text


@pytest.mark.parametrize("name", ["speed", "class_size", "attacks"])
def test_what_is_not_measured_says_how_to(tmp_path, name):
    assert "python -m benchmarks." in getattr(benchmark_tables, name)(tmp_path)


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
    text = benchmark_tables.gpu(tmp_path)
    assert "| depth | 10 | 50 | 0 | 200.0 | 0.30 | 90 | 240 | bytes |" in text
    assert "nine oldest topics come to 480 GPU-seconds (the aim is at most 600), of all 3 to 720" in text
    assert "for each of the others, at most 120, is missed by `flows` (240)." in text
    assert "Before" not in text
    old = {"operations": 70, "waits": 1, "flops": 4e11, "seconds": 315}
    (tmp_path / "gpu_before.json").write_text(json.dumps({"commit": "90b0f7a", "rows": {"depth": old}}))
    text = benchmark_tables.gpu(tmp_path)
    assert "| depth | 70 → 50 | 1 → 0 | 400.0 → 200.0 | 315 → 240 |" in text
    assert "of commit `90b0f7a`, 315 GPU-seconds in all against 240" in text
    assert "python -m benchmarks.gpu" in benchmark_tables.gpu(tmp_path / "nowhere")


def test_what_the_page_says_of_memory_is_what_was_measured():
    """Beside the table stands that the command's memory hardly grows with a class, and a worker's not at all."""
    rows = json.loads((benchmark_tables.FOLDER / "class_size.json").read_text(encoding="utf-8"))["rows"]
    small, large = rows[0], rows[-1]
    assert large["submissions"] >= 100 * small["submissions"]
    assert large["memory"] < 1.25 * small["memory"]
    assert large["worker_peak"] < 1.01 * small["worker_peak"]
