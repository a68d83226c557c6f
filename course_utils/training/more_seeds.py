"""More seeds for a record that stands: those that it has are not trained again."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from course_utils.data import fingerprint
from course_utils.training import checkpoint
from course_utils.training.record import Record, records, reference_tensors
from course_utils.training.worker import Task, finished


def hand_over(tasks: Sequence[Task]) -> set[str]:
    """Put a record's seeds where finished trainings lie, if these `tasks` ask for them and for more; the topics' keys.

    A record counts that was trained on the same data and kind of device, by the reference as it is now.
    """
    known = set()
    for key in {task.key for task in tasks}:
        own = [task for task in tasks if task.key == key]
        entry = records(key, own[0].root).get(own[0].tier)
        if entry is None or entry.stale(own[0].root) or len(entry.seeds) >= len(own):
            continue
        if entry.is_gpu != (own[0].device == "cuda") or entry.data_sha256 != _data(entry):
            continue
        known.add(key)
        for task in own[: len(entry.seeds)]:
            if finished(task) is None:
                _put(entry, task)
    return known


def _data(entry: Record) -> dict[str, str]:
    return {name: fingerprint(name, entry.tier) for name in entry.data_sha256}


def _put(entry: Record, task: Task) -> None:
    first = task.seed == 0  # of the others a record has the value alone, and no more is needed
    result = {
        "tensors": reference_tensors(task.key, task.tier, task.root) if first else {},
        "value": entry.values[task.seed],
        "baseline": entry.baseline if first else None,
        "curve": entry.curve if first else {},
        "flops": entry.flops,
        "seconds": 60 * entry.minutes,
        "memory": entry.memory,
        "device": entry.device,
        "is_gpu": entry.is_gpu,
        "code": entry.code,
    }
    checkpoint.save(task.place / "result.safetensors", result)


def with_experiments(entry: Record, task: Task) -> Record:
    """A new record with what was measured beside the one before it, where both keep the same net."""
    old, result = records(task.key, task.root).get(task.tier), finished(task)
    if old is None or result is None or old.code != entry.code:
        return entry
    kept = reference_tensors(task.key, task.tier, task.root)
    same = kept.keys() == result["tensors"].keys() and all(
        torch.equal(kept[name], tensor) for name, tensor in result["tensors"].items()
    )
    return (
        replace(entry, experiments=old.experiments, experiments_from=old.experiments_from) if same else entry
    )
