"""A topic small enough to audit in a second."""

from torch import Tensor


def centred(x: Tensor) -> Tensor:
    """`x` (N, D) less the mean of each row, (N, D).

    >>> centred(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.,  1.]])
    """
    mean = x.mean(dim=1, keepdim=True)  # (N, 1)
    return x - mean


def spread(x: Tensor) -> Tensor:
    """Mean square of each row of `x` (N, D) about its mean, (N,).

    Raises:
        ValueError: `x` has no column.
    """
    if x.shape[1] == 0:
        raise ValueError("spread: expected at least one column, got none")
    return centred(x).pow(2).mean(dim=1)


class Line:
    """y = a x, fitted by least squares."""

    def __init__(self):
        self.slope = 0.0

    def fit(self, x: Tensor, y: Tensor) -> float:
        """The slope a that suits `x` (N,) and `y` (N,) best; it is kept in `slope`."""
        self.slope = ((x * y).sum() / (x * x).sum()).item()
        return self.slope


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """How far the slope is from 3."""
    return abs(tensors["slope"].item() - 3.0)
