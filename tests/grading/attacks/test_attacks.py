"""No attack gains a point, reads a secret, leaves a file or a process behind, or harms the next submission."""

import os
import time

import pytest

from course_utils.grading import Limits, Verdict, Warm, grade
from tests.grading.attacks.attack import FULL, LAB, NEEDLE, TOLD, Attack
from tests.grading.attacks.attacks import ATTACKS, SUBMISSIONS
from tests.grading.attacks.harms import PROCESSES, RESOURCES, each
from tests.grading.attacks.world import descendants, hand_in, made, remains

LIMITS = Limits(
    cell_seconds=20,
    check_seconds=20,
    total_seconds=60,
    memory=512 << 20,
    scratch=16 << 20,
    file=8 << 20,
    cpu_seconds=20,
)
SHORT = Limits(
    cell_seconds=1, check_seconds=1, total_seconds=8, memory=512 << 20, scratch=16 << 20, cpu_seconds=8
)
TRUSTED_CPU_SECONDS = 5


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with made(tmp_path_factory.mktemp("attacks") / "world") as world:
        yield world


@pytest.fixture(scope="module")
def warm(world):
    with Warm() as warm:
        warm.fork(Limits()).close()
        yield warm


def told(verdict: Verdict) -> str:
    """All that a student is shown, but for the sources, which are the student's own."""
    cells = [str((cell.outputs, cell.error and cell.error[:2])) for cell in verdict.cells]
    return "\n".join([*cells, *verdict.notes, verdict.reason, *(check.message for check in verdict.checks)])


@pytest.mark.parametrize("attack", SUBMISSIONS, ids=lambda attack: attack.name)
def test_an_attack_gains_nothing_and_harms_nobody(attack, world, warm, tmp_path):
    folder = hand_in(attack, tmp_path / "mallory", world)
    processes, state, pid = descendants(os.getpid()), world.state(), warm.pid
    cpu = time.process_time()
    verdict = grade(LAB, folder, SHORT if attack.hangs else LIMITS, warm)
    assert time.process_time() - cpu < TRUSTED_CPU_SECONDS
    assert verdict.points <= attack.earns
    if not (attack.costs or attack.hangs):
        assert verdict.points == attack.earns, verdict
    assert verdict.max_points == FULL
    for text in (NEEDLE, TOLD, *attack.harm):
        assert text not in told(verdict)
    assert remains(processes) == set()
    assert world.state() == state
    assert warm.pid == pid, "the warm process was lost"
    assert not world.visited()
    if attack in (*PROCESSES, *RESOURCES):
        assert grade(LAB, hand_in(Attack("right"), tmp_path / "eve", world), LIMITS, warm).points == FULL


def test_a_right_submission_still_earns_everything(world, warm, tmp_path):
    verdict = grade(LAB, hand_in(Attack("right"), tmp_path / "eve", world), LIMITS, warm)
    assert verdict.points == FULL
    assert verdict.notes == ()


def test_the_suite_is_as_large_as_it_claims():
    assert len({attack.name for attack in SUBMISSIONS}) == len(SUBMISSIONS) >= 160
    assert len(ATTACKS) >= 130


def test_an_attack_that_gets_in_says_so(world, capsys):
    exec(each(f"os.stat({str(world.folder / 'gradebook.db')!r})\n1 / 0"), {})
    assert capsys.readouterr().out.count(TOLD) == 1


def test_what_is_planted_or_changed_is_seen(world):
    before = world.state()
    (world.folder / "planted").touch()
    assert world.state() != before
    (world.folder / "planted").unlink()
