"""Cutting a data set into train, val and test, the same on every machine."""

from typing import Any

SPLITS = ("train", "val", "test")


def take(rows: Any, sizes: dict[str, int], split: str) -> Any:
    """The consecutive part of `rows` that `split` names, after the splits that stand before it in `sizes`."""
    check(split)
    start = sum(sizes[name] for name in SPLITS[: SPLITS.index(split)])
    return rows[start : start + sizes[split]]


def check(split: str, tier: str = "mini") -> None:
    """Raise ValueError for a split or a tier that does not exist."""
    if split not in SPLITS:
        raise ValueError(f"load: expected a split of train, val, test, got {split!r}.")
    if tier not in ("mini", "full"):
        raise ValueError(f"load: expected the tier mini or full, got {tier!r}.")
