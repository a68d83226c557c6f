"""What `book/results.md` shows: a table of all records and the learning curve of each. Nothing is typed by hand."""

from course_utils.plots import Picture, show, subplots
from course_utils.topics import ROOT, TOPICS, topic
from course_utils.training.record import Record, records

HEADER = "| topic, tier: measure | data | baseline | ours | paper |"
RULE = "| --- | --- | --- | --- | --- |"
ACROSS = 3  # learning curves beside each other: as many as a page is wide


def entries() -> list[Record]:
    """Every record there is, in the order of the course, the mini tier before the full."""
    return [entry for row in TOPICS for entry in records(row.key).values()]


def overview(found: list[Record]) -> str:
    """All records as one table in Markdown, with MyST's roles for links and citations."""
    if not found:
        return (
            "No reference has been trained yet: `course train --all` makes the records that this page shows."
        )
    return "\n".join([HEADER, RULE, *(_row(entry) for entry in found)])


def _row(entry: Record) -> str:
    row = topic(entry.key)
    name = f"{{doc}}`{row.title} <{entry.key}>`" if row.page.is_file() else row.title
    cells = (
        f"{name}, {entry.tier}{' (stale)' if entry.stale() else ''}: {entry.metric}",
        entry.data,
        entry.show(entry.baseline),
        f"**{entry.show(entry.value)}**{_spread(entry)}{_judged(entry)}",
        _paper(entry),
    )
    return "| " + " | ".join(_whole(cell).replace("|", "\\|") for cell in cells) + " |"


def _whole(text: str) -> str:
    """Numbers that keep their unit and their spread on the line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")


def details(entry: Record) -> str:
    """A paragraph of Markdown: what was trained, what was measured, where."""
    count = f"{len(entry.seeds)} seed{'s' if len(entry.seeds) > 1 else ''}"
    system, measure = entry.system.rstrip("."), entry.definition.rstrip(".")
    t4 = (
        "" if entry.t4_minutes is None else f", on a Colab T4 about {entry.t4_minutes:.1f} minutes (estimate)"
    )
    spread = f"Over {count} from {entry.show(min(entry.values))} to {entry.show(max(entry.values))}"
    return (
        f"**{topic(entry.key).title}, {entry.tier}.** {system}; {entry.parameters:,} parameters. "
        f"Measured: {measure}. {spread}. Trained on {entry.device}, {entry.minutes:.2f} minutes a seed{t4}; "
        f"{entry.date}, commit `{entry.commit}`.{_once(entry)}{_beside(entry)}"
    )


def _once(entry: Record) -> str:
    """What was logged at a single step, once or once a net, which makes no curve."""
    values = [
        f"{name.replace('_', ' ')} {', '.join(f'{value:.3g}' for _, value in line)}"
        for name, line in entry.curve.items()
        if name not in lines_of(entry)
    ]
    return f" Logged at the end: {', '.join(values)}." if values else ""


def _beside(entry: Record) -> str:
    """What was measured afterwards, with the first seed's net."""
    values = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in entry.experiments.items())
    return f" Measured beside it, on {entry.experiments_from['device']}: {values}." if values else ""


def _spread(entry: Record) -> str:
    """The standard deviation over seeds, which one alone has not."""
    return f" ± {entry.show(entry.std)}" if len(entry.seeds) > 1 else " (one seed)"


def _judged(entry: Record) -> str:
    if entry.target is None:
        return ""
    return f" (target {entry.show(entry.target)} {'met' if entry.met else '**missed**'})"


def _paper(entry: Record) -> str:
    """The paper's figure and its citation; a key that the bibliography lacks is printed as it is."""
    if entry.paper is None:
        return "–"
    known = f"{{{entry.paper.cite}," in (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    cited = f"{{cite:p}}`{entry.paper.cite}`" if known else f"({entry.paper.cite})"
    words = (entry.show(entry.paper.value), entry.paper.system, entry.paper.data, cited)
    return " ".join(word for word in words if word)


def lines_of(entry: Record) -> dict[str, list]:
    """What was logged at more than one step, and so makes a curve, by its name."""
    return {name: line for name, line in entry.curve.items() if len({step for step, _ in line}) > 1}


def curves(entry: Record) -> Picture:
    """The learning curve of a record's first seed: one panel for each of `lines_of`, of which there must be one."""
    lines = lines_of(entry)
    across = min(len(lines), ACROSS)
    down = -(-len(lines) // across)
    figure, axes = subplots(down, across, figsize=(3.2 * across, 2.3 * down), squeeze=False)
    for ax, (name, line) in zip(axes.flat, lines.items()):
        ax.plot(*zip(*line), linestyle="-")
        ax.set(xlabel="step", title=f"{entry.key}, {entry.tier}: {name}")
    for ax in axes.flat[len(lines) :]:
        ax.axis("off")
    said = ", ".join(
        f"{name} goes from {line[0][1]:.3g} to {line[-1][1]:.3g}" for name, line in lines.items()
    )
    return show(figure, f"Learning curve of {entry.key} at the {entry.tier} tier: {said}.")
