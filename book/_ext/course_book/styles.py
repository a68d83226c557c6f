"""Styles of the book, cut to the rules that its pages can use.

The theme brings the styles of a whole framework, and a phone reads every rule before it shows the first word. A rule
goes where each of its selectors asks for a class that stands in no page and in no script; all others stay, in order.
"""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx

from course_book.pages import written_pages

LICENCE = re.compile(r"/\*!.*?\*/", re.DOTALL)
NESTED = ("media", "supports", "container", "layer")

NAMED = re.compile(r'\bclass=(?:"([^"]*)"|\'([^\']*)\'|([^\s"\'>]+))')
SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][\w-]*")
BEGINNING = re.compile(r"[\"'`\s]([A-Za-z][\w-]*-)(?=[\"'`]|\$\{)")  # "kind-" + kind

Tokens = list[Any]  # tinycss2 brings no types

CUT = "\n/* cut to what the book's pages use */\n"


def selectors(prelude: Tokens) -> list[Tokens]:
    """The selectors of a rule; a comma within brackets divides none."""
    parts: list[Tokens] = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def asked(selector: Tokens) -> set[str]:
    """Classes without which a selector finds nothing; what stands in brackets may ask for one of several.

    >>> sorted(asked(tinycss2.parse_component_value_list("nav.menu > a.open:not(.shut)[title='.x']")))
    ['menu', 'open']
    """
    return {name.value for dot, name in pairwise(selector) if dot == "." and name.type == "ident"}


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
    return _cut(tinycss2.parse_stylesheet(style, skip_comments=True, skip_whitespace=True), used)


def _cut(rules: Tokens, used: Used) -> str:
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            found = [one for one in selectors(rule.prelude) if all(name in used for name in asked(one))]
            kept += [f"{','.join(map(_written, found))}{{{_written(rule.content)}}}"] if found else []
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTED and rule.content is not None:
            inner = _cut(
                tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), used
            )
            kept += [f"@{rule.at_keyword} {_written(rule.prelude)}{{{inner}}}"] if inner else []
        else:
            kept.append(rule.serialize())
    return "".join(kept)


def _written(tokens: Tokens) -> str:
    return tinycss2.serialize([token for token in tokens if token.type != "comment"]).strip()


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
