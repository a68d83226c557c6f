"""Records: written, read, found stale; and the points that a value earns against them."""

import json
import math
from dataclasses import replace

import pytest
import torch

from course_utils.training import (
    MINI_SHARE,
    Paper,
    Record,
    RecordError,
    points,
    record,
    records,
    reference_tensors,
)
from course_utils.training.record import write
from course_utils.training.reference import code_hash
from course_utils.training.report import state, table

ENTRY = Record(
    key="line",
    tier="mini",
    metric="test accuracy",
    definition="share of right answers",
    system="a line",
    higher_is_better=True,
    data="points",
    data_sha256={"points": "0"},
    seeds=[0, 1, 2],
    values=[0.88, 0.90, 0.92],
    baseline=0.5,
    paper=None,
    target=None,
    curve={"loss": [[1, 2.5], [3, 1e-7]]},
    parameters=2,
    flops=100,
    minutes=0.1,
    memory=1_000_000,
    device="CPU",
    is_gpu=False,
    t4_minutes=None,
    versions={"torch": "2"},
    code="c",
    commit="abc",
    date="2026-01-01",
)
FULL = replace(ENTRY, tier="full", values=[0.99], paper=Paper(0.995, "lecun1998"), target=0.98, is_gpu=True)


def test_mean_spread_and_band_by_hand():
    assert ENTRY.value == pytest.approx(0.9)
    assert ENTRY.std == pytest.approx(0.02)
    assert ENTRY.band == pytest.approx(0.86)
    lower = replace(ENTRY, higher_is_better=False)
    assert lower.band == pytest.approx(0.94)
    assert FULL.std == 0
    assert (FULL.met, ENTRY.met, replace(FULL, target=0.999).met) == (True, None, False)


@pytest.mark.parametrize(
    ("value", "share"), [(0.4, 0), (0.5, 0), (0.67, 0.5), (0.84, 1), (1.0, 1), (math.nan, 0), (math.inf, 0)]
)
def test_points_grow_from_baseline_to_band(value, share, tmp_path):
    assert points(ENTRY, value, 10, tmp_path) == pytest.approx(10 * share)


def test_seeds_that_agree_by_chance_leave_room_for_a_students_net(tmp_path):
    entry = replace(ENTRY, values=[0.9, 0.9, 0.9])  # no spread at all
    assert points(entry, 0.84, 10, tmp_path) == pytest.approx(10)  # 0.9 - 0.15 * (0.9 - 0.5)
    assert points(entry, 0.83, 10, tmp_path) < 10


def test_points_where_less_is_better(tmp_path):
    entry = replace(ENTRY, higher_is_better=False, values=[1.0, 1.0], baseline=3.0)
    assert [points(entry, value, 4, tmp_path) for value in (3.5, 3.0, 2.15, 1.0, 0.0)] == pytest.approx(
        [0, 0, 2, 4, 4]
    )


def test_a_reference_no_better_than_its_baseline_gives_all_or_nothing(tmp_path):
    entry = replace(ENTRY, baseline=0.95)
    assert [points(entry, value, 4, tmp_path) for value in (0.8, 0.86, 0.99)] == [0, 4, 4]


def test_the_mini_tier_earns_a_share_once_there_is_a_full_record(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_COUNTS", raising=False)
    (tmp_path / "solutions/line").mkdir(parents=True)
    write(ENTRY, {"w": torch.zeros(2)}, tmp_path)
    assert points(ENTRY, 1.0, 10, tmp_path) == 10
    write(FULL, {"w": torch.ones(2)}, tmp_path)
    assert points(ENTRY, 1.0, 10, tmp_path) == 10 * MINI_SHARE
    assert points(FULL, 1.0, 10, tmp_path) == 10


def test_a_record_comes_back_and_tiers_do_not_touch_each_other(tmp_path):
    (tmp_path / "solutions/line").mkdir(parents=True)
    write(ENTRY, {"w": torch.zeros(2)}, tmp_path)
    write(FULL, {"w": torch.ones(3)}, tmp_path)
    assert records("line", tmp_path) == {"mini": ENTRY, "full": FULL}
    assert record("line", root=tmp_path) == FULL
    assert record("line", "mini", tmp_path) == ENTRY
    assert reference_tensors("line", "full", tmp_path)["w"].tolist() == [1, 1, 1]
    assert len(list((tmp_path / "solutions/line").iterdir())) == 2
    text = (tmp_path / "solutions/line/reference.json").read_text()
    assert "[3, 1e-07]" in text  # a point of a curve stands on one line
    json.loads(text)


def test_where_only_the_other_tier_was_trained_its_record_stands_in_and_says_so(tmp_path):
    (tmp_path / "solutions/line").mkdir(parents=True)
    write(ENTRY, {"w": torch.zeros(2)}, tmp_path)
    with pytest.warns(UserWarning, match="line: no reference of the full tier yet"):
        assert record("line", "full", tmp_path) == ENTRY


def test_missing_and_broken_records_are_said(tmp_path):
    with pytest.raises(RecordError, match="line: no record of any tier; make it with: course train line"):
        record("line", "full", tmp_path)
    with pytest.raises(RecordError, match="no trained tensors"):
        reference_tensors("line", "full", tmp_path)
    (tmp_path / "solutions/line").mkdir(parents=True)
    for text in ("{", "[]", '{"tiers": {"mini": {"key": "line"}}}'):
        (tmp_path / "solutions/line/reference.json").write_text(text)
        with pytest.raises(RecordError, match="not a record"):
            records("line", tmp_path)


def test_tensors_over_five_megabytes_are_refused(tmp_path):
    with pytest.raises(RecordError, match="its tensors take 5,000,004 bytes, expected at most 5,000,000"):
        write(ENTRY, {"w": torch.zeros(1_250_001)}, tmp_path)


def test_only_a_change_of_what_the_code_does_makes_a_record_stale(tmp_path):
    path = tmp_path / "solutions/line/reference.py"
    path.parent.mkdir(parents=True)
    path.write_text('"""Doc."""\n\ndef f(x):\n    """Old."""\n    return x + 1\n')
    entry = replace(ENTRY, code=code_hash(path))
    assert state(entry, tmp_path) == "from a CPU"
    path.write_text('def f(x):  # a comment\n\n    """New words."""\n\n    return (x + 1)\n')
    assert not entry.stale(tmp_path)
    path.write_text("def f(x):\n    return x + 2\n")
    assert entry.stale(tmp_path)
    assert state(replace(entry, is_gpu=True), tmp_path) == "stale: the reference's code has changed since"


def test_the_table_shows_what_was_asked():
    text = table([ENTRY, FULL, replace(FULL, target=0.999)])
    assert "90.00 % ± 2.00 % (3)" in text
    assert "99.50 %" in text
    assert "98.00 % met" in text
    assert "99.90 % MISSED" in text
    assert "estimate" in text.splitlines()[0]
