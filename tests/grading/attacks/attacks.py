"""Every attack of the suite, and those that are none."""

from tests.grading.attacks.clumsy import CLUMSY
from tests.grading.attacks.disguises import DISGUISES
from tests.grading.attacks.harms import HARMS
from tests.grading.attacks.marks import MARKS
from tests.grading.attacks.notebooks import NOTEBOOKS

ATTACKS = (*MARKS, *NOTEBOOKS, *HARMS, *DISGUISES)
SUBMISSIONS = (*ATTACKS, *CLUMSY)
