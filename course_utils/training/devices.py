"""Which machine part trains, and how to make a run repeatable on it."""

import os
import platform
import random
import sys

import numpy as np
import torch


def device(name: str | None = None) -> torch.device:
    """The device called `name`, else `COURSE_DEVICE`, else the GPU if there is one, else the CPU."""
    wanted = name or os.environ.get("COURSE_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("device: expected a GPU, got none on this machine; use --device cpu.")
    if torch.device(wanted).type == "mps":
        raise ValueError(
            "device: Apple's GPU (mps) is not used by this course; leave out --device, or say cpu."
        )
    return torch.device(wanted)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def prepare(where: torch.device) -> None:
    """Make `where` fast and repeatable.

    CPU: one thread, so that sums have one order; the same machine gives the same bits. GPU: tf32 products and
    deterministic convolutions; two runs of one seed agree to about 1e-3 relative in the loss, far inside the spread
    over seeds.
    """
    if where.type == "cpu":
        torch.set_num_threads(1)
        return
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def bf16_pays(where: torch.device) -> bool:
    """Whether `where` multiplies bf16 in hardware (not a T4, not a CPU)."""
    return where.type == "cuda" and torch.cuda.get_device_capability(where)[0] >= 8


def device_name(where: torch.device) -> str:
    """What the device is called, for a record."""
    if where.type == "cuda":
        return torch.cuda.get_device_name(where)
    return f"CPU ({_cpu_model()}, 1 thread)"


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def peak_memory(where: torch.device) -> int:
    """The most bytes that this process held: on the GPU what tensors took, on the CPU the whole process.

    0 where the system does not say (Windows).
    """
    if where.type == "cuda":
        return torch.cuda.max_memory_allocated(where)
    try:
        import resource
    except ModuleNotFoundError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
