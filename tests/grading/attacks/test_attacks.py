"""No attack gains a point, reads a secret, leaves a file or a process behind, or harms the next submission."""

import hashlib
import os
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import course_utils
from course_utils.grading import Limits, Verdict, Warm, grade
from tests.grading.attacks.attack import FULL, KEY, LAB, NEEDLE, TOLD, Attack
from tests.grading.attacks.attacks import ATTACKS
from tests.grading.attacks.harms import PROCESSES, RESOURCES, each

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
COURSE = Path(course_utils.__file__).parent
WATCHED = [Path(p) for p in ("/", "/tmp", "/var/tmp", "/dev/shm", "/root", sys.prefix, os.getcwd(), COURSE)]
TRUSTED_CPU_SECONDS = 5


@dataclass(frozen=True)
class World:
    """What attacks must not touch: a folder of secrets, a listening port, a socket, and the warm process."""

    folder: Path
    server: socket.socket
    local: socket.socket
    warm: Warm

    def fill(self, text: str) -> str:
        """An attack's text with the world's places in it."""
        return text.replace("@PORT", str(self.server.getsockname()[1]))

    def state(self) -> dict[str, str]:
        """Every file of the folder by its content, and whatever has been planted elsewhere."""
        files = {
            str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in self.folder.rglob("*") if p.is_file()
        }
        return files | {str(path): "" for folder in WATCHED for path in folder.glob("planted*")}

    def visited(self) -> bool:
        """Whether somebody has called at the port or the socket."""
        for listener in (self.server, self.local):
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                continue
            return True
        return False


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacks") / "world"
    secrets = ("source/target.ipynb", "submitted/bob/target.ipynb", "gradebook.db", "secret.safetensors")
    for name in secrets:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(Attack("right").notebook().replace(b"import torch", NEEDLE.encode()))
    folder.chmod(0o755)
    here = tempfile.mkdtemp()  # a socket's path is short
    os.environ["SECRET_TOKEN"] = NEEDLE
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
        Warm() as warm,
    ):
        local.bind(f"{here}/socket")
        local.listen()
        os.link(f"{here}/socket", folder / "socket") if os.stat(here).st_dev == folder.stat().st_dev else None
        server.setblocking(False)
        local.setblocking(False)
        warm.fork(Limits()).close()
        yield World(folder, server, local, warm)
    del os.environ["SECRET_TOKEN"]
    shutil.rmtree(here)


def hand_in(attack: Attack, folder: Path, world: World) -> Path:
    """The submission's folder."""
    folder.mkdir()
    text = attack.notebook(str(world.folder))
    (folder / f"{KEY}.ipynb").write_bytes(
        text if attack.raw is not None else world.fill(text.decode()).encode()
    )
    for name, data in attack.files.items():
        (folder / name).write_bytes(data)
    for name, target in attack.links.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(world.folder / target)
    return folder


def told(verdict: Verdict) -> str:
    """All that a student is shown, but for the sources, which are the student's own."""
    cells = [str((cell.outputs, cell.error and cell.error[:2])) for cell in verdict.cells]
    return "\n".join([*cells, *verdict.notes, verdict.reason, *(check.message for check in verdict.checks)])


def descendants(pid: int) -> set[int]:
    """The processes below `pid`, without those that only wait to be reaped."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    below, found = [pid], set()
    while below:
        below = [child for parent in below for child in children.get(parent, [])]
        found |= set(below)
    return found


def remains(before: set[int]) -> set[int]:
    """Processes that are still there when every kernel has had time to end."""
    for _ in range(100):
        left = descendants(os.getpid()) - before
        if not left:
            break
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gains_nothing_and_harms_nobody(attack, world, tmp_path):
    folder = hand_in(attack, tmp_path / "mallory", world)
    processes, state, pid = descendants(os.getpid()), world.state(), world.warm.pid
    cpu = time.process_time()
    verdict = grade(LAB, folder, SHORT if attack.hangs else LIMITS, world.warm)
    assert time.process_time() - cpu < TRUSTED_CPU_SECONDS
    assert verdict.points <= attack.earns
    if not (attack.costs or attack.hangs):
        assert verdict.points == attack.earns, verdict
    assert verdict.max_points == FULL
    for text in (NEEDLE, TOLD, *attack.harm):
        assert text not in told(verdict)
    assert remains(processes) == set()
    assert world.state() == state
    assert world.warm.pid == pid, "the warm process was lost"
    assert not world.visited()
    if attack in (*PROCESSES, *RESOURCES):
        assert (
            grade(LAB, hand_in(Attack("right"), tmp_path / "eve", world), LIMITS, world.warm).points == FULL
        )


def test_a_right_submission_still_earns_everything(world, tmp_path):
    verdict = grade(LAB, hand_in(Attack("right"), tmp_path / "eve", world), LIMITS, world.warm)
    assert verdict.points == FULL
    assert verdict.notes == ()


def test_the_suite_is_as_large_as_it_claims():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 30


def test_an_attack_that_gets_in_says_so(world, capsys):
    exec(each(f"os.stat({str(world.folder / 'gradebook.db')!r})\n1 / 0"), {})
    assert capsys.readouterr().out.count(TOLD) == 1


def test_what_is_planted_or_changed_is_seen(world):
    before = world.state()
    (world.folder / "planted").touch()
    assert world.state() != before
    (world.folder / "planted").unlink()
