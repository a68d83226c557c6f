"""Reading the arrays of an old pickle without running what it may hold."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from course_utils.data.registry import DataError

Names = Mapping[tuple[str, str], Any]  # what a name stands for, by module and name

# A pickled array names these and nothing else; numpy.core is numpy._core's name before NumPy 2.
_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
}


class _ArraysOnly(pickle.Unpickler):
    """Makes what is allowed, and refuses everything else."""

    def __init__(self, stream: BinaryIO, more: Names, encoding: str):
        super().__init__(stream, encoding=encoding)
        self._allowed = {**_ALLOWED, **more}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"asks for {module}.{name}") from None


def arrays(path: Path, more: Names | None = None, encoding: str = "ASCII") -> Any:
    """Dicts, lists and NumPy arrays of a pickle, and what stands for `more` names, by module and name.

    `encoding` is that of old strings, as in `pickle.load`. What is allowed must do nothing by being made.

    Raises:
        DataError: it asks for anything else, or is no pickle.
    """
    try:
        with path.open("rb") as stream:
            return _ArraysOnly(stream, more or {}, encoding).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError) as error:
        raise DataError(f"{path}: not a pickle of plain arrays ({error}); it was not loaded.") from None
