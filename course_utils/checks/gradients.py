"""Whether autograd can follow a student's result back to what it was made from."""

import traceback
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.autograd import graph

from course_utils.checks.comparisons import close, holds
from course_utils.checks.failure import CheckFailed

CUT = (
    "is it used at all on the way? .detach(), .data, .item(), .numpy() and torch.no_grad cut the thread; "
    "so does torch.tensor(…) around a tensor"
)
IN_PLACE = (
    "-=, inplace=True and functions with an underscore at their end change a tensor: make a new one instead"
)


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
    probe = torch.randn(wanted.shape, dtype=torch.float64)
    found = slopes(got, leaves, what, hint, probe)
    due = slopes(wanted, {name: (others or leaves)[name] for name in leaves}, what, "", probe)
    for name, one, other in zip(leaves, found, due):
        if other is None or (one is None and not other.any()):
            continue
        holds(one is not None, f"autograd cannot follow {what} back to {name}", "a gradient", "none", hint)
        close(one, other, f"the gradient of {what} in {name}", hint, rtol, atol)


def flows(got: object, leaves: Mapping[str, Tensor], what: str, hint: str = CUT) -> None:
    """Autograd knows a way from `got` to each of the leaves; whether its slopes are right, `follows` asks.

    Raises:
        CheckFailed: it knows none; the message names the leaf.
    """
    for name, slope in zip(leaves, slopes(got, leaves, what, hint)):
        holds(slope is not None, f"autograd cannot follow {what} back to {name}", "a gradient", "none", hint)


def slopes(
    got: object, leaves: Mapping[str, Tensor], what: str, hint: str = CUT, probe: Tensor | None = None
) -> list[Tensor | None]:
    """The gradients of a student's result in `leaves`, None where autograd knows no way.

    Args:
        got: What the student's code made from the leaves.
        leaves: Tensors that require their gradient, by what a message calls them.
        what: The exercise, in words.
        hint: Where to look.
        probe: What each number of `got` counts; 1 by default.

    Raises:
        CheckFailed: it has no history at all, or one that autograd cannot walk.
    """
    history = isinstance(got, Tensor) and got.requires_grad
    holds(history, f"autograd cannot follow {what} back", "a tensor with a history", type(got).__name__, hint)
    assert isinstance(got, Tensor)
    assert all(leaf.requires_grad for leaf in leaves.values())
    weights = torch.ones_like(got) if probe is None else probe.to(got)
    try:
        return list(
            torch.autograd.grad(got, list(leaves.values()), weights, retain_graph=True, allow_unused=True)
        )
    except (RuntimeError, TypeError) as error:
        if "inplace" in str(error):
            raise CheckFailed(
                f"autograd cannot follow {what} back",
                "a gradient",
                "a tensor that it needs has been written into since",
                IN_PLACE,
            ) from None
        if not _autograds_own(error):
            raise
        raise CheckFailed(
            f"autograd cannot walk back through {what}",
            "of each `backward` one gradient, or None, for each argument of its `forward`",
            str(error).splitlines()[0][:200],
            "what does it return?",
        ) from None


def _autograds_own(error: Exception) -> bool:
    """Whether autograd itself refused what a `backward` gave it; what is raised in one has that one's line."""
    return traceback.extract_tb(error.__traceback__)[-1].filename == graph.__file__
