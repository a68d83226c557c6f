"""`course doctor`: which kinds of sandbox hold on this machine, and which of them `course grade` takes."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `course doctor`: none."""


def run(args: argparse.Namespace) -> int:
    """Print a line a kind; 1 where submissions could not be locked in."""
    if sys.platform != "linux":
        print("course doctor: students' code can be locked in on Linux alone; grade there", file=sys.stderr)
        return 1
    from course_utils.grading.sandbox.enter import Unavailable
    from course_utils.grading.sandbox.layers import KINDS, attempt, choose

    for kind, purpose in KINDS.items():
        tried = attempt(kind)
        print(f"{'✗' if tried.why else '✓'} {kind:<12}{purpose}{tried.why and f' ({tried.why})'}")
    try:
        print(f"Submissions are locked in by {', '.join(choose()[0].held)}.")
    except Unavailable as error:
        print(f"course doctor: {error}", file=sys.stderr)
        return 1
    return 0
