"""Nets that are programs, run far from what they have learned from: `benchmarks.chapters` keeps what came out."""

import torch
from torch.utils.data import TensorDataset

from benchmarks.programs_found import Facts
from course_utils.data import binary_sums
from course_utils.training import Run
from solutions.programs import reference as programs

ASKED = {
    96: 100,
    200: 50,
    500: 20,
    2000: 5,
}  # sums by their number of bits; the longest take three seconds each


def calling(style: str, seed: int) -> Facts:
    """An NPI from flat traces, from traces with loops or from recursive ones: sums right by their number of digits."""
    run, net = Run(seed=seed, device="cpu"), programs.NPI(64)
    programs.learn_to_call(net, style, 3, 1000, run)
    by_digits = [round(programs.sums_right(net, digits), 4) for digits in (3, 6, 12, 25, 50, 100)]
    return {"right": by_digits[-1], "by_digits": by_digits}


def long_sums(kind: str, seed: int) -> Facts:
    """A Neural GPU that learned as the mini tier's does: shares of far longer sums without an error, by their bits."""
    how = programs.config("mini")
    torch.manual_seed(seed)
    run, net = Run(seed=seed, device="cpu"), programs.NeuralGPU(how.channels)
    programs.learn_to_add(net, how, run)
    by_bits = [round(programs.exact(net, fresh(bits)), 4) for bits in ASKED]
    return {"right": by_bits[-1], "by_bits": by_bits}


def fresh(bits: int) -> TensorDataset:
    """So many sums of that many bits as are asked."""
    generator = torch.Generator().manual_seed(bits)
    return TensorDataset(*binary_sums.draw(ASKED[bits], bits, generator))
