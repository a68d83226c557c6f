"""What `release` writes in front of a check."""

import pytest

from course_utils.labs.opening import opened

HIDDEN = """\
close(student.f(1), 2, "f(1)")
### BEGIN HIDDEN TESTS
{imports}holds(student.f(torch.ones(3)) > 1, "f of three ones")
### END HIDDEN TESTS
"""


def test_a_check_opens_with_what_it_uses():
    source = 'close(student.f(torch.ones(2)), torch.ones(2), "f")\n'
    assert opened(source) == f"import torch\n\nfrom course_utils.checks import close, student\n\n{source}"
    assert opened("equal(student.n, 3)") == "from course_utils.checks import equal, student\n\nequal(student.n, 3)"
    assert opened("assert True") == "assert True"


def test_what_only_hidden_tests_import_is_theirs():
    alone = HIDDEN.format(imports="")
    assert opened(alone) == f"import torch\n\nfrom course_utils.checks import close, holds, student\n\n{alone}"
    own = HIDDEN.format(imports="import torch\n\nfrom course_utils.checks import holds\n\n")
    assert opened(own) == f"from course_utils.checks import close, student\n\n{own}"
    seen = 'holds(torch.ones(1), "1")\n' + own
    assert opened(seen).startswith("import torch\n\nfrom course_utils.checks import close, holds, student\n\n")


def test_what_an_author_imports_is_not_imported_again():
    source = "from course_utils.checks import student\n\nstudent.f(1)"
    assert opened(source) == source


def test_a_check_that_is_not_python_is_said():
    with pytest.raises(SyntaxError):
        opened("close(")
