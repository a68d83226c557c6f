"""The emulated device for tests: compiled once, and given to processes that are started for it."""

import json
from collections.abc import Callable

import pytest

from tests.gpu.process import Device, missing

Found = dict[str, dict]


@pytest.fixture(scope="session")
def on_device(tmp_path_factory) -> Callable[[dict[str, str]], Found]:
    """Runs pieces of Python, by name, in processes that have an emulated GPU: what `tests.gpu.each` says of them."""
    if missing():
        pytest.skip(missing())
    device = Device(tmp_path_factory.mktemp("guard"))

    def run(pieces: dict[str, str]) -> Found:
        done = device.python("-m", "tests.gpu.each", told=json.dumps(pieces))
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run
