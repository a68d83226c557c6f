"""Reading the arrays of an old pickle without running what it may hold."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.data.registry import DataError

# A pickled array names these and nothing else; numpy.core is numpy._core's name before NumPy 2.
_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"asks for {module}.{name}") from None


def arrays(path: Path) -> Any:
    """Dicts, lists and NumPy arrays of a pickle; raises `DataError` where it asks for anything else."""
    try:
        with path.open("rb") as stream:
            return _ArraysOnly(stream).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError) as error:
        raise DataError(f"{path}: not a pickle of plain arrays ({error}); it was not loaded.") from None
