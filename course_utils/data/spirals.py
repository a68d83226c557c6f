"""Spirals of a hidden field in the plane, sampled at irregular times with noise. Generated, the same on every machine.

The field is dy/dt = y³ A, cube by number, after the first example of torchdiffeq (Chen et al., 2018): the
farther out, the faster a point runs round, and all fall slowly inwards. Each curve begins elsewhere. Its
first half is seen at 20 times, and its second half, at 20 later ones, is what has to be foretold.
"""

from functools import cache

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

SIZES = {"train": 48, "val": 24, "test": 100}
SEEN = 20  # samples of the first half, the beginning included; as many follow in the second
END = 8.0  # a curve's last possible time; its first half ends at END / 2
A = np.array([[-0.05, 1.0], [-1.0, -0.05]])
NOISE = 0.03
_STEPS = 25  # of a Runge-Kutta method between two samples


def load(tier: str, split: str) -> TensorDataset:
    """Times (N, 40), noisy places (N, 40, 2) and true places (N, 40, 2), float32. Both tiers are the same set."""
    check(split, tier)
    return TensorDataset(*_made(split))


@cache
def _made(split: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    n = SIZES[split]
    rng = np.random.RandomState([SPLITS.index(split), 2018])
    radius, angle = rng.uniform(0.6, 1.8, n), rng.uniform(0, 2 * np.pi, n)
    times = np.sort(rng.uniform(0, END / 2, (n, 2, SEEN)), axis=2) + np.array([0, END / 2])[:, None]
    times[:, 0, 0] = 0
    times = times.reshape(n, 2 * SEEN)
    start = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places = _walk(start, times)
    noisy = places + rng.normal(0, NOISE, places.shape)
    # Rounding hides the last bit, in which sine and cosine differ between processors.
    times, noisy, places = (np.round(array * 4096) / 4096 for array in (times, noisy, places))
    return _tensor(times), _tensor(noisy), _tensor(places)


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32))


def field(y: np.ndarray) -> np.ndarray:
    """The hidden field at places (..., 2): dy/dt, of the same shape."""
    return (y * y * y) @ A


def _walk(y: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Follow the field from places (N, 2) at each curve's first time through its times (N, T): places (N, T, 2)."""
    passed = [y]
    for h in np.diff(times, axis=1).T[:, :, None] / _STEPS:  # (N, 1)
        for _ in range(_STEPS):
            a = field(y)
            b = field(y + h / 2 * a)
            c = field(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + field(y + h * c))
        passed.append(y)
    return np.stack(passed, axis=1)
