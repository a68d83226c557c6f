"""Fonts of the book, cut to the characters that its pages use.

Formulas are set in STIX Two Math, whose file travels in the wheel of ziamath (licence: SIL Open Font License); icons in
the theme's Font Awesome, whose styles are cut with it. fontTools cuts both fonts and packs them as woff2; a cut is kept
by what went into it, so that a build that changes nothing cuts nothing.
"""

import hashlib
import html
import logging
import re
import shutil
import unicodedata
from pathlib import Path

import ziamath
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

from course_book.pages import written_pages

# fontTools tells of each table that it cuts, Sphinx of each cut font that it makes whole again.
logging.getLogger("fontTools").setLevel(logging.ERROR)
logging.getLogger("sphinx.sphinx.util.osutil").addFilter(lambda record: "webfonts" not in record.getMessage())

MATH = re.compile(r"<math.*?</math>", re.DOTALL)
NOT_SHOWN = re.compile(r"<annotation.*?</annotation>|<[^>]+>", re.DOTALL)
PRIVATE = re.compile(r"\\(f[0-9a-f]{3})|([\ue000-\uf8ff])")
ICON_NAME = re.compile(r"\bfa-[a-z0-9-]+")
ICON_RULE = re.compile(r"((?:\.fa-[a-z0-9-]+:before,?)+)\{content:\"\\([0-9a-f]+)\"\}")

# Hints serve screens of few pixels: a third of the file, for nobody.
OPTIONS = {
    "flavor": "woff2",
    "layout_features": ["*"],
    "drop_tables": ["FFTM"],
    "notdef_outline": True,
    "hinting": False,
}


def formula_characters(pages: list[Path]) -> set[str]:
    """Characters of all formulas, with the italic forms that browsers give to single letters."""
    shown: set[str] = set()
    for page in pages:
        for math in MATH.findall(page.read_text(encoding="utf-8")):
            shown |= set(html.unescape(NOT_SHOWN.sub("", math)))
    return shown | {italic(character) for character in shown} | set("0123456789()[]{}|.,√")


def italic(character: str) -> str:
    """The mathematical italic of a letter, `italic("x") == "𝑥"`, or the character itself."""
    if character == "h":
        return "ℎ"
    name = unicodedata.name(character, "").replace("LATIN ", "").replace("GREEK ", "").replace("LETTER ", "")
    try:
        return unicodedata.lookup(f"MATHEMATICAL ITALIC {name}")
    except KeyError:
        return character


def icon_characters(pages: list[Path], static: Path, rules: str) -> set[str]:
    """Code points of the icons named in pages and scripts, and of those written in the theme's styles.

    `rules` says which icon has which: Font Awesome's styles, before anything is cut.
    """
    texts = [path.read_text(encoding="utf-8") for path in [*pages, *static.glob("scripts/*.js")]]
    used = set().union(*(ICON_NAME.findall(text) for text in texts)) if texts else set()
    icons: set[str] = set()
    for names, point in ICON_RULE.findall(rules):
        if used & set(ICON_NAME.findall(names)):
            icons.add(chr(int(point, 16)))
    for style in [*static.glob("styles/*.css"), *static.glob("*.css")]:
        for escaped, plain in PRIVATE.findall(style.read_text(encoding="utf-8")):
            icons.add(plain or chr(int(escaped, 16)))
    return icons


def cut_rules(style: str, icons: set[str]) -> str:
    """The icons' styles without the rules that name icons which no page shows."""
    return ICON_RULE.sub(lambda rule: rule[0] if chr(int(rule[2], 16)) in icons else "", style)


def cut(font: Path, characters: set[str], target: Path, kept: Path) -> None:
    """Write to `target` the part of `font` that draws `characters`, from `kept` where it was cut before."""
    text = "".join(sorted(characters))
    digest = hashlib.sha256(font.read_bytes() + f"{text} {OPTIONS}".encode()).hexdigest()[:24]
    stored = kept / f"{target.stem}-{digest}.woff2"
    if not stored.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        options = Options(**OPTIONS)
        subset, original = Subsetter(options), TTFont(font)
        subset.populate(text=text)
        subset.subset(original)
        original.flavor = "woff2"
        original.save(stored)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(stored, target)


def whole(file: Path, kept: Path) -> Path:
    """The file as the theme gave it: the largest that was seen, for a later build may find it cut."""
    found = kept / "whole" / file.name
    if not found.is_file() or file.stat().st_size > found.stat().st_size:
        found.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, found)
    return found


def cut_fonts(app: Sphinx, error: Exception | None) -> None:
    """Cut the formulas' font and the icons' fonts to what the written pages show."""
    if error or app.builder.format != "html":
        return
    output, kept = Path(app.outdir), Path(app.outdir).parent / ".fonts"
    pages, static = written_pages(output), output / "_static"
    stix = Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf"
    cut(stix, formula_characters(pages), static / "formulas.woff2", kept)
    styles = list(static.glob("vendor/fontawesome/*/css/all.min.css"))
    rules = {style: whole(style, kept).read_text(encoding="utf-8") for style in styles}
    icons = icon_characters(pages, static, "".join(rules.values()))
    for style, text in rules.items():
        style.write_text(cut_rules(text, icons), encoding="utf-8")
    for font in static.glob("vendor/fontawesome/*/webfonts/*.woff2"):
        cut(whole(font, kept), icons, font, kept)
    for font in static.glob("vendor/fontawesome/*/webfonts/*.ttf"):
        font.unlink()


def connect(app: Sphinx) -> None:
    """After the pages are written and lightened."""
    app.connect("build-finished", cut_fonts, priority=800)
