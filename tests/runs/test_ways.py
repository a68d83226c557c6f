"""A lab that stops in a student's notebook is seen to."""

import pytest

from tests.labs import filled
from tests.runs import ways


@pytest.mark.parametrize("right", [True, False])
def test_a_notebook_passes_with_right_answers_alone(tmp_path, monkeypatch, right):
    if not right:
        first = filled.others
        monkeypatch.setattr(filled, "others", lambda key: first(key) | stops(key))
    said = ways.notebook("neurons", tmp_path)
    assert bool(said) != right
    if said:
        assert "neurons-others/neurons.ipynb::" in said[0]
        assert "neurons-reference/neurons.ipynb::" not in said[0]
        assert "it stops here" in said[0]


def stops(key):
    """The lab's first answer, raising an error."""
    cells = filled.Lab.load(key).cells
    place = next(place for place, cell in enumerate(cells) if cell.kind == "solution")
    return {place: "raise ValueError('it stops here')"}
