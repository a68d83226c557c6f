"""Which kind of sandbox this machine offers, found out by entering each in a process that then tries what it prevents.

`course doctor` and the warm process of `course grade` ask here.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from course_utils.grading.sandbox import bubblewrap
from course_utils.grading.sandbox.enter import Isolation, Unavailable, enter, prepare
from course_utils.grading.sandbox.files import View, import_path, nets, records, view
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.proof import Outside, look
from course_utils.topics import KEYS

KINDS = {
    "namespaces": "a root folder, processes and a network of its own",
    "bubblewrap": "the same where namespaces are reserved to it; optional",
    "landlock": "the kernel's own rules on files; where there is nothing else",
}
SECONDS = 60  # a trial takes a tenth of one
TRIAL = "import sys; sys.path[:] = {path!r}; from course_utils.grading.sandbox.layers import main; main()"
ADVICE = (
    "no sandbox for students' code on this machine: {why}. Install bubblewrap (apt install bubblewrap), allow user "
    "namespaces, grade on Linux 5.13 or newer, or pass --unsandboxed if you trust every submission"
)


@dataclass(frozen=True)
class Tried:
    """A kind of sandbox, the layers that held, and why it does not hold: "" where it does."""

    kind: str
    held: tuple[str, ...] = ()
    why: str = ""


@cache
def attempt(kind: str) -> Tried:
    """Try a kind of sandbox in a process of its own."""
    if sys.platform != "linux":
        return Tried(kind, why="it needs Linux")
    if kind == "bubblewrap" and bubblewrap.program() is None:
        return Tried(kind, why="not installed")
    around, told = start(kind, trial=True)
    code = TRIAL.format(path=import_path(view()))
    try:
        done = subprocess.run(
            [*around, sys.executable, "-I", "-c", code],
            input=json.dumps(told),
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Tried(kind, why=f"it did not answer within {SECONDS} s")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines()
        return Tried(kind, why=said[-1].partition(". ")[0][:200] if said else "it died")
    return Tried(kind, tuple(answer["held"]), answer["why"])


def choose(kinds: tuple[str, ...] = tuple(KINDS)) -> tuple[Tried, list[Tried]]:
    """The first kind that holds, and those that do not.

    Raises:
        Unavailable: none does; the message says why, and what to do.
    """
    failed: list[Tried] = []
    for kind in kinds:
        tried = attempt(kind)
        if not tried.why:
            return tried, failed
        failed.append(tried)
    raise Unavailable(ADVICE.format(why="; ".join(f"{tried.kind}: {tried.why}" for tried in failed)))


def start(kind: str, trial: bool = False) -> tuple[list[str], dict[str, Any]]:
    """The command that stands before a warm process of this kind, and what it is told for `ready`."""
    shown = view()
    every = sorted({net for key in KEYS for net in nets(key)})
    around = bubblewrap.command(shown, records(every)) if kind == "bubblewrap" else []
    outside = asdict(look(shown, packages=trial))
    told = {"kind": kind, "view": asdict(shown), "outside": outside, "temp": tempfile.gettempdir()}
    return around, told


def ready(told: dict[str, Any]) -> Isolation:
    """In the warm process: make ready for kernels.

    Raises:
        OSError: this machine does not let us.
    """
    outside = {name: _pairs(value) for name, value in told["outside"].items()}
    return prepare(told["kind"], View(**told["view"]), Outside(**outside), told["temp"])


def _pairs(value: Any) -> Any:
    """Identities are tuples, of which JSON makes lists."""
    return {path: tuple(pair) for path, pair in value.items()} if isinstance(value, dict) else tuple(value)


def main() -> None:
    """A trial: what a warm process and a kernel of it do, without what students import."""
    told = json.load(sys.stdin)
    try:
        isolation = ready(told)
    except OSError as error:
        _say([], error.strerror or str(error))
        return
    pid = isolation.fork()
    if pid == 0:
        try:
            _say(enter(Limits(), isolation), "")
        except Unavailable as error:
            _say([], str(error))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    isolation.close()


def _say(held: list[str], why: str) -> None:
    os.write(1, json.dumps({"held": held, "why": why}).encode())
