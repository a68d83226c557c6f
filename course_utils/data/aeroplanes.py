"""Small aeroplanes, each of its own proportions, seen by two cameras whose motion is known. Generated.

An aeroplane is six ellipsoids, drawn by casting a ray through each pixel. Its nose points along x, up is y, its wings
lie along z. A camera sits at the origin and looks along z; x is to the right, y down, as in the pictures. A point
(x, y, z) is seen at (FOCAL · x / z, FOCAL · y / z); pictures reach from -1 to 1.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

PARTS = ("fuselage", "left wing", "right wing", "fin", "cockpit", "tailplane")
COLOURS = np.array(
    [[0.8, 0.8, 0.8], [0.3, 0.5, 0.9], [0.9, 0.3, 0.25], [0.95, 0.8, 0.2], [0.2, 0.2, 0.25], [0.3, 0.8, 0.4]]
)
FOCAL, DISTANCE = 4.0, 4.0
LIGHT = np.array([0.28, 0.94, 0.19])  # where the light comes from, in the aeroplane's own axes
FARTHEST = np.radians(60)  # no two cameras of a pair differ by a larger turn
SIDE = {"mini": 24, "full": 48}
SIZES = {"mini": {"train": 400, "val": 60, "test": 100}, "full": {"train": 3000, "val": 200, "test": 400}}


def load(tier: str, split: str) -> TensorDataset:
    """Pairs of views of one aeroplane each, and what is known of them.

    Returns:
        The first view (N, 3, S, S) and the second, float32 in [0, 1], on white; where the aeroplane is in each,
        (N, 2, S, S), 0 or 1; the rotation (N, 3, 3) that takes points from the first camera's axes to the second's,
        about the point (0, 0, DISTANCE); and where the middles of its six parts are in both cameras' axes,
        (N, 2, 6, 3), for those who want labels. S = 24 (mini) or 48 (full).
    """
    check(split, tier)
    n, side = SIZES[tier][split], SIDE[tier]
    rng = np.random.RandomState([SPLITS.index(split), 1807])
    centres, radii = _shapes(rng, n)
    first, second = _cameras(rng, n)
    views, masks = zip(*(_all_seen(centres, radii, camera, side) for camera in (first, second)))
    labels = np.stack(
        [_turned(centres, camera) + np.array([0, 0, DISTANCE]) for camera in (first, second)], axis=1
    )
    between = second @ first.transpose(0, 2, 1)
    return TensorDataset(*map(_float, (*views, np.stack(masks, 1), between, labels)))


def _float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _shapes(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles and radii (n, 6, 3) of the parts of n aeroplanes."""
    length, wing, fat = rng.uniform(0.75, 1, n), rng.uniform(0.6, 1, n), rng.uniform(0.16, 0.26, n)
    along, fin, chord = rng.uniform(-0.15, 0.2, n), rng.uniform(0.25, 0.4, n), rng.uniform(0.14, 0.24, n)
    tail, o = rng.uniform(0.25, 0.4, n), np.zeros(n)
    centres = [
        (o, o, o), (along, o, wing / 2), (along, o, -wing / 2),
        (-0.85 * length, 0.6 * fin, o), (0.45 * length, 0.6 * fat, o), (-0.85 * length, o, o),
    ]  # fmt: skip
    radii = [
        (length, fat, fat), (chord, o + 0.05, 0.55 * wing), (chord, o + 0.05, 0.55 * wing),
        (o + 0.14, 0.6 * fin, o + 0.05), (o + 0.2, 0.7 * fat, 0.7 * fat), (o + 0.12, o + 0.05, tail),
    ]  # fmt: skip
    middles, reach = (np.stack([np.stack(part, 1) for part in parts], 1) for parts in (centres, radii))
    return middles, reach


def _cameras(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3) of the aeroplane's axes into those of a first and of a second camera, not too far apart."""
    first, second = _rotations(rng, n), _rotations(rng, n)
    while True:
        cosine = (np.einsum("nij,nij->n", first, second) - 1) / 2  # of the angle between them
        far = cosine < np.cos(FARTHEST)
        if not far.any():
            return first, second
        second[far] = _rotations(rng, int(far.sum()))


def _rotations(rng: np.random.RandomState, n: int) -> np.ndarray:
    """All round the aeroplane, from a little below it to half above it."""
    round_, up = rng.uniform(0, 2 * np.pi, n), np.radians(rng.uniform(-15, 55, n))
    o, one = np.zeros(n), np.ones(n)
    about_y = np.array(
        [[np.cos(round_), o, np.sin(round_)], [o, one, o], [-np.sin(round_), o, np.cos(round_)]]
    )
    about_x = np.array([[one, o, o], [o, np.cos(up), -np.sin(up)], [o, np.sin(up), np.cos(up)]])
    y_down = np.diag([1.0, -1.0, -1.0])
    return y_down @ about_x.transpose(2, 0, 1) @ about_y.transpose(2, 0, 1)


def _turned(points: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Points (n, m, 3), each set by its rotation (n, 3, 3)."""
    return points @ rotation.transpose(0, 2, 1)


def _all_seen(
    centres: np.ndarray, radii: np.ndarray, camera: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """`_seen`, fifty at a time: thousands at once need gigabytes."""
    pieces = [
        _seen(centres[i : i + 50], radii[i : i + 50], camera[i : i + 50], side)
        for i in range(0, len(centres), 50)
    ]
    pictures, masks = (np.concatenate(parts) for parts in zip(*pieces))
    return pictures, masks


def _seen(
    centres: np.ndarray, radii: np.ndarray, camera: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, 3, side, side) of aeroplanes, and where they are (n, side, side)."""
    middles = (np.arange(side) + 0.5) / side * 2 - 1
    v, u = np.meshgrid(middles, middles, indexing="ij")
    rays = (
        np.stack([u / FOCAL, v / FOCAL, np.ones_like(u)], -1).reshape(1, -1, 3) @ camera
    )  # aeroplane's axes
    eye = np.array([0, 0, -DISTANCE]) @ camera  # (n, 3)
    distance = _hits(centres, radii, rays, eye)  # (n, 6, P)
    part, hit = distance.argmin(1), np.isfinite(distance.min(1))  # (n, P)
    nearest = np.where(hit, distance.min(1), 0)[..., None]
    point = eye[:, None] + nearest * rays
    centre, radius = (np.take_along_axis(x, part[..., None], 1) for x in (centres, radii))
    normal = (point - centre) / radius**2
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = 0.45 + 0.55 * np.clip(normal @ LIGHT, 0, None)[..., None]
    colours = np.where(hit[..., None], COLOURS[part] * shade, 1.0)
    pictures = np.round(np.clip(colours, 0, 1) * 255) / 255
    n = len(centres)
    return pictures.reshape(n, side, side, 3).transpose(0, 3, 1, 2), hit.reshape(n, side, side)


def _hits(centres: np.ndarray, radii: np.ndarray, rays: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """How far along each ray (n, P, 3) each ellipsoid is met, (n, 6, P); infinite where it is missed."""
    ray = rays[:, None] / radii[:, :, None]  # an ellipsoid is a ball in its own units
    start = ((eye[:, None] - centres) / radii)[:, :, None]
    a, b, c = (ray * ray).sum(-1), (ray * start).sum(-1), (start * start).sum(-1) - 1
    under = b * b - a * c
    return np.where(under > 0, (-b - np.sqrt(np.maximum(under, 0))) / a, np.inf)
