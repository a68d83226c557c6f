#!/usr/bin/env bash
# torch 2.13.0: `vector_to_parameters` copies nothing: the net lives in the vector from then on, and training changes it.
#
# Guess: the documentation says "Copy slices of a vector into an iterable of parameters". So the best weights, kept as one
# vector, can be put back into a net, or into two nets that go on from there, and stay the best weights.
# Seen: parameters become views of the vector. A step of the optimiser changes the vector that was kept; a second net
# that was filled with it takes the step too, without a gradient of its own. No word of it in the documentation. The
# function's other half, `parameters_to_vector`, does make a copy; filled with `vector.clone()`, nets and vector are
# apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def after_a_step(filled_with):
    """How far one step of one net moves the vector that was kept, and another net that was filled with it."""
    torch.manual_seed(0)
    trained, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    best = parameters_to_vector(trained.parameters()).detach()
    before = best.clone()
    for net in (trained, other):
        vector_to_parameters(filled_with(best), net.parameters())
    trained(torch.ones(1, 3)).sum().backward()
    torch.optim.SGD(trained.parameters(), lr=0.1).step()
    assert all(p.grad is None for p in other.parameters())
    return [(now - before).abs().max().item() for now in (best, parameters_to_vector(other.parameters()))]


shared, apart = after_a_step(lambda vector: vector), after_a_step(torch.clone)
print(f"torch {torch.__version__}: the kept vector and the other net move by {shared}; filled with clones, by {apart}")
assert min(shared) > 0.09, "this has changed"
assert apart == [0, 0], "this has changed"
PYTHON
