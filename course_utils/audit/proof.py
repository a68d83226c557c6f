"""The proof that a lab's checks are good.

The reference earns every point on every draw of the checks' inputs and the release none; every wrong answer loses
points in the check it names, by a message of the check's own; every other right answer loses none.
"""

from dataclasses import replace
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from course_utils.audit.companies import companies, together
from course_utils.audit.findings import Finding, Report
from course_utils.audit.variants import SLOW, Rehearsals, Run, Variant
from course_utils.labs.answer import Answer
from course_utils.labs.fill import sources
from course_utils.labs.lab import Cell, Lab, LabError, to_notebook

DRAWS = 3  # how often a check is repeated with other random inputs: no verdict may hang on their luck
BROKEN = "the check itself broke, and the student would read this"


def audit(
    lab: Lab, wrong: list[Answer], right: list[Answer], jobs: int = 1, nets: Path | None = None
) -> Report:
    """Audit a lab in this process and its forks. Run it in a process of its own (see `audit.commands`).

    What lies in `nets` is not trained again.

    Raises:
        LabError: an answer names a cell, definition or check that the lab does not have.
    """
    cells = runnable(lab.cells)
    variants = [
        Variant("release", release_sources(lab), "all"),
        *_wrong_variants(cells, wrong),
        *_right_variants(cells, right),
    ]
    rehearsals = Rehearsals(cells, [variant for variant in variants if variant.sources], jobs, lab.key, nets)
    reference = rehearsals.reference(DRAWS)
    findings = [*_reference(cells, reference)]
    if all(finding.passed for finding in findings):
        runs = rehearsals.variants()
        findings += _release(runs.get("release", Run()))
        findings += [_wrong(cells, answer, runs[f"wrong {number}"]) for number, answer in enumerate(wrong)]
        # What is slow (training, mostly) is left to the engine, which runs it anyway.
        findings += [_right(cells, answer, runs[f"right {number}"]) for number, answer in enumerate(right)]
    rehearsals.dismiss()
    slowest = max(reference.checks, key=lambda name: reference.checks[name].seconds, default="")
    said = f"{slowest}, {reference.checks[slowest].seconds:.2f} s" if slowest else ""
    return Report(lab.key, lab.points, tuple(findings), sum(reference.seconds.values()), said)


def runnable(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The cells with IPython's magics turned into plain Python, line by line."""
    plain = TransformerManager().transform_cell
    return tuple(replace(cell, source=plain(cell.source)) if cell.kind == "code" else cell for cell in cells)


def release_sources(lab: Lab) -> dict[int, str]:
    """The solution cells as the student gets them, by place."""
    from nbgrader.preprocessors import ClearSolutions

    notebook = to_notebook(lab.key, lab.cells)
    ClearSolutions(code_stub={"python": "raise NotImplementedError"}).preprocess(notebook, {})
    return {
        place: node.source
        for place, (cell, node) in enumerate(zip(lab.cells, notebook.cells))
        if cell.kind == "solution"
    }


def _wrong_variants(cells: tuple[Cell, ...], answers: list[Answer]) -> list[Variant]:
    checks = {cell.name for cell in cells if cell.kind == "test"}
    variants = []
    for number, answer in enumerate(answers):
        if answer.check not in checks:
            raise LabError(
                f"wrong_answers.py: {answer.cell} ({answer.why}): no check is called {answer.check!r}"
            )
        variants.append(Variant(f"wrong {number}", sources(cells, answer), "named", answer.check, DRAWS))
    return variants


def _right_variants(cells: tuple[Cell, ...], answers: list[Answer]) -> list[Variant]:
    """In companies: most lose nothing, and then what depends on all is run once instead of once for each."""
    changed = [sources(cells, answer) for answer in answers]
    alone = [Variant(f"right {n}", texts, draws=DRAWS) for n, texts in enumerate(changed)]
    return [
        Variant(
            f"company {rank}",
            together(changed, members),
            draws=DRAWS,
            members=tuple(alone[number] for number in members),
        )
        for rank, members in enumerate(companies(changed))
    ]


def _reference(cells: tuple[Cell, ...], run: Run) -> list[Finding]:
    if run.died:
        return [Finding("reference", "reference", False, "the process died or hung")]
    findings = [
        Finding("reference", f"cell {cells[place].name or place}", False, text)
        for place, text in run.errors.items()
    ]
    for cell in cells:
        if cell.kind == "test" and run.checks[cell.name].lost:
            outcome = run.checks[cell.name]
            findings.append(
                Finding(
                    "reference", f"{cell.name}: {outcome.earned:g} of {cell.points:g}", False, outcome.message
                )
            )
    return findings or [Finding("reference", f"earns {run.earned:g} points on each of {DRAWS} draws", True)]


def _release(run: Run) -> list[Finding]:
    findings = [
        Finding("release", f"{name} gives {outcome.earned:g} points for nothing", False)
        for name, outcome in run.checks.items()
        if outcome.earned > 0
    ]
    findings += [
        Finding("release", f"{name}: {BROKEN}", False, outcome.message)
        for name, outcome in run.checks.items()
        if not outcome.honest
    ]
    if run.died:
        findings.append(Finding("release", "the process died or hung", False))
    return findings or [Finding("release", "earns nothing", True)]


def _wrong(cells: tuple[Cell, ...], answer: Answer, run: Run) -> Finding:
    title = f"{answer.cell}: {answer.why}"
    place = min(sources(cells, answer))
    if run.died:
        return Finding("wrong", title, False, "the process died or hung")
    if place in run.errors:
        return Finding(
            "wrong",
            title,
            False,
            f"its cell does not even run:\n{run.errors[place]}",
        )
    outcome = run.checks.get(answer.check)
    if outcome is None:
        return Finding("wrong", title, False, f"{answer.check} does not depend on {answer.cell}")
    others = [name for name in run.lost() if name != answer.check]
    if not outcome.lost:
        caught = f"; caught in {', '.join(others)} instead" if others else ""
        return Finding("wrong", title, False, f"loses nothing in {answer.check}{caught}")
    if not outcome.honest:
        return Finding("wrong", title, False, f"{answer.check}: {BROKEN}\n{outcome.message}")
    lines = [f"{answer.check} {outcome.earned:g}/{outcome.points:g}", outcome.message]
    lines += [f"also {name}: {run.checks[name].message}" for name in others]
    return Finding("wrong", title, True, "\n".join(lines), outcome.seconds >= SLOW)


def _right(cells: tuple[Cell, ...], answer: Answer, run: Run) -> Finding:
    title = f"{answer.cell}: {answer.why}"
    if run.died:
        return Finding("right", title, False, "the process died or hung")
    lines = [f"cell {cells[place].name or place}: {text}" for place, text in run.errors.items()]
    lines += [
        f"{name} {run.checks[name].earned:g}/{run.checks[name].points:g}\n{run.checks[name].message}"
        for name in run.lost()
    ]
    return Finding("right", title, not lines, "\n".join(lines))
