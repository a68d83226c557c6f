"""The plane as a classifier of points sees it: a picture that chapters and labs share."""

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_utils.plots import COLOURS, INK, signed

# Class 0 and class 1: told apart by colour and by shape.
MARKS = ((COLOURS[1], "o"), (COLOURS[0], "s"))


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
