"""What of a submission a mark was given for: a teacher's own mark is good for as long as that stays the same."""

import hashlib
import re
from functools import lru_cache

from course_utils.grading.engine.recognise import defines
from course_utils.grading.engine.submission import Submission
from course_utils.labs.lab import Cell

WORD = re.compile(r"\w+")


def work_of(lab: tuple[Cell, ...], submission: Submission) -> dict[str, str]:
    """For each check and answer of the lab a hash of the student's work that it is about.

    An answer is about its own text and pictures. A check is about the exercises that it names, and those that they
    name, and about the trained net where it reads one; where it names none, about all of the code.
    """
    own = {cell.name: cell for cell in reversed(submission.cells) if cell.name}
    exercises = {
        cell.name: own[cell.name].source for cell in lab if cell.kind == "solution" and cell.name in own
    }
    all_code = "\0".join(cell.source for cell in submission.cells if cell.code)
    nets = "\0".join(hashlib.sha256(data).hexdigest() for data in submission.artifacts.values())
    found = {}
    for cell in lab:
        if cell.kind == "answer" and cell.name in own:
            found[cell.name] = _hash(own[cell.name].source, repr(own[cell.name].attachments))
        elif cell.kind == "test":
            about = _reached(cell.source, exercises)
            read = nets if "artifact(" in cell.source else ""
            found[cell.name] = _hash(*(about or ([] if read else [all_code])), read)
    return found


def _reached(check: str, exercises: dict[str, str]) -> list[str]:
    """The sources of the exercises that a check names, directly or through another."""
    names = {name: {name} | defines(source) for name, source in exercises.items()}
    reached: dict[str, str] = {}
    waiting = [check]
    while waiting:
        words = _words(waiting.pop())
        for name, source in exercises.items():
            if name not in reached and words & names[name]:
                reached[name] = source
                waiting.append(source)
    return [reached[name] for name in sorted(reached)]


@lru_cache(maxsize=1000)  # the same checks, submission after submission
def _words(source: str) -> frozenset[str]:
    return frozenset(WORD.findall(source))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
