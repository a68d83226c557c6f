"""Printed columns keep their lines, in a box that scrolls and that keys reach; printed sentences go on below.

On a phone a line is about forty characters. A table whose lines go on below is no table any more, whereas a sentence
that must be scrolled is hard to read. And a figure without the name of its row says nothing: names stay in view.
"""

import re
from html import escape, unescape

OUTPUT = re.compile(r'(<div class="output [^"]*"><div class="highlight"><pre)>(<span></span>)?([^<]*)</pre>')
# Words or figures of a line that are set apart, or set in under something.
GAP = re.compile(r"\S {2,}\S|^ {8,}\S")
PHONE = 40  # characters of a line that a phone of 375 pixels shows
LONGEST_NAME = 36  # a longer one would leave no place for the figures beside it


def rows(text: str) -> list[str]:
    """Lines of printed text that have a gap."""
    return [line for line in text.splitlines() if GAP.search(line)]


def in_columns(text: str) -> bool:
    """Whether printed text is set in columns: at least two of its lines have a gap."""
    return len(rows(text)) >= 2


def names_end(text: str) -> int:
    """Where the names of printed rows end, before the first gap that all of the rows share; 0 if they share none."""
    of_table = rows(text)
    for end in range(2, min(map(len, of_table))):
        shared = all(row[end - 1] == " " for row in of_table)
        named = sum(row[:end].strip() != "" for row in of_table) >= 2
        if shared and named and any(row[end - 2] == " " != row[end] for row in of_table):
            return 1 + max(len(row[:end].rstrip()) for row in of_table)
    return 0


def _named(line: str, end: int) -> str:
    """HTML of a line, its first `end` characters marked as the row's name where the line is a row of the table."""
    if line[end - 1 : end] != " " or not (GAP.search(line) or line[end:].lstrip()[:1].isdigit()):
        return escape(line, quote=False)
    return f'<span class="name">{escape(line[:end], quote=False)}</span>{escape(line[end:], quote=False)}'


def _marked(output: re.Match) -> str:
    text = unescape(output[3])
    if not in_columns(text):
        return output[0]
    if max(map(len, text.splitlines())) <= PHONE:
        return f'{output[1]} class="columns">{output[3]}</pre>'
    end = names_end(text)
    if not 0 < end <= LONGEST_NAME:
        return f'{output[1]} class="columns" tabindex="0">{output[3]}</pre>'
    lines = "\n".join(_named(line, end) for line in text.splitlines())
    return f'{output[1]} class="columns" tabindex="0"><span class="lines">{lines}\n</span></pre>'


def marked(page: str) -> str:
    """A page's HTML with its printed columns marked; keys reach those wider than a phone, whose names stay in view."""
    return OUTPUT.sub(_marked, page)
