"""An artifact's points: by its tier's record, by the table's target where there is none, and never by a forged tier."""

import sys
from dataclasses import replace

import pytest
import torch

from course_utils.checks import CheckFailed, judge
from course_utils.checks.artifact import Artifact
from course_utils.training import MINI_SHARE, record, reference_tensors

KEY = "neurons"
module = sys.modules["course_utils.checks.judge"]  # in the package the name is the function's


def artifact(tier: str = "mini") -> Artifact:
    return Artifact(reference_tensors(KEY, "mini"), tier)


def test_the_references_own_artifact_earns_all_where_mini_counts(monkeypatch):
    monkeypatch.setenv("COURSE_COUNTS", "mini")
    assert judge(KEY, artifact(), 4) == 4


def test_a_mini_artifact_earns_a_share_where_the_full_tier_counts(monkeypatch):
    monkeypatch.delenv("COURSE_COUNTS", raising=False)
    monkeypatch.setattr("course_utils.training.judging.records", lambda key, root: {"mini": 0})
    assert judge(KEY, artifact(), 4) == 4  # there is no record of a full tier
    full = replace(record(KEY, "mini"), tier="full")
    monkeypatch.setattr("course_utils.training.judging.records", lambda key, root: {"full": full})
    assert judge(KEY, artifact(), 4) == pytest.approx(4 * MINI_SHARE)
    assert MINI_SHARE < 1


def test_the_share_of_the_mini_tier_is_said_in_a_clause_and_points_have_two_decimals(monkeypatch):
    monkeypatch.delenv("COURSE_COUNTS", raising=False)
    monkeypatch.setattr("course_utils.training.judging.records", lambda key, root: {"mini": 0, "full": 0})
    earned = judge(KEY, artifact(), 10 / 3)
    assert earned == 2.0
    assert earned.why.startswith("a net trained at the mini tier earns at most 2 of 3.33")
    monkeypatch.setenv("COURSE_COUNTS", "mini")
    assert judge(KEY, artifact(), 4).why == ""


def test_untrained_weights_earn_nothing_and_say_why():
    torch.manual_seed(0)
    noise = Artifact({name: torch.randn_like(t) / 100 for name, t in artifact().items()}, "mini")
    with pytest.raises(CheckFailed, match="no better than the baseline"):
        judge(KEY, noise, 4)


def test_other_tensors_are_no_net_of_this_lab():
    with pytest.raises(CheckFailed, match="does not fit"):
        judge(KEY, Artifact({"w": torch.zeros(3)}, "mini"), 4)


@pytest.mark.parametrize("limit", ["ELEMENTS", "WIDTH"])
def test_a_net_much_larger_than_the_reference_is_not_measured(monkeypatch, limit):
    monkeypatch.setattr(module, limit, 16)
    monkeypatch.setattr(module, "TIMES", 1 if limit == "WIDTH" else 0)
    monkeypatch.setattr(module.importlib, "import_module", lambda name: pytest.fail(f"{name} was asked for"))
    with pytest.raises(CheckFailed, match="too large to be measured"):
        judge(KEY, artifact(), 4)


def test_a_forged_tier_is_refused():
    with pytest.raises(CheckFailed, match="names no tier"):
        judge(KEY, artifact("huge"), 4)


def test_without_a_record_of_the_tier_the_tables_target_is_the_band(monkeypatch):
    monkeypatch.setattr("course_utils.training.records", lambda key: {})
    value = record(KEY, "mini").values[0]
    assert 0 < judge(KEY, artifact(), 4) <= 4
    assert value > record(KEY, "mini").baseline


def test_a_setting_that_is_no_tier_is_said(monkeypatch):
    monkeypatch.setenv("COURSE_COUNTS", "some")
    with pytest.raises(ValueError, match="expected mini or full"):
        judge(KEY, artifact(), 4)
