"""`course topic`: train, release and audit one topic, then say what is missing or contradicts itself."""

import argparse

from course_utils.authoring.missing import missing
from course_utils.topics import topic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`course topic KEY [--look]`."""
    parser.add_argument("key", metavar="KEY", help="the topic")
    parser.add_argument("--look", action="store_true", help="run nothing, only say what is missing")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time (default 2)")


def run(args: argparse.Namespace) -> int:
    """Do what is not done yet, each step only where the one before went well; 0 where nothing is missing."""
    key = topic(args.key).key
    failed = False if args.look else not all(step(key, args.jobs) for step in (_train, _release, _audit))
    lines = missing(key)
    for line in lines:
        print(line)
    if not failed and not lines:
        print(f"{key}: nothing is missing")
    return 1 if failed or lines else 0


def _train(key: str, jobs: int) -> bool:
    from course_utils.training import commands

    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    print(f"course train {key} --stale", flush=True)
    return commands.run(parser.parse_args([key, "--stale", "--device", "cpu", "--jobs", str(jobs)])) == 0


def _release(key: str, jobs: int) -> bool:
    from course_utils.labs.release import classroom, release
    from course_utils.topics import ROOT

    path = release(key, ROOT / "labs", classroom())
    print(f"course release {key}: {path.relative_to(ROOT)}", flush=True)
    return True


def _audit(key: str, jobs: int) -> bool:
    from course_utils.audit import commands
    from course_utils.audit.mutation_score import complaint

    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    mutants = ["--mutants"] if complaint(key) else []
    print(f"course audit {key} {' '.join(mutants)}", flush=True)
    return commands.run(parser.parse_args([key, "--jobs", str(jobs), *mutants])) == 0
