"""Answers that are tried at the same time: a lab is filled once for many of them."""

from collections.abc import Sequence

Changed = dict[int, str]  # a cell's new source by its place


def companies(changed: Sequence[Changed]) -> list[list[int]]:
    """Answers that change different cells, by number; each joins the first company that has room for it."""
    found: list[list[int]] = []
    taken: list[set[int]] = []
    for number, sources in enumerate(changed):
        for members, places in zip(found, taken):
            if not places & set(sources):
                members.append(number)
                places |= set(sources)
                break
        else:
            found.append([number])
            taken.append(set(sources))
    return found


def together(changed: Sequence[Changed], members: Sequence[int]) -> Changed:
    """What a company changes."""
    return {place: text for number in members for place, text in changed[number].items()}
