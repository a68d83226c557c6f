"""Pieces of Python on the emulated device, each in a fork of one process: PyTorch and the course are imported once.

    LD_PRELOAD=guard.so python -m tests.gpu.each < PIECES

PIECES is JSON, {name: source}. Prints {name: {"code": exit status, "out": what it printed, "error": what went wrong}}.
"""

import json
import os
import sys
import tempfile
import traceback
from typing import IO

from tests.gpu import run_lab, run_reference  # noqa: F401 - once, before the forks


def main() -> None:
    """Run the pieces one after the other."""
    found = {}
    for name, source in json.load(sys.stdin).items():
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
            child = os.fork()
            if not child:
                os._exit(_run(source, out, error))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            found[name] = {"code": code, "out": _text(out), "error": _text(error)}
    print(json.dumps(found))


def _run(source: str, out: IO[str], error: IO[str]) -> int:
    sys.stdout, sys.stderr = out, error
    try:
        exec(compile(source, "piece", "exec"), {"__name__": "__main__"})
        return 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        out.flush()
        error.flush()


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    main()
