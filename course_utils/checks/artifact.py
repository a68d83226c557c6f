"""The tensors that a student trained, with the tier they were trained on."""

from pathlib import Path

from torch import Tensor


class Artifact(dict[str, Tensor]):
    """Tensors by name; `tier` is "mini" or "full", as the file's own metadata says."""

    def __init__(self, tensors: dict[str, Tensor], tier: str = "mini"):
        super().__init__(tensors)
        self.tier = tier


def load_artifact(path: Path) -> Artifact:
    """Read a `.safetensors` file, tensors and tier."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    return Artifact(tensors, metadata.get("tier", "mini"))
