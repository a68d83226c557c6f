"""What is measured beside a record, in `solutions/<key>/experiments.py`: with the first seed's net, once it stands.

    def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
        '''What else is measured; values by name.'''

They have code of their own: an edit of theirs makes no trained net stale, and they are measured again without training.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_utils.dependencies import module_files, read
from course_utils.topics import ROOT
from course_utils.training.assemble import commit
from course_utils.training.record import Record, records, reference_tensors, write
from course_utils.training.reference import code_hash

TIER = "full"  # they are of
NONE, MISSING, STALE, MEASURED = "–", "missing", "stale", "measured"


def experiments_path(key: str, root: Path = ROOT) -> Path:
    """`solutions/<key>/experiments.py`, which not every topic has."""
    return root / "solutions" / key / "experiments.py"


def experiments_code(key: str, root: Path = ROOT) -> str:
    """A hash of what a topic's experiments do, with the modules beside them that they import, but for its reference."""
    path = experiments_path(key, root)
    named = read(path.read_text(encoding="utf-8")).modules
    beside = {file for name in named for file in module_files(name, root) if file.parent == path.parent}
    files = {path} | {file for file in beside if file.suffix == ".py" and file.name != "reference.py"}
    return hashlib.sha256("".join(code_hash(file) for file in sorted(files)).encode()).hexdigest()


def state(entry: Record, root: Path = ROOT) -> str:
    """Of a record's experiments: `NONE` where its topic has none, `MISSING`, `STALE` or `MEASURED`."""
    if entry.tier != TIER or not experiments_path(entry.key, root).is_file():
        return NONE
    if not entry.experiments:
        return MISSING
    return MEASURED if entry.experiments_from["code"] == experiments_code(entry.key, root) else STALE


def wanted(key: str, tier: str, root: Path = ROOT) -> bool:
    """Whether a topic's record stands and its experiments are still to be run."""
    entry = records(key, root).get(tier)
    return entry is not None and not entry.stale(root) and state(entry, root) in (MISSING, STALE)


def add(key: str, result: dict[str, Any], root: Path = ROOT) -> Record:
    """Put what experiments found ({"values", "device"}) into the record, and give it."""
    made = {
        "code": experiments_code(key, root),
        "device": result["device"],
        "commit": commit(root),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    entry = replace(records(key, root)[TIER], experiments=result["values"], experiments_from=made)
    write(entry, reference_tensors(key, TIER, root), root)
    return entry
