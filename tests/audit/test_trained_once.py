"""An audit trains a net once: the right answers do, and the reference where their net does not serve it."""

from dataclasses import replace

import pytest

from course_utils.audit import apart
from course_utils.audit.apart import audit_apart
from course_utils.audit.findings import shown
from course_utils.labs.lab import Cell
from tests.grading.sample_lab import answers, changed


@pytest.mark.parametrize(
    ("is_recorded", "unlike", "trains"), [(True, False, False), (False, False, True), (True, True, True)]
)
def test_the_reference_trains_only_where_no_other_net_serves_it(
    warm, lab, tmp_path, is_recorded, unlike, trains
):
    """The right answers train in the sandbox, from where nothing is written into the test's folder.

    Where they save their net under another name, the reference cannot hand it in.
    """
    said = tmp_path / "trained"
    lab = _telling(lab, said, "a" if unlike else "slope")
    report = warm.submit(_audited, lab, is_recorded).result()
    assert report.passed, shown(report, messages=True)
    assert sum(finding.group == "engine" for finding in report.findings) == 5
    assert ("by the reference" in (said.read_text() if said.exists() else "")) is trains


def _audited(lab, is_recorded):
    before, apart.recorded = apart.recorded, lambda key: is_recorded
    try:
        return audit_apart(lab, [], answers()[1], 1)
    finally:
        apart.recorded = before


def _telling(lab, said, others):
    """The lab whose training says who it was, and saves `others` for the slope of other answers than the reference."""
    name = f"{others!r} if student.other else 'slope'"
    lab = changed(lab, "sample_trained", "holds(set(tensors)", f"name = {name}\nholds(set(tensors)")
    lab = changed(lab, "sample_trained", '{"slope"}', "{name}")
    lab = changed(lab, "sample_trained", "### BEGIN", "tensors = {'slope': tensors[name]}\n### BEGIN")
    (place,) = [place for place, cell in enumerate(lab.cells) if "save_file({" in cell.source]
    trained = lab.cells[place].source.replace('{"slope"', f"{{{name.replace('student.', '')}")
    say = (
        f"with open({str(said)!r}, 'a') as file:\n    file.write('right ' if other else 'by the reference ')"
    )
    guarded = f"{trained}\nimport contextlib\nwith contextlib.suppress(OSError):\n" + "\n".join(
        f"    {line}" for line in say.splitlines()
    )
    who = Cell("code", "other = 'lstsq' in Line.fit.__code__.co_names")
    cells = (*lab.cells[:place], who, Cell("code", guarded, trains="sample"), *lab.cells[place + 1 :])
    return replace(lab, cells=cells)
