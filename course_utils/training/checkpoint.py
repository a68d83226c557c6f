"""Nested values with tensors in one safetensors file: plain, checked, whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def save(path: Path, value: Any) -> None:
    """Write dicts, lists, numbers, strings and tensors to `path`; a crash leaves the old file or the new one."""
    tensors: dict[str, Tensor] = {}
    skeleton = _pack(value, tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, unfinished, metadata={"value": json.dumps(skeleton)})
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path) -> Any | None:
    """What `save` wrote, with its tensors on the CPU; None where there is no file or a broken one."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _unpack(json.loads(file.metadata()["value"]), tensors)
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON, its tensors moved to `tensors`. Keys keep their type: optimisers count with integers."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_pack(item, tensors) for item in value]}
    if value is None or isinstance(value, str | int | float | bool):
        return {"plain": value}
    raise TypeError(f"checkpoint: expected tensors and plain values, got {type(value).__name__}.")


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(item, tensors) for key, item in content}
    if kind == "list":
        return [_unpack(item, tensors) for item in content]
    return content


def states(saved: dict[str, Any]) -> dict[str, Any]:
    """The state of each object of `saved` (anything with `state_dict`), with the random numbers' state."""
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    return {"objects": {name: item.state_dict() for name, item in saved.items()}, "random": random}


def restore(saved: dict[str, Any], state: dict[str, Any]) -> None:
    """Undo `states`: load each object's state and the random numbers' state."""
    for name, item in saved.items():
        item.load_state_dict(state["objects"][name])
    torch.set_rng_state(state["random"]["cpu"])
    if "cuda" in state["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["random"]["cuda"])
