"""A lab's text becomes a notebook that nbgrader takes, the same to the byte every time."""

import jupytext
import nbformat
import pytest

from course_utils.labs.lab import Cell, Definitions, LabError, _cell, from_notebook, to_notebook, trains

SOURCE = '''
def double(x):
    """Twice x."""
    # the obvious way
    y = x + x
    return y


class Net:
    """A net."""

    def __init__(self, width):
        self.width = width

    def forward(self, x):
        """x (B,) -> (B,)"""
        return x * self.width
'''


def definitions() -> Definitions:
    return Definitions(SOURCE, "reference.py")


def test_a_function_is_marked_below_its_docstring_with_hints_outside_the_marks():
    text = definitions().text("double", ["# add, do not multiply"])
    assert text.splitlines() == [
        "def double(x):",
        '    """Twice x."""',
        "    # add, do not multiply",
        "    ### BEGIN SOLUTION",
        "    # the obvious way",
        "    y = x + x",
        "    return y",
        "    ### END SOLUTION",
    ]


def test_kept_methods_are_given():
    text = definitions().text("Net", keep=("__init__",))
    assert text.count("### BEGIN SOLUTION") == 1
    assert text.index("self.width = width") < text.index("### BEGIN SOLUTION")


def test_a_given_definition_is_taken_as_it_stands():
    assert definitions().given("double") == SOURCE.strip().split("\n\n\n")[0]


def test_a_missing_definition_names_file_and_name():
    with pytest.raises(LabError, match=r"reference\.py.*'treble'"):
        definitions().text("treble")


def test_cells_survive_the_notebook_and_come_back():
    cells = (
        Cell("prose", "# Title"),
        Cell("code", "import torch"),
        Cell("solution", "def f(): ...", "f"),
        Cell("test", "assert True", "f_values", 2),
        Cell("code", "train()", trains="neurons"),
        Cell("answer", "Because.", "why", 1.5),
    )
    notebook = to_notebook("neurons", cells)
    nbformat.validate(notebook)
    assert from_notebook(notebook) == cells
    assert nbformat.writes(notebook) == nbformat.writes(to_notebook("neurons", cells))


def test_cell_ids_depend_on_the_name_and_not_on_the_place():
    cell = Cell("solution", "def f(): ...", "f")
    alone, after = to_notebook("neurons", (cell,)), to_notebook("neurons", (Cell("prose", "new"), cell))
    assert alone.cells[0].id == after.cells[1].id


def marked(text: str) -> list[Cell]:
    """The cells of a lab's text."""
    notebook = jupytext.reads(text, fmt="py:percent")
    return [_cell(raw, definitions(), "lab.py") for raw in notebook.cells]


def test_plain_and_given_code_may_train_an_artifact():
    plain, given = marked('# %% trains="neurons"\nfit()\n\n# %% given="double" trains="neurons"\n')
    assert (plain.source, plain.trains, given.trains) == ("fit()", "neurons", "neurons")


@pytest.mark.parametrize("marker", ['solution="double"', 'test="double_values" points=1'])
def test_what_is_marked_trains_nothing(marker):
    with pytest.raises(LabError, match="split that cell"):
        marked(f'# %% {marker} trains="neurons"\n1')


@pytest.mark.parametrize("metadata", [None, [], {"course": "own"}, {"course": {"trains": 3}}, {"course": {}}])
def test_metadata_of_any_form_is_read(metadata):
    assert trains(metadata) == ""
