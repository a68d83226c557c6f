"""The record of a reference: what was trained, on what, how well. `reference.json` and `reference.safetensors`."""

import json
import os
import re
import statistics
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from course_utils.topics import ROOT
from course_utils.training.reference import code_hash, reference_path

TIERS = ("mini", "full")
LARGEST = 5_000_000  # bytes of reference.safetensors
MINI_SHARE = 0.6  # of the points, for a mini-tier artifact where the record has a full tier


class RecordError(ValueError):
    """A record that is missing, broken or too large."""


@dataclass(frozen=True)
class Paper:
    """A paper's figure for the same task, in the metric's unit. A reference may have `PAPER = {"full": Paper(...)}`."""

    value: float
    cite: str  # key of book/references.bib
    system: str = ""
    data: str = ""


@dataclass(frozen=True)
class Record:
    """One tier of a topic's reference. Values are in the metric's unit: an accuracy of 0.98 is 98 %."""

    key: str
    tier: str
    metric: str
    definition: str
    system: str
    higher_is_better: bool
    data: str
    data_sha256: dict[str, str]
    seeds: list[int]
    values: list[float]
    baseline: float
    paper: Paper | None
    target: float | None
    curve: dict[str, list[list[float]]]  # of the first seed: name -> [[step, value], ...]
    parameters: int
    flops: int  # floating-point operations of one training
    minutes: float  # mean of one training
    memory: int  # peak bytes of one training
    device: str
    is_gpu: bool
    t4_minutes: float | None  # an estimate, where a GPU's utilisation was measured
    versions: dict[str, str]
    code: str
    commit: str
    date: str
    notes: str = field(default="")
    experiments: dict[str, float] = field(
        default_factory=dict
    )  # measured afterwards, with the first seed's net
    experiments_from: dict[str, str] = field(
        default_factory=dict
    )  # their code's hash, device, commit and date

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def std(self) -> float:
        """The sample standard deviation over seeds; 0 where there is one seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def band(self) -> float:
        """What earns full points: two standard deviations worse than the mean."""
        return self.value - 2 * self.std if self.higher_is_better else self.value + 2 * self.std

    @property
    def met(self) -> bool | None:
        """Whether the mean reaches the target; None where there is no target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def stale(self, root: Path = ROOT) -> bool:
        """Whether the reference's code has changed since."""
        path = reference_path(self.key, root)
        return path.is_file() and code_hash(path) != self.code

    def show(self, value: float) -> str:
        """`value` as text: a share as per cent, anything else with four figures."""
        return f"{100 * value:.2f} %" if "accuracy" in self.metric else f"{value:.4g}"


def folder(key: str, root: Path = ROOT) -> Path:
    """`solutions/<key>/`, where the record lies, in a clone and in an installed package alike."""
    return root / "solutions" / key


def records(key: str, root: Path = ROOT) -> dict[str, Record]:
    """The tiers of a topic's record; empty where nothing was trained yet."""
    path = folder(key, root) / "reference.json"
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["tiers"]
        return {tier: _read(entries[tier]) for tier in TIERS if tier in entries}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path}: not a record ({error}); train it again: course train {key}.") from None


def record(key: str, tier: str | None = None, root: Path = ROOT) -> Record:
    """The record of `key` at `tier`; without a tier the full one, or else the mini one.

    Where only the other tier has been trained so far, that one's, with a warning that says so.

    Raises:
        RecordError: neither tier has been trained.
    """
    found = records(key, root)
    for wanted in (tier or "full", "full", "mini"):
        if wanted in found:
            if tier not in (None, wanted):
                warnings.warn(
                    f"{key}: no reference of the {tier} tier yet; compare with the {wanted} tier's.",
                    stacklevel=2,
                )
            return found[wanted]
    raise RecordError(f"{key}: no record of any tier; make it with: course train {key}.")


def _read(entry: dict[str, Any]) -> Record:
    paper = Paper(**entry["paper"]) if entry["paper"] else None
    return Record(**(entry | {"paper": paper}))


def write(entry: Record, tensors: dict[str, Tensor], root: Path = ROOT) -> None:
    """Put `entry` and its tensors beside the reference, leaving the other tier's as they are."""
    kept = {
        name: value
        for name, value in _all_tensors(entry.key, root).items()
        if not name.startswith(f"{entry.tier}.")
    }
    fresh = {f"{entry.tier}.{name}": value.detach().cpu().contiguous() for name, value in tensors.items()}
    size = sum(value.numel() * value.element_size() for value in (kept | fresh).values())
    if size > LARGEST:
        raise RecordError(
            f"{entry.key}: its tensors take {size:,} bytes, expected at most {LARGEST:,}; train a smaller net or "
            "return the weights as float16."
        )
    entries = {tier: asdict(old) for tier, old in records(entry.key, root).items()} | {
        entry.tier: asdict(entry)
    }
    text = json.dumps({"key": entry.key, "tiers": entries}, indent=1, sort_keys=True)
    text = re.sub(
        r"\[\s+([^\s,\[\]]+),\s+([^\s,\[\]]+)\s+\]", r"[\1, \2]", text
    )  # a point of a curve on one line
    place = folder(entry.key, root)
    _replace(place / "reference.safetensors", lambda path: save_file(kept | fresh, path))
    _replace(place / "reference.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))


def _replace(path: Path, writer: Any) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        writer(unfinished)
        unfinished.chmod(0o644)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _all_tensors(key: str, root: Path) -> dict[str, Tensor]:
    path = folder(key, root) / "reference.safetensors"
    if not path.is_file():
        return {}
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def reference_tensors(key: str, tier: str, root: Path = ROOT) -> dict[str, Tensor]:
    """What the reference's first seed learned at `tier`."""
    prefix = f"{tier}."
    found = {n.removeprefix(prefix): t for n, t in _all_tensors(key, root).items() if n.startswith(prefix)}
    if not found:
        raise RecordError(
            f"{key}: no trained tensors of the {tier} tier; make them with: course train {key}."
        )
    return found
