"""Figures of the chapters and labs: one style that reads on a light and on a dark page, and a text for each.

A figure is shown as SVG without a background whose ink is the page's own text colour, so that one picture serves both
themes. `COLOURS` stand out from white and from near-black (contrast of 3 and more, as WCAG 2.2 asks of graphics) and
from each other under the three common colour blindnesses; lines also differ in their dashes.
"""

import base64
import hashlib
import html
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

COLOURS = ("#2277cc", "#f04e06", "#4aa564", "#8a3ffc", "#d0569a")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
# Stands for the page's text colour while matplotlib draws; nearly black where a figure is saved as it is.
INK = "#010203"
# What matplotlib measures words with, and a font that is as wide where that one is missing. The words are text: a
# reader finds, copies and enlarges them.
FONTS = "'DejaVu Sans', Verdana, sans-serif"
# Where a figure scatters more points than this, they are drawn as pixels; fewer compress better as paths, and keep the
# ink of the page.
MOST_POINTS = 2500
# A picture of more colours is like a photograph and weighs a fraction of its PNG as WebP; others stay exact.
MOST_COLOURS = 256
PHOTO_QUALITY = 85

STYLE: dict[str, Any] = {
    "axes.prop_cycle": plt.cycler(color=COLOURS) + plt.cycler(linestyle=DASHES),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "figure.facecolor": "none",
    "figure.figsize": (5.6, 3.4),
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.color": INK,
    "grid.alpha": 0.2,
    "image.cmap": "cividis",
    "image.interpolation": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

# Class 0 and class 1: told apart by colour and by shape.
MARKS = ((COLOURS[1], "o"), (COLOURS[0], "s"))


@dataclass(frozen=True)
class Picture:
    """A drawn figure as notebooks and pages show it."""

    svg: str

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        """What stands where pictures cannot: in a terminal, on a feedback page."""
        said = re.search(r'aria-label="([^"]*)"', self.svg)
        return f"[picture: {html.unescape(said.group(1))}]" if said else "[picture]"


def subplots(*args: Any, **settings: Any) -> tuple[Figure, Any]:
    """`matplotlib.pyplot.subplots` in the house style, which also holds for what is drawn into it later."""
    plt.style.use(STYLE)
    return plt.subplots(*args, **settings)


def signed() -> LinearSegmentedColormap:
    """Colours of values around zero: the first colour below, the second above, nothing at zero."""
    low, high = ([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in COLOURS[:2])
    stops = [(*low, 1.0), (*low, 0.0), (*high, 0.0), (*high, 1.0)]
    return LinearSegmentedColormap.from_list("signed", list(zip((0.0, 0.5, 0.5, 1.0), stops)))


def plane(
    logit: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, ax: Axes, title: str = "", cells: int = 80
) -> Axes:
    """Colour the plane by what a classifier answers there, the stronger the surer, and put the points on it.

    Args:
        logit: From places (N, 2) to logits (N,) or (N, 1); above 0 is class 1.
        x: Points (B, 2).
        y: Their classes, 0 or 1 (B,).
        ax: Where to draw.
        title: What stands above.
        cells: How many places along each side are asked.
    """
    reach = 1.1 * float(x.abs().max())
    side = torch.linspace(-reach, reach, cells)
    with torch.no_grad():
        answers = logit(torch.cartesian_prod(side, side))  # (cells², 2) -> (cells²,)
    surety = torch.tanh(answers.detach().reshape(cells, cells) / 2).T  # 2σ(z) − 1, rows are x₂
    extent = (-reach, reach, -reach, reach)
    ax.imshow(surety, origin="lower", extent=extent, cmap=signed().reversed(), vmin=-2, vmax=2)
    if surety.min() < 0 < surety.max():
        ax.contour(side, side, surety, levels=[0.0], colors=INK, linewidths=0.8)
    for label, (colour, mark) in enumerate(MARKS):
        ax.scatter(
            x[y == label, 0], x[y == label, 1], s=7, c=colour, marker=mark, edgecolors=INK, linewidths=0.25
        )
    ax.set(title=title, xticks=[], yticks=[], aspect="equal", xlim=extent[:2], ylim=extent[2:])
    return ax


def show(figure: Figure, alt: str) -> Picture:
    """The figure as a picture with its text for those who cannot see it; closes the figure.

    With COURSE_PICTURES=0 in the environment it is not drawn, and its text alone is there.

    Args:
        figure: what was drawn.
        alt: a sentence that says what the figure shows, not how it looks.

    Raises:
        ValueError: `alt` is no sentence.
    """
    if len(alt.split()) < 3:
        raise ValueError(f"show: expected alt to be a sentence on what the figure shows, got {alt!r}")
    if os.environ.get("COURSE_PICTURES") == "0":  # where nobody looks at it: a class is marked by its checks
        plt.close(figure)
        return Picture(f'<svg aria-label="{html.escape(alt)}"/>')
    _rasterize_crowds(figure)
    drawn = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "figure"}):
        figure.savefig(drawn, format="svg", dpi=144, transparent=True, metadata={"Date": None})
    plt.close(figure)
    return Picture(_inline(drawn.getvalue(), alt))


def _rasterize_crowds(figure: Figure) -> None:
    """Draw meshes as pixels, and points too where the figure has many."""
    for mesh in figure.findobj(QuadMesh):
        mesh.set_rasterized(True)
    clouds = [cloud for cloud in figure.findobj(PathCollection) if isinstance(cloud, PathCollection)]
    if sum(np.shape(cloud.get_offsets())[0] for cloud in clouds) > MOST_POINTS:
        for cloud in clouds:
            cloud.set_rasterized(True)


def _inline(document: str, alt: str) -> str:
    """An SVG document as an element of a page: own names, the page's ink, its text."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[a-zA-Z0-9]+_\d+">', "<g>", svg)
    # Hundredths of a point are finer than any screen.
    svg = re.sub(r'\b(?:d|x|y)="[^"]*"', lambda drawn: re.sub(r"(\.\d\d)\d+", r"\1", drawn[0]), svg)
    svg = re.sub(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", lambda found: _lighter(found[1]), svg)
    svg = re.sub(r" *font-family: 'DejaVu Sans'(, [^;\"]*)?;", "", svg)  # FONTS stand once, at the whole
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{own}-", svg)
    label = f'<svg class="figure" role="img" aria-label="{html.escape(alt)}" font-family="{FONTS}"'
    return svg.replace("<svg", label, 1).replace(INK, "currentColor")


def _lighter(png: str) -> str:
    """A picture's address: WebP where it has many colours and that is lighter, else the PNG that it was."""
    data = base64.b64decode(png)
    with Image.open(io.BytesIO(data)) as picture:
        if picture.convert("RGB").getcolors(MOST_COLOURS) is None:
            packed = io.BytesIO()
            picture.save(packed, "WEBP", quality=PHOTO_QUALITY, method=6)
            if len(packed.getvalue()) < len(data):
                return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
