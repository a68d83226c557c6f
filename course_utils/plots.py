"""Pictures that several chapters and labs draw, in one style."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

ORANGE, BLUE = (
    "#dd7b12",
    "#2878c8",
)  # class 0 and class 1, as in the demos; told apart by colour-blind readers too
PLANE = LinearSegmentedColormap.from_list("plane", [ORANGE, "#ffffff", BLUE])


def style() -> None:
    """Quiet axes, readable sizes and the course's colours, for all figures after it."""
    plt.rcParams.update(
        {
            "figure.figsize": (6, 3.2),
            "figure.dpi": 100,
            "savefig.bbox": "tight",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, "#3a9a5b", "#8a5cb8", "#6b6b6b"]),
            "axes.titlesize": "medium",
            "legend.frameon": False,
            "image.interpolation": "nearest",
        }
    )


def plane(
    logit: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    ax: Axes | None = None,
    title: str = "",
    cells: int = 100,
) -> Axes:
    """Colour the plane by what a classifier says there, blue for class 1, and put the points on it.

    Args:
        logit: From points (N, 2) to logits (N,) or (N, 1).
        x: Points (B, 2).
        y: Their classes, 0 or 1 (B,).
        ax: Where to draw; a new figure without it.
        title: What stands above.
        cells: How many places along each side are asked.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(3.4, 3.4))
    reach = 1.1 * float(x.abs().max())
    side = torch.linspace(-reach, reach, cells)
    grid = torch.cartesian_prod(side, side)  # (cells², 2), x₁ slowest
    with torch.no_grad():
        shares = torch.sigmoid(torch.as_tensor(logit(grid)).reshape(cells, cells))
    extent = (-reach, reach, -reach, reach)
    ax.imshow(shares.T, origin="lower", extent=extent, cmap=PLANE, vmin=0, vmax=1, alpha=0.6)
    if shares.min() < 0.5 < shares.max():
        ax.contour(side, side, shares.T, levels=[0.5], colors="#444444", linewidths=0.8)
    for label, colour, mark in ((0, ORANGE, "o"), (1, BLUE, "s")):
        ax.scatter(*x[y == label].T, s=11, c=colour, marker=mark, edgecolors="white", linewidths=0.4)
    ax.set(title=title, xticks=[], yticks=[], aspect="equal", xlim=extent[:2], ylim=extent[2:])
    return ax
