"""A lab that stops in a student's notebook is seen to."""

from tests.labs import filled
from tests.runs import ways


def test_a_notebook_that_stops_is_named_with_its_cell_and_error(tmp_path, monkeypatch):
    first = filled.others
    monkeypatch.setattr(filled, "others", lambda key: first(key) | stops(key))
    (said,) = ways.notebook("neurons", tmp_path)
    assert "neurons-others/neurons.ipynb::Cell 3" in said
    assert "neurons-reference/neurons.ipynb::" not in said
    assert "it stops here" in said


def stops(key):
    """The lab's first answer, raising an error."""
    cells = filled.Lab.load(key).cells
    place = next(place for place, cell in enumerate(cells) if cell.kind == "solution")
    return {place: "raise ValueError('it stops here')"}
