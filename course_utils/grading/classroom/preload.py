"""What the process that Dask's workers fork from imports, once for all of them. Importing it is all there is to it."""

import distributed  # noqa: F401
import sklearn.datasets  # noqa: F401 - of which most mini tiers take their data
import torch._dynamo  # noqa: F401 - what an optimiser's first step imports, 2 s that a check should not pay

import course_utils.grading.gradebook.marked_notebook
import course_utils.grading.engine.runner  # noqa: F401
from course_utils.grading.engine.digests import engine_digest

engine_digest()  # of the code that is loaded here, whatever becomes of the files while the class is marked
