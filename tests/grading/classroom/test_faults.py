"""Whatever is killed at whatever moment: after the next run the gradebook is that of an undisturbed one.

One round of each in the normal run; `make faults` asks for twenty (COURSE_FAULTS).
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from course_utils.topics import ROOT
from course_utils.grading.classroom.cluster import Cluster
from course_utils.grading.classroom.coordinator import Settings, mark_class
from course_utils.grading.classroom.summary import Summary
from tests.grading.room import DESERVED, LIMITS, hand_in, make_room, marks, sample_texts
from tests.grading.tiny import LAB

ROUNDS = int(os.environ.get("COURSE_FAULTS", "1"))
# Without the endless loop and the crash: they take their time and are tried elsewhere.
STUDENTS = [student for student in DESERVED if student not in ("endless-loop", "crash")]
EXPECTED = {student: DESERVED[student] for student in STUDENTS}
RUN = """
import sys
from pathlib import Path
from tests.grading.room import mark
if __name__ == "__main__":
    try:
        print(mark(Path(sys.argv[1]), workers=int(sys.argv[2])).failed, file=sys.stderr)
    except OSError as error:
        raise SystemExit(f"course grade: {str(error).splitlines()[0]}")
"""


@pytest.fixture(scope="module")
def workers_at_hand():
    """The address of workers that are warm already, for the runs that resume."""
    with Cluster(workers=1).client() as client:
        yield client.scheduler.address


def resume(room: Path, address: str) -> Summary:
    """Run it again, to its end."""
    return mark_class(LAB, room, Settings(cluster=Cluster(address), limits=LIMITS))


@pytest.fixture
def room(tmp_path):
    """A classroom in which nobody is marked yet."""
    room = make_room(tmp_path)
    for student in STUDENTS:
        hand_in(room, student, sample_texts()[student])
    return room


def start(room: Path, workers: int = 1) -> subprocess.Popen:
    """A run in a process of its own, with as many workers as the fault needs: each takes seconds to start."""
    script = room.parent / "run.py"
    script.write_text(RUN)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(script), str(room), str(workers)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(room: Path) -> int:
    """How many submissions are marked so far."""
    return len(list((room / ".results/tiny").glob("*.json"))) if (room / ".results/tiny").is_dir() else 0


def wait_for(process: subprocess.Popen, room: Path, count: int) -> None:
    """Until so many submissions are marked, or the run is over, and a random moment longer."""
    while process.poll() is None and done(room) < count:
        time.sleep(0.01)
    time.sleep(random.random() * 0.2)


def family(process: subprocess.Popen) -> list[psutil.Process]:
    """A run's processes, itself first."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def warm(process: subprocess.Popen) -> list[psutil.Process]:
    """The warm processes of a run."""
    found = []
    for one in family(process):
        try:
            if "grading.kernel.zygote" in " ".join(one.cmdline()) and one.ppid() != 1:
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


def workers(process: subprocess.Popen) -> list[psutil.Process]:
    """The workers of a run: whoever started a warm process that is no warm process itself."""
    inner = {one.pid for one in warm(process)}
    return [psutil.Process(one.ppid()) for one in warm(process) if one.ppid() not in inner]


def finish(process: subprocess.Popen) -> str:
    """Wait for a run; what it said on stderr."""
    return process.communicate(timeout=300)[1]


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all have ended within half a minute."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    return not [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_coordinator_is_killed(room, workers_at_hand, seed):
    random.seed(seed)
    process = start(room)
    wait_for(process, room, random.randrange(1, len(STUDENTS) - 1))
    members = family(process)
    process.kill()
    finish(process)
    before = done(room)
    assert gone(members[1:]), "a process outlived the run"
    summary = resume(room, workers_at_hand)
    assert marks(room) == EXPECTED
    assert len(summary.seconds) <= len(STUDENTS) - before, "what was marked was marked again"


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("victims", [workers, warm], ids=["worker", "warm"])
def test_a_worker_or_its_warm_process_is_killed(room, seed, victims):
    random.seed(seed)
    process = start(room, workers=2)
    wait_for(process, room, random.randrange(1, len(STUDENTS) - 2))
    found = victims(process)
    assert found, "there is nobody to kill"
    random.choice(found).kill()
    said = finish(process)
    assert process.returncode == 0, said
    assert marks(room) == EXPECTED, said


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_disk_is_full(small_disk, workers_at_hand, seed):
    random.seed(seed)
    room = make_room(small_disk)
    for student in STUDENTS:
        hand_in(room, student, sample_texts()[student])
    process = start(room)
    wait_for(process, room, random.randrange(1, len(STUDENTS) - 2))
    filler = small_disk / "filler"
    fill(filler)
    said = finish(process)
    if process.returncode:
        assert said.startswith("course grade: "), said
        assert len(said.splitlines()) == 1, said
    filler.unlink()
    resume(room, workers_at_hand)
    assert marks(room) == EXPECTED


def fill(path: Path) -> None:
    """Write until nothing fits any more."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return
