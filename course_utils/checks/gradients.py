"""Whether autograd can follow a student's result back to what it was made from."""

from collections.abc import Mapping

import torch
from torch import Tensor

from course_utils.checks.comparisons import close, holds

CUT = ".detach(), .data, .item(), .numpy() and torch.no_grad cut the thread; so does torch.tensor(…) around a tensor"


def follows(
    got: object,
    leaves: Mapping[str, Tensor],
    wanted: Tensor,
    what: str,
    hint: str = CUT,
    others: Mapping[str, Tensor] | None = None,
    rtol: float | None = 1e-3,
    atol: float | None = 1e-4,
) -> None:
    """The gradients of `got` in `leaves` (by name) are those of `wanted`, as a random scalar of both sees them.

    Args:
        got: What the student's code made from the leaves; its values are right already.
        leaves: Tensors that require their gradient, by what a message calls them.
        wanted: The same by the right way.
        what: The exercise, in words.
        hint: Where to look.
        others: The leaves of `wanted` by the same names, where they are not the same tensors.
        rtol, atol: As for `close`.

    Raises:
        CheckFailed: a gradient is missing or another; the message names its leaf.
    """
    history = isinstance(got, Tensor) and got.requires_grad
    holds(history, f"autograd cannot follow {what} back", "a tensor with a history", type(got).__name__, hint)
    assert isinstance(got, Tensor)
    probe = torch.randn(wanted.shape, dtype=torch.float64)
    found, due = (
        torch.autograd.grad(
            value, list(given.values()), probe.to(value), retain_graph=True, allow_unused=True
        )
        for value, given in ((got, leaves), (wanted, others or leaves))
    )
    for name, one, other in zip(leaves, found, due):
        if other is None or (one is None and not other.any()):
            continue
        holds(one is not None, f"autograd cannot follow {what} back to {name}", "a gradient", "none", hint)
        close(one, other, f"the gradient of {what} in {name}", hint, rtol, atol)
