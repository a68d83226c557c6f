"""Omniglot: 1,623 handwritten characters of 50 alphabets, 20 drawings of each (Lake et al., 2015).

A transposed MNIST: many classes, few examples of each. Whole alphabets are held out. Full: of the 30 background
alphabets the last five are `val`; the 20 evaluation alphabets are `test`. Mini: letters of the DejaVu fonts that come
with matplotlib, ten drawings of each, in several faces, each turned, sheared, stretched and moved a little.
"""

import io
import zipfile
from functools import cache
from pathlib import Path
from unicodedata import category, decomposition, name

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFont
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

# Whole scripts, by the first word of their letters' names in Unicode.
SCRIPTS = {
    "train": ("LATIN", "CYRILLIC", "CANADIAN"),
    "val": ("GREEK", "OLD", "NKO"),
    "test": ("ARMENIAN", "GEORGIAN", "HEBREW", "LAO", "ARABIC", "TIFINAGH"),
}
FACES = ("Sans", "Sans-Bold", "Sans-Oblique", "Sans-BoldOblique", "Serif", "Serif-Bold", "Serif-Italic")
SIDE = {"mini": 20, "full": 28}  # pixels
DRAWINGS = {"mini": 10, "full": 20}  # of each character
POINTS = 32  # size at which letters are drawn, before they are turned and made small
LEVELS = 15  # of grey, above white, at the mini tier: so that no machine's last digit shows
VALIDATION = 5  # alphabets

Print = tuple[bytes, tuple[int, int]]  # grey levels of a letter, row by row; width and height


def load(tier: str, split: str) -> TensorDataset:
    """Drawings of characters (C, K, 1, S, S), float32, ink 1 and paper 0; the number of each character's script (C,).

    C characters, K drawings of each; S = 20 (mini) or 28 (full).
    """
    check(split, tier)
    drawings, script = _mini(split) if tier == "mini" else _full(split)
    return TensorDataset(drawings, script)


# ---------------------------------------------------------------------------------------------- letters of fonts


def script_of(letter: str) -> str:
    """The first word of a letter's name in Unicode.

    >>> script_of("я")
    'CYRILLIC'
    """
    return name(letter).split()[0]


@cache
def letters() -> dict[str, tuple[str, ...]]:
    """The letters of each split: those of DejaVu Sans that are no accented form of another and look like no other.

    What looks like an earlier letter in print is left out, in all splits: Greek and Cyrillic have a Latin A, too.
    """
    font, seen, found = _font("Sans"), {_print(_font("Sans"), "\0")}, {}
    for split in SPLITS:
        kept = []
        for letter in _candidates(split):
            shape = _print(font, letter)
            if shape not in seen:
                seen.add(shape)
                kept.append(letter)
        found[split] = tuple(kept)
    return found


def _candidates(split: str) -> list[str]:
    """All letters of the split's scripts below the planes of ancient and mathematical signs, Old Italic apart."""
    codes = (*range(0x3000), *range(0xA000, 0xE000), *range(0xFB00, 0xFE00), *range(0x10300, 0x10330))
    own = [chr(code) for code in codes if category(chr(code)) in ("Ll", "Lu", "Lo")]
    own = [letter for letter in own if script_of(letter) in SCRIPTS[split] and not decomposition(letter)]
    return sorted(own, key=lambda letter: SCRIPTS[split].index(script_of(letter)))


@cache
def _font(face: str) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVu{face}.ttf"
    return ImageFont.truetype(str(path), POINTS, layout_engine=ImageFont.Layout.BASIC)


def _print(font: ImageFont.FreeTypeFont, letter: str) -> Print:
    mask = font.getmask(letter)
    return bytes(mask), mask.size


@cache
def _mini(split: str) -> tuple[Tensor, Tensor]:
    rng, kept = np.random.RandomState([SPLITS.index(split), 2015]), letters()[split]
    sheets = torch.from_numpy(np.stack([_drawn(letter) for letter in kept]))  # (C, K, P, P)
    c, k = sheets.shape[:2]
    moved = _moved(rng, sheets.flatten(0, 1)[:, None] / (4 * 255.0), SIDE["mini"])
    grey = (moved.clamp(0, 1) * LEVELS).round().float() / LEVELS
    scripts = [SCRIPTS[split].index(script_of(letter)) for letter in kept]
    return grey.view(c, k, 1, *grey.shape[2:]), torch.tensor(scripts)


def _drawn(letter: str) -> np.ndarray:
    """A letter in the faces that have it, by turns, each in the middle of a sheet (K, P, P), from 0 to 4 · 255."""
    prints = [(_print(_font(face), letter), _missing(face)) for face in FACES]
    sheets = [_sheet(*shape) for shape, missing in prints if shape != missing]
    return np.stack([sheets[n % len(sheets)] for n in range(DRAWINGS["mini"])])


@cache
def _missing(face: str) -> Print:
    """What a face draws for a letter that it has not."""
    return _print(_font(face), "\0")


def _sheet(ink: bytes, size: tuple[int, int]) -> np.ndarray:
    """Ink in the middle of a square sheet of twice P, what does not fit cut off; four pixels become one, (P, P)."""
    width, height = size
    side, shape = 2 * POINTS, np.frombuffer(ink, np.uint8).reshape(height, width)
    shape = shape[:side, :side]
    top, left = ((side - length) // 2 for length in shape.shape)
    sheet = np.zeros((side, side))
    sheet[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
    return sheet[::2, ::2] + sheet[1::2, ::2] + sheet[::2, 1::2] + sheet[1::2, 1::2]


def _moved(rng: np.random.RandomState, sheets: Tensor, side: int) -> Tensor:
    """Sheets (N, 1, P, P), each turned, sheared, stretched and moved at random, as pictures (N, 1, side, side)."""
    n = len(sheets)
    turn, shear, right, down = (rng.uniform(-a, a, n) for a in (0.2, 0.25, 0.08, 0.08))
    wide, high = np.exp(rng.uniform(-0.2, 0.2, (2, n)))
    reach = 0.7  # of a sheet: letters fill about half of it
    cos, sin = reach * np.cos(turn), reach * np.sin(turn)
    rows = [wide * cos, high * (shear * cos - sin), right, wide * sin, high * (shear * sin + cos), down]
    maps = torch.from_numpy(np.stack(rows, 1).reshape(n, 2, 3))
    return F.grid_sample(
        sheets, F.affine_grid(maps, [n, 1, side, side], align_corners=False), align_corners=False
    )


# ------------------------------------------------------------------------------------------------ handwritten ones


@cache
def _full(split: str) -> tuple[Tensor, Tensor]:
    kept = decoded("omniglot", _decoded)
    part = "evaluation" if split == "test" else "background"
    drawings, script = kept[f"{part} drawings"].float() / 255, kept[f"{part} script"].long()
    if split == "test":
        return drawings, script
    held_out = script > int(script.max()) - VALIDATION
    rows = held_out if split == "val" else ~held_out
    return drawings[rows], script[rows]


def _decoded() -> dict[str, Tensor]:
    """Every drawing as bytes, 28×28, characters in order, and the number of its alphabet."""
    found = {}
    for part in ("background", "evaluation"):
        with np.load(fetch(DATASETS["omniglot"].file(f"images_{part}.npz")), allow_pickle=False) as file:
            ink, label, characters = (file[key] for key in ("ink_packed", "label", "characters"))
        order = np.argsort(label, kind="stable")
        pixels = np.unpackbits(ink[order], axis=-1)[:, :, :105]
        alphabets = sorted({c.split("/")[0] for c in characters.tolist()})
        script = [alphabets.index(c.split("/")[0]) for c in characters.tolist()]
        found[f"{part} drawings"] = _small(pixels).view(len(characters), DRAWINGS["full"], 1, 28, 28)
        found[f"{part} script"] = torch.tensor(script, dtype=torch.int16)
    return found


def _small(pixels: np.ndarray) -> Tensor:
    """Pictures (N, H, H) of zeros and ones as bytes (N, 28, 28), each the mean over its place."""
    parts = [
        F.interpolate(torch.from_numpy(part)[:, None].float(), (28, 28), mode="bilinear", antialias=True)[
            :, 0
        ]
        for part in np.array_split(pixels, max(1, len(pixels) // 1000))
    ]
    return (torch.cat(parts) * 255).round().byte()


def one_shot_runs() -> tuple[Tensor, Tensor, Tensor]:
    """Omniglot's own 20 runs: one drawing of each of 20 characters of one alphabet, and 20 more by another hand.

    Returns:
        Support (20, 20, 1, 28, 28) and query (20, 20, 1, 28, 28), float32; which of the support each query is,
        (20, 20).
    """
    kept = {"support": [], "query": []}  # type: ignore[var-annotated]
    answers = []
    with zipfile.ZipFile(fetch(DATASETS["omniglot"].file("all_runs.zip"))) as archive:
        for run in range(1, 21):
            text = archive.read(f"run{run:02}/class_labels.txt").decode()
            pairs = [line.split() for line in text.strip().splitlines()]
            support = sorted({known for _, known in pairs})
            kept["support"] += [_ink(archive.read(path)) for path in support]
            kept["query"] += [_ink(archive.read(path)) for path, _ in pairs]
            answers.append([support.index(known) for _, known in pairs])
    sets = [_small(np.stack(kept[part])).view(20, 20, 1, 28, 28).float() / 255 for part in kept]
    return sets[0], sets[1], torch.tensor(answers)


def _ink(png: bytes) -> np.ndarray:
    """A picture of Omniglot, 105×105, with 1 where ink is."""
    with Image.open(io.BytesIO(png)) as picture:
        return (np.asarray(picture.convert("L")) < 128).astype(np.uint8)
