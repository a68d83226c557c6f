"""Pairs of views whose true matches are known: photographs seen through random plane warps, and two real pairs.

Mini: photographs that come with scikit-image; nothing is downloaded. Full: photographs of BSDS500, from a mirror only.
Places in a picture are (x, y) from -1 to 1, x to the right and y down, as `grid_sample` takes them.
"""

import functools
import math
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS, DataError
from course_utils.data.splits import SPLITS, check

# Files of scikit-image, each in one split only; PNG alone, which every machine decodes alike.
PHOTOGRAPHS = {
    "train": ("astronaut", "brick", "coins", "moon", "gravel", "page", "cell", "text", "microaneurysms"),
    "val": ("coffee", "ihc"),
    "test": ("chelsea", "camera", "grass", "motorcycle_left"),
}
SIDE = {"mini": 48, "full": 128}
SIZES = {"mini": {"train": 96, "val": 30, "test": 50}, "full": {"train": 240, "val": 96, "test": 160}}
ENOUGH = 144  # pixels: photographs of the mini tier are made as small as this first
TURN, STRETCH, SHEAR, SHIFT, TILT = math.radians(20), 0.2, 0.1, 0.45, 0.06  # the most of each


def load(tier: str, split: str) -> TensorDataset:
    """Triples of views and how the first two belong together.

    Returns:
        A photograph (N, 3, S, S), float32 in [0, 1]; the same photograph, warped, in other light; another photograph,
        warped; and the homography (N, 3, 3) that takes a place of the first to its place in the second, as `moved`
        applies it. S = 48 (mini) or 128 (full).
    """
    check(split, tier)
    rng, side = np.random.RandomState([SPLITS.index(split), 2018]), SIDE[tier]
    wide = _wide(rng, tier, split)
    back = homographies(rng, len(wide))  # from the second view to the first
    first = wide[:, :, side // 2 : side // 2 + side, side // 2 : side // 2 + side]
    second = light(rng, seen(wide, back))
    other = wide.roll(1, 0)  # the photograph before it in the list is another one
    third = light(rng, seen(other, homographies(rng, len(wide))))
    return TensorDataset(*map(_bytes, (first, second, third)), torch.linalg.inv(back).float())


def stereo(side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The motorcycle of Middlebury's stereo pictures, in scikit-image: two cameras, and the true disparity.

    Returns:
        The left and the right picture's middle square, (1, 3, side, side) each; for each pixel of the left one the
        place in the right one, (1, side, side, 2), and whether that place is known, (1, side, side).
    """
    left, right = (_photograph(f"motorcycle_{name}") for name in ("left", "right"))
    with np.load(_scikit_image("motorcycle_disp.npz")) as file:
        disparity = file["arr_0"]
    cut = min(disparity.shape)
    begin = (disparity.shape[1] - cut) // 2
    views = [_square(_tensor(picture[:, begin : begin + cut]), side).float() for picture in (left, right)]
    middles = ((np.arange(side) + 0.5) * cut / side).astype(int)
    shift = torch.from_numpy(disparity[middles][:, begin + middles])[None]  # (1, side, side), in pixels
    known = torch.isfinite(shift)
    place = centres(side, side)[None].clone()
    place[..., 0] -= 2 / cut * torch.where(known, shift, torch.zeros(()))
    return views[0], views[1], place, known & (place.abs() < 1).all(-1)


def wall(side: int) -> tuple[Tensor, Tensor, Tensor]:
    """A real pair at the full tier: a plane, photographed from two places.

    Returns:
        Both pictures (1, 3, side, side), and the homography (1, 3, 3) from places of the first to the second's.
    """
    named = DATASETS["warps"].file
    first, second = (_read(fetch(named(f"img{n}.jpg"))) for n in (1, 2))
    pixels = torch.from_numpy(np.loadtxt(fetch(named("H1to2p")))).float()
    height, width = first.shape[:2]
    to_pixels = torch.tensor([[width / 2, 0, (width - 1) / 2], [0, height / 2, (height - 1) / 2], [0, 0, 1]])
    homography = torch.linalg.inv(to_pixels) @ pixels @ to_pixels
    views = [_square(_tensor(picture), side).float() for picture in (first, second)]
    return views[0], views[1], homography[None]


def centres(height: int, width: int) -> Tensor:
    """The middles of a grid's cells, (height, width, 2).

    >>> centres(1, 2).tolist()
    [[[-0.5, 0.0], [0.5, 0.0]]]
    """
    y, x = ((torch.arange(n) + 0.5) / n * 2 - 1 for n in (height, width))
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)


def moved(places: Tensor, homography: Tensor) -> Tensor:
    """Places (H, W, 2), the same for all pictures, through homographies (B, 3, 3): (B, H, W, 2)."""
    rows = F.pad(places, (0, 1), value=1.0).to(homography)
    found = torch.einsum("bij,hwj->bhwi", homography, rows)
    return found[..., :2] / found[..., 2:]


def homographies(rng: np.random.RandomState, n: int) -> Tensor:
    """Random homographies (n, 3, 3), float64: a turn, a stretch, a shear, a shift and a tilt, all small."""
    drawn = rng.uniform(-1, 1, (7, n)) * np.array([TURN, STRETCH, SHEAR, SHIFT, SHIFT, TILT, TILT])[:, None]
    turn, stretch, shear, right, down, tilt, nod = drawn
    cos, sin = np.exp(stretch) * np.cos(turn), np.exp(stretch) * np.sin(turn)
    rows = [cos, np.exp(stretch) * shear - sin, right, sin, cos, down, tilt, nod, np.ones(n)]
    return torch.from_numpy(np.stack(rows, 1).reshape(n, 3, 3))


def seen(wide: Tensor, homography: Tensor) -> Tensor:
    """What a second camera sees of pictures (N, 3, 2S, 2S), whose middle is the first view: (N, 3, S, S)."""
    side = wide.shape[2] // 2
    places = moved(centres(side, side), homography) / 2  # the middle of `wide` reaches from -1/2 to 1/2
    return F.grid_sample(wide, places, padding_mode="reflection", align_corners=False)


def light(rng: np.random.RandomState, pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) in other light: each colour brighter or darker, and some noise."""
    gain, shift = (rng.uniform(*ends, (len(pictures), 3, 1, 1)) for ends in ((0.7, 1.3), (-0.1, 0.1)))
    noise = rng.normal(0, 0.02, pictures.shape)
    return torch.from_numpy(gain) * pictures + torch.from_numpy(shift + noise)


def _bytes(pictures: Tensor) -> Tensor:
    """Rounded to 256 levels, so that no machine's last digit shows; float32 in [0, 1]."""
    return ((pictures.clamp(0, 1) * 255).round() / 255).float().contiguous()


def _wide(rng: np.random.RandomState, tier: str, split: str) -> Tensor:
    """Squares (N, 3, 2S, 2S), float64, cut at random from the photographs of a split, in turn."""
    if tier == "mini":
        photographs = [_small(name) for name in PHOTOGRAPHS[split]]
    else:
        photographs = [_tensor(pixels) for pixels in _bsds(split)]
    squares = []
    for i in range(SIZES[tier][split]):
        picture = photographs[i % len(photographs)]
        height, width = picture.shape[2:]
        cut = int(min(height, width) * rng.uniform(0.6, 1))
        top, left = rng.randint(0, height - cut + 1), rng.randint(0, width - cut + 1)
        squares.append(_square(picture[..., top : top + cut, left : left + cut], 2 * SIDE[tier]))
    return torch.cat(squares)


def _square(picture: Tensor, side: int) -> Tensor:
    return F.interpolate(picture, size=(side, side), mode="bilinear", antialias=True)


def _tensor(pixels: np.ndarray) -> Tensor:
    """Bytes (H, W, 3) as (1, 3, H, W), float64 in [0, 1]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].double() / 255


@functools.cache
def _small(name: str) -> Tensor:
    """A photograph of the mini tier, its shorter side `ENOUGH` pixels long."""
    picture = _tensor(_photograph(name))
    height, width = picture.shape[2:]
    scale = ENOUGH / min(height, width)
    size = (round(height * scale), round(width * scale))
    return F.interpolate(picture, size=size, mode="bilinear", antialias=True)


def _photograph(name: str) -> np.ndarray:
    return _read(_scikit_image(f"{name}.png"))


def _scikit_image(name: str) -> Path:
    """A file that comes with scikit-image."""
    try:
        with as_file(files("skimage") / "data" / name) as path:
            return path
    except ModuleNotFoundError:
        raise DataError(
            f"warps: expected scikit-image, which brings {name}; install it with: pip install scikit-image"
        ) from None


def _read(path: Path) -> np.ndarray:
    """A picture's bytes (H, W, 3)."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _bsds(split: str) -> list[np.ndarray]:
    """BSDS500's photographs: 27 to train, 3 to validate, 10 to test; the upright ones lie on their sides."""
    tensors = decoded("warps", _decode)
    pictures = tensors["test" if split == "test" else "train"]
    rows = {"train": slice(3, None), "val": slice(3), "test": slice(None)}[split]
    return [picture.numpy() for picture in pictures[rows]]


def _decode() -> dict[str, Tensor]:
    found: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for file in DATASETS["warps"].files:
        if file.path.startswith("bsds500"):
            pixels = _read(fetch(file))
            upright = pixels.shape[0] > pixels.shape[1]
            found[file.path.split("/")[1]].append(pixels.transpose(1, 0, 2) if upright else pixels)
    return {part: torch.from_numpy(np.stack(pictures)) for part, pictures in found.items()}
