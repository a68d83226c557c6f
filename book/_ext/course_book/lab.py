"""`{lab} key`: the bar at the top of a chapter that leads to its lab, made from the table of topics."""

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_utils import topics


def duration(minutes: float) -> str:
    """Minutes as one says them: `duration(0.2) == "12 s"`, `duration(3) == "3 min"`."""
    return f"{minutes * 60:.0f} s" if minutes < 1 else f"{minutes:g} min"


def released(row: topics.Topic, source: str | Path) -> bool:
    """Whether the lab's notebook stands in the folder that the book is built from."""
    return (Path(source) / row.release.relative_to(topics.ROOT)).is_file()


class LabBar(SphinxDirective):
    """Open in Colab, download, points and minutes; the links stand once the lab is released."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A container of links and facts."""
        try:
            row = topics.topic(self.arguments[0])
        except topics.UnknownKey as error:
            raise self.error(str(error)) from None
        self.env.note_dependency(topics.__file__)
        bar = nodes.container(classes=["lab-bar"])
        bar += nodes.paragraph("", "The lab", classes=["lab-bar-title"])
        if released(row, self.env.srcdir):
            links = nodes.paragraph("", classes=["lab-bar-links"])
            links += nodes.reference("", "Open in Colab", refuri=row.colab_url, classes=["lab-bar-link"])
            links += self.download(row)
            bar += links
        facts = (
            f"{row.points} points",
            f"{row.minutes} min of work",
            f"{duration(row.minutes_cpu)} on a laptop's CPU (tier mini)",
            f"{duration(row.minutes_gpu)} on Colab's GPU (tier full)",
        )
        bar += nodes.bullet_list(
            "", *(nodes.list_item("", nodes.paragraph("", fact)) for fact in facts), classes=["lab-bar-facts"]
        )
        return [bar]

    def download(self, row: topics.Topic) -> nodes.Node:
        """The released notebook, copied into the book."""
        target = "/" + row.release.relative_to(topics.ROOT).as_posix()
        text = nodes.inline("", "Download the notebook")
        return addnodes.download_reference(
            "",
            "",
            text,
            reftarget=target,
            refdoc=self.env.docname,
            refdomain="",
            reftype="download",
            classes=["lab-bar-link"],
        )


def connect(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("lab", LabBar)
