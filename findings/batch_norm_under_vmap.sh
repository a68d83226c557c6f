#!/usr/bin/env bash
# torch 2.13.0: inside vmap, the gradient by batch normalisation's weight is differentiated as if mean and deviation did
# not depend on the input.
#
# Guess: `grad(sum ∘ vmap(task))`, where a task takes a gradient of its own, is the sum of `grad(task)` over tasks: so
# MAML may take the inner steps of all tasks at once.
# Seen: with normalisation written out it is, to twelve digits. With `F.batch_norm(..., training=True)` the derivative by
# the input of the gradient by the weight is another number, without an error or a warning, as soon as the weight has
# an axis of tasks, which it has after an inner step; `vmap(grad(task))` and a loop over tasks agree with differences.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.func import grad, vmap

torch.manual_seed(0)
x, ahead = torch.randn(6, 2, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
weights = torch.rand(3, 2, dtype=torch.float64) + 0.5  # of three tasks


def built_in(x, w):
    return torch.nn.functional.batch_norm(x, None, None, w, None, training=True)


def written_out(x, w):
    centred = x - x.mean(0)
    return centred * (centred.square().mean(0) + 1e-5).rsqrt() * w


def error(normalised):
    """How far the derivative of all tasks at once is from that of one after the other, as a share of its size."""

    def loss(x, w):
        return (normalised(x, w) * ahead).pow(3).sum()

    def task(x, w):
        return grad(loss, 1)(x, w).square().sum()

    at_once = grad(lambda x: vmap(task, in_dims=(None, 0))(x, weights).sum())(x)
    one_by_one = sum(grad(task)(x, w) for w in weights)
    return ((at_once - one_by_one).abs().max() / one_by_one.abs().max()).item()


print(f"torch {torch.__version__}: written out {error(written_out):.1e}, F.batch_norm {error(built_in):.1e}")
assert error(written_out) < 1e-12 and error(built_in) > 0.01, "this has changed"
PYTHON
