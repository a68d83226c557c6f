"""Styles of the book, cut to the rules that its pages can use.

The theme brings the styles of a whole framework, and a phone reads every rule before it shows the first word. A rule
goes where each of its selectors asks for a class that stands in no page and in no script; all others stay, in order.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from course_book.pages import written_pages

# What braces and semicolons do not count in, and these themselves.
PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|/\*.*?\*/|[{};]', re.DOTALL)
IN_BRACKETS = re.compile(r"\([^()]*\)|\[[^\]]*\]")
CLASS = re.compile(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)")
NESTED = ("@media", "@supports", "@container", "@layer")
LICENCE = re.compile(r"/\*!.*?\*/", re.DOTALL)

NAMED = re.compile(r'\bclass=(?:"([^"]*)"|\'([^\']*)\'|([^\s"\'>]+))')
SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][\w-]*")
BEGINNING = re.compile(r"[\"'`\s]([A-Za-z][\w-]*-)(?=[\"'`]|\$\{)")  # "kind-" + kind

CUT = "\n/* cut to what the book's pages use */\n"


def statements(style: str) -> Iterator[tuple[str, str | None]]:
    """The parts of a style sheet or of a block: what stands before a block and the block; None where there is none.

    >>> list(statements("@import 'a;b'; p, a { color: red } @media print { p { margin: 0 } }"))
    [("@import 'a;b'", None), ('p, a', ' color: red '), ('@media print', ' p { margin: 0 } ')]
    """
    depth = begin = opened = 0
    for piece in PIECE.finditer(style):
        depth += {"{": 1, "}": -1}.get(piece[0], 0)
        if piece[0] == "{" and depth == 1:
            opened = piece.start()
        elif piece[0] == "}" and depth == 0:
            yield style[begin:opened].strip(), style[opened + 1 : piece.start()]
            begin = piece.end()
        elif piece[0] == ";" and depth == 0:
            yield style[begin : piece.start()].strip(), None
            begin = piece.end()


def asked(selector: str) -> set[str]:
    """Classes without which a selector finds nothing; what stands in brackets may ask for one of several.

    >>> sorted(asked("nav.menu > a.open:not(.shut)[title='.x']"))
    ['menu', 'open']
    """
    bare, before = selector, ""
    while bare != before:
        bare, before = IN_BRACKETS.sub("", bare), bare
    return {name.replace("\\", "") for name in CLASS.findall(bare)}


def selectors(before: str) -> list[str]:
    """The selectors of a rule; commas in brackets divide none.

    >>> selectors("p:is(.a, b:not(.c)), q")
    ['p:is(.a, b:not(.c))', 'q']
    """
    parts, depth = [""], 0
    for character in before:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


class Used:
    """Classes that pages have or scripts may give; scripts' words count as such, and their beginnings of words."""

    def __init__(self, pages: list[str], scripts: list[str]):
        inline = [text for page in pages for text in SCRIPT.findall(page)]
        self.names = {
            name for page in pages for found in NAMED.findall(page) for name in " ".join(found).split()
        }
        beginnings: set[str] = set()
        for script in {*scripts, *inline}:
            self.names |= set(WORD.findall(script))
            beginnings |= set(BEGINNING.findall(script))
        self.beginnings = tuple(beginnings)

    def __contains__(self, name: str) -> bool:
        return name in self.names or name.startswith(self.beginnings)


def cut(style: str, used: Used) -> str:
    """A style sheet without comments and without the rules that no page can use."""
    kept = []
    bare = PIECE.sub(lambda piece: "" if piece[0].startswith("/*") else piece[0], style)
    for before, block in statements(bare):
        if block is None:
            kept.append(f"{before};")
        elif before.startswith(NESTED):
            inner = cut(block, used)
            kept.append(f"{before}{{{inner}}}" if inner else "")
        elif before.startswith("@"):
            kept.append(f"{before}{{{block}}}")
        else:
            found = [one for one in selectors(before) if all(name in used for name in asked(one))]
            kept.append(f"{','.join(found)}{{{block}}}" if found else "")
    return "".join(kept)


def whole(style: Path, kept: Path) -> str:
    """A style sheet as the theme gave it, which an earlier build may have cut already."""
    text, original = style.read_text(encoding="utf-8"), kept / style.name
    if not text.endswith(CUT):
        kept.mkdir(parents=True, exist_ok=True)
        original.write_text(text, encoding="utf-8")
    return original.read_text(encoding="utf-8")


def cut_styles(app: Sphinx, error: Exception | None) -> None:
    """Cut each style sheet to what the written pages show."""
    if error or app.builder.format != "html":
        return
    output, kept = Path(app.outdir), Path(app.outdir).parent / ".styles"
    static = output / "_static"
    pages = [page.read_text(encoding="utf-8") for page in written_pages(output)]
    scripts = [
        path.read_text(encoding="utf-8") for path in static.rglob("*.js") if "locales" not in path.parts
    ]
    used = Used(pages, scripts)
    for style in static.rglob("*.css"):
        text = whole(style, kept)
        licences = "".join(LICENCE.findall(text))
        style.write_text(licences + cut(text, used) + CUT, encoding="utf-8")


def connect(app: Sphinx) -> None:
    """After the fonts, which look through the whole styles."""
    app.connect("build-finished", cut_styles, priority=850)
