"""What `benchmarks/` has kept for chapters: experiments as numbers, and real things as pixels.

Each page depends on what it names alone: another topic's experiment may change without a page being run again.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from course_utils.topics import ROOT

EXPERIMENTS = ROOT / "benchmarks" / "chapters.json"
PICTURES = ROOT / "benchmarks" / "pictures.json"


def experiment(name: str, file: Path = EXPERIMENTS) -> dict[str, list[dict[str, Any]]]:
    """What `benchmarks.chapters` has kept of an experiment: for each kind of net what each seed gave.

    Raises:
        KeyError: it was not run; the message says how to run it.
    """
    kept = _read(file)
    if name not in kept:
        raise KeyError(f"experiment: {name!r} is not kept; run it: python -m benchmarks.chapters {name}")
    return kept[name]


def seeds(entry: Any) -> str:
    """Of how many seeds a record is, as a sentence says it: 'one seed', '3 seeds'."""
    count = len(entry.values)
    return "one seed" if count == 1 else f"{count} seeds"


def picture(name: str, file: Path = PICTURES) -> tuple[np.ndarray, dict[str, Any]]:
    """What `benchmarks.pictures` has kept of real data: pixels (H, W) or (H, W, 3), bytes, and the facts beside them.

    Raises:
        KeyError: it was not made; the message says how to make it.
    """
    kept = _read(file)
    if name not in kept:
        raise KeyError(f"picture: {name!r} is not kept; make it: python -m benchmarks.pictures {name}")
    facts = dict(kept[name])
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(facts.pop("picture"))))), facts


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
