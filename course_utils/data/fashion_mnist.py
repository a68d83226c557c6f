"""Fashion-MNIST: 70,000 pictures of clothing, 28×28, in MNIST's four files (Xiao et al., 2017, arXiv:1708.07747).

No clothes are embedded: the mini tier is `digits`, to run the same code on.
"""

from torch.utils.data import TensorDataset

from course_utils.data.mnist import load_idx

CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, 28, 28), or (N, 1, 8, 8) at the mini tier, float32 in [0, 1]; labels (N,), int64."""
    return load_idx("fashion_mnist", tier, split)
