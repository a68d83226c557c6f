"""The 60,000 pictures of CIFAR-10, stored as JPEG in a ninth of the room. From a mirror only.

JPEG loses detail: figures are not comparable with those for `cifar10` to the last tenth of a percent. The pictures are
put into one fixed random order; the training part's last 5,000 are `val`.
"""

import io
import tarfile

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import figures
from course_utils.data.byte_pictures import part
from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check
from course_utils.progress import bar

VALIDATION = 5_000


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 3, 32, 32), float32 in [0, 1], and labels (N,), int64. Mini is that of `cifar10`."""
    check(split, tier)
    if tier == "mini":
        return figures.load(split)
    return part(decoded("cifar10_jpg", _read), split, VALIDATION)


def _read() -> dict[str, Tensor]:
    """Files `<split>/<class>/NNNN.jpg`; PIL's decoder is the reference, another may differ by a grey level."""
    pictures: dict[str, list[tuple[str, np.ndarray]]] = {"train": [], "test": []}
    with (
        tarfile.open(fetch(DATASETS["cifar10_jpg"].files[0])) as archive,
        bar(60_000, "decode cifar10_jpg") as shown,
    ):
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                source = member.name.split("/")[0]
                pixels = np.asarray(Image.open(io.BytesIO(stream.read())).convert("RGB"))
                pictures[source].append((member.name, pixels.transpose(2, 0, 1)))
                shown.update()
    return {key: value for source in pictures for key, value in _stack(source, pictures[source]).items()}


def _stack(source: str, pictures: list[tuple[str, np.ndarray]]) -> dict[str, Tensor]:
    """Classes are numbered as in `cifar10`, where they stand in the alphabet's order."""
    pictures = sorted(pictures, key=lambda named: named[0])
    named = [name.split("/")[1] for name, _ in pictures]
    classes = sorted(set(named))
    labels = torch.tensor([classes.index(name) for name in named], dtype=torch.uint8)
    pixels = torch.from_numpy(np.stack([picture for _, picture in pictures]))
    order = torch.from_numpy(np.random.RandomState(2009).permutation(len(labels)))
    return {f"{source}_x": pixels[order], f"{source}_y": labels[order]}
