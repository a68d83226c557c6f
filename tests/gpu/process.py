"""Processes that have the emulated GPU."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from torch.utils.cpp_extension import include_paths

from course_utils.topics import ROOT
from tests.gpu.emulated import guard


def missing() -> str:
    """Why this machine cannot have one; "" where it can."""
    if shutil.which("g++") is None:
        return "no C++ compiler (g++): the emulated device is compiled"
    if not any((Path(path) / "ATen").is_dir() for path in include_paths()):
        return "this PyTorch comes without its headers: the emulated device is compiled with them"
    return ""


class Device:
    """The emulated GPU, compiled into `folder`."""

    def __init__(self, folder: Path):
        self._environment = os.environ | {"LD_PRELOAD": str(guard(folder)), "OMP_NUM_THREADS": "1"}
        self._environment.pop("COURSE_DEVICE", None)

    def python(self, *arguments: str, told: str = "") -> subprocess.CompletedProcess:
        """Run Python with these arguments on it; what it prints is kept as text."""
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, input=told, capture_output=True, text=True
        )
