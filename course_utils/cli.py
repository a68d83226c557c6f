"""The command `course`: each of its words is a module with `add_arguments(parser)` and `run(args) -> exit code`."""

import argparse
import importlib
import os
import select
import sys

from course_utils import __version__
from course_utils.one_line import one_line

# A command's module is imported only when it is called: `course --help` answers without PyTorch.
COMMANDS = {
    "build": ("course_utils.book", "build the book, or the pages of some topics alone"),
    "new": ("course_utils.authoring.new", "make a small topic to begin with"),
    "topic": ("course_utils.authoring.whole", "train, release and audit a topic, and say what it lacks"),
    "release": ("course_utils.labs.release", "make the student labs from their sources"),
    "sample": ("course_utils.grading.classroom.commands:sample", "make a sample class of submissions"),
    "grade": ("course_utils.grading.classroom.commands:grade", "mark the submissions of a lab"),
    "feedback": ("course_utils.grading.classroom.commands:feedback", "write each student's feedback page"),
    "gradebook": ("course_utils.grading.classroom.commands:gradebook", "print the gradebook"),
    "check": ("course_utils.grading.classroom.commands:check", "mark the visible half of your own notebook"),
    "receipt": ("course_utils.hand_in", "say what an archive of submit() holds, and whether it is whole"),
    "audit": ("course_utils.audit.commands", "prove that a lab's checks are good"),
    "doctor": ("course_utils.grading.sandbox.doctor", "say which layers of the sandbox hold on this machine"),
    "train": ("course_utils.training.commands", "train references and write their records"),
    "data": ("course_utils.data.commands", "list, get and verify data sets"),
}

READER_HAS_GONE = 128 + 13  # what a shell says of a program that SIGPIPE ended


def parser() -> argparse.ArgumentParser:
    """The top-level parser: one sub-command a word."""
    top = argparse.ArgumentParser(
        prog="course", description="Neurons to Neural ODEs: build, train, release, grade."
    )
    top.add_argument("--version", action="version", version=__version__)
    words = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for word, (_, summary) in COMMANDS.items():
        words.add_parser(word, help=summary, add_help=False)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors that a user can mend are one line on stderr."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # jsonschema imports this for a format that no notebook has, and it takes 2 s to build its parser.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    known, rest = parser().parse_known_args(argv)
    place, summary = COMMANDS[known.command]
    module, _, part = place.partition(":")
    try:
        found = importlib.import_module(module)
        command = getattr(found, part) if part else found
        own = argparse.ArgumentParser(prog=f"course {known.command}", description=summary)
        command.add_arguments(own)
        code = int(command.run(own.parse_args(rest)) or 0)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(f"course {known.command}: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        print(
            f"course {known.command}: {error}; install it with: pip install -e '.[course]'", file=sys.stderr
        )
        return 2
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return READER_HAS_GONE
        said = str(error) or type(error).__name__
        print(f"course {known.command}: {one_line(said.splitlines()[0], 2000)}", file=sys.stderr)
        return 2


def _nobody_reads() -> bool:
    """Whether the reader of our output has gone, as in `course data list | head -1`; what is left of it is dropped.

    The signal SIGPIPE, which would end us by itself, stays ignored: a worker or a student's process that has gone
    breaks a pipe too, and must not take the grader along.
    """
    ask = select.poll()
    ask.register(sys.stdout.fileno(), 0)
    if not ask.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
