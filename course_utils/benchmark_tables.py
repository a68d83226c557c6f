"""What `benchmarks/` has measured, as Markdown tables for the pages of results and for teachers.

No figure there is typed by hand.
"""

import json
import math
from pathlib import Path
from typing import Any

from course_utils.topics import ROOT

FOLDER = ROOT / "benchmarks"


def speed(folder: Path = FOLDER) -> str:
    """Stock nbgrader, this engine and the floor on the same submissions."""
    facts = _read(folder, "engine")
    if facts is None:
        return _missing("engine")
    rows, stock, engine, floor = facts["rows"], "stock nbgrader", "engine", "floor"
    lines = ["| | submissions | seconds each | CPU seconds each |", "|---|---:|---:|---:|"]
    for name in (stock, engine, floor):
        row = rows[name]
        lines.append(f"| {name} | {row['submissions']} | {row['seconds']:.2f} | {_number(row['cpu'])} |")
    faster = rows[stock]["seconds"] / rows[engine]["seconds"]
    above = rows[engine]["seconds"] / rows[floor]["seconds"]
    lines += [
        "",
        f"In that run, on the class of `{facts['key']}`, the engine marked {faster:.1f} times as many submissions",
        f"a minute as stock nbgrader ({_aim(faster >= 12, 'at least 12')}), and took {above:.2f} times as long",
        f"as the floor ({_aim(above <= 1.3, 'at most 1.3')}).",
        _by_cpu(rows[stock], rows[engine], rows[floor]),
        _when(facts),
    ]
    return "\n".join(lines)


def _by_cpu(stock: dict[str, float], engine: dict[str, float], floor: dict[str, float]) -> str:
    if any(math.isnan(row["cpu"]) for row in (stock, engine, floor)):
        return ""
    less, above = stock["cpu"] / engine["cpu"], engine["cpu"] / floor["cpu"]
    said = f"{less:.1f} times less than stock nbgrader, {above:.2f} times the floor"
    return f"By CPU time, which other work on the machine changes less: {said}."


def class_size(folder: Path = FOLDER) -> str:
    """Time and memory over the size of a class."""
    facts = _read(folder, "class_size")
    if facts is None:
        return _missing("class_size")
    lines = [
        "| submissions | seconds | seconds each | CPU seconds each | coordinator's memory, MB | a worker's, at most |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for row in facts["rows"]:
        seconds = f"{row['wall']:.1f} | {row['each']:.2f} | {_number(row['cpu'])}"
        lines.append(f"| {row['submissions']} | {seconds} | {row['memory']:.0f} | {row['worker_peak']:.0f} |")
    return "\n".join([*lines, "", _when(facts)])


def attacks(folder: Path = FOLDER) -> str:
    """How many attacks of the suite this engine held, and which it did not."""
    held = _read(folder, "attacks")
    if not held:
        return _missing("attacks")
    through = [name for name, stood in held.items() if not stood]
    said = f"Of {len(held)} attacks {len(held) - len(through)} gained nothing and did no harm."
    return said + (f" **Got through: {', '.join(through)}.**" if through else "")


NINE = (
    "neurons",
    "convolution",
    "training",
    "depth",
    "transfer",
    "layerwise",
    "autoregressive",
    "waveforms",
    "transformers",
)
NINE_SECONDS, ALL_SECONDS, EACH_SECONDS = 600, 1500, 120  # of a GPU, aimed at; each: of the others


def gpu(folder: Path = FOLDER) -> str:
    """What each reference's full tier asks of a GPU: counts of a mean step, and seconds as an estimate."""
    facts, before = _read(folder, "gpu"), _read(folder, "gpu_before")
    if facts is None:
        return _missing("gpu")
    rows, rates = facts["rows"], facts["rates"]
    nine, whole = (sum(rows[key]["seconds"] for key in keys if key in rows) for keys in (NINE, rows))
    lines = [
        *_asked(rows),
        "",
        f"Three seeds of the nine oldest topics come to {nine:,.0f} GPU-seconds "
        f"({_aim(nine <= NINE_SECONDS, f'at most {NINE_SECONDS:,}')}), of all {len(rows)} to {whole:,.0f} "
        f"({_aim(whole <= ALL_SECONDS, f'at most {ALL_SECONDS:,}')}). {_longest(rows)} "
        f"Operations, waits, FLOPs and bytes are counted on an emulated device, on {facts['date']}; seconds follow "
        f"from them: a launch takes the host {1e6 * rates['launch']:.0f} µs, a kernel the GPU "
        f"{1e6 * rates['kernel']:.0f} µs at least, which computes {rates['bf16'] / 1e12:.0f} (bf16) or "
        f"{rates['tf32'] / 1e12:.0f} TFLOP/s (tf32) and moves {rates['bandwidth'] / 1e12:.0f} TB/s. A step takes as "
        "long as the slowest of the three; the last column says which that is most of the time. Recurrent layers and "
        "fused attention are counted as the kernels of a GPU's "
        "library.",
    ]
    return "\n".join([*lines, *(_since(before, rows) if before else ())])


def _since(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A table of what changed since an earlier commit, of which a written analysis is kept: both figures of each."""
    lines = [
        "",
        "| topic | operations a step | waits | GFLOP a step | three seeds, s |",
        "|---|---:|---:|---:|---:|",
    ]
    both = {key: (row, now[key]) for key, row in before["rows"].items() if key in now}
    for key, (old, new) in both.items():
        operations, flops = (new[name] / new["steps"] for name in ("operations", "flops"))
        lines.append(
            f"| {key} | {old['operations']:,.0f} → {operations:,.0f} | {old['waits']} → {new['waits']} "
            f"| {old['flops'] / 1e9:,.1f} → {flops / 1e9:,.1f} | {old['seconds']:,.0f} → {new['seconds']:,.0f} |"
        )
    sums = [sum(pair[side]["seconds"] for pair in both.values()) for side in (0, 1)]
    return [
        *lines,
        "",
        f"Before → now: what stands first was found of commit `{before['commit']}`, {sums[0]:,.0f} GPU-seconds in all "
        f"against {sums[1]:,.0f}. Its operations, waits and FLOPs were counted as today's, but not its bytes, and its "
        "seconds are those of a written analysis with the same rates, which also held what a first seed trained beside "
        "its record: of two figures of seconds the difference is not the code's alone.",
    ]


def _asked(rows: dict[str, Any]) -> list[str]:
    """A table of what trainings ask of a GPU."""
    lines = [
        "| topic | steps | operations a step | waits | GFLOP a step | GB a step | one seed alone, s | three seeds, s "
        "| bound by |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for key, row in rows.items():
        mean = {name: row[name] / row["steps"] for name in ("operations", "flops", "bytes")}
        counts = f"{row['steps']:,.0f} | {mean['operations']:,.0f} | {row['waits']}"
        lines.append(
            f"| {key} | {counts} | {mean['flops'] / 1e9:,.1f} | {mean['bytes'] / 1e9:,.2f} "
            f"| {row['alone']:,.0f} | {row['seconds']:,.0f} | {row['bound']} |"
        )
    return lines


def _longest(rows: dict[str, Any]) -> str:
    """Which topics but the nine oldest take more than was aimed at for each."""
    beyond = {
        key: row["seconds"] for key, row in rows.items() if key not in NINE and row["seconds"] > EACH_SECONDS
    }
    named = ", ".join(f"`{key}` ({seconds:,.0f})" for key, seconds in beyond.items())
    missed = f", is missed by {named}" if beyond else " is met"
    return f"The aim for each of the others, at most {EACH_SECONDS}{missed}."


def _aim(met: bool, words: str) -> str:
    return f"the aim is {words}" if met else f"the aim of {words} is missed"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _when(facts: dict[str, Any]) -> str:
    before, after = facts["load"]
    return (
        f"Measured on {facts['date']} on {facts['cores']} cores. The load was {before} before, which was other work, "
        f"and {after} at the end, the measured work included."
    )


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _missing(name: str) -> str:
    return f"Not measured yet: `python -m benchmarks.{name}` measures it."
