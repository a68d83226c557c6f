"""Keys on a command line: one, several, or --all."""

import argparse

from course_utils.topics import KEYS, PROVEN, topic


def add_keys(parser: argparse.ArgumentParser) -> None:
    """`KEY [KEY …]` or `--all`."""
    parser.add_argument("keys", nargs="*", metavar="KEY", help=f"topics: {', '.join(KEYS)}")
    parser.add_argument("--all", action="store_true", help="every topic")


def chosen(args: argparse.Namespace, drafts: bool = True) -> tuple[str, ...]:
    """The topics that the command line names; `--all` leaves drafts out where `drafts` is False.

    Raises:
        UnknownKey: a name is no topic.
        SystemExit: neither a key nor --all was given.
    """
    if args.all:
        return KEYS if drafts else PROVEN
    if not args.keys:
        raise SystemExit(f"name a topic or give --all; the topics are: {', '.join(KEYS)}")
    return tuple(topic(key).key for key in args.keys)
