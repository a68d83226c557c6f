"""How long a training would take on a Colab T4: an estimate, from counted operations and measured utilisation."""

T4_PEAK = 8.1e12  # fp32 FLOP/s, NVIDIA T4 datasheet
REACHABLE = (
    0.35  # the share of its peak that convolutions and products of these sizes are taken to reach there
)

# Dense peaks of one GPU, FLOP/s, from the makers' datasheets: what tf32 products can reach.
PEAKS = {
    "H200": 494e12,
    "H100": 494e12,
    "A100": 156e12,
    "L4": 60e12,
    "V100": 15.7e12,
    "T4": T4_PEAK,
}


def utilisation(flops: int, seconds: float, device: str) -> float | None:
    """The share of a known GPU's peak that a training reached; None for a CPU or an unknown GPU."""
    peak = next((value for name, value in PEAKS.items() if name in device), None)
    return None if peak is None or seconds <= 0 else flops / seconds / peak


def t4_minutes(flops: int, seconds: float, device: str) -> float | None:
    """Estimated minutes on a T4, or None where nothing was measured on a GPU.

    The share of the time in which the GPU here did not compute (it waited for kernels, for Python) is taken to last as
    long there; the operations are taken to run at `REACHABLE` of the T4's peak.
    """
    used = utilisation(flops, seconds, device)
    if used is None:
        return None
    return (seconds * max(0.0, 1 - used) + flops / (REACHABLE * T4_PEAK)) / 60
