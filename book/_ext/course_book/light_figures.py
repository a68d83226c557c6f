"""Figures as few bytes, with no difference that an eye could see.

Matplotlib writes paths in hundredths of a point and from the picture's corner, and pictures with four bytes a pixel.
Here paths go in tenths and from point to point, and pictures of at most 256 colours get a palette.
"""

import base64
import io
import re

import numpy as np
from PIL import Image

PATH = re.compile(r'(<path[^>]*? d=")([^"]*)"')
PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
BETWEEN = re.compile(r"<!--.*?-->|(?<=>)\s+(?=<)", re.DOTALL)
TOKENS = re.compile(r"[MLz]|-?\d+(?:\.\d+)?")
PLACE = re.compile(r'(?<=<use )[^>]*? x="[^"]*" y="[^"]*"')
FRACTION = re.compile(r"-?\d+\.\d+")
COLOURS = 256  # of a palette


def lighter(svg: str) -> str:
    """A figure's SVG, as Matplotlib writes it, with fewer bytes.

    >>> lighter('<path d="M 10.01 20.04 \\nL 11.26 20.04 \\nz"/>')
    '<path d="M10 20l1.3 0z"/>'
    """
    short = BETWEEN.sub("", svg)
    short = PNG.sub(lambda found: "data:image/png;base64," + _with_palette(found[1]), short)
    short = PLACE.sub(lambda found: _in_tenths(found[0]), short)
    return PATH.sub(lambda found: f'{found[1]}{steps(found[2])}"', short)


def steps(path: str) -> str:
    """A path's commands in tenths; of straight lines alone from point to point.

    >>> steps("M 0.5 0.5 L 1.04 2")
    'M0.5 0.5l0.5 1.5'
    """
    kinds = set(re.findall("[A-Za-z]", path))
    if "." not in path or not kinds <= set("MLz"):
        return _in_tenths(" ".join(path.split()))
    tokens, out, here, start = iter(TOKENS.findall(path)), [], (0, 0), (0, 0)
    for command in tokens:
        if command == "z":
            out.append("z")
            here = start
            continue
        place = round(10 * float(next(tokens))), round(10 * float(next(tokens)))
        if command == "M":
            start = place
            out.append(f"M{_tenths(place[0])} {_tenths(place[1])}")
        else:
            out.append(f"l{_tenths(place[0] - here[0])} {_tenths(place[1] - here[1])}")
        here = place
    return "".join(out)


def _in_tenths(text: str) -> str:
    return FRACTION.sub(lambda found: _tenths(round(10 * float(found[0]))), text)


def _tenths(count: int) -> str:
    return f"{count / 10:.1f}".removesuffix(".0")


def _with_palette(text: str) -> str:
    """A PNG in base64, with a palette where its colours fit into one; else as it is."""
    whole = base64.b64decode(text)
    picture = Image.open(io.BytesIO(whole)).convert("RGBA")
    pixels = np.asarray(picture)  # (H, W, 4)
    colours, places = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > COLOURS:
        return "".join(text.split())
    palette = Image.fromarray(places.reshape(pixels.shape[:2]).astype(np.uint8))
    palette.putpalette(colours[:, :3].tobytes())
    out = io.BytesIO()
    palette.save(out, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    short = min(whole, out.getvalue(), key=len)
    return base64.b64encode(short).decode()
