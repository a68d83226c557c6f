"""Every lab's notebook as a student has it who has solved everything, ready to be run in one ordinary kernel by nbval.

    python -m tests.labs.filled FOLDER [KEY …]
    python -m pytest -p nbval --nbval-lax --nbval-current-env FOLDER

Two notebooks a lab: with the reference's answers, and with another right answer in each cell that has one. Every check
must print its line, '✓ name: points of points'.
"""

import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.labs.fill import sources
from course_utils.labs.answers import right_answers
from course_utils.labs.lab import Lab
from course_utils.topics import KEYS, topic


def filled(key: str, changed: dict[int, str]) -> NotebookNode:
    """The release of `key` with the reference's solutions, but for those that are `changed` (by place)."""
    notebook = nbformat.read(topic(key).release, as_version=4)
    for place, (node, cell) in enumerate(zip(notebook.cells, Lab.load(key).cells)):
        if cell.kind == "solution":
            node.source = changed.get(place, cell.source)
        if cell.kind == "test":
            passed = f"✓ {cell.name}: {cell.points:g} of {cell.points:g}\n"
            node.update(
                outputs=[nbformat.v4.new_output("stream", name="stdout", text=passed)], execution_count=1
            )
            node.metadata["tags"] = ["nbval-check-output"]
    return notebook


def others(key: str) -> dict[int, str]:
    """Another right answer for each cell that has one, by place."""
    cells = Lab.load(key).cells
    found: dict[int, str] = {}
    for answer in right_answers(key):
        for place, text in sources(cells, answer).items():
            found.setdefault(place, text)
    return found


def write(folder: Path, keys: tuple[str, ...]) -> None:
    """Write both notebooks of each lab, each into a folder of its own: what it saves must not meet the other's."""
    for key in keys:
        for way, changed in (("reference", {}), ("others", others(key))):
            path = folder / f"{key}-{way}" / f"{key}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(filled(key, changed), path)


if __name__ == "__main__":
    write(Path(sys.argv[1]), tuple(sys.argv[2:]) or KEYS)
