"""Two colour photographs that come with scikit-learn, in any size: nothing is downloaded.

A temple's roof in China and a flower; their licences stand in scikit-learn's `datasets/images/README.txt`.
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image
from torch import Tensor

NAMES = ("china", "flower")


def load(name: str, side: int) -> Tensor:
    """The middle square of a photograph, (1, 3, side, side), float32 in [0, 1].

    Raises:
        ValueError: there is no such photograph.
    """
    if name not in NAMES:
        raise ValueError(f"pictures: expected one of {', '.join(NAMES)}, got {name!r}.")
    pixels = torch.from_numpy(load_sample_image(f"{name}.jpg").copy()).permute(2, 0, 1)[None].float() / 255
    height, width = pixels.shape[2:]
    cut = min(height, width)
    top, left = (height - cut) // 2, (width - cut) // 2
    square = pixels[:, :, top : top + cut, left : left + cut]
    return F.interpolate(square, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)
