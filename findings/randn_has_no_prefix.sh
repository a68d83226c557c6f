#!/usr/bin/env bash
# torch 2.13.0: with the same seed, one more number changes the sixteen normal numbers before it; no other draw does so.
#
# Guess: with a generator of the same seed, `torch.randn(17)` begins with `torch.randn(16)`, as `torch.rand(17)` begins
# with `torch.rand(16)`: whoever asks for more rows of a data set keeps those that they had.
# Seen (CPU, float32): `rand`, `randint`, `exponential_` and `bernoulli` begin alike at all lengths. `randn` below 16 has
# another sequence than from 16 on, and from there its last sixteen numbers are drawn anew wherever the length is no
# multiple of 16: of `randn(17)` one number stands in `randn(64)` at its place, of `randn(16)` all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import torch

DRAWS = {
    "rand": torch.rand,
    "randint": lambda n, generator: torch.randint(100, (n,), generator=generator),
    "exponential_": lambda n, generator: torch.empty(n).exponential_(generator=generator),
    "bernoulli": lambda n, generator: torch.full((n,), 0.5).bernoulli(generator=generator),
    "randn": torch.randn,
}
LENGTHS = (1, 8, 15, 16, 17, 24, 31, 32)


def others(draw, n, more=64):
    """How many of the first n of `more` numbers are not those that one gets by asking for n."""
    asked, longer = (draw(k, generator=torch.Generator().manual_seed(0)) for k in (n, more))
    return int((asked != longer[:n]).sum())


seen = {name: [others(draw, n) for n in LENGTHS] for name, draw in DRAWS.items()}
print(f"torch {torch.__version__}; numbers of the first {LENGTHS} that change when 64 are asked for:")
for name, changed in seen.items():
    print(f"  {name:12} {changed}")
assert seen.pop("randn") == [1, 8, 15, 0, 16, 16, 16, 0], "this has changed"
assert not any(map(any, seen.values())), "this has changed"
PYTHON
