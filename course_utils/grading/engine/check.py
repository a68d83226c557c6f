"""Runs a check cell in the trusted process."""

import ast
import re
import traceback
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

from course_utils.checks.credit import NoShare, credit
from course_utils.checks.failure import CheckFailed, StudentError
from course_utils.checks.gradients import IN_PLACE
from course_utils.checks.student import from_a_cell
from course_utils.credit import rounded
from course_utils.grading.engine.verdict import CheckStatus
from course_utils.labs.hidden import is_hidden

# What autograd says, of a leaf and of a tensor that it kept, when somebody has written into them.
WRITTEN_INTO = re.compile(r"in-?place operation")


class Check(NamedTuple):
    """A check's outcome."""

    status: CheckStatus
    points: float
    message: str = ""


def run_check(source: str, name: str, points: float, names: dict[str, Any] | None = None) -> Check:
    """Execute a check cell in a fresh namespace; its last expression says what is earned (`credit`).

    `BaseException`s such as a lost kernel pass through.
    """
    namespace = {"__name__": "__check__"} if names is None else names
    filename = f"<check {name}>"
    try:
        earned = credit(execute(source, filename, namespace), points)
    except NoShare as error:
        return Check("error", 0.0, f"this check is not in order, tell your teacher: {error}")
    except StudentError as error:
        return Check("error", 0.0, str(error))
    except CheckFailed as error:
        return Check("failed", 0.0, str(error))
    except Exception as error:
        own = from_a_cell(error, filename)  # a method of the student's object, in the student's own notebook
        if own is not None:
            return Check("error", 0.0, str(own))
        return Check("failed", 0.0, _explained(error, source, filename))
    if earned >= rounded(points):
        return Check("passed", float(points))
    said = f"{earned:g} of {points:g} points" + (f": {earned.why}" if earned.why else "")
    return Check("partial" if earned > 0 else "failed", float(earned), said)


def execute(source: str, filename: str, namespace: dict[str, Any]) -> Any:
    """Run `source`; the value of its last expression, None where it ends with none."""
    statements, last = compiled(source, filename)
    exec(statements, namespace)
    return None if last is None else eval(last, namespace)


@lru_cache(maxsize=1000)  # the same checks, submission after submission
def compiled(source: str, filename: str) -> tuple[CodeType, CodeType | None]:
    """A cell's code, apart from its last expression's, if it ends with one."""
    tree = ast.parse(source, filename)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, filename, "exec"), None
    tree.body.pop()
    return compile(tree, filename, "exec"), compile(ast.Expression(last.value), filename, "eval")


def _explained(error: Exception, source: str, filename: str) -> str:
    """An exception that is no `CheckFailed`: its line, if the student may see that line."""
    lines = source.splitlines()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    number = frames[-1].lineno or 0 if frames else 0
    text = f"{type(error).__name__}: {str(error)[:500]}" if str(error) else type(error).__name__
    if WRITTEN_INTO.search(str(error)):
        return f"your code writes into a tensor whose history is still needed: {IN_PLACE}"
    if not 0 < number <= len(lines) or is_hidden(lines[:number]):
        return f"a hidden test failed ({type(error).__name__})"
    return f"this check failed: `{lines[number - 1].strip()}` ({text})"
