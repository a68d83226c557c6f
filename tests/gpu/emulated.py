"""A second device on a machine without one: tensors that say `cuda:0`, compute on the CPU, and raise where CUDA would.

    counts = install()    # in a process that was started with `guard(folder)` in LD_PRELOAD
    torch.ones(2, device="cuda") + torch.ones(2)   # RuntimeError: two devices

`counts` says how many operations were put on the device and where the host had to wait for it.
"""

import functools
import importlib
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.cpp_extension import include_paths

from tests.gpu import library

CUDA = torch.device("cuda:0")
aten = torch.ops.aten
# What may see both devices: copies between them, and indices, which CUDA takes from the host.
ACROSS = {
    aten.copy_.default,
    aten._to_copy.default,
    aten._local_scalar_dense.default,
    aten.set_.source_Tensor,
}
INDEX = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
# Their results' sizes depend on values: the host has to wait for them.
SIZED_BY_VALUES = {
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.repeat_interleave.Tensor,
    aten.bincount.default,
    aten.equal.default,
}


@dataclass
class Counts:
    """Operations on the device by name, what they read and write, and where in the course's code the host waits."""

    operations: Counter = field(default_factory=Counter)
    bytes: int = 0
    waits: Counter = field(default_factory=Counter)


_counts = Counts()


class OnDevice(torch.Tensor):
    """A tensor of the emulated device around one of the CPU."""

    _inner: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor):
        """Wrap a plain tensor."""
        wrapper = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=CUDA,
            requires_grad=False,
        )
        wrapper._inner = inner
        return wrapper

    def tolist(self):
        """Values, for which the host waits."""
        _wait("tolist")
        return self._inner.tolist()

    def __repr__(self) -> str:
        return f"OnDevice({self._inner})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Every operation on such a tensor."""
        return _run(func, args, kwargs or {})


class Everywhere(TorchDispatchMode):
    """Every operation at all: those that make tensors name a device in their arguments only."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """One operation; of those on the host alone, which are the most, nothing is asked."""
        kwargs = kwargs or {}
        if kwargs.get("device") is None and not any(map(_is_here, (*args, *kwargs.values()))):
            return func(*args, **kwargs)
        return _run(func, args, kwargs)


def _is_here(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(isinstance(item, OnDevice) for item in value)
    return isinstance(value, OnDevice)


def _run(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    leaves = tree_leaves((args, kwargs))
    here = [leaf for leaf in leaves if isinstance(leaf, OnDevice)]
    host = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and not isinstance(leaf, OnDevice)]
    asked = None if kwargs.get("device") is None else torch.device(kwargs["device"])
    to_device = bool(here) if asked is None else asked.type == "cuda"
    _refuse_generators(func, leaves, to_device)
    if here and host:
        _refuse_two_devices(func, args, host)
    _note_waits(func, args, here, host, asked)
    plain = {**kwargs, "device": torch.device("cpu")} if asked is not None else dict(kwargs)
    if func is aten._local_scalar_dense.default:
        return func(*tree_map(_bare, args), **plain)
    if func is aten._to_copy.default:
        plain.pop("pin_memory", None)
        made = func(*tree_map(_bare, args), **tree_map(_bare, plain))
        if to_device:
            return _wrapped(made)
        return made.clone() if here and made is _bare(args[0]) else made
    made = ON_DEVICE_ONLY.get(func, func)(*tree_map(_bare, args), **tree_map(_bare, plain))
    if not to_device:
        return made
    if not _is_view(func):
        _counts.operations[str(func)] += 1
        written = [leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        _counts.bytes += sum(part.numel() * part.element_size() for part in here + written)
    made = tree_map(_wrapped, made)
    return return_and_correct_aliasing(func, args, kwargs, made) if here or _is_mutable(func) else made


def _refuse_generators(func: Any, leaves: list, to_device: bool) -> None:
    if to_device and any(isinstance(leaf, torch.Generator) and leaf.device.type == "cpu" for leaf in leaves):
        raise RuntimeError(f"Expected a 'cuda' device type for generator but found 'cpu': {func}, {_site()}")


def _refuse_two_devices(func: Any, args: tuple, host: list[torch.Tensor]) -> None:
    """Tensors of the host beside the device's, but for copies, single numbers, indices and optimisers' step counts."""
    if func in ACROSS:
        return
    strangers = [tensor for tensor in host if tensor.dim()]
    if func in INDEX:
        if not isinstance(args[0], OnDevice):
            raise RuntimeError(f"indices should be on the cpu like what they index: {func}, {_site()}")
        strangers = [tensor for tensor in strangers if all(tensor is not index for index in args[1])]
    if "foreach" in str(func) and not any(isinstance(leaf, OnDevice) for leaf in tree_leaves(args[0])):
        strangers = []
    if strangers:
        shapes = [tuple(tensor.shape) for tensor in strangers]
        raise RuntimeError(
            f"Expected all tensors to be on the same device, found cuda:0 and cpu {shapes}: {func}, {_site()}"
        )


def _note_waits(func: Any, args: tuple, here: list, host: list, asked: torch.device | None) -> None:
    if not here:
        return
    by_mask = func is aten.index.Tensor and any(
        isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8) for index in args[1]
    )
    to_host = func is aten._to_copy.default and asked is not None and asked.type == "cpu"
    if (
        func in SIZED_BY_VALUES
        or func is aten._local_scalar_dense.default
        or by_mask
        or to_host
        or (func is aten.copy_.default and host)
    ):
        _wait(str(func))


def _wait(what: str) -> None:
    _counts.waits[f"{_site()} {what}"] += 1


def _site() -> str:
    """The innermost line of the course's code, or of a notebook's cell."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if "/solutions/" in name or "/course_utils/" in name or name.startswith("<cell "):
            return f"{'/'.join(name.split('/')[-2:])}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


@functools.cache
def _is_view(func: Any) -> bool:
    returned = func._schema.returns
    return any(item.alias_info is not None and not item.alias_info.is_write for item in returned)


@functools.cache
def _is_mutable(func: Any) -> bool:
    return func._schema.is_mutable


def _bare(value: Any) -> Any:
    return value._inner if isinstance(value, OnDevice) else value


def _wrapped(value: Any) -> Any:
    return OnDevice(value) if type(value) is torch.Tensor else value


def _gru_cell(x_gates, h_gates, h, x_bias=None, h_bias=None):
    """A step of a GRU from its products with weights (B, 3H), as CUDA computes it in one kernel."""
    x_parts = (x_gates if x_bias is None else x_gates + x_bias).chunk(3, 1)
    h_parts = (h_gates if h_bias is None else h_gates + h_bias).chunk(3, 1)
    reset, update = (torch.sigmoid(a + b) for a, b in zip(x_parts[:2], h_parts[:2]))
    new = torch.tanh(x_parts[2] + reset * h_parts[2])
    return new + update * (h - new), torch.cat([reset, update, new, h, h_parts[2]], 1)


def _gru_cell_backward(g, workspace, has_bias):
    """Its gradients: in both products, in h and in both biases."""
    reset, update, new, h, h_new = workspace.chunk(5, 1)
    of_update = g * (h - new) * (1 - update) * update
    of_new = g * (1 - update) * (1 - new**2)
    of_reset = of_new * h_new * (1 - reset) * reset
    of_x = torch.cat([of_reset, of_update, of_new], 1)
    of_h = torch.cat([of_reset, of_update, of_new * reset], 1)
    return of_x, of_h, g * update, *((of_x.sum(0), of_h.sum(0)) if has_bias else (None, None))


def _lstm_cell(x_gates, h_gates, c, x_bias=None, h_bias=None):
    """A step of an LSTM from its products with weights (B, 4H), as CUDA computes it in one kernel."""
    biases = [bias for bias in (x_bias, h_bias) if bias is not None]
    keep_in, forget, new, out = sum(biases, x_gates + h_gates).chunk(4, 1)
    keep_in, forget, new, out = keep_in.sigmoid(), forget.sigmoid(), new.tanh(), out.sigmoid()
    memory = forget * c + keep_in * new
    return out * memory.tanh(), memory, torch.cat([keep_in, forget, new, out], 1)


def _lstm_cell_backward(of_h, of_c, c, memory, workspace, has_bias):
    """Its gradients: in both products, which get the same, in the memory before, and in a bias."""
    keep_in, forget, new, out = workspace.chunk(4, 1)
    of_h = torch.zeros_like(memory) if of_h is None else of_h
    of_memory = of_h * out * (1 - memory.tanh() ** 2) + (0 if of_c is None else of_c)
    gates = [
        of_memory * new * keep_in * (1 - keep_in),
        of_memory * c * forget * (1 - forget),
        of_memory * keep_in * (1 - new**2),
        of_h * memory.tanh() * out * (1 - out),
    ]
    of_gates = torch.cat(gates, 1)
    return of_gates, of_memory * forget, of_gates.sum(0) if has_bias else None


# What PyTorch has for GPUs alone, as functions of the host's tensors.
ON_DEVICE_ONLY = {
    aten._thnn_fused_gru_cell.default: _gru_cell,
    aten._thnn_fused_gru_cell_backward.default: _gru_cell_backward,
    aten._thnn_fused_lstm_cell.default: _lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: _lstm_cell_backward,
}


def guard(folder: Path) -> Path:
    """Compile what PyTorch's compiled part asks of a device; a process that loads it first (LD_PRELOAD) has one.

    Raises:
        FileNotFoundError: there is no C++ compiler.
        subprocess.CalledProcessError: it fails.
    """
    libraries, made = Path(torch.__file__).parent / "lib", folder / "guard.so"
    command = ["g++", "-O1", "-shared", "-fPIC", "-std=c++20", str(Path(__file__).with_name("guard.cpp"))]
    command += ["-o", str(made), *(f"-I{path}" for path in include_paths())]
    command += [f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lc10", "-ltorch_cpu"]
    subprocess.run(command, check=True, capture_output=True)
    return made


def install() -> Counts:
    """From now on this process has a GPU, as far as PyTorch and the course can tell."""
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    for name, value in {
        "_lazy_init": None,
        "is_available": True,
        "is_initialized": False,
        "device_count": 1,
        "current_device": 0,
        "get_device_capability": (8, 0),
        "get_device_name": "an emulated GPU",
        "max_memory_allocated": 0,
        "is_bf16_supported": True,
        "is_current_stream_capturing": False,
        "synchronize": None,
    }.items():
        setattr(torch.cuda, name, lambda *_, _value=value, **__: _value)
    torch.cuda.get_rng_state = lambda *_: torch.zeros(16, dtype=torch.uint8)
    torch.cuda.set_rng_state = lambda *_: None
    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    importlib.import_module("torch.optim.optimizer")._foreach_supported_types.append(OnDevice)
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(…, device="cuda") makes a copy that is seen here
    library.install(_counts, OnDevice)
    Everywhere().__enter__()
    return _counts
