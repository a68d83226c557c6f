"""The classroom's commands: `course sample`, `grade`, `feedback` and `gradebook`; `check` is a student's own."""

import argparse
import sys
import unicodedata
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from course_utils.topics import KEYS
from course_utils.labs.lab import Lab
from course_utils.labs.release import classroom
from course_utils.keys import add_keys, chosen

LEFT_OUT = 3  # something that looks like a hand-in was not marked


@dataclass(frozen=True)
class Command:
    """What `course_utils.cli` calls."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _sample(args: argparse.Namespace) -> int:
    from course_utils.grading.classroom.sample import make_sample

    for key in chosen(args, drafts=False):
        made = make_sample(key, classroom())
        print(f"{key}: {len(made)} submissions in {_near(classroom() / 'submitted')}")
    return 0


def _grade_arguments(parser: argparse.ArgumentParser) -> None:
    add_keys(parser)
    parser.add_argument(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="a running Dask scheduler, tcp://host:8786; default: this machine",
    )
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="processes on this machine; default: one a core"
    )
    parser.add_argument(
        "--unsandboxed",
        action="store_true",
        help="run students' code with your own rights: only code that you trust",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="mark again what is marked, and give up marks of checks that are gone",
    )
    parser.add_argument(
        "--student", action="append", default=[], metavar="NAME", help="only this one; may be given again"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would change, and change nothing in the classroom"
    )


def _grade(args: argparse.Namespace) -> int:
    if sys.platform != "linux":
        raise OSError(
            f"a class is marked on Linux, whose kernel holds students' code back; this is {sys.platform}. "
            "Marking in a container or a virtual machine with Linux works; your own notebook: course check"
        )
    from course_utils.grading.classroom.cluster import Kept
    from course_utils.grading.classroom.coordinator import Settings, mark_class, rehearsal
    from course_utils.grading.classroom.hand_ins import NoSubmissions

    if args.workers < 0:
        raise ValueError(
            f"--workers: expected a number of processes, got {args.workers}; leave it out for one a core"
        )
    broken = left = 0
    keys, without = chosen(args, drafts=False), []
    with ExitStack() as end:
        cluster = Kept(args.scheduler, args.workers, end)
        only = frozenset(unicodedata.normalize("NFC", name) for name in args.student)
        settings = Settings(cluster, sandboxed=not args.unsandboxed, force=args.force, students=only)
        for key in keys:
            try:
                with rehearsal(classroom(), key) if args.dry_run else nullcontext(classroom()) as room:
                    summary = mark_class(Lab.load(key), room, settings)
            except NoSubmissions as nothing:  # of several labs the others are marked all the same
                without.append(nothing)
                if len(without) == len(keys):
                    raise
                print(nothing)
                continue
            print("\n".join(summary.lines()))
            broken += len(summary.broken)
            left += len(summary.left)
    return 1 if broken else LEFT_OUT if left else 0


def _feedback(args: argparse.Namespace) -> int:
    from course_utils.grading.gradebook.deadlines import refresh
    from course_utils.grading.gradebook.pages import FeedbackError, write_feedback

    failed = []
    refresh(classroom(), chosen(args, drafts=False))
    for key in chosen(args, drafts=False):
        try:
            pages = write_feedback(key, classroom())
        except FeedbackError as error:  # the other labs' pages are written all the same
            failed.append(str(error))
        else:
            print(f"{key}: {pages} pages in {_near(classroom() / 'feedback')}")
    for line in failed:
        print(f"course feedback: {line}", file=sys.stderr)
    return 2 if failed else 0


def _gradebook_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("keys", nargs="*", metavar="KEY", help=f"topics: {', '.join(KEYS)}; default: all")
    parser.add_argument("--csv", action="store_true", help="for a spreadsheet: a line a check")
    parser.add_argument("--totals", action="store_true", help="with --csv: a line a lab, with raw, late and total")


def _gradebook(args: argparse.Namespace) -> int:
    from course_utils.grading.gradebook.deadlines import refresh
    from course_utils.grading.gradebook.table import rows, table, totals

    args.all = not args.keys
    keys = chosen(args, drafts=False)
    refresh(classroom(), keys)
    form = totals if args.totals else rows if args.csv else table
    print("\n".join(form(classroom(), keys)))
    return 0


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", type=Path, help="your notebook, say convolution.ipynb")
    parser.add_argument("--key", metavar="KEY", help="its topic, where the file has another name")
    parser.add_argument("--labs", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)


def _check(args: argparse.Namespace) -> int:
    from course_utils.grading.engine.own_notebook import check_notebook

    return check_notebook(args.notebook, args.key, args.labs)


def _near(path: Path) -> Path:
    """`path` as seen from here, where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


sample = Command(add_keys, _sample)
grade = Command(_grade_arguments, _grade)
feedback = Command(add_keys, _feedback)
gradebook = Command(_gradebook_arguments, _gradebook)
check = Command(_check_arguments, _check)
