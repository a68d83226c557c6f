"""What the process that Dask's workers fork from imports, once for all of them. Importing it is all there is to it."""

import sys

# jsonschema imports this to check a format that no notebook uses, and it takes 2 s to build its parser.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import distributed  # noqa: E402, F401
import sklearn.datasets  # noqa: E402, F401 - of which most mini tiers take their data
import torch._dynamo  # noqa: E402, F401 - what an optimiser's first step imports, 2 s that a check should not pay

import course_utils.grading.marked  # noqa: E402
import course_utils.grading.runner  # noqa: E402, F401
from course_utils.grading.classroom import engine_digest  # noqa: E402

engine_digest()  # of the code that is loaded here, whatever becomes of the files while the class is marked
