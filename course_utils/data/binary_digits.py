"""Digits in black and white, for models of their density: 8×8 (mini) and 28×28 (full).

Mini: a pixel of `digits` is white from half its range on. Full: each pixel of MNIST is white with a chance of its
brightness, drawn once, from a fixed seed. That is how the fixed binarisation of Salakhutdinov & Murray (2008), used by
Larochelle & Murray (2011) and later papers, was made; ours is another draw by the same rule, so likelihoods can be set
beside theirs but are not of the very same pictures.
"""

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data import mnist
from course_utils.data.splits import SPLITS

SEED = 2011


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, H, W), float32, each pixel 0 or 1, and labels (N,), int64."""
    grey, labels = mnist.load(tier, split).tensors
    if tier == "mini":
        return TensorDataset((grey >= 0.5).float(), labels)
    rng = np.random.RandomState([SPLITS.index(split), SEED])
    chance = rng.random_sample(tuple(grey.shape)).astype(np.float32)
    return TensorDataset((grey > torch.from_numpy(chance)).float(), labels)
