"""One hash for a data set at a tier, kept in every record so that a figure says what it was measured on."""

import hashlib
from importlib import import_module

from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS


def fingerprint(name: str, tier: str) -> str:
    """The sha256 of the hashes of the set's files (full tier), or of all that it generates or embeds."""
    if name not in DATASETS:
        raise ValueError(f"fingerprint: no data set {name!r}; there are {', '.join(DATASETS)}.")
    digest = hashlib.sha256()
    if tier == "full" and DATASETS[name].files:
        for file in DATASETS[name].files:
            digest.update(file.sha256.encode())
        return digest.hexdigest()
    module = import_module(f"course_utils.data.{name}")
    for split in SPLITS:
        digest.update(_content(module.load(tier, split)))
    return digest.hexdigest()


def _content(data: object) -> bytes:
    """What a loaded split holds, as bytes: tensors, or lines of text."""
    tensors = getattr(data, "tensors", None)
    if tensors is None:
        return repr(data).encode()
    return b"".join(tensor.numpy().tobytes() for tensor in tensors)
