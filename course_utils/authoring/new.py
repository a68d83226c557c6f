"""`course new`: a small topic that trains, releases, audits and builds from the first minute; yours replaces it."""

import argparse
import re
from pathlib import Path

from course_utils.topics import KEYS, ROOT

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9_]*")
END_OF_TABLE = "\n)  # fmt: skip\n\nKEYS"

NEXT = """\
{key}: {count} files and a row in course_utils/topics.py, a draft until you strike `draft=True`. Now:
  course topic {key}    trains, releases, audits; says what is missing
  course build {key}    builds its page alone
Then replace it, piece by piece, and run both again."""


class NewTopicError(ValueError):
    """The topic was not made; the message says why. Nothing was written."""


def create(key: str, title: str, root: Path = ROOT) -> list[Path]:
    """Write the topic's files under `root` and its row in the table; returns the files.

    Raises:
        NewTopicError: the key will not do, or one of the files is there already.
    """
    if not NAME.fullmatch(key) or len(key) > 30:
        raise NewTopicError(
            f"new: expected a key of small letters, digits and _, got {key!r}; choose one word"
        )
    if key in KEYS:
        raise NewTopicError(f"new: there is a topic {key!r} already; choose another key")
    sources = [path for path in sorted(TEMPLATE.rglob("*")) if path.suffix in (".py", ".md")]
    made = {root / _filled(str(path.relative_to(TEMPLATE)), key, title): path for path in sources}
    for path in made:
        if path.exists():
            raise NewTopicError(
                f"new: {path.relative_to(root)} is there already; remove it or choose another key"
            )
    table = root / "course_utils" / "topics.py"
    rows = table.read_text(encoding="utf-8")
    if rows.count(END_OF_TABLE) != 1:
        raise NewTopicError(
            "new: expected the end of TOPICS once in course_utils/topics.py; add the row by hand"
        )
    row = _filled((TEMPLATE / "row.txt").read_text(encoding="utf-8"), key, title)
    for path, source in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(source.read_text(encoding="utf-8"), key, title), encoding="utf-8")
    table.write_text(rows.replace(END_OF_TABLE, f"\n{row.rstrip()}{END_OF_TABLE}"), encoding="utf-8")
    return list(made)


def _filled(text: str, key: str, title: str) -> str:
    return text.replace("new_topic", key).replace("NEW_TITLE", title)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`course new KEY [--title TITLE]`."""
    parser.add_argument("key", metavar="KEY", help="one word that names it everywhere")
    parser.add_argument("--title", help="the chapter's title (default: the key)")


def run(args: argparse.Namespace) -> int:
    """Make the topic in this checkout."""
    title = args.title or args.key.replace("_", " ").capitalize()
    if not title.replace(" ", "").isprintable() or any(sign in title for sign in '"\\\n'):
        raise NewTopicError(f"new: expected a title in plain words, got {title!r}")
    made = create(args.key, title)
    print(NEXT.format(key=args.key, count=len(made)))
    return 0
