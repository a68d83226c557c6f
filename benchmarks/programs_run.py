"""Nets that are programs, run far from what they have learned from: `benchmarks.chapters` keeps what came out."""

import time

import torch
from torch.utils.data import TensorDataset

from course_utils.data import binary_sums
from course_utils.training import Run
from solutions.programs import reference as programs

Facts = dict[str, float | list[float]]

# The full tier's bits, by a net for which a processor has time: the mini tier's, for twice as long.
LONG = programs.Config(24, 20, 1000, 64, 1.0, digits_far=100, npi_steps=0, blank_steps=0)
BITS = (20, 40, 200, 2000)


def calling(style: str, seed: int) -> Facts:
    """An NPI from flat traces, from traces with loops or from recursive ones: sums right by their number of digits."""
    run, net = Run(seed=seed, device="cpu"), programs.NPI(64)
    programs.learn_to_call(net, style, 3, 1000, run)
    by_digits = [round(programs.sums_right(net, digits), 4) for digits in (3, 6, 12, 25, 50, 100)]
    return {"right": by_digits[-1], "by_digits": by_digits}


def long_sums(kind: str, seed: int) -> Facts:
    """A Neural GPU that has seen sums of up to twenty bits: shares of sums without an error by their number of bits."""
    begun, run, net = time.process_time(), Run(seed=seed, device="cpu"), programs.NeuralGPU(LONG.channels)
    programs.learn_to_add(net, LONG, run)
    took = time.process_time() - begun
    by_bits = [round(programs.exact(net, fresh(bits)), 4) for bits in BITS[:-1]]
    by_bits.append(round(programs.exact(net, binary_sums.load("full", "test")), 4))
    return {"right": by_bits[-1], "by_bits": by_bits, "minutes": round(took / 60, 1)}


def fresh(bits: int) -> TensorDataset:
    """A hundred sums of that many bits."""
    generator = torch.Generator().manual_seed(bits)
    return TensorDataset(*binary_sums.draw(100, bits, generator))
