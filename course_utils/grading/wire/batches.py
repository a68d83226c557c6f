"""A call for all of a batch at once, as `torch.vmap` does it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten


def apart(value: Any) -> tuple[list[Tensor], Callable[[Iterable[Tensor]], Any]]:
    """The tensors in tuples, lists and dictionaries, and a function that makes the same with others in their places."""
    leaves, form = tree_flatten(value)
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]

    def together(tensors: Iterable[Tensor]) -> Any:
        values = list(leaves)
        for place, tensor in zip(places, tensors):
            values[place] = tensor
        return tree_unflatten(values, form)

    return [leaves[place] for place in places], together


def over_batches(
    call: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], randomness: Sequence[str] = ()
) -> Any:
    """What `call(*args, **kwargs)` gives for each of a batch, stacked.

    Every tensor in the arguments has a first axis for each of `randomness`, which is `torch.vmap`'s, the last of them
    in front. So has every tensor of the result; what is no tensor is taken to be the same for all.
    """
    if not randomness:
        return call(*args, **kwargs)
    tensors, together = apart((tuple(args), kwargs))
    forms: list[Callable[[Iterable[Tensor]], Any]] = []

    def one(*tensors: Tensor) -> list[Tensor]:
        again, named = together(tensors)
        results, form = apart(call(*again, **named))
        forms.append(form)
        return results

    batched: Callable[..., list[Tensor]] = one
    for kind in randomness:
        batched = torch.vmap(batched, randomness=kind)
    results = batched(*tensors)
    return forms[-1](results)
