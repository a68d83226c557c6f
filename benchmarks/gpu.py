"""What each reference's full tier would ask of a GPU, counted on the emulated device of `tests/gpu`.

    python -m benchmarks.gpu [KEY …]

Two runs of a few steps each, with few and with twice as many examples a step: what grows with the examples is carried
on to a whole batch. Operations, bytes and FLOPs are counted; seconds are an estimate from them, by the rates below.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from course_utils.topics import PROVEN, ROOT
from tests.gpu.emulated import guard
from tests.gpu.run_reference import EXAMPLES
from tests.gpu.small import SIZES

RESULTS = Path(__file__).with_name("gpu.json")
# Pictures that these learn from: their steps follow from the number of examples, of which the emulated device has few.
EXAMPLES_OF = {"convolution": 55_000, "depth": 45_000}
# An H100, cautiously: what its host needs to launch an operation, what its small kernels take, and its rates.
LAUNCH, KERNEL = 9e-6, 4e-6  # seconds
BF16, TF32, BANDWIDTH = 250e12, 120e12, 3e12  # FLOP/s, FLOP/s, bytes/s
SEEDS = 3


def counted(keys: list[str], examples: int, device: Path) -> dict[str, dict]:
    """The loops of each reference by phase, for so many examples a step."""
    command = [sys.executable, "-m", "tests.gpu.run_reference", "--whole", "--examples", str(examples), *keys]
    environment = os.environ | {"LD_PRELOAD": str(device), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found = {line["key"]: line for line in map(json.loads, done.stdout.splitlines())}
    for key, line in found.items():
        if line["error"]:
            raise RuntimeError(f"{key}: {line['error']}")
    return found


def row(key: str, few: dict, more: dict) -> dict:
    """A reference's training from its loops: what a mean step and what one seed would take."""
    total = dict.fromkeys(("steps", "operations", "flops", "bytes", "busy", "alone"), 0.0)
    bounds = dict.fromkeys(("kernels", "FLOPs", "bytes"), 0.0)
    for phase, loop in few["loops"].items():
        steps, batch = _steps(key, loop), loop["batch"]
        other = more["loops"][phase]
        flops, moved = (_carried(loop[what], other[what], batch) for what in ("flops", "bytes"))
        rate = BF16 if loop["bf16"] else TF32
        each = {"kernels": KERNEL * loop["operations"], "FLOPs": flops / rate, "bytes": moved / BANDWIDTH}
        bound = max(each, key=lambda name: each[name])
        busy = each[bound]
        bounds[bound] += steps * busy
        total["steps"] += steps
        for name, value in {
            "operations": loop["operations"],
            "flops": flops,
            "bytes": moved,
            "busy": busy,
            "alone": max(busy, LAUNCH * loop["operations"]),
        }.items():
            total[name] += steps * value
    return total | {
        "waits": sum(few["waits"].values()),
        "seconds": SEEDS * total["busy"],
        "bound": max(bounds, key=lambda name: bounds[name]),
    }


def _steps(key: str, loop: dict) -> int:
    if key not in EXAMPLES_OF:
        return loop["steps"]
    return loop["steps"] // (SIZES["train"] // loop["batch"]) * (EXAMPLES_OF[key] // loop["batch"])


def _carried(few: int, more: int, batch: int) -> float:
    """What a batch would take, from what `EXAMPLES` and twice as many did; as it is where no batch is drawn."""
    each = (more - few) / EXAMPLES
    return few if not batch or batch <= EXAMPLES else few + each * (batch - EXAMPLES)


def main() -> None:
    """Count, estimate, print, and write the figures for the page of results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("keys", nargs="*", metavar="KEY", help="topics (default: all)")
    keys = parser.parse_args().keys or list(PROVEN)
    known = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        device = guard(Path(folder))
        few, more = (counted(keys, examples, device) for examples in (EXAMPLES, 2 * EXAMPLES))
    known |= {key: row(key, few[key], more[key]) for key in keys}
    for key in keys:
        print(key, json.dumps(known[key]), flush=True)
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "rates": {"launch": LAUNCH, "kernel": KERNEL, "bf16": BF16, "tf32": TF32, "bandwidth": BANDWIDTH},
        "rows": {key: known[key] for key in PROVEN if key in known},
    }
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
