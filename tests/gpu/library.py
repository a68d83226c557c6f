"""What is one call of a library on a GPU: computed from parts on the emulated device, counted as the library's kernels.

`nn.LSTM` and `nn.GRU` are one call of cuDNN, whose kernels PyTorch never sees. It takes what comes from the inputs of
all steps in one product; then a step needs a product with the state and one kernel for the gates (Appleyard, Kočiský &
Blunsom, "Optimizing performance of recurrent neural networks on GPUs", arXiv:1604.01946). That its layers overlap, and
that small ones stay in one kernel, is not counted on. `F.scaled_dot_product_attention` is one kernel forth and two back
that never write the scores (Dao, "FlashAttention-2", arXiv:2307.08691).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Outputs = tuple[Tensor, ...]


def install(counts: Any, on_device: type) -> None:
    """From now on calls whose first input is `on_device` add to `counts` what the library would launch."""
    for name in ("lstm", "gru"):
        setattr(torch._VF, name, _recurrent(getattr(torch._VF, name), counts, on_device))
    F.scaled_dot_product_attention = _attention(F.scaled_dot_product_attention, counts, on_device)


def _recurrent(call: Callable[..., Outputs], counts: Any, on_device: type) -> Callable[..., Outputs]:
    """`torch._VF.lstm` or `gru` of whole batches (B, T, D) or (T, B, D); other tensors, and packed ones, as ever."""

    def layers(x: Tensor, state: Any, weights: Any, *how: Any) -> Outputs:
        if not isinstance(x, on_device) or not isinstance(weights, list | tuple):
            return call(x, state, weights, *how)
        several = isinstance(state, list | tuple)
        states = list(state) if several else [state]

        def again(x: Tensor, *others: Tensor) -> Outputs:
            begin, rest = others[: len(states)], list(others[len(states) :])
            return call(x, begin if several else begin[0], rest, *how)

        _, count, _, _, both_ways, batch_first = how
        runs, steps = count * (2 if both_ways else 1), x.shape[int(batch_first)]
        casts = len(weights) * torch.is_autocast_enabled("cuda")
        kernels = (runs * (1 + 2 * steps) + casts, runs * (3 + 2 * steps) + casts)
        return _Call.apply(again, counts, kernels, False, x, *states, *weights)

    return layers


def _attention(call: Callable[..., Tensor], counts: Any, on_device: type) -> Callable[..., Tensor]:
    """`F.scaled_dot_product_attention` with a mask of truth values or none; all else, such as dropout, as ever."""

    def attention(
        q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *more: Any, **how: Any
    ) -> Tensor:
        if more or how or not isinstance(q, on_device) or (mask is not None and mask.dtype != torch.bool):
            return call(q, k, v, mask, *more, **how)

        def parts(q: Tensor, k: Tensor, v: Tensor) -> Outputs:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
            if mask is not None:
                scores = scores.masked_fill(~mask, -math.inf)
            return (scores.softmax(-1) @ v,)

        if torch.is_autocast_enabled("cuda"):
            q, k, v = (part.to(torch.bfloat16) for part in (q, k, v))
        return _Call.apply(parts, counts, (1, 2), True, q, k, v)[0]

    return attention


class _Call(torch.autograd.Function):
    """A call and its gradients, each of which adds its own number of kernels; `fused`: they keep nothing between."""

    @staticmethod
    def forward(
        ctx: Any, call: Callable[..., Outputs], counts: Any, kernels: Any, fused: bool, *given: Tensor
    ) -> Any:
        ctx.counts, ctx.kernels, ctx.fused = counts, kernels[1], fused
        wanted = ctx.needs_input_grad[4:]
        ctx.leaves = [tensor.detach().requires_grad_(need) for tensor, need in zip(given, wanted)]
        with torch.set_grad_enabled(any(wanted)), _as_kernels(counts, kernels[0]) as moved:
            ctx.made = call(*ctx.leaves)
            if fused:
                moved += [*given, *ctx.made]
        return tuple(tensor.detach() for tensor in ctx.made)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple:
        wanted = [leaf for leaf in ctx.leaves if leaf.requires_grad]
        with _as_kernels(ctx.counts, ctx.kernels) as moved:
            made = torch.autograd.grad(ctx.made, wanted, gradients, allow_unused=True)
            if ctx.fused:
                moved += [*ctx.leaves, *ctx.made, *gradients, *made]
        found = iter(made)
        return None, None, None, None, *(next(found) if leaf.requires_grad else None for leaf in ctx.leaves)


@contextmanager
def _as_kernels(counts: Any, kernels: int) -> Iterator[list[Tensor]]:
    """What is counted meanwhile counts as so many kernels, which move the tensors of the list, if it has any."""
    before, moved_before = Counter(counts.operations), counts.bytes
    moved: list[Tensor] = []
    yield moved
    counts.operations.clear()
    counts.operations.update(before + Counter({"a library's kernel": kernels}))
    if moved:
        counts.bytes = moved_before + size(moved)


def size(tensors: Sequence[Tensor]) -> int:
    """Bytes of tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
