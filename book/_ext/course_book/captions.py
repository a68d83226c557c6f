"""A page's figures get a number and, as a visible caption, the sentence that is their text for readers' aids.

The sentence of a cell's figure is what `course_utils.plots.show` was given, that of a drawn diagram its `aria-label`.
Readers' aids have it already, so the caption is hidden from them: nobody hears it twice.

A figure is drawn so wide that its words are at least `SMALLEST` pixels high; where the page is narrower, it scrolls in
a box of its own, as wide formulas do.

A figure has a name where its cell has the tag `figure-<name>`, or its diagram `id="<name>"`; {numref}`name` in the
page's text then gives its number and leads to it.
"""

import math
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from course_book.light_figures import lighter

DRAWN = re.compile(r'<svg class="figure"[^>]*? aria-label="([^"]*)".*</svg>', re.DOTALL)
OWN_NAME = re.compile(r'(<svg class="figure") id="([^"]*)"')
TAG = "tag_figure-"  # what a cell's tag becomes as a class
SMALLEST = 9  # pixels: no word of a figure is smaller on a phone
PHONE = 320  # pixels that the narrowest phones have for a figure
WORDS = re.compile(r"<text.*?</text>|<g [^>]*font-size[^>]*>", re.DOTALL)
SIZE = re.compile(r'font-size(?:: |=")([\d.]+)')
VIEW = re.compile(r'viewBox="\S+ \S+ ([\d.]+) ')


def captioned(html: str, number: int, name: str = "") -> str:
    """A figure's HTML with its caption; other HTML as it is.

    >>> captioned('<svg class="figure" role="img" aria-label="Three points."></svg>', 2)[-82:]
    '<figcaption aria-hidden="true"><b>Figure 2.</b> Three points.</figcaption></figure>'
    """
    found = DRAWN.search(html)
    if not found:
        return html
    words = found[1].rstrip(".") + "."
    caption = f'<figcaption aria-hidden="true"><b>Figure {number}.</b> {words}</figcaption>'
    drawn, width = OWN_NAME.sub(r"\1", found[0]), narrowest(found[0])
    if width:
        drawn = drawn.replace('class="figure"', f'class="figure" style="min-width: {width}px"', 1)
    box = '<div class="figure-box" tabindex="0">' if width > PHONE else '<div class="figure-box">'
    return f'<figure class="drawn" id="{name or f"figure-{number}"}">{box}{drawn}</div>{caption}</figure>'


def narrowest(svg: str) -> int:
    """Pixels that a figure's width must have for its smallest words; 0 where it has none. Exponents do not count.

    >>> narrowest('<svg viewBox="0 0 400 100"><text style="font-size: 8px; fill: currentColor">loss</text></svg>')
    450
    """
    sizes = [max(map(float, found)) for word in WORDS.findall(svg) if (found := SIZE.findall(word))]
    view = VIEW.search(svg)
    return math.ceil(SMALLEST * float(view[1]) / min(sizes)) if sizes and view else 0


def caption_figures(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Number the figures of a page in their order, and fill in the numbers that its text asks for."""
    numbers: dict[str, int] = {}
    for number, node in enumerate(_figures(doctree), 1):
        name = name_of(node)
        if name in numbers:
            _warn(page, f"two figures are called {name!r}: give one of them another name")
        numbers |= {name: number} if name else {}
        html = captioned(lighter(node.astext()), number, name)
        node.replace_self(nodes.raw(node.rawsource, html, format="html"))
    for asked in list(doctree.findall(numref)):
        name = asked["name"]
        if name not in numbers:
            _warn(page, f"no figure is called {name!r}; there are: {', '.join(numbers) or 'none'}")
        words = f"figure {numbers.get(name, '?')}"
        asked.replace_self(nodes.reference("", words, refuri=f"#{name}", internal=True))


class numref(nodes.Inline, nodes.TextElement):
    """A place in the text that asks for the number of the figure `name`."""


def ask(role, rawtext, text, lineno, inliner, options=None, content=()):  # type: ignore[no-untyped-def]
    """The role: {numref}`name`."""
    return [numref(rawtext, name=text)], []


def _figures(doctree: nodes.document) -> list[nodes.raw]:
    return [n for n in doctree.findall(nodes.raw) if n.get("format") == "html" and DRAWN.search(n.astext())]


def name_of(node: nodes.raw) -> str:
    """What a figure is called, "" where it has no name."""
    own = OWN_NAME.search(node.astext())
    if own:
        return own[2]
    above: nodes.Node = node
    while above is not None:
        for name in above.get("classes", ()) if isinstance(above, nodes.Element) else ():
            if name.startswith(TAG):
                return name.removeprefix(TAG)
        above = above.parent
    return ""


def _warn(page: str, words: str) -> None:
    logging.getLogger(__name__).warning(words, location=page, type="course", subtype="figure")


def connect(app: Sphinx) -> None:
    """After outputs have been chosen, before the page is written."""
    app.add_node(numref)
    app.add_role_to_domain("std", "numref", ask, override=True)
    app.connect("doctree-resolved", caption_figures)
