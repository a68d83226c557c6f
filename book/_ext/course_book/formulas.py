"""Formulas become MathML while the book is built, so that a page needs no script and no network to show them.

KaTeX reads the TeX (its script travels in the wheel of sphinxcontrib-katex and runs in the V8 engine of mini-racer)
and is strict: what it cannot read is a warning, and the book is built with warnings as errors. Browsers follow MathML
Core, which leaves out some attributes that KaTeX writes; `tidy` says the same in terms that MathML Core knows.
"""

import json
import re
import unicodedata
from functools import cache
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import sphinxcontrib
from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

# Environments that number their own lines in LaTeX; here the page numbers the formula as a whole.
INNER_ENVIRONMENTS = {"equation": "", "align": "aligned", "gather": "gathered", "split": "aligned"}
STYLES = {
    "script": "SCRIPT",
    "fraktur": "FRAKTUR",
    "double-struck": "DOUBLE-STRUCK",
    "monospace": "MONOSPACE",
}
APPLICATION = "\u2061"  # KaTeX writes this invisible sign behind the name of a function
THIN_SPACE = "0.1667em"
CLOSING = (")", "]", "}", "!")
ACCENTS = {"^": "\u0302", "~": "\u0303", "ˉ": "\u0304", "˙": "\u0307", "¨": "\u0308"}


class FormulaError(ValueError):
    """A formula that KaTeX cannot read; the message quotes it."""


@cache
def engine() -> MiniRacer:
    """One JavaScript engine a process, with KaTeX loaded."""
    script = Path(next(iter(sphinxcontrib.__path__))) / "katex.min.js"
    javascript = MiniRacer()
    javascript.eval("var self = this; 0")
    javascript.eval(script.read_text(encoding="utf-8"))
    return javascript


@cache
def mathml(tex: str, display: bool, macros: str = "{}") -> str:
    """The `<math>` element of a formula; `macros` is JSON, from command to TeX.

    Raises:
        FormulaError: KaTeX cannot read `tex`.
    """
    options = f"{{output: 'mathml', strict: 'error', displayMode: {json.dumps(display)}, macros: {macros}}}"
    try:
        html = str(engine().eval(f"katex.renderToString({json.dumps(tex)}, {options})"))
    except JSEvalException as error:
        problem = re.search(r"ParseError: KaTeX parse error: (.*)", str(error))
        raise FormulaError(f"formula {tex!r}: {problem[1] if problem else error}") from None
    found = re.search(r"<math.*</math>", html, re.DOTALL)
    if not found:
        raise FormulaError(f"formula {tex!r}: KaTeX returned no MathML")
    math = ElementTree.fromstring(found[0].replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    tidy(math)
    return ElementTree.tostring(math, encoding="unicode")


def tidy(math: ElementTree.Element) -> None:
    """Say in MathML Core what KaTeX says in attributes that browsers ignore; changes `math` in place."""
    for element in list(math.iter()):
        if element.tag == "mrow":
            join_upright(element)
            space_functions(element)
        elif element.tag == "mtable":
            align_columns(element)
        elif element.tag == "menclose":
            element.tag = "mrow"
            element.set("style", "border: 1px solid; padding: 0.25em")
        elif element.tag == "mo" and element.get("fence") and element.text == "∥":
            element.text = "‖"  # the sign of a norm; the other one means parallel and is spaced as a relation
        elif element.tag in ("mover", "munder") and element.get("accent"):
            element[1].text = ACCENTS.get(element[1].text or "", element[1].text)
    for letter in math.iter():
        variant = letter.get("mathvariant")
        if variant and variant != "normal" and letter.text:
            letter.text = "".join(styled(character, variant) for character in letter.text)
            letter.attrib.pop("mathvariant")


def join_upright(row: ElementTree.Element) -> None:
    """Letters of one upright word, as in `\\mathrm{ReLU}`, become one identifier: a word to read aloud."""
    if len(row) > 1 and all(child.tag == "mi" and child.get("mathvariant") == "normal" for child in row):
        word = ElementTree.Element("mi")
        word.text = "".join(child.text or "" for child in row)
        row[:] = [word]


def space_functions(row: ElementTree.Element) -> None:
    """A thin space between a function's name and what is no bracket beside it, as TeX sets it: `log p`, not `logp`."""
    spaced: list[ElementTree.Element] = []
    parts = list(row)
    for n, part in enumerate(parts):
        before, after = (parts[n - 1] if n else None), (parts[n + 1] if n + 1 < len(parts) else None)
        named = after is not None and after.text == APPLICATION
        if (named or limits(part)) and before is not None and (before.tag != "mo" or before.text in CLOSING):
            spaced.append(ElementTree.Element("mspace", width=THIN_SPACE))
        spaced.append(part)
        if (part.text == APPLICATION or limits(part)) and after is not None and after.tag != "mo":
            spaced.append(ElementTree.Element("mspace", width=THIN_SPACE))
    row[:] = spaced


def limits(element: ElementTree.Element) -> bool:
    """Whether this is a function's name with something below or above it, such as `max` over x."""
    name = element[0] if element.tag in ("msub", "msup", "msubsup", "munder", "mover", "munderover") else None
    return name is not None and len(name) > 1 and name[-1].text == APPLICATION


def align_columns(table: ElementTree.Element) -> None:
    """`columnalign` and `columnspacing` of a table become styles of its cells."""
    sides = table.attrib.pop("columnalign", "").split() or ["center"]
    gap = (table.attrib.pop("columnspacing", "").split() or ["1em"])[0]
    table.attrib.pop("rowspacing", None)
    for line in table.iter("mtr"):
        for index, cell in enumerate(line):
            side = sides[min(index, len(sides) - 1)]
            left = "0" if index == 0 else gap
            cell.set("style", f"text-align: {side}; padding: 0.5ex 0 0.5ex {left}")


@cache
def styled(character: str, variant: str) -> str:
    """The character of Unicode's mathematical alphabets, `styled("R", "double-struck") == "ℝ"`, or itself."""
    name = unicodedata.name(character, "").replace("LATIN ", "").replace("GREEK ", "").replace("LETTER ", "")
    style = STYLES.get(variant, variant.upper().replace("-", " "))
    letterlike = style.replace("FRAKTUR", "BLACK-LETTER")
    for candidate in (f"MATHEMATICAL {style} {name}", f"{letterlike} {name}"):
        try:
            return unicodedata.lookup(candidate)
        except KeyError:
            continue
    return character


def unnumbered(tex: str) -> str:
    """TeX of a displayed formula without LaTeX's own numbering; several lines are aligned."""
    for outer, inner in INNER_ENVIRONMENTS.items():
        for side in ("begin", "end"):
            replacement = f"\\{side}{{{inner}}}" if inner else ""
            tex = re.sub(rf"\\{side}\{{{outer}\*?\}}", lambda _, to=replacement: to, tex)  # type: ignore[misc]
    lines_outside = r"\\" in tex and r"\begin{" not in tex
    return f"\\begin{{aligned}}{tex}\\end{{aligned}}" if lines_outside else tex


def render(translator, node: nodes.Node, display: bool) -> str:
    """MathML of a node, or its TeX as code beside a warning that fails the build."""
    tex = unnumbered(node.astext()) if display else node.astext()
    macros = json.dumps(translator.config.formula_macros, sort_keys=True)
    try:
        return mathml(tex, display, macros)
    except FormulaError as error:
        logger.warning(str(error), location=node, type="formula")
        return f"<code>{escape(tex)}</code>"


def visit_inline(translator, node: nodes.math) -> None:
    """A formula in a line of text."""
    translator.body.append(f'<span class="math">{render(translator, node, display=False)}</span>')
    raise nodes.SkipNode


def visit_block(translator, node: nodes.math_block) -> None:
    """A formula of its own, with its number where it has a label; wide ones scroll."""
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(translator.starttag(node, "div", CLASS="math-numbered"))
        translator.body.append(f'<span class="eqno">({number})</span>')
    else:
        translator.body.append(translator.starttag(node, "div", CLASS="math-plain"))
    translator.body.append(
        f'<div class="math" tabindex="0">{render(translator, node, display=True)}</div></div>'
    )
    raise nodes.SkipNode


def connect(app: Sphinx) -> None:
    """Register the renderer `mathml` and the setting `formula_macros`."""
    app.add_config_value("formula_macros", {}, "env", dict)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    # V8 does not survive a fork, so pages are written by one process.
    return {"parallel_read_safe": True, "parallel_write_safe": False}
