"""torchvision, also where it was built for another PyTorch than the one that is installed.

A torchvision from PyPI beside a CPU build of PyTorch stops at import: it describes operators to PyTorch that only its
CUDA part registers. Declaring their schemas lets data sets, transforms and models work; these operators (`nms`, `qnms`)
stay without an implementation.
"""

import importlib
import sys
from types import ModuleType

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # a library's declarations end with the object


def torchvision() -> ModuleType:
    """The module torchvision.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _declared:
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    _declared.append(library)
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    return importlib.import_module("torchvision")
