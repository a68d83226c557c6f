"""What `release` writes of a check."""

import pytest

from course_utils.labs.opening import opened

HIDDEN = """\
close(student.f(1), 2, "f(1)")
### BEGIN HIDDEN TESTS
{imports}holds(student.f(torch.ones(3)) > reference.f(1), "f of three ones")
"""


def test_a_check_opens_with_what_it_uses():
    source = 'close(student.f(torch.ones(2)), F.relu(torch.ones(2)), "f")\n'
    head = (
        "import torch\nimport torch.nn.functional as F\n\nfrom course_utils.checks import close, student\n\n"
    )
    assert opened(source, "odes") == head + source
    alone = "equal(student.n, 3)"
    assert opened(alone, "odes") == f"from course_utils.checks import equal, student\n\n{alone}"
    assert opened("assert True", "odes") == "assert True"


def test_what_only_hidden_tests_use_is_imported_among_them_and_they_end():
    assert opened(HIDDEN.format(imports=""), "odes") == (
        "from course_utils.checks import close, student\n\n"
        'close(student.f(1), 2, "f(1)")\n'
        "### BEGIN HIDDEN TESTS\n"
        "import torch\nfrom solutions.odes import reference\n\n"
        "from course_utils.checks import holds\n\n"
        'holds(student.f(torch.ones(3)) > reference.f(1), "f of three ones")\n'
        "### END HIDDEN TESTS"
    )
    seen = 'holds(torch.ones(1), "1")\n' + HIDDEN.format(imports="")
    head = "import torch\n\nfrom course_utils.checks import close, holds, student\n\n"
    assert opened(seen, "odes").startswith(head)
    assert opened(seen, "odes").count("import torch") == 1


def test_what_an_author_binds_is_not_imported():
    for source in (
        "from course_utils.checks import student\n\nstudent.f(1)",
        "math = 3\nprint(math)",
        "def f(reference):\n    return reference\n",
    ):
        assert opened(source, "odes") == source
    own = HIDDEN.format(imports="import torch\n\n")
    assert opened(own, "odes").count("import torch") == 1


def test_a_check_that_is_not_python_is_said():
    with pytest.raises(SyntaxError):
        opened("close(", "odes")
