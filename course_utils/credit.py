"""Points as they are given and shown, in one place."""


def rounded(points: float) -> float:
    """To the nearest hundredth."""
    return round(points, 2)
