"""Knobs run the student's function when they are moved, and nothing where no notebook is open."""

import pytest

from course_utils import widgets
from course_utils.widgets import turn


def doubled(number=3, shape="round"):
    doubled.seen.append((number, shape))
    return f"{number} {shape}"


@pytest.fixture(autouse=True)
def forgotten():
    doubled.seen = []


def test_without_a_notebook_nothing_runs_and_the_words_remain():
    shown = turn(doubled, "Does it grow?", number=(1, 9, 1))
    assert repr(shown) == "[knobs: Does it grow?]"
    assert doubled.seen == []


def test_a_knob_begins_at_the_default_and_runs_the_function_when_it_is_moved(monkeypatch, capsys):
    monkeypatch.setattr(widgets, "_open", lambda: True)
    box = turn(doubled, "Does it <grow>?", number=(1, 9, 1), shape=["round", "flat"])
    words, number, shape, _ = box.children
    assert "Does it &lt;grow&gt;?" in words.value
    assert (number.value, number.min, number.max, shape.value) == (3, 1, 9, "round")
    number.value = 5
    shape.value = "flat"
    assert doubled.seen == [(3, "round"), (5, "round"), (5, "flat")]
    assert "5 flat" in capsys.readouterr().out


def test_a_knob_of_fractions_is_a_slider_of_fractions(monkeypatch):
    monkeypatch.setattr(widgets, "_open", lambda: True)
    (_, slider, _) = turn(lambda decay=0.9: decay, "Listen.", decay=(0.5, 1.0, 0.01)).children
    assert (type(slider).__name__, slider.value, slider.step) == ("FloatSlider", 0.9, 0.01)


@pytest.mark.parametrize("knobs", [{"numbre": (1, 2, 1)}, {"x": (1, 2, 1)}])
def test_a_knob_without_an_argument_or_a_start_is_refused(knobs):
    with pytest.raises(ValueError, match="expected an argument"):
        turn(lambda x, number=1: x, "Look.", **knobs)
