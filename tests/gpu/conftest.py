"""The emulated device for tests: compiled once, and given to processes that are started for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.utils.cpp_extension import include_paths

from course_utils.topics import ROOT
from tests.gpu.emulated import guard


@pytest.fixture(scope="session")
def on_device(tmp_path_factory) -> Callable[..., subprocess.CompletedProcess]:
    """Runs Python with these arguments in a process that has an emulated GPU."""
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler (g++): the emulated device is compiled")
    if not any((Path(path) / "ATen").is_dir() for path in include_paths()):
        pytest.skip("this PyTorch comes without its headers: the emulated device is compiled with them")
    environment = os.environ | {
        "LD_PRELOAD": str(guard(tmp_path_factory.mktemp("guard"))),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("COURSE_DEVICE", None)

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
        )

    return run
