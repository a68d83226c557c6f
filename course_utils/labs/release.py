"""From an instructor's notebook to what students open, `labs/<key>/<key>.ipynb`, by nbgrader."""

import argparse
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from traitlets.config import Config

from course_utils.topics import CLASSROOM, ROOT, UnknownKey, topic
from course_utils.labs.lab import Lab, LabError
from course_utils.keys import add_keys, chosen


def classroom() -> Path:
    """Where submissions, marks and feedback live: in the course's folder, or where COURSE_CLASSROOM says."""
    return Path(os.environ.get("COURSE_CLASSROOM", ROOT / CLASSROOM)).resolve()


def find_alembic() -> None:
    """nbgrader starts `alembic` by its name for a new gradebook: its folder, the interpreter's, need not be on PATH."""
    folder = str(Path(sys.executable).parent)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])


def release(key: str, labs: Path, room: Path) -> Path:
    """Make the release of `key` in `labs` and enter the assignment in the gradebook of `room`; returns its path.

    Raises:
        UnknownKey: no such topic.
        LabError: the lab's source is not in order, its points are not those of its row, or nbgrader refuses the notebook.
    """
    lab = Lab.load(key)
    lab.refuse_other_points()
    source = room / "source" / key
    source.mkdir(parents=True, exist_ok=True)
    nbformat.write(lab.instructor_notebook(), source / f"{key}.ipynb")
    # nbgrader copies whatever lies beside the notebook into the release: a folder of its own keeps solutions out.
    with tempfile.TemporaryDirectory() as made:
        _generate_assignment(key, room, Path(made))
        target = labs / key / f"{key}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(made) / key / f"{key}.ipynb", target)
    return target


def _generate_assignment(key: str, room: Path, made: Path) -> None:
    from nbgrader.apps import NbGrader
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    from course_utils.grading.gradebook.database import prepare

    prepare(room)
    config = Config()
    config.CourseDirectory.update(
        root=str(room),
        source_directory="source",
        release_directory=str(made),
        assignment_id=key,
        db_url=f"sqlite:///{room / 'gradebook.db'}",
    )
    config.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
    NbGrader.clear_instance()
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    converter.log.setLevel(logging.ERROR)
    try:
        converter.start()
    except (NbGraderException, SystemExit) as error:
        raise LabError(f"{key}: nbgrader's generate_assignment refused the notebook: {error}") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `course release`."""
    add_keys(parser)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail where a release is not up to date"
    )


def run(args: argparse.Namespace) -> int:
    """Make (or with --check compare) the releases."""
    try:
        keys = chosen(args)
    except UnknownKey as error:
        raise SystemExit(f"course release: {error}") from error
    stale = []
    for key in keys:
        if args.check:
            with tempfile.TemporaryDirectory() as folder:
                made = release(key, Path(folder) / "labs", Path(folder) / "room").read_bytes()
            current = topic(key).release
            if not current.is_file() or current.read_bytes() != made:
                stale.append(key)
            continue
        path = release(key, ROOT / "labs", classroom())
        print(f"{key}: {path.relative_to(ROOT)}, {Lab.load(key).points:g} points")
    for key in stale:
        print(f"labs/{key}/{key}.ipynb is not what solutions/{key} makes; run: course release {key}")
    return 1 if stale else 0
