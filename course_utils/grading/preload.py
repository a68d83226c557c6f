"""What the process that Dask's workers fork from imports, once for all of them. Importing it is all there is to it."""

import sys

# jsonschema imports this to check a format that no notebook uses, and it takes 2 s to build its parser.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import distributed  # noqa: E402, F401

import course_utils.grading.marked  # noqa: E402
import course_utils.grading.runner  # noqa: E402, F401
