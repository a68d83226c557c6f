"""The house style: readable on both themes and to colour-blind eyes, one SVG with a text."""

import itertools
import re

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from course_utils import plots

LIGHT, DARK = "#ffffff", "#121212"
# Machado, Oliveira, Fernandes 2009: full protanopia, deuteranopia, tritanopia, on linear RGB.
SIGHTS = {
    "full": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    dark, light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = matrix @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colour", plots.COLOURS)
@pytest.mark.parametrize("page", [LIGHT, DARK])
def test_colours_stand_out_from_both_pages(colour, page):
    assert contrast(colour, page) >= 3


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_for_every_sight(sight):
    seen = [lab(np.array(SIGHTS[sight]) @ linear(colour)) for colour in plots.COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def drawn(title="A title"):
    figure, axes = plots.subplots()
    axes.plot([0, 1], [0, 1])
    axes.set_title(title)
    return figure


def test_a_figure_is_svg_in_the_page_s_ink_with_its_text():
    svg = plots.show(drawn(), "Output against input: a straight line.")._repr_html_()
    assert svg.startswith(
        '<svg class="figure" role="img" aria-label="Output against input: a straight line."'
    )
    assert "currentColor" in svg
    assert plots.INK not in svg
    assert plots.COLOURS[0] in svg


def test_words_are_text_in_a_font_that_every_reader_has():
    svg = plots.show(drawn("Loss & <slope>"), "One line that rises.").svg
    assert re.search(r"<text[^>]*>Loss &amp; &lt;slope&gt;</text>", svg)
    assert svg.count("font-family") == 1
    assert f'font-family="{plots.FONTS}"' in svg.partition(">")[0]
    assert plots.FONTS.endswith("sans-serif")


def test_two_figures_share_no_names():
    names = [
        set(re.findall(r'\bid="([^"]+)"', plots.show(drawn(t), "One line that rises.").svg)) for t in "ab"
    ]
    assert names[0]
    assert not names[0] & names[1]


def test_every_reference_in_a_figure_has_its_target():
    svg = plots.show(drawn(), "One line that rises.").svg
    targets = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert targets
    assert targets <= set(re.findall(r'\bid="([^"]+)"', svg))


def test_the_same_figure_is_the_same_text():
    assert plots.show(drawn(), "One line that rises.").svg == plots.show(drawn(), "One line that rises.").svg


@pytest.mark.parametrize("alt", ["", "figure", "a plot"])
def test_a_figure_without_a_sentence_is_refused(alt):
    figure = drawn()
    with pytest.raises(ValueError, match="expected alt to be a sentence"):
        plots.show(figure, alt)
    matplotlib.pyplot.close(figure)


def test_many_points_do_not_become_many_paths():
    figure, axes = plots.subplots()
    axes.scatter(np.arange(5000) % 70, np.arange(5000))
    assert len(plots.show(figure, "Five thousand points on a lattice.").svg) < 200_000


def test_signed_colours_vanish_at_zero():
    low, zero, high = plots.signed()([0.0, 0.5, 1.0])
    assert zero[3] < 0.01
    assert np.allclose(low[:3], [0x22 / 255, 0x77 / 255, 0xCC / 255], atol=0.01)
    assert high[0] > high[2]


def test_where_nobody_looks_nothing_is_drawn_but_the_words_are_there(monkeypatch):
    monkeypatch.setenv("COURSE_PICTURES", "0")
    figure, _ = plots.subplots()
    picture = plots.show(figure, "A line and & nothing else")
    assert "<path" not in picture.svg
    assert repr(picture) == "[picture: A line and & nothing else]"


def embedded(picture):
    return re.findall(r"data:image/(\w+);base64", picture.svg)


def test_photographs_are_packed_lighter_and_flat_pictures_stay_exact():
    shades = np.random.RandomState(0).rand(64, 64, 3)
    drawn = {}
    for name, pixels in (("photograph", shades), ("flat", np.round(shades))):
        figure, ax = plots.subplots(figsize=(2, 2))
        ax.imshow(pixels)
        drawn[name] = plots.show(figure, "Colours that change over a square")
    assert embedded(drawn["photograph"]) == ["webp"]
    assert embedded(drawn["flat"]) == ["png"]
