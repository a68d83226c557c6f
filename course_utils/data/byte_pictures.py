"""Pictures that are kept as bytes, and given as floats in [0, 1]."""

from torch import Tensor
from torch.utils.data import TensorDataset


def part(tensors: dict[str, Tensor], split: str, validation: int) -> TensorDataset:
    """`split` of bytes `train_x`, `train_y`, `test_x`, `test_y`, as pictures in [0, 1] and labels.

    The last `validation` training pictures are `val`.
    """
    source = "test" if split == "test" else "train"
    rows = {"train": slice(None, -validation), "val": slice(-validation, None), "test": slice(None)}[split]
    x, y = tensors[f"{source}_x"][rows], tensors[f"{source}_y"][rows]
    return TensorDataset(x.float() / 255, y.long())
