"""Every attack of the suite."""

from tests.grading.attacks.harms import HARMS
from tests.grading.attacks.marks import MARKS
from tests.grading.attacks.notebooks import NOTEBOOKS

ATTACKS = (*MARKS, *NOTEBOOKS, *HARMS)
