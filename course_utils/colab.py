"""A lab's first words and its last: what the machine offers, and the files to hand in."""

import os
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils.hand_in import submit
from course_utils.notebook import install as run_checks_apart
from course_utils.topics import topic

__all__ = ["save_artifact", "set_up", "submit", "tier"]

TIERS = ("mini", "full")


def tier() -> str:
    """ "full" on a GPU, "mini" elsewhere; the environment variable COURSE_TIER decides where it is set.

    Raises:
        ValueError: COURSE_TIER is neither.
    """
    chosen = os.environ.get("COURSE_TIER", "full" if torch.cuda.is_available() else "mini")
    if chosen not in TIERS:
        raise ValueError(f"COURSE_TIER: expected mini or full, got {chosen!r}; unset it or choose one")
    return chosen


def set_up(key: str) -> str:
    """Say which device and tier were found, seed PyTorch, let checks run apart, and return the tier."""
    row, chosen = topic(key), tier()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    minutes, data = (row.minutes_cpu, row.data_mini) if chosen == "mini" else (row.minutes_gpu, row.data_full)
    torch.manual_seed(0)
    run_checks_apart()
    # Some machines report a GPU that this PyTorch cannot use: that is no trouble for a lab on the CPU.
    warnings.filterwarnings("ignore", message=".*CUDA.*", category=UserWarning)
    print(f"{row.title}: {row.points} points, about {row.minutes} minutes of your time.")
    print(f"Device: {device}. Tier: {chosen} (data: {data}; its training runs take about {minutes:g} min).")
    if torch.backends.mps.is_available():
        print("Apple's GPU is not used: labs run on the CPU here.")
    if chosen == "mini" and device == "CPU":
        print(
            "No GPU here: everything works, on small data. On Colab choose Runtime, Change runtime type, GPU."
        )
    return chosen


def save_artifact(
    key: str, trained: nn.Module | dict[str, Tensor], tier: str, folder: Path | None = None
) -> Path:
    """Write `<key>.safetensors`, the file to hand in beside the notebook; returns its path.

    Args:
        key: The topic.
        trained: A module, or its tensors by name; what `torch.compile`, `DataParallel` or an average of weights put
            around it is left out of the names.
        tier: What it was trained on: it is judged on held-out data of the same tier.
        folder: Where to write it; the notebook's folder by default.
    """
    from safetensors.torch import save_file

    if tier not in TIERS:
        raise ValueError(f"save_artifact: expected tier mini or full, got {tier!r}; pass what set_up gave")
    path = (folder or Path.cwd()) / f"{key}.safetensors"
    plain = {
        name: tensor.detach().cpu().contiguous().clone() for name, tensor in plain_tensors(trained).items()
    }
    save_file(plain, path, metadata={"tier": tier})
    print(f"Saved {path.name} ({path.stat().st_size / 1e6:.2f} MB): hand it in beside the notebook.")
    return path


def plain_tensors(trained: nn.Module | dict[str, Tensor]) -> dict[str, Tensor]:
    """A net's tensors under the names that its own class gives them, whatever was put around it for training."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)
    while isinstance(trained, nn.Module):
        compiled = getattr(trained, "_orig_mod", None)
        if isinstance(compiled, nn.Module):
            trained = compiled
        elif isinstance(trained, wrappers):
            trained = trained.module
        else:
            break
    tensors = trained.state_dict() if isinstance(trained, nn.Module) else trained
    return {name.replace("_orig_mod.", ""): tensor for name, tensor in tensors.items()}
