"""A small language of strings, after those of FlashFill and RobustFill (Devlin et al., arXiv:1703.07469, figure 2).

A program is a tuple of expressions; each makes a piece of text from the input, and the pieces are joined:

    ("word -1 Proper", "const ,", "const space", "initial 1 UPPER", "const .")     ada LOVELACE  ->  Lovelace, A.

An expression is one name, so that a net can write programs name by name. `word`, `number` and `initial` count from 1,
and -1 is the last; a word is a run of letters, a number a run of digits. `upto` and `from` cut the input at the first
such sign.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

SIGNS = {
    " ": "space",
    ",": ",",
    ".": ".",
    "-": "-",
    "@": "@",
    "/": "/",
    ":": ":",
    "(": "(",
    ")": ")",
    "+": "+",
}
CASES: dict[str, Callable[[str], str]] = {
    "": str,
    " lower": str.lower,
    " UPPER": str.upper,
    " Proper": str.capitalize,
}
CUTS = " ,.-@/"  # signs that `upto` and `from` know

Expression = Callable[[str], str | None]  # of the input; None where there is no such piece
Program = tuple[str, ...]
Text = tuple[str, str]  # an input, and the output that is due

LETTERS = 32  # of a drawn input or output at most
LONGEST = 4  # expressions of a drawn program at most
SHOWN = 4  # examples that are shown
KINDS = ("const", "word", "initial", "number", "upto", "from")
SHARES = np.cumsum((0.32, 0.30, 0.15, 0.15, 0.04, 0.04))  # how often each is drawn


def _part(pattern: str, n: int, case: Callable[[str], str] = str, size: int | None = None) -> Expression:
    found = re.compile(pattern)

    def piece(text: str) -> str | None:
        runs = found.findall(text)
        place = n - 1 if n > 0 else len(runs) + n
        return case(runs[place][:size]) if 0 <= place < len(runs) else None

    return piece


def _cut(sign: str, front: bool) -> Expression:
    def piece(text: str) -> str | None:
        place = text.find(sign)
        found = text[:place] if front else text[place + 1 :]
        return found if place >= 0 and found else None

    return piece


def _expressions() -> dict[str, Expression]:
    table: dict[str, Expression] = {
        f"const {name}": lambda text, sign=sign: sign  # type: ignore[misc]
        for sign, name in SIGNS.items()
    }
    for n in (1, 2, 3, -1):
        for name, case in CASES.items():
            table[f"word {n}{name}"] = _part("[A-Za-z]+", n, case)
    for n in (1, 2, 3, -1):
        for name in ("", " lower", " UPPER"):
            table[f"initial {n}{name}"] = _part("[A-Za-z]+", n, CASES[name], size=1)
    for n in (1, 2, 3, 4, -1):
        table[f"number {n}"] = _part("[0-9]+", n)
    for sign in CUTS:
        table[f"upto {SIGNS[sign]}"], table[f"from {SIGNS[sign]}"] = _cut(sign, True), _cut(sign, False)
    table["input"] = str
    return table


EXPRESSIONS: dict[str, Expression] = _expressions()
NAMES: tuple[str, ...] = tuple(EXPRESSIONS)
END = len(NAMES)  # the code that ends a program


def rewrite(program: Program, text: str) -> str | None:
    """What a program makes of a text; None where a piece is not there.

    >>> rewrite(("word -1 Proper", "const ,", "const space", "initial 1 UPPER"), "ada LOVELACE")
    'Lovelace, A'
    """
    pieces = [EXPRESSIONS[name](text) for name in program]
    return None if None in pieces else "".join(piece for piece in pieces if piece is not None)


def draw_texts(rng: np.random.RandomState, count: int) -> list[str]:
    """Texts of one form: words and numbers with signs between them; sometimes with a part more or less."""
    form = [(rng.uniform() < 0.7, rng.randint(4)) for _ in range(rng.randint(2, 5))]
    signs = [" " if rng.uniform() < 0.5 else ",.-@/:+"[rng.randint(7)] for _ in form]
    varies = rng.uniform() < 0.3
    texts = []
    for _ in range(count):
        left_out = rng.randint(len(form)) if varies and rng.uniform() < 0.5 else -1
        parts = [(part, sign) for n, (part, sign) in enumerate(zip(form, signs)) if n != left_out]
        texts.append("".join(_drawn(rng, *part) + sign for part, sign in parts)[:-1])
    return texts


def _drawn(rng: np.random.RandomState, word: bool, style: int) -> str:
    if not word:
        return "".join("0123456789"[rng.randint(10)] for _ in range(rng.randint(1, 5)))
    made = "".join("abcdefghijklmnopqrstuvwxyz"[rng.randint(26)] for _ in range(rng.randint(2, 8)))
    return (made, made.capitalize(), made.upper(), made.capitalize())[style]


def draw_expressions(rng: np.random.RandomState, texts: list[str], longest: int) -> Program:
    """One to `longest` expressions, each of which gives something on every text."""
    names: list[str] = []
    length = rng.randint(1, longest + 1)
    while len(names) < length:
        start = KINDS[int(np.searchsorted(SHARES, rng.uniform(0, SHARES[-1])))]
        options = [name for name in NAMES if name.startswith(start)]
        name = options[rng.randint(len(options))]
        if all(EXPRESSIONS[name](text) for text in texts):
            names.append(name)
        elif rng.uniform() < 0.1:  # these texts have few parts
            length = max(length - 1, 1)
    return tuple(names)


def corrupted(rng: np.random.RandomState, output: str) -> str:
    """The output with a typing mistake: a letter too many, too few, or another one."""
    place, letter = rng.randint(len(output)), "abcdefghijklmnopqrstuvwxyz0123456789"[rng.randint(36)]
    end = place + (rng.uniform() < 0.67)
    changed = output[:place] + (letter if end == place or rng.uniform() < 0.5 else "") + output[end:]
    return changed if changed != output else output + letter


def rewritings(
    rng: np.random.RandomState, count: int, longest: int = LONGEST
) -> Iterator[tuple[Program, list[Text]]]:
    """Programs with `count` examples, whose outputs are not all the same, without end."""
    while True:
        texts = draw_texts(rng, count)
        program = draw_expressions(rng, texts, longest)
        outputs = [rewrite(program, text) or "" for text in texts]
        if len(set(outputs[:SHOWN])) > 1 and max(map(len, outputs)) <= LETTERS:
            yield program, list(zip(texts, outputs))
