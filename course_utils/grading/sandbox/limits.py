"""What a submission may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one submission; sizes are bytes.

    A cell, the cell of an answer and a check have their seconds of the student's process's CPU time; of wall time, four
    times as many. After the first that took longer, later ones have a quarter.
    """

    cell_seconds: float = 60
    answer_seconds: float = 60
    check_seconds: float = 60
    total_seconds: float = 600
    cpu_seconds: int = 600
    restarts: int = 10
    memory: int = 2 << 30  # beyond what the warm process has mapped
    scratch: int = 64 << 20
    file: int = 64 << 20
    open_files: int = 128
    threads: int = 32
    notebook: int = 20 << 20
    cells: int = 1_000
    depth: int = 20
    artifact: int = 32 << 20
    pictures: bool = False  # draw the student's figures for the feedback: some 50 ms each


# A class is marked within these. A check of a lab takes less than a second: one that takes five waits for a loop that
# never ends, and several of them in one notebook must not keep the others waiting. An answer defines things, which
# takes no time at all; what trains stands in other cells.
CLASS = Limits(answer_seconds=3, check_seconds=5, total_seconds=300)
# Wide: an audit runs the course's own code, and a busy machine is no fault of it. Some wrong answers never end, and are
# waited for on every draw of a check.
AUDIT = Limits(cell_seconds=900, answer_seconds=900, check_seconds=20, total_seconds=3600, cpu_seconds=3600)
