"""The two files that nbgrader's exchange puts beside a submission, and asks for when feedback is released.

They go along from `submitted/` to `autograded/` to `feedback/`. Where they are missing, as in what was not handed in
through an exchange, `nbgrader release_feedback` would end for everybody: an empty time and a new secret stand in.
"""

import secrets
from pathlib import Path

from course_utils.grading.engine.found import SubmissionError, read_plain
from course_utils.grading.gradebook.times import TimeError, parse_time

TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"
MOST = 1000  # bytes


def carry(source: Path, target: Path) -> None:
    """Bring both files from one folder of a submission to the next."""
    target.mkdir(parents=True, exist_ok=True)
    time, secret = _text(source / TIMESTAMP), _text(source / SECRET).strip()
    try:
        parse_time(time)
    except TimeError:
        time = ""  # nbgrader ends the run for everybody where it cannot read one
    _write(target / TIMESTAMP, time)
    _write(target / SECRET, secret or _text(target / SECRET) or secrets.token_hex(64))


def _text(path: Path) -> str:
    try:
        return read_plain(path, MOST, "").decode()
    except (SubmissionError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.is_symlink() or _text(path) != text:
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
