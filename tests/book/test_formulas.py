"""Formulas: what KaTeX reads becomes MathML that browsers follow; what it cannot read is an error."""

import re
import sys

import pytest

from course_utils.topics import ROOT

pytest.importorskip("py_mini_racer", reason="mini-racer is not installed: formulas are not rendered")
sys.path.append(str(ROOT / "book" / "_ext"))
from course_book import formulas


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\mathbb{R}", "ℝ"),
        (r"\mathbf{W}", "𝐖"),
        (r"\mathcal{L}", "ℒ"),
        (r"\mathfrak{C}", "ℭ"),
        (r"\boldsymbol{\theta}", "𝜽"),
        (r"\mathbf{1}", "𝟏"),
        (r"\mathrm{ReLU}", "<mi>ReLU</mi>"),
        (r"\hat y", "\u0302"),
    ],
)
def test_letters_are_written_in_the_alphabet_they_mean(tex, shown):
    assert shown in formulas.mathml(tex, display=False)


SPACE = '<mspace width="0.1667em" />'


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"-\log p", f"<mo>−</mo><mi>log</mi><mo>\u2061</mo>{SPACE}<mi>p</mi>"),
        (r"2 \sin x", f"<mn>2</mn>{SPACE}<mi>sin</mi><mo>\u2061</mo>{SPACE}<mi>x</mi>"),
        (r"\max_i a", f"</msub>{SPACE}<mi>a</mi>"),
    ],
)
def test_names_of_functions_keep_a_thin_space(tex, shown):
    assert shown in formulas.mathml(tex, display=False)


def test_a_bracket_needs_no_space():
    assert "mspace" not in formulas.mathml(r"\ln(1 + \mu)", display=False)


def test_no_letter_keeps_a_variant_that_browsers_ignore():
    math = formulas.mathml(r"\mathbb{E}\mathbf{x}\mathsf{T}\mathtt{code}", display=False)
    assert not re.search(r'mathvariant="(?!normal)', math)


@pytest.mark.parametrize("tex", [r"\frac{1}{", r"\undefinedcommand", r"x_1_2", r"\begin{aligned} a &= b"])
def test_a_formula_with_a_mistake_is_an_error_that_quotes_it(tex):
    with pytest.raises(formulas.FormulaError) as caught:
        formulas.mathml(tex, display=False)
    assert repr(tex) in str(caught.value)


def test_columns_of_aligned_lines_meet_at_the_sign():
    math = formulas.mathml(r"\begin{aligned} a &= b \\ cc &= d \end{aligned}", display=True)
    assert math.count("text-align: right") == 2
    assert math.count("text-align: left") == 2
    assert "columnalign" not in math


def test_bars_of_a_norm_are_fences():
    assert formulas.mathml(r"\left\lVert x \right\rVert", display=False).count("‖") == 2


def test_macros_of_the_book_are_known():
    assert "ℝ" in formulas.mathml(r"\R", display=False, macros=r'{"\\R": "\\mathbb{R}"}')


@pytest.mark.parametrize("name", ["align", "align*", "gather", "equation*"])
def test_environments_that_number_themselves_are_read(name):
    tex = formulas.unnumbered(rf"\begin{{{name}}} a = b \end{{{name}}}")
    assert "<mi>a</mi>" in formulas.mathml(tex, display=True)


def test_several_lines_without_environment_are_aligned():
    assert formulas.unnumbered(r"a &= b \\ &= c").startswith(r"\begin{aligned}")
    assert formulas.unnumbered("a = b") == "a = b"
