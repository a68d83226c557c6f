"""What the benchmarks count and keep: CPU time of children too, a table that goes on where it stopped."""

import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from benchmarks import attacks, chapters, class_size, kept_in_mind, translated
from benchmarks.cpu import counted
from course_utils.data.text import Text
from tests.grading.attacks.attacks import ATTACKS

REPORT = """<testsuites><testsuite>
<testcase name="test_an_attack_gains_nothing_and_harms_nobody[{0}]"/>
<testcase name="test_an_attack_gains_nothing_and_harms_nobody[{1}]"><failure/></testcase>
</testsuite></testsuites>"""


def test_cpu_time_of_children_is_counted_where_it_can_be():
    with counted() as cpu:
        subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
        used = cpu()
    assert math.isnan(used) or used > 0.02


def test_synthetic_submissions_are_all_different():
    texts = {class_size.submission(number)[f"{class_size.KEY}.ipynb"] for number in range(20)}
    assert len(texts) == 20


def test_a_process_holds_no_more_than_it_has_held():
    held = class_size._held()
    assert 10 < held["worker"] <= held["worker_peak"]


def test_the_table_of_attacks_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(attacks, "TABLE", tmp_path / "attacks.json")
    first, second = ATTACKS[0].name, ATTACKS[1].name
    (tmp_path / "attacks.json").write_text('{"an attack that is gone": true}')
    attacks.enter({second: True})
    attacks.enter({first: False})
    assert attacks.table() == {first: False, second: True}
    assert list(attacks.table()) == [first, second]
    assert attacks.waiting() == [attack.name for attack in ATTACKS[2:]]


def test_the_suites_own_report_says_which_attacks_were_held():
    first, second = ATTACKS[0].name, ATTACKS[1].name
    found = attacks.passed(REPORT.format(first, second), [first, second])
    assert found == {first: True, second: False}


def test_experiments_of_chapters_go_on_where_they_stopped(tmp_path, monkeypatch, capsys):
    ran = []

    def experiment(kind, seed):
        ran.append((kind, seed))
        return {"right": 0.5, "curve": [2.0, 1.0]}

    monkeypatch.setattr(chapters, "RESULTS", tmp_path / "chapters.json")
    monkeypatch.setattr(chapters, "EXPERIMENTS", {"small": (experiment, ("one", "two"))})
    monkeypatch.setattr(sys, "argv", ["chapters"])
    chapters.keep({"small": {"one": [experiment("one", 0)]}})
    chapters.main()
    assert sorted(ran) == [(kind, seed) for kind in ("one", "two") for seed in chapters.SEEDS]
    assert chapters.kept()["small"]["two"] == [{"right": 0.5, "curve": [2.0, 1.0]}] * 3
    chapters.main()
    assert len(ran) == 6
    assert "small two seed 2: {'right': 0.5}" in capsys.readouterr().out


def test_curves_are_averaged():
    curve = [(step, float(step)) for step in range(chapters.WINDOW + 2)]
    assert chapters.smooth(curve) == [(chapters.WINDOW - 1) / 2, chapters.WINDOW + 0.5]


@pytest.mark.parametrize(("letter", "share"), [("t", 2 / 3), ("s", 1 / 3), ("h", 0)])
def test_a_pronoun_is_right_where_the_likeliest_letter_begins_it(letter, share):
    alphabet = " ,.acdehilmnrsty"
    lines = "the men see it, and they smile. the cat eats, and they sit. the hen came, and she ran. "
    place, read = alphabet.index(letter), []

    def model(codes):
        read.append(text.decode(codes[0]))
        scores = torch.zeros(1, codes.shape[1], len(alphabet))
        scores[0, -1, place] = 1.0
        return scores, None

    text = Text(torch.tensor([alphabet.index(c) for c in lines]), alphabet)
    assert kept_in_mind.of_subjects(model, text) == pytest.approx(share)
    assert len(read) == 3
    assert all(asked.endswith(", and ") for asked in read)


def test_coming_back_is_asked_of_both_languages_and_is_a_mean():
    asked = []

    def cost(guess, of, x, to):
        asked.append((of, to))
        return (guess - x).abs().float().mean() + to

    net = SimpleNamespace(translate=lambda x, of, to: x + 1, cost=cost)
    texts = torch.zeros(2, 3), torch.ones(2, 3)
    assert translated.coming_back(net, texts) == 1.5  # 1 + 0 and 1 + 1
    assert asked == [(1, 0), (0, 1)]
