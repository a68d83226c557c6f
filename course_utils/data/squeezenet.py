"""Weights of SqueezeNet 1.0 trained on ImageNet (Iandola et al., 2016, arXiv:1602.07360), in 0.7 MB.

The file is the one of Deep Compression (Han et al., 2016, arXiv:1510.00149): each layer's weights are a codebook of 256
values, a byte for each weight that is not the most common one, and the gap to the one before it in four bits.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS, DataError

# Fire modules in the order of the net: number among torchvision's `features`, squeezed and expanded channels.
_FIRES = (
    (3, 96, 16, 64),
    (4, 128, 16, 64),
    (5, 128, 32, 128),
    (7, 256, 32, 128),
    (8, 256, 48, 192),
    (9, 384, 48, 192),
    (10, 384, 64, 256),
    (12, 512, 64, 256),
)
MEANS = (104.0, 117.0, 123.0)  # blue, green, red, of pixels from 0 to 255


def load(tier: str = "full", split: str = "train") -> dict[str, Tensor]:
    """The weights, named as in torchvision's `squeezenet1_0`; there is one set and no mini tier.

    `torchvision.models.squeezenet1_0().load_state_dict(load())` fits. Pictures go through `prepare` first. The
    last convolution had a padding of 1 when this net was trained: set `net.classifier[1].padding = (1, 1)`.
    """
    if tier != "full":
        raise ValueError(
            "squeezenet: expected the tier full, got mini; the course's own net of `depth` serves there."
        )
    return decoded("squeezenet", lambda: decode(fetch(DATASETS["squeezenet"].files[0])))


def prepare(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W), RGB in [0, 1], as the net wants them: blue first, from 0 to 255, less the means."""
    blue_first = (pictures.flip(-3) * 255).unbind(-3)
    # Nothing is copied to the pictures' device.
    return torch.stack([channel - mean for channel, mean in zip(blue_first, MEANS)], -3)


def layers() -> dict[str, tuple[int, int, int, int]]:
    """Each layer's name and the shape of its weights, (out, in, height, width), in the order of the file."""
    found = {"features.0": (96, 3, 7, 7)}
    for number, channels, squeezed, expanded in _FIRES:
        found[f"features.{number}.squeeze"] = (squeezed, channels, 1, 1)
        found[f"features.{number}.expand1x1"] = (expanded, squeezed, 1, 1)
        found[f"features.{number}.expand3x3"] = (expanded, squeezed, 3, 3)
    return found | {"classifier.1": (1000, 512, 1, 1)}


def decode(path: Path) -> dict[str, Tensor]:
    """All layers of the file: counts of stored weights, then for each layer codebook, biases, codes and gaps."""
    shapes, content = layers(), path.read_bytes()
    counts, place = np.frombuffer(content, "<u4", len(shapes)).tolist(), 4 * len(shapes)
    tensors = {}
    for (name, shape), count in zip(shapes.items(), counts):
        codebook = np.frombuffer(content, "<f4", 256, place)
        bias = np.frombuffer(content, "<f4", shape[0], place + 1024)
        place += 1024 + 4 * shape[0]
        codes = np.frombuffer(content, np.uint8, count, place)
        gaps = np.frombuffer(content, np.uint8, -(-count // 2), place + count)
        place += count + len(gaps)
        tensors[f"{name}.weight"] = torch.from_numpy(_weights(shape, codebook, codes, gaps))
        tensors[f"{name}.bias"] = torch.from_numpy(bias.copy())
    if place != len(content):
        raise DataError(f"{path}: expected {place:,} bytes, got {len(content):,}; delete it and try again.")
    return tensors


def _weights(shape: tuple[int, ...], codebook: np.ndarray, codes: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """A layer's weights; those that are not stored have the codebook's first value."""
    nibbles = np.stack([gaps & 15, gaps >> 4], 1).reshape(-1)[: len(codes)].astype(np.int64)
    flat = np.full(np.prod(shape), codebook[0], np.float32)
    flat[np.cumsum(nibbles + 1) - 1] = codebook[codes]
    return flat.reshape(shape)
