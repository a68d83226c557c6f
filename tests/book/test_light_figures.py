"""Figures with fewer bytes: the same points within a twentieth, the same pixels, the same words."""

import base64
import io
import re
import sys

import numpy as np
import pytest
from PIL import Image

from course_utils.plots import show, subplots
from course_utils.topics import ROOT

pytest.importorskip("sphinx", reason="sphinx is not installed: no book is built")
sys.path.append(str(ROOT / "book/_ext"))

from course_book.light_figures import PNG, lighter, steps


def places(path):
    """Every point of a path of straight lines, absolute and relative ones."""
    here, start, found = (0.0, 0.0), (0.0, 0.0), []
    for command, x, y in re.findall(r"([MLlz])\s*(?:(-?[\d.]+) (-?[\d.]+))?", path):
        if command == "z":
            here = start
            continue
        x, y = float(x), float(y)
        here = (here[0] + x, here[1] + y) if command == "l" else (x, y)
        start = here if command == "M" else start
        found.append(here)
    return np.array(found)


def test_a_long_path_ends_where_it_ended():
    points = np.random.default_rng(0).normal(scale=200, size=(2000, 2)).cumsum(0)
    text = "M " + "L ".join(f"{x:.2f} {y:.2f} \n" for x, y in points) + "z\nM 5.55 6.66 L 7.77 8.88"
    short = steps(text)
    assert np.abs(places(short) - places(text)).max() <= 0.0501
    assert len(short) < 0.9 * len(text)


@pytest.fixture(scope="module")
def drawn():
    """Two figures of one page: the same words, a picture of few colours and one of many."""
    figures = []
    for values in (np.add.outer(range(60), range(60)) % 7, np.random.default_rng(1).random((40, 40, 3))):
        figure, (left, right) = subplots(1, 2)
        left.imshow(values)
        right.plot(np.random.default_rng(2).normal(size=200).cumsum(), label="walk")
        right.legend()
        figures.append(show(figure, "A picture and a random walk beside it")._repr_html_())
    return figures


def test_pictures_keep_every_pixel(drawn):
    flat, photograph = drawn
    before, after = (PNG.findall(text) for text in (flat, lighter(flat)))
    assert len(before) == len(after) == 1
    old, new = (Image.open(io.BytesIO(base64.b64decode(text))) for text in (before[0], after[0]))
    np.testing.assert_array_equal(old.convert("RGBA"), new.convert("RGBA"))
    assert len(after[0]) < len(before[0])
    webp = re.compile(r"data:image/webp;base64,[^\"]+")
    assert len(webp.findall(photograph)) == 1
    assert webp.findall(lighter(photograph)) == webp.findall(photograph)


def test_words_and_all_that_is_referred_to_are_kept(drawn):
    for svg in drawn:
        short = lighter(svg)
        words = re.findall(r"<text[^>]*>(?:<[^>]*>)*([^<]+)", svg)
        assert len(words) > 5
        assert re.findall(r"<text[^>]*>(?:<[^>]*>)*([^<]+)", short) == words
        asked = set(re.findall(r'href="#([^"]+)"', short))
        assert asked
        assert asked <= set(re.findall(r' id="([^"]+)"', short))
        assert len(short) < 0.9 * len(svg)
