"""The sample course of these tests: one small topic, and ways to spoil it."""

import dataclasses
import sys
from pathlib import Path

from course_utils import topics
from course_utils.labs.answer import Answer
from course_utils.labs.answers import right_answers, wrong_answers
from course_utils.labs.lab import Lab

COURSE = Path(__file__).parent / "sample_course"


def sample_lab(monkeypatch) -> Lab:
    """The lab of the sample course, without the cells that every lab begins with."""
    row = dataclasses.replace(topics.TOPICS[0], key="sample", points=8)
    monkeypatch.setattr(topics, "TOPICS", (*topics.TOPICS, row))
    if str(COURSE) not in sys.path:
        sys.path.append(
            str(COURSE)
        )  # a worker process takes its path from here: hidden tests import the reference
    lab = Lab.load("sample", COURSE)
    return dataclasses.replace(lab, cells=lab.cells[2:])


def answers() -> tuple[list[Answer], list[Answer]]:
    """Its wrong and its right answers."""
    return wrong_answers("sample", COURSE), right_answers("sample", COURSE)


def changed(lab: Lab, name: str, before: str, after: str) -> Lab:
    """The lab with another text in the cell called `name`."""
    assert any(cell.name == name and before in cell.source for cell in lab.cells)
    return dataclasses.replace(
        lab,
        cells=tuple(
            dataclasses.replace(cell, source=cell.source.replace(before, after))
            if cell.name == name
            else cell
            for cell in lab.cells
        ),
    )
