"""`{needs}`: the course in one picture, each chapter below those that it leans on, as SVG whose boxes are links."""

from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_utils import topics

# From above; a chapter's row is below those of all that it needs.
ROWS = (
    ("neurons",),
    ("convolution", "training"),
    ("graphs", "depth", "autoregressive", "metalearning", "recurrence"),
    ("odes", "layerwise", "transfer", "waveforms", "attention"),
    ("flows", "correspondence", "alignment", "transformers", "memory", "synthesis"),
    ("translation", "programs"),
)
NEEDS = {
    "convolution": ("neurons",),
    "training": ("neurons",),
    "depth": ("convolution", "training"),
    "transfer": ("depth",),
    "layerwise": ("depth",),
    "autoregressive": ("convolution", "training"),
    "waveforms": ("autoregressive", "depth"),
    "recurrence": ("training",),
    "attention": ("recurrence",),
    "transformers": ("waveforms", "attention"),
    "memory": ("attention",),
    "odes": ("depth",),
    "flows": ("odes", "autoregressive"),
    "correspondence": ("transfer",),
    "alignment": ("transfer",),
    "translation": ("alignment", "attention"),
    "graphs": ("convolution",),
    "metalearning": ("convolution", "training"),
    "programs": ("memory",),
    "synthesis": ("attention",),
}
# The first four of `course_utils.plots.COLOURS`, whose module would bring PyTorch into the build.
COLOURS = ("#2277cc", "#f04e06", "#4aa564", "#8a3ffc")
WORDS = "What needs what: a line leads down from a chapter to each that leans on it; colours are the course's parts"
WIDTH, STEP, HIGH = 480, 72, 36  # of the picture, from row to row, of a box
LETTER, MARGIN = 6.9, 7  # pixels that a letter takes on average, and that stand on either side of a word


def places(written: set[str]) -> dict[str, tuple[float, float, float]]:
    """Middle, top and width of each written chapter's box; a row's boxes are spread over the whole width."""
    found = {}
    for number, row in enumerate(ROWS):
        widths = {key: LETTER * len(key) + 2 * MARGIN for key in row if key in written}
        between, left = (WIDTH - sum(widths.values())) / (len(widths) + 1), 0.0
        for key, width in widths.items():
            left += between
            found[key] = (left + width / 2, 4.0 + STEP * number, width)
            left += width
    return found


def drawn(written: set[str]) -> str:
    """The picture of these chapters."""
    at, parts = places(written), list(dict.fromkeys(row.part for row in topics.TOPICS))
    lines = "".join(
        f"M{at[need][0]:.0f} {at[need][1] + HIGH:.0f}L{at[key][0]:.0f} {at[key][1]:.0f}"
        for key in at
        for need in NEEDS.get(key, ())
        if need in at
    )
    rows = {row.key: row for row in topics.TOPICS if row.key in at}
    boxes = "".join(_box(rows[key], *at[key], COLOURS[parts.index(rows[key].part)]) for key in at)
    height = 8 + HIGH + STEP * (len(ROWS) - 1)
    return (
        f'<svg class="figure" id="needs" role="group" viewBox="0 0 {WIDTH} {height}" width="{WIDTH * 1.3:.0f}" '
        f'aria-label="{escape(WORDS)}"><path d="{lines}" stroke="currentColor" stroke-opacity=".6" fill="none"/>'
        f'<g font-size="13" text-anchor="middle" fill="currentColor" stroke-width="1.5">{boxes}</g></svg>'
    )


def _box(row: topics.Topic, middle: float, top: float, width: float, colour: str) -> str:
    frame = f'x="{middle - width / 2:.0f}" y="{top:.0f}" width="{width:.0f}" height="{HIGH}" rx="6"'
    return (
        f'<a href="{row.key}.html"><title>{escape(row.title)}</title>'
        f'<rect {frame} fill="var(--pst-color-background)"/>'
        f'<rect {frame} fill="{colour}" fill-opacity=".16" stroke="{colour}"/>'
        f'<text x="{middle:.0f}" y="{top + HIGH / 2 + 4.5:.1f}">{row.key}</text></a>'
    )


class Needs(SphinxDirective):
    """The picture, of the chapters that are written."""

    def run(self) -> list[nodes.Node]:
        """SVG as it stands; it is captioned and numbered as other figures are."""
        folder = Path(self.env.srcdir) / "book"
        written = {row.key for row in topics.TOPICS if (folder / row.page.name).is_file()}
        return [nodes.raw("", drawn(written), format="html")]


def connect(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("needs", Needs)
