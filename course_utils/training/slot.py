"""What came of a slot on a device, in a flat folder of a few archives, and back in its place in a clone.

An archive holds `solutions/<key>/reference.*` (records) and `runs/<key>-<tier>-<device>/<seed>/…` (results,
checkpoints, paces and logs of what is not yet recorded).
"""

import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from course_utils.topics import ROOT
from course_utils.training.assemble import commit
from course_utils.training.record import TIERS, RecordError, records, reference_tensors, write
from course_utils.training.reference import code_hash, reference_path
from course_utils.training.worker import Task

ARCHIVES, LARGEST = 8, 15_000_000  # how many, and bytes of each
HEADER, END = (
    512,
    10_240,
)  # bytes: of each member (and what its size is rounded up to), and of an archive's end
# What is packed first; a checkpoint that finds no room costs time, a record that finds none costs the slot.
ORDER = ("reference.json", "reference.safetensors", "result.safetensors", "pace.json", "log.txt")
# What an archive may hold. Not left to `tarfile`'s filters: Python has them since 3.11.4 only.
NAMES = re.compile(r"solutions/\w+/reference\.(json|safetensors)|runs/\w[\w-]*/\w+/[^/.][^/]*")


class SlotError(ValueError):
    """A folder that holds no archives of a slot, or archives that do not belong to this clone."""


def pack(folder: Path, keys: Sequence[str], tasks: Sequence[Task], root: Path = ROOT) -> list[str]:
    """Write the records of `keys` and what else `tasks` have reached into `folder`; a line for each file left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("slot-*.tar"):
        old.unlink()
    bins: list[list[tuple[Path, str]]] = [[] for _ in range(ARCHIVES)]
    sizes, left_out = [END] * ARCHIVES, []
    for path, name in _files(keys, tasks, root):
        size = HEADER + -(-path.stat().st_size // HEADER) * HEADER
        place = next((i for i, taken in enumerate(sizes) if taken + size <= LARGEST), None)
        if place is None:
            left_out.append(f"not packed, no room: {name}, {path.stat().st_size:,} bytes")
            continue
        bins[place].append((path, name))
        sizes[place] += size
    for number, members in enumerate(bins):
        if members:
            _write(folder / f"slot-{number}.tar", members)
    return left_out


def _files(keys: Sequence[str], tasks: Sequence[Task], root: Path) -> list[tuple[Path, str]]:
    found = [
        (path, f"solutions/{key}/{path.name}")
        for key in keys
        for path in (root / "solutions" / key).glob("reference.*")
        if path.suffix in (".json", ".safetensors")
    ]
    for task in tasks:
        if (task.key not in keys or task.experiments) and task.place.is_dir():
            inside = task.place.relative_to(task.folder)
            result = (task.place / "result.safetensors").is_file()
            found += [
                (path, f"runs/{inside}/{path.name}")
                for path in sorted(task.place.iterdir())
                if not path.name.startswith(".") and (not result or path.name in ORDER)
            ]
    rank = {name: place for place, name in enumerate(ORDER)}
    return sorted(found, key=lambda item: rank.get(item[0].name, len(rank)))


def _write(path: Path, members: list[tuple[Path, str]]) -> None:
    with tarfile.open(path, "w") as archive:
        for file, name in members:
            archive.add(file, name)


def unpack(folder: Path, runs: Path, root: Path = ROOT) -> Iterator[str]:
    """Put records into `root`, what else came back into `runs`; a line for each topic.

    Raises:
        SlotError: there are no archives, or one is broken.
    """
    archives = sorted(folder.glob("slot-*.tar"))
    if not archives:
        raise SlotError(
            f"{folder}: expected archives slot-0.tar, …, as course train --seconds --out writes them."
        )
    head = commit(root)  # before records change the tree
    with tempfile.TemporaryDirectory() as place:
        for archive in archives:
            try:
                _read(archive, Path(place))
            except (tarfile.TarError, OSError) as error:
                raise SlotError(f"{archive}: not an archive of a slot, or a broken one ({error}).") from None
        came = Path(place)
        for topic in sorted((came / "solutions").glob("*")):
            yield from _take_record(topic.name, came, root, head)
        for result in sorted((came / "runs").glob("*/*")):
            shutil.copytree(result, runs / result.relative_to(came / "runs"), dirs_exist_ok=True)
            part = f"seed {result.name}" if result.name.isdecimal() else result.name
            yield f"{result.parent.name} {part}: taken up by the next run"


def _read(archive: Path, place: Path) -> None:
    with tarfile.open(archive) as file:
        for member in file:
            content = file.extractfile(member) if NAMES.fullmatch(member.name) and member.isfile() else None
            if content is None:
                raise SlotError(
                    f"{archive}: {member.name} is none of a slot's files; nothing is taken from it."
                )
            (place / member.name).parent.mkdir(parents=True, exist_ok=True)
            with content, open(place / member.name, "wb") as target:
                shutil.copyfileobj(content, target)


def _take_record(key: str, came: Path, root: Path, head: str) -> Iterator[str]:
    """The tiers of a record that are trained from the code as it stands, and newer than what is there."""
    if not reference_path(key, root).is_file():
        raise SlotError(f"{key}: this clone has no such reference.")
    try:
        found, here = records(key, came), records(key, root)
    except RecordError as error:
        raise SlotError(str(error)) from None
    for tier in TIERS:
        entry = found.get(tier)
        if entry is None or entry == here.get(tier):
            continue
        if entry.code != code_hash(reference_path(key, root)):
            if tier not in here or here[tier].code != entry.code:
                yield f"{key} {tier}: not taken, its reference has changed since it was trained"
            continue
        kept = entry if entry.commit != "unknown" else replace(entry, commit=head)
        write(kept, reference_tensors(key, tier, came), root)
        yield f"{key} {tier}: recorded, {entry.show(entry.value)}, trained from {kept.commit} on {entry.device}"
