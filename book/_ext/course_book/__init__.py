"""What the book adds to Sphinx and Jupyter Book: directives, formulas, runs of chapters, light pages, fonts, styles.

A kernel imports `course_book.kernel` without Sphinx: nothing is imported here before `setup` is called.
"""

from importlib import import_module
from typing import Any

# In the order in which each is told of an event.
PARTS = (
    "citations",
    "formulas",
    "captions",
    "demo",
    "reference",
    "lab",
    "topics",
    "needs",
    "freshness",
    "runs",
    "pages",
    "fonts",
    "styles",
)


def setup(app: Any) -> dict:
    """Tell Sphinx of every part."""
    for part in PARTS:
        import_module(f"course_book.{part}").connect(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
