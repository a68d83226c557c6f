"""Printed columns keep their lines, in a box that scrolls and that keys reach; printed sentences go on below.

On a phone a line is about forty characters. A table whose lines go on below is no table any more, whereas a sentence
that must be scrolled is hard to read.
"""

import re
from html import unescape

OUTPUT = re.compile(r'(<div class="output [^"]*"><div class="highlight"><pre)>(.*?)</pre>', re.DOTALL)
# Words or figures of a line that are set apart, or set in under something.
GAP = re.compile(r"\S {2,}\S|^ {8,}\S")
PHONE = 40  # characters of a line that a phone of 375 pixels shows


def in_columns(text: str) -> bool:
    """Whether printed text is set in columns: at least two of its lines have a gap."""
    return sum(bool(GAP.search(line)) for line in text.splitlines()) >= 2


def _marked(output: re.Match) -> str:
    text = unescape(re.sub(r"<[^>]+>", "", output[2]))
    if not in_columns(text):
        return output[0]
    reached = ' tabindex="0"' if max(map(len, text.splitlines())) > PHONE else ""
    return f'{output[1]} class="columns"{reached}>{output[2]}</pre>'


def marked(page: str) -> str:
    """A page's HTML with its printed columns marked; keys reach those that are wider than a phone."""
    return OUTPUT.sub(_marked, page)
