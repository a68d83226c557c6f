"""Pictures of a student's: what a browser is given is a picture, and nothing else under its name."""

import base64
import binascii
import re
from collections.abc import Iterable

from course_utils.grading.engine.notebook import Attachment

BYTES = 3_000_000  # of one picture, in base64
SIGNS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
NAME = re.compile(r"[\w.-]{1,100}")


def picture(kind: str, text: str) -> str:
    """The base64 of a picture of that MIME type, written anew; "" where it is none."""
    if kind not in SIGNS or len(text) > BYTES:
        return ""
    try:
        raw = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(raw).decode() if raw.startswith(SIGNS[kind]) else ""


def attached(attachments: Iterable[Attachment]) -> dict[str, dict[str, str]]:
    """The pictures that were pasted into a cell, as a notebook holds them: base64 by MIME type by name."""
    return {
        name: {kind: found}
        for name, kind, text in attachments
        if NAME.fullmatch(name) and (found := picture(kind, text))
    }
