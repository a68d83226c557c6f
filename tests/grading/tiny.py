"""A lab of three exercises that grades in no time, with its answers: for tests of what stands around the engine."""

from course_utils.labs.answer import Answer
from course_utils.labs.lab import Cell, Lab

ADD = '''\
def add(a, b):
    """The sum of two tensors."""
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION'''

SCALE = '''\
def scale(x, factor):
    """x times factor."""
    ### BEGIN SOLUTION
    return x * factor
    ### END SOLUTION'''

MEAN = '''\
def mean(x):
    """The mean of all values of x."""
    ### BEGIN SOLUTION
    return x.sum() / x.numel()
    ### END SOLUTION'''

ADD_CHECK = """\
import torch
from course_utils.checks import close, student
a, b = torch.randn(3), torch.randn(3)
close(student.add(a, b), a + b, "add(a, b)", hint="what does + do?")
### BEGIN HIDDEN TESTS
a, b = torch.randn(2, 3), torch.randn(3)  # SECRET of add
close(student.add(a, b), a + b, "add of two shapes", hint="broadcasting")
### END HIDDEN TESTS"""

SCALE_CHECK = """\
import torch
from course_utils.checks import close, student
x = torch.randn(4)
close(student.scale(x, 3.0), x * 3.0, "scale(x, 3.0)", hint="one product")"""

MEAN_CHECK = """\
import torch
from course_utils.checks import CheckFailed, close, student
x = torch.randn(5)
earned = 1.0
close(student.mean(x), x.mean(), "mean(x)", hint="divide by the number of values")
### BEGIN HIDDEN TESTS
x = torch.randn(5, 2)  # SECRET of mean
if torch.isclose(torch.as_tensor(student.mean(x)), x.mean(), atol=1e-5):
    earned = 3.0
### END HIDDEN TESTS
earned"""

CELLS = (
    Cell("prose", "# Tiny\n\nThree exercises and a question."),
    Cell("code", "import torch"),
    Cell("solution", ADD, "add"),
    Cell("test", ADD_CHECK, "add_values", 2),
    Cell("solution", SCALE, "scale"),
    Cell("test", SCALE_CHECK, "scale_values", 1.5),
    Cell("prose", "## The mean"),
    Cell("solution", MEAN, "mean"),
    Cell("test", MEAN_CHECK, "mean_values", 3),
    Cell("prose", "Why does `mean` divide?"),
    Cell("answer", "Your answer here.", "why_divide", 1),
)
LAB = Lab("tiny", CELLS)

RIGHT = [Answer("right", "add", "def add(a, b):\n    return torch.add(a, b)", "library")]
WRONG = [
    Answer("wrong", "add", "def add(a, b):\n    return a - b", "minus", "add_values"),
    Answer("wrong", "scale", "def scale(x, factor):\n    return x + factor", "plus", "scale_values"),
    Answer("wrong", "mean", "def mean(x):\n    return x.sum() / len(x)", "first axis only", "mean_values"),
]
