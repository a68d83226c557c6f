"""A submission: a student's cells and the artifact beside the notebook. It is hostile until proved otherwise: of a
notebook only the cells' kinds, names, sources and pictures survive, of an artifact only plain tensors."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed
from course_utils.grading.engine.artifact import read_artifact
from course_utils.grading.engine.handed_in import HandedIn, SubmissionError, read_handed_in
from course_utils.grading.engine.notebook import NotANotebook, StudentCell, read_cells
from course_utils.grading.engine.recognise import belongs, recognised
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import Cell

__all__ = ["NotANotebook", "StudentCell", "Submission", "SubmissionError", "read_submission", "submission_of"]


@dataclass(frozen=True)
class Submission:
    """A student's cells, and the artifact files beside the notebook, unread; `notes` for the author."""

    cells: tuple[StudentCell, ...]
    digest: str
    artifacts: dict[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> frozenset[str]:
        """The names of the artifacts that can be read."""
        return frozenset(name for name in self.artifacts if self._readable(name))

    def _readable(self, name: str) -> bool:
        try:
            return self.artifact(name) is not None
        except CheckFailed:
            return False

    def artifact(self, name: str) -> Artifact | None:
        """The tensors of `<name>.safetensors`, or None if it was not handed in.

        Raises:
            CheckFailed: the file is not in order.
        """
        return read_artifact(name, self.artifacts[name]) if name in self.artifacts else None


def read_submission(
    path: Path, key: str, limits: Limits | None = None, lab: tuple[Cell, ...] = ()
) -> Submission:
    """Read a notebook, or a folder with `<key>.ipynb`, and `<key>.safetensors` beside it.

    With the cells of `lab`, notebook and cells are found whatever they are called.

    Raises:
        SubmissionError: one line that says what is wrong.
    """
    limits = limits or Limits()
    holds = belongs(lab, limits) if lab else None
    return submission_of(read_handed_in([Path(path)], key, limits, holds), limits, lab)


def submission_of(handed_in: HandedIn, limits: Limits, lab: tuple[Cell, ...] = ()) -> Submission:
    """What survives of what was handed in; cells of `lab` that had lost their names have them again.

    Raises:
        SubmissionError: the notebook is none, has no cells, or too many.
    """
    cells = read_cells(handed_in.notebook, f"{handed_in.key}.ipynb", limits)
    digest, artifacts = hashlib.sha256(handed_in.notebook), {}
    if handed_in.artifact is not None:
        artifacts[handed_in.key] = handed_in.artifact
        digest.update(handed_in.key.encode() + hashlib.sha256(handed_in.artifact).digest())
    faults = tuple(cell.fault for cell in cells if cell.fault)
    return Submission(recognised(lab, cells), digest.hexdigest(), artifacts, (*handed_in.notes, *faults))


def missing_artifact(name: str) -> CheckFailed:
    """What a check says where no artifact was handed in and none was made."""
    return CheckFailed(
        f"there is no {name}.safetensors beside the notebook",
        hint=f"run the training cell: it saves the file; hand it in with the notebook, or use `submit({name!r})`",
    )
