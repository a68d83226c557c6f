"""`course data list | get <name> | verify`: what there is, bring it here, is it whole."""

import argparse
import sys

from course_utils.data.fetch import at_hand, cache_folder, fetch, intact, place
from course_utils.data.registry import DATASETS, DataError, Dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `course data`."""
    words = parser.add_subparsers(dest="word", required=True, metavar="list|get|verify")
    words.add_parser("list", help="the data sets, their licences, and what of them is here")
    get = words.add_parser("get", help="fetch data sets into the cache")
    get.add_argument("names", nargs="+", metavar="name", help="data sets, or all")
    words.add_parser("verify", help="check length and sha256 of every file in the cache")


def run(args: argparse.Namespace) -> int:
    """`course data`. Returns 0, 1 where a file could not be had or is broken, 2 for a name that does not exist."""
    if args.word == "get":
        return _get(args.names)
    return _list() if args.word == "list" else _verify()


def _list() -> int:
    print(f"cache: {cache_folder()}")
    for data in DATASETS.values():
        print(f"{data.name:14} {_state(data):22} {data.title}")
        print(f"{'':37} mini: {data.mini}; licence: {data.licence}")
    return 0


def _state(data: Dataset) -> str:
    size = f"{sum(file.size for file in data.files) / 1e6:.1f} MB"
    if not data.files:
        return "needs no files"
    if all(intact(file) for file in data.files):
        return f"here, {size}"
    return f"{'on the mirror' if all(at_hand(file) for file in data.files) else 'to be fetched'}, {size}"


def _get(names: list[str]) -> int:
    wanted = list(DATASETS) if names == ["all"] else names
    unknown = [name for name in wanted if name not in DATASETS]
    if unknown:
        print(
            f"data get: no data set {', '.join(unknown)}; there are {', '.join(DATASETS)}.", file=sys.stderr
        )
        return 2
    failures = 0
    for name in wanted:
        try:
            for file in DATASETS[name].files:
                fetch(file)
            print(f"{name}: here" if DATASETS[name].files else f"{name}: needs no files")
        except DataError as error:
            failures += 1
            print(f"{name}: {error}", file=sys.stderr)
    return 1 if failures else 0


def _verify() -> int:
    broken = 0
    files = {file.path: file for data in DATASETS.values() for file in data.files}
    for path, file in files.items():
        if intact(file):
            print(f"good     {path}")
        elif place(file).exists():
            broken += 1
            print(f"broken   {path}: delete {place(file)} and fetch it again", file=sys.stderr)
        else:
            print(f"not here {path}")
    return 1 if broken else 0
