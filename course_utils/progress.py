"""One progress bar for everything that may take longer than two seconds."""

import sys

from tqdm import tqdm


def bar(
    total: float | None, what: str, unit: str = "it", scale: bool = False, position: int | None = None
) -> tqdm:
    """A bar on the terminal or in a notebook; nothing where the output is piped.

    It appears after one second and leaves nothing behind. `scale` prints 12.3M instead of 12300000.
    """
    shown = sys.stderr.isatty() or "ipykernel" in sys.modules
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=scale,
        unit_divisor=1000,
        disable=not shown,
        leave=False,
        delay=1,
        position=position,
        dynamic_ncols=True,
    )
