#!/usr/bin/env bash
# torch 2.13.0: forward mode asks for a function that PyTorch itself has deprecated, each time that it fails; reverse
# mode does not.
#
# Guess: under `-W error`, as many test suites run, `torch.func.jacfwd(torch.sin)` gives what `jacrev` gives.
# Seen: `jacrev` gives cos(1). `jacfwd`, `jvp` and `hessian` raise `DeprecationWarning: torch.jit.script is deprecated`:
# forward mode compiles its own decompositions with it at its first use. With that one warning ignored they give the
# same numbers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import math
import warnings

import torch
from torch.func import hessian, jacfwd, jacrev, jvp

x = torch.tensor(1.0)
forward = {
    "jacfwd": lambda: jacfwd(torch.sin)(x),
    "jvp": lambda: jvp(torch.sin, (x,), (torch.ones(()),))[1],
    "hessian": lambda: hessian(torch.sin)(x),
}


def what(call):
    """The warning that a call ends in, or what it gives."""
    try:
        return call().item()
    except DeprecationWarning as warning:
        return str(warning)


warnings.simplefilter("error")
seen = {name: what(call) for name, call in forward.items()}
print(f"torch {torch.__version__}, warnings as errors:", seen, "jacrev:", jacrev(torch.sin)(x).item())
assert all("torch.jit.script" in str(said) for said in seen.values()), "this has changed"
assert math.isclose(jacrev(torch.sin)(x).item(), math.cos(1), rel_tol=1e-6)
warnings.filterwarnings("ignore", message="`torch.jit.script` is deprecated")
assert math.isclose(what(forward["jacfwd"]), math.cos(1), rel_tol=1e-6), "this has changed"
PYTHON
