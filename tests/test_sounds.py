"""Sounds in a page: a file that plays, with a label, whatever the rate."""

import io
import wave

import numpy as np
import pytest
import torch

from course_utils import sounds


def samples(sound: sounds.Sound) -> np.ndarray:
    with wave.open(io.BytesIO(sound.file)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, sounds.RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_two_sounds_follow_each_other_with_a_pause_after_each():
    pause = round(sounds.PAUSE * sounds.RATE)
    got = samples(sounds.play(torch.stack([torch.full((100,), 0.5), torch.full((100,), -2.0)]), 8_000, "two"))
    assert len(got) == 2 * (100 + pause)
    assert set(got[:100]) == {16384}
    assert set(got[100 : 100 + pause]) == {0}
    assert set(got[100 + pause : 200 + pause]) == {-(2**15)}


def test_a_low_rate_is_raised_and_keeps_pitch_and_length():
    seconds = torch.arange(1000) / 2_000
    got = samples(sounds.play(torch.sin(2 * torch.pi * 100 * seconds), 2_000, "100 hertz"))[:4000]
    spectrum = np.abs(np.fft.rfft(got / 32767))
    assert spectrum.argmax() * sounds.RATE / 4000 == 100


def test_the_player_says_what_is_heard_and_needs_no_network():
    sound = sounds.play(torch.zeros(10), 8_000, "silence & <nothing>")
    html = sound._repr_html_()
    assert "silence &amp; &lt;nothing&gt;" in html
    assert 'src="data:audio/wav;base64,' in html
    assert "http" not in html
    assert repr(sound) == "[sound: silence & <nothing>]"


def test_what_is_no_number_is_silent():
    got = samples(sounds.play(torch.tensor([float("nan"), float("inf")]), 8_000, "broken"))
    assert list(got[:2]) == [0, 2**15 - 2**15 // sounds.LEVELS]


@pytest.mark.parametrize(
    ("waves", "label", "message"),
    [
        (torch.zeros(1, 1, 5), "x", r"got shape \(1, 1, 5\)"),
        (torch.zeros(0), "x", r"got shape \(0,\)"),
        (torch.zeros(5), "  ", "expected a label"),
    ],
)
def test_what_cannot_be_played_is_refused(waves, label, message):
    with pytest.raises(ValueError, match=message):
        sounds.play(waves, 8_000, label)
