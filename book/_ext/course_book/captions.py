"""Figures of cells get a number and, as a visible caption, the sentence that `course_utils.plots.show` was given.

The sentence is the picture's text for readers' aids already, so the caption is hidden from them: nobody hears it twice.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

DRAWN = re.compile(r'<svg class="figure" role="img" aria-label="([^"]*)".*</svg>', re.DOTALL)


def captioned(html: str, number: int) -> str:
    """A drawn figure's HTML with its caption; other HTML as it is.

    >>> captioned('<svg class="figure" role="img" aria-label="Three points."></svg>', 2)[-82:]
    '<figcaption aria-hidden="true"><b>Figure 2.</b> Three points.</figcaption></figure>'
    """
    found = DRAWN.search(html)
    if not found:
        return html
    words = found[1].rstrip(".") + "."
    caption = f'<figcaption aria-hidden="true"><b>Figure {number}.</b> {words}</figcaption>'
    return f'<figure class="drawn" id="figure-{number}">{found[0]}{caption}</figure>'


def caption_figures(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Number the figures of a page's cells in their order."""
    number = 0
    for node in doctree.findall(nodes.raw):
        if node.get("format") == "html" and DRAWN.search(node.astext()) and drawn_by_a_cell(node):
            number += 1
            text = captioned(node.astext(), number)
            node.replace_self(nodes.raw(node.rawsource, text, format="html"))


def drawn_by_a_cell(node: nodes.Node) -> bool:
    """Whether a node is a cell's output."""
    while node is not None:
        if isinstance(node, nodes.Element) and "cell_output" in node.get("classes", ()):
            return True
        node = node.parent
    return False


def connect(app: Sphinx) -> None:
    """After outputs have been chosen, before the page is written."""
    app.connect("doctree-resolved", caption_figures)
