"""`{topics}`: the map of the course, made from the table of topics; a topic without its page is not listed."""

from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_book.lab import released
from course_utils import topics


def table(source: Path) -> list[str]:
    """Lines of a MyST table: one row a topic whose chapter is written."""
    lines = ["| part | chapter | lab | work | source |", "| --- | --- | --- | --- | --- |"]
    part = ""
    for row in topics.TOPICS:
        if (source / "book" / row.page.name).is_file():
            lab = f"{row.points} points" if released(row, source) else "no lab yet"
            name = row.part if row.part != part else ""
            part = row.part
            lines.append(
                f"| {name} | [{row.title}](/book/{row.key}.md) | {lab} | {row.minutes} min | {{cite:t}}`{row.paper}` |"
            )
    return lines


class Topics(SphinxDirective):
    """The table of topics as a table."""

    def run(self) -> list[nodes.Node]:
        """Parse the made lines as if they stood in the page."""
        self.env.note_dependency(topics.__file__)
        container = nodes.container(classes=["topics"])
        self.state.nested_parse(
            StringList(table(Path(self.env.srcdir)), source=topics.__file__), self.content_offset, container
        )
        return [container]


def reread(app: Sphinx, env, added: set, changed: set, removed: set) -> list[str]:
    """Chapters and labs come and go: the page with the map is always read."""
    return ["book/intro"] if "book/intro" in env.found_docs else []


def connect(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("topics", Topics)
    app.connect("env-get-outdated", reread)
