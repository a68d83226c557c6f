"""The picture in the README shows what a check really says of a mistake."""

import html
import importlib
import re

from course_utils.checks.failure import CheckFailed
from course_utils.checks.student import Namespace, standing_behind
from course_utils.grading.engine.check import execute
from course_utils.labs.answers import wrong_answers
from course_utils.labs.lab import Lab
from course_utils.topics import ROOT

PICTURE = ROOT / "book" / "_static" / "message.svg"


def said(key: str, check: str, why: str, folder) -> str:
    """What the check's visible half says of a mistake."""
    answer = next(one for one in wrong_answers(key) if (one.check, one.why) == (check, why))
    names = {**vars(importlib.import_module(f"solutions.{key}.reference"))}
    exec(answer.source, names)
    cell = next(cell for cell in Lab.load(key).cells if cell.name == check)
    try:
        with standing_behind(Namespace(names, folder)):
            execute(cell.source.split("### BEGIN HIDDEN TESTS")[0], "<check>", {"__name__": "__check__"})
    except CheckFailed as error:
        return str(error)
    raise AssertionError(f"{check} does not see it")


def test_the_picture_shows_what_the_check_says(tmp_path):
    message = said(
        "convolution", "conv2d_loop_values", "turns the kernel round, as mathematicians do", tmp_path
    )
    shown = [html.unescape(line) for line in re.findall(r"<text [^>]*>([^<]*)</text>", PICTURE.read_text())]
    assert shown == message.splitlines()
    assert len(shown) >= 4
    assert "(book/_static/message.svg)" in (ROOT / "README.md").read_text()
