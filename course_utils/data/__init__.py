"""Data sets, one module each, all with `load(tier, split)`.

`mini` is embedded or generated: the same on every machine, in less than a second, without a network. `full` is the
real set, fetched once into the cache and checked (`fetch`). Splits are `train`, `val` and `test`::

    from course_utils.data import digits
    x, y = digits.load("mini", "train").tensors
"""

from course_utils.data.fingerprint import fingerprint
from course_utils.data.registry import DATASETS, DataError, Dataset

__all__ = ["DATASETS", "DataError", "Dataset", "fingerprint"]
