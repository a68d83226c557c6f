"""What is slow to decode is decoded once and kept beside the raw files, as safetensors."""

import os
from collections.abc import Callable

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from course_utils.data.fetch import cache_folder
from course_utils.data.registry import DATASETS


def decoded(name: str, decode: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of data set `name`, decoded now or on an earlier day.

    The kept file is named after the first raw file's hash. A cache that cannot be written costs only time.
    """
    mark = DATASETS[name].files[0].sha256[:12]
    path = cache_folder() / "decoded" / f"{name}-{mark}.safetensors"
    try:
        return load_file(path)
    except (OSError, SafetensorError):  # not there yet, or broken: made anew below
        tensors = {key: value.contiguous() for key, value in decode().items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, unfinished)
        os.replace(unfinished, path)
    except (OSError, SafetensorError):
        unfinished.unlink(missing_ok=True)
    return tensors
