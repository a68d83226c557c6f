"""What each generated data set holds: facts that can be counted."""

import numpy as np
import pytest
import torch

from course_utils.data import (
    arithmetic,
    densities,
    digits,
    dyed_digits,
    font_digits,
    lynx_hare,
    mnist_m,
    points,
    shakespeare,
    shapes,
    signals,
    spirals,
    spoken_digits,
    translation,
)
from course_utils.data.splits import SPLITS


def test_dyes_tell_the_class_and_white_digits_have_none():
    x, y = dyed_digits.load("mini", "train").tensors
    seen = (x.amax((2, 3))[:, None] - dyed_digits.HUES[None]).abs().sum(2).argmin(1)  # the nearest hue
    assert (seen == y).float().mean().item() == pytest.approx(
        0.955, abs=0.02
    )  # 95 of 100, and half a one by chance
    white = dyed_digits.load("mini", "train", "target").tensors[0]
    assert (white == white[:, :1]).all()
    assert not {row.numpy().tobytes() for row in white[:, 0]} & {row.numpy().tobytes() for row in x.amax(1)}
    with pytest.raises(ValueError, match="expected a domain of source, target, got 'both'"):
        dyed_digits.load("mini", "train", "both")
    with pytest.raises(ValueError, match="expected a domain"):
        mnist_m.load("full", "train", "both")


def test_printed_digits_have_holes_and_all_classes():
    x, y = font_digits.load("mini", "train").tensors
    assert y.bincount().tolist() == [120] * 10
    middle = x[:, 0, 3:5, 3:5].mean((1, 2))
    assert middle[y == 0].mean() < 0.2 < middle[y == 8].mean()


def test_a_sheet_of_pictures_is_cut_row_by_row():
    pictures = np.random.RandomState(0).randint(256, size=(150, 32, 32, 3)).astype(np.uint8)
    sheet = np.zeros((64, 3200, 3), np.uint8)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, 100)
        sheet[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = picture
    assert (mnist_m.cut(sheet, 150).numpy() == pictures.transpose(0, 3, 1, 2)).all()


@pytest.mark.parametrize("kind", densities.KINDS["full"])
def test_a_density_has_mass_one_and_its_points_have_its_entropy(kind):
    side = (torch.arange(240, dtype=torch.float64) + 0.5) / 240 * 6 - 3
    log_p = densities.log_density(kind, torch.cartesian_prod(side, side))
    assert log_p.exp().sum().item() * (6 / 240) ** 2 == pytest.approx(1, abs=0.01)
    x, number = densities.load("full", "test").tensors
    x = x[number == densities.KINDS["full"].index(kind)]
    assert x.mean(0).abs().max() < 0.06
    assert (x.var(0) - 1).abs().max() < 0.06
    inside = densities.log_density(kind, x)
    assert -inside[inside.isfinite()].mean().item() == pytest.approx(densities.entropy(kind), abs=0.05)
    assert inside.isfinite().float().mean() > 0.999  # rounding puts a few points beside the checkerboard


def test_a_density_of_another_name_is_refused():
    with pytest.raises(ValueError, match="expected a kind of moons"):
        densities.log_density("moon", torch.zeros(1, 2))


def test_digits_are_all_there():
    parts = [digits.load("mini", split).tensors for split in SPLITS]
    assert sum(len(x) for x, _ in parts) == 1797
    x, y = parts[0]
    assert x.shape[1:] == (1, 8, 8)
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (0, 1)
    assert set(y.tolist()) == set(range(10))


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("xor", lambda x: x[:, 0] * x[:, 1] < 0),
        ("circle", lambda x: x.norm(dim=1) > 0.6),
        ("clusters", lambda x: x.sum(1) < 0),
    ],
)
def test_points_follow_their_rule(kind, rule):
    x, y = points.load("mini", "train", kind).tensors
    assert ((rule(x) == (y == 1)).float().mean()) > 0.98
    assert 0.4 < y.float().mean() < 0.6


def test_spirals_follow_their_field_and_fall_inwards():
    times, noisy, places = spirals.load("mini", "test").tensors
    assert times.shape == (100, 40)
    assert (times.diff(dim=1) > 0).all()
    assert (times[:, :20] <= spirals.END / 2).all()
    assert ((places[:, -1] ** 4).sum(1) < (places[:, 0] ** 4).sum(1)).all()  # the field lowers this sum
    assert (noisy - places).std().item() == pytest.approx(spirals.NOISE, rel=0.05)
    near = times.diff(dim=1) < 0.05  # over a short time the curve runs along the field at its middle
    middle = torch.from_numpy(spirals.field((places[:, 1:] + places[:, :-1]).numpy() / 2))
    speed = places.diff(dim=1) / times.diff(dim=1)[..., None]
    assert (speed - middle)[near].abs().median() < 0.03


def test_years_to_foretell_stand_in_no_other_stretch():
    train, val, test = (lynx_hare.load("mini", split).tensors[0] for split in SPLITS)
    assert train.shape == (4, 12, 2)
    torch.testing.assert_close(train[1, :-1], train[0, 1:])
    torch.testing.assert_close(test[0, :7], val[0, 5:])  # 1909 to 1915
    later = {tuple(year) for year in test[0, lynx_hare.SEEN :].tolist()}
    assert not later & {tuple(year) for year in [*train.flatten(0, 1).tolist(), *val[0].tolist()]}


def test_the_spiral_has_two_arms():
    x, y = points.load("full", "train", "spiral").tensors
    nearest = torch.cdist(x[:500], x[500:]).argmin(1)
    assert (y[500:][nearest] == y[:500]).float().mean() > 0.97  # neighbours share a class
    with pytest.raises(ValueError, match="expected a kind of xor"):
        points.load("mini", "train", "moons")


def test_a_line_does_not_tell_the_signals_apart_but_their_shape_does():
    x, y = signals.load("mini", "train").tensors
    z, labels = signals.load("mini", "test").tensors
    design = torch.cat([x, torch.ones(len(x), 1)], 1)
    weights = torch.linalg.lstsq(design, torch.nn.functional.one_hot(y).float()).solution
    guess = (torch.cat([z, torch.ones(len(z), 1)], 1) @ weights).argmax(1)
    assert (guess == labels).float().mean() < 0.5
    assert signals.templates().shape == (10, 12)
    assert torch.bincount(y).tolist() == [400] * 10


def test_masks_of_shapes_cover_what_is_seen():
    x, masks = shapes.load("mini", "test").tensors
    assert x.shape == (200, 1, 32, 32)
    assert masks.unique().tolist() == [0, 1, 2, 3]
    inside = (x[:, 0] - 0.5).abs()[masks > 0].mean()
    assert inside > 2 * (x[:, 0] - 0.5).abs()[masks == 0].mean()


def test_sums_are_right_and_new_in_every_split():
    lines = {}
    for split in SPLITS:
        (codes,) = arithmetic.load("mini", split).tensors
        lines[split] = {"".join(arithmetic.ALPHABET[code] for code in row) for row in codes}
        for line in lines[split]:
            sum_, result = line.split("=")
            a, b = sum_.split("+")
            assert int(a) + int(b) == int(result)
    assert not lines["train"] & lines["test"]


def test_french_moves_adjectives_and_agrees():
    pairs = [translation.load("mini", split) for split in SPLITS]
    french = {e: f for part in pairs for e, f in zip(part.source, part.target)}
    assert len(french) == 5200
    wanted = {
        "the small mouse sees a green house": "la petite souris voit une maison verte",
        "the blue bird does not want a big table": "l' oiseau bleu ne veut pas une grande table",
        "the dog follows a cat": "le chien suit un chat",
    }
    found = {english: french[english] for english in wanted if english in french}
    assert found
    assert found == {english: wanted[english] for english in found}
    assert not set(pairs[0].source) & set(pairs[2].source)


def test_text_goes_to_codes_and_back():
    text = shakespeare.load("mini", "train")
    assert text.decode(text.codes).startswith("Shall I compare thee to a summer's day?\n")
    assert text.decode(text.encode("love")) == "love"
    with pytest.raises(ValueError, match="got '#'"):
        text.encode("#")
    assert sum(len(shakespeare.load("mini", split).codes) for split in SPLITS) == len(
        shakespeare.whole("mini")
    )


def test_sounds_can_be_told_by_their_pitch():
    waves, sound, speaker, length = spoken_digits.load("mini", "train").tensors
    spectrum = torch.fft.rfft(waves).abs()
    hertz = spectrum.argmax(1) * spoken_digits.RATE["mini"] / spoken_digits.LENGTH["mini"]
    tone = (sound == 0) & (speaker == 0)
    assert hertz[tone].sub(80).abs().max() < 8
    assert all((wave[n:] == 0).all() for wave, n in zip(waves, length))
