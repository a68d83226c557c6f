"""The ways in which a whole lab or reference is run. Each gives what failed, nothing where it passed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from course_utils.topics import ROOT
from tests.gpu.process import Device
from tests.labs.filled import write

HOST_ONLY = {"neurons"}  # nets of a few numbers: their lab stays on the CPU
NBVAL = (
    "-c",
    "pyproject.toml",
    "-o",
    "addopts=",
    "-p",
    "nbval",
    "--nbval-lax",
    "--nbval-current-env",
    "-q",
    "-x",
)
MOST = 4000  # characters of what a process that failed has printed


def notebook(key: str, folder: Path) -> list[str]:
    """The lab, solved twice, as a student runs it: from the first cell to the last in one ordinary kernel."""
    write(folder, (key,))
    command = [sys.executable, "-m", "pytest", *NBVAL, "-p", "no:cacheprovider", f"--rootdir={folder}"]
    command += [str(path) for path in sorted(folder.glob(f"{key}-*"))]
    environment = os.environ | {"COURSE_TIER": "mini"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return [] if done.returncode == 0 else [re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)[-MOST:]]


def lab_on_a_gpu(key: str, device: Device) -> list[str]:
    """The lab, solved, at the full tier with small data: every cell and check runs on the emulated GPU."""
    done = device.python("-m", "tests.gpu.run_lab", key)
    if not done.stdout:
        return [done.stderr[-MOST:]]
    found = json.loads(done.stdout)
    idle = key not in HOST_ONLY and not found["operations"]
    return found["failed"] + ["nothing ran on the device"] * idle


def reference_on_a_gpu(key: str, device: Device) -> list[str]:
    """The reference's full tier trains on the emulated GPU, leaves nothing on the CPU, and never waits in a loop."""
    done = device.python("-m", "tests.gpu.run_reference", key)
    if not done.stdout:
        return [done.stderr[-MOST:]]
    return faults(json.loads(done.stdout))


def faults(found: dict) -> list[str]:
    """What is wrong with a reference's run."""
    if found["error"]:
        return [found["error"]]
    idle = [phase for phase, loop in found["loops"].items() if not loop["operations"]]
    said = ["it has no loop of Run.steps or Run.batches"] * (not found["loops"])
    said += [f"nothing of the loop {phase!r} ran on the device" for phase in idle]
    return said + [
        f"{place}: the host waits for the device, {n} times" for place, n in found["waits"].items()
    ]
