"""A marked submission as a notebook, for nbgrader's formgrader and feedback.

Prose and checks are the lab's, the rest is the student's. What is to be told of a cell stands in its metadata, under
"course", as data; outputs and text that formgrader shows are made from it and are read by nobody else. A check's output
has the form from which nbgrader would read the same points. Nothing of the student's can run in the browser of whoever
opens it.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator

from nbformat import NotebookNode, from_dict

from course_utils.grading.engine.digests import stamp
from course_utils.grading.engine.notebook import Attachment, StudentCell
from course_utils.grading.engine.submission import Submission
from course_utils.grading.engine.verdict import CellResult, CheckResult, Verdict
from course_utils.grading.gradebook.pictures import attached, picture
from course_utils.labs.lab import Cell, Lab, code_node, prose_node

JOINER = (
    "\u2060"  # a character of no width: what it stands in is shown as it was written, and is no link any more
)
TAG = re.compile(r"<(?=[A-Za-z/!?])")
# Links, pictures and definitions of links; and what makes links or loads more in a formula.
LINK = re.compile(r"\](?=[(:])")
OWN_PICTURE = re.compile(r"!\[([^\]\n]{0,200})\]" + JOINER + r"\(attachment:([\w.-]{1,100})\)")
MACRO = re.compile(
    r"\\(?=(?:href|url|require|style|class|cssId|csname|unicode|includegraphics|html\w*)(?![A-Za-z]))"
)
NOT_RUN = "This cell was not run."


def notebook_of(lab: Lab, submission: Submission | None, verdict: Verdict) -> str:
    """The text of `marked_notebook`'s file.

    It is neither validated again nor indented: over a class that would take half the time.
    """
    notebook = marked_notebook(lab, submission, verdict)
    return json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n"


def marked_notebook(lab: Lab, submission: Submission | None, verdict: Verdict) -> NotebookNode:
    """The notebook of a verdict.

    Args:
        lab: With its hidden tests: the notebook is for the teacher's side.
        submission: What was handed in; None where it could not be read.
        verdict: Its marks and what its cells printed.
    """
    notebook = lab.instructor_notebook()
    own = submission.cells if submission is not None else ()
    notebook.cells = [*_notices(lab.key, verdict), *_Marked(lab, own, verdict).nodes(notebook.cells)]
    notebook.metadata["course"] = {"result": stamp(lab, verdict)}
    return notebook


class _Marked:
    """The lab's cells, filled with the student's, whose own cells stand where they stood."""

    def __init__(self, lab: Lab, own: tuple[StudentCell, ...], verdict: Verdict):
        self._lab, self._added = lab, _between(lab, own)
        self._results = _by_source(verdict.cells)
        self._checks = {check.name: check for check in verdict.checks}
        self._written = student_sources(own)
        self._pasted = {cell.name: cell.attachments for cell in reversed(own) if cell.name}

    def nodes(self, given: list[NotebookNode]) -> Iterator[NotebookNode]:
        """`given` are the nodes of the lab's cells."""
        waiting = self._added.get("", [])
        for node, cell in zip(given, self._lab.cells):
            if cell.kind == "code":
                # Given code: the student's own copy of it is shown, and the cells that it put before.
                places = [
                    i for i, (_, one) in enumerate(waiting) if one.source.strip() == cell.source.strip()
                ]
                ready = places[0] + 1 if places else 0
                yield from map(self._extra, waiting[:ready])
                waiting = waiting[ready:]
                continue
            if cell.name:
                yield from map(self._extra, waiting)
                waiting = self._added.get(cell.name, [])
                self._fill(node, cell)
            yield node
        yield from map(self._extra, waiting)

    def _fill(self, node: NotebookNode, cell: Cell) -> None:
        if cell.kind == "solution":
            node.source = self._written.get(cell.name, "")
            node.outputs = _outputs(_take(self._results, cell.name, node.source))
        elif cell.kind == "answer":
            _say(node, "answer", self._written.get(cell.name, ""), self._pasted.get(cell.name, ()))
        elif cell.kind == "test":
            check = self._checks.get(cell.name)
            node.metadata["course"] = {"kind": "check", "text": said(check, cell.points)}
            node.outputs = list(check_outputs(check, cell.points))

    def _extra(self, placed: tuple[int, StudentCell]) -> NotebookNode:
        place, cell = placed
        node = code_node(cell.source) if cell.code else prose_node("")
        if cell.code:
            node.outputs = _outputs(_take(self._results, cell.name, cell.source))
        else:
            _say(node, "own", cell.source, cell.attachments)
        node["id"] = _id(self._lab.key, "own", str(place))
        return node


def _say(node: NotebookNode, kind: str, words: str, attachments: tuple[Attachment, ...] = ()) -> None:
    """Put words that are no part of the lab into a cell, with the pictures that were pasted there."""
    pictures = attached(attachments)
    node.source = inert(words, pictures)
    node.metadata["course"] = {"kind": kind, "text": words}
    if pictures:
        node.attachments = from_dict(pictures)


def inert(text: str, pictures: Collection[str] = ()) -> str:
    """Markdown whose HTML is shown and not obeyed, which hides no link and loads nothing but its own `pictures`."""
    shown = MACRO.sub("\\\\" + JOINER, LINK.sub("]" + JOINER, TAG.sub("&lt;", text)))
    return OWN_PICTURE.sub(lambda m: m[0].replace(JOINER, "") if m[2] in pictures else m[0], shown)


def _between(lab: Lab, cells: tuple[StudentCell, ...]) -> dict[str, list[tuple[int, StudentCell]]]:
    """The student's unnamed cells, each with its place, by the last named cell before them; without the lab's prose."""
    names = {cell.name for cell in lab.cells if cell.name}
    prose = {cell.source.strip() for cell in lab.cells if cell.kind == "prose"}
    found: dict[str, list[tuple[int, StudentCell]]] = {}
    last = ""
    seen: set[str] = set()
    for place, cell in enumerate(cells):
        if cell.name in names and (cell.name not in seen or not cell.code):
            last = cell.name
            seen.add(last)
        elif cell.code or cell.source.strip() not in prose:
            found.setdefault(last, []).append((place, cell))
    return found


def _by_source(results: tuple[CellResult, ...]) -> dict[str, list[CellResult]]:
    found: dict[str, list[CellResult]] = {}
    for result in results:
        found.setdefault(result.source, []).append(result)
    return found


def _take(results: dict[str, list[CellResult]], name: str, source: str) -> CellResult | None:
    """The next result of a cell with this source, one of this name first."""
    waiting = results.get(source, [])
    for place, result in enumerate(waiting):
        if result.name == name:
            return waiting.pop(place)
    return waiting.pop(0) if waiting else None


def _notices(key: str, verdict: Verdict) -> Iterator[NotebookNode]:
    for place, text in enumerate([verdict.reason, *verdict.notes]):
        if text:
            node = prose_node("")
            _say(node, "notice", text)
            node.source = f"**{node.source}**"
            node["id"] = _id(key, "notice", str(place))
            yield node


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]


def _outputs(result: CellResult | None) -> list[NotebookNode]:
    """What a student's cell printed and showed: text, pictures and its error; no HTML."""
    if result is None:
        return []
    outputs = [_output(kind, text) for kind, text in result.outputs]
    if result.error is not None:
        name, text, line = result.error
        shown = f"{name}: {text}" + (f"\n  {line}" if line else "")
        outputs.append(_error(name, text, shown))
    elif result.status not in ("ok", "not run"):  # why it was not run stands among its outputs
        outputs.append(_error(result.status, NOT_RUN, _status(result.status)))
    return outputs


def _status(status: str) -> str:
    return {
        "timeout": "This cell ran out of its time and was stopped. Is there a loop that never ends?",
        "crashed": "This cell ended the whole Python process; the cells after it ran in a new one.",
    }.get(status, NOT_RUN)


def _output(kind: str, text: str) -> NotebookNode:
    if kind in ("stdout", "stderr"):
        return from_dict({"output_type": "stream", "name": kind, "text": text})
    if kind == "png":
        found = picture("image/png", text)
        data = {"image/png": found} if found else {"text/plain": "(a picture that is none)"}
    else:
        data = {"text/plain": text}
    return from_dict({"output_type": "display_data", "metadata": {}, "data": data})


def _error(name: str, text: str, shown: str) -> NotebookNode:
    return from_dict({"output_type": "error", "ename": name, "evalue": text, "traceback": [shown]})


def said(check: CheckResult | None, points: float) -> str:
    """What a student is told of a check that is worth `points`."""
    if check is None or check.points <= 0:
        return check.message if check is not None and check.message else NOT_RUN
    if check.points >= points:
        return "Right."
    return f"A part of what this check asks for is right: {check.message}."


def check_outputs(check: CheckResult | None, points: float) -> Iterator[NotebookNode]:
    """Outputs from which nbgrader's own `determine_grade` reads the points of `check`."""
    message = said(check, points)
    if check is None or check.points <= 0:
        yield _error("CheckFailed", message, f"✗ {message}")
        return
    yield _output("stdout", message)
    if check.points < points:
        data = {"text/plain": repr(float(check.points))}
        yield from_dict({"output_type": "execute_result", "metadata": {}, "data": data, "execution_count": 1})


def student_sources(cells: tuple[StudentCell, ...]) -> dict[str, str]:
    """What the student wrote in each named cell; of a name that stands twice the first counts, as for the engine."""
    found: dict[str, str] = {}
    for cell in cells:
        if cell.name:
            found.setdefault(cell.name, cell.source)
    return found


def unchanged_cells(lab: Lab, released: dict[str, str], submission: Submission | None) -> set[str]:
    """Solution and answer cells that were left as they were handed out, or are missing."""
    written = student_sources(submission.cells) if submission is not None else {}
    own = [cell.name for cell in lab.cells if cell.kind in ("solution", "answer")]
    return {name for name in own if written.get(name, "").strip() in ("", released.get(name, "").strip())}
