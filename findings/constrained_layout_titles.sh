#!/usr/bin/env bash
# matplotlib 3.10.9: constrained layout lets the titles of pictures leave the figure; compressed layout keeps them in.
#
# Guess: `layout="constrained"` makes room for every title, whatever the figure's size.
# Seen: three pictures beside each other in a figure of 8 × 2.9 inches. Where a picture's width bounds it as tightly as its
# height does, the title ends above the figure's edge, and what is saved has it cut. With `layout="compressed"`, which
# is documented as a way to be rid of white space between axes of fixed aspect, it ends some points below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet matplotlib==3.10.9 numpy==2.3.5
MPLCONFIGDIR=$folder "$folder/venv/bin/python" - <<'PYTHON'
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np


def above(layout):
    """Pixels by which the titles end above the figure."""
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.9), layout=layout)
    for ax in axes:
        ax.imshow(np.zeros((8, 8)))
        title = ax.set_title("title")
        ax.set(xticks=[], yticks=[])
    figure.canvas.draw()
    return title.get_window_extent().y1 - figure.bbox.y1


constrained, compressed = above("constrained"), above("compressed")
print(f"matplotlib {matplotlib.__version__}: constrained {constrained:+.2f} px, compressed {compressed:+.2f} px")
assert constrained > 0 > compressed, "this has changed"
PYTHON
