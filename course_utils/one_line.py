"""Text of unknown origin, as one line that a terminal prints and does not obey."""


def one_line(text: str, most: int = 300) -> str:
    """`text` with escape codes, line breaks and bytes that are no text spelled out, cut after `most` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    return f"{shown}…" if len(text) > most else shown
