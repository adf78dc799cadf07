"""Faces that digits and text are rendered from: TrueType files of installed packages, and Hershey's strokes.

A face is the path of a font file, of a module of pymupdf-fonts that holds one, or the name of a Hershey face.

References
----------
A. V. Hershey: Calligraphy for computers, U.S. Naval Weapons Laboratory, 1967
"""

from __future__ import annotations

import io
import math
import re
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

import cv2
import matplotlib
import numpy as np
import pymupdf_fonts
from HersheyFonts import HersheyFonts
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from edge.nouns import Gray

Face = Path | str

SYMBOL_FACES = (
    "LastResort",
    "cmex",
    "cmsy",
    "cmmi",
    "STIXSiz",
    "STIXNonUni",
    "NotoMusic",
    "NotoSansMath",
    "NotoSansSym",
)
"""Faces that are no text faces, though some claim to have digits."""

HERSHEY_FACES = ("futural", "cursive", "futuram", "gothiceng", "scripts", "timesr", "timesrb", "timesi", "timesib")
"""Hershey's faces whose digits differ; the other names repeat them or have symbols there."""

SINGLE_STROKE = ("futural", "cursive")
"""Hershey faces that take a broad pen; it would fill the others, whose stems are several strokes side by side."""

HELD_OUT = {
    "validation": frozenset({"Caladea", "cmss"}),
    "test": frozenset({"HankenGrotesk", "DejaVuSerif", "cmtt"}),
}
"""Families that no training sees: those that choose temperature and cutoff, and those that scenes of the tests are set
in, which no choice sees."""

BROAD_PEN = (0.04, 0.16)
FINE_PEN = (0.03, 0.07)
"""Thickness of a Hershey stroke over the size, from and to."""

FINER = 4
"""Times that a face is drawn larger than asked for and averaged: so it lies anywhere within a pixel, and hinting hardly
moves its strokes. Pillow takes fractions of a pixel as well, but cuts the top row off then: of a hairline 7 the bar.
"""

CAPITAL_HEIGHT = 21
"""Of Hershey's capitals and digits, in his units."""


def digit_faces() -> list[Path]:
    """Font files of text faces that have all ten digits, sorted by name."""
    shipped = Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf")
    modules = Path(pymupdf_fonts.__file__).parent.glob("[!_]*.py")
    found = [*_package_files("fonts_otf"), *_package_files("fonts_ttf"), *shipped, *modules]
    files = {path.name: path for path in found}
    by_stem = {path.stem: path for path in files.values()}
    return sorted((path for path in by_stem.values() if _is_text_face(path)), key=lambda path: path.name)


def hershey_faces() -> list[str]:
    """Names of the single-stroke and plotter faces."""
    return list(HERSHEY_FACES)


def faces_of(split: Literal["train", "validation", "test"]) -> list[Face]:
    """The faces of a split, so that no family is in two; single-stroke faces are all for training."""
    if split in HELD_OUT:
        return [face for face in digit_faces() if family(face) in HELD_OUT[split]]
    used = frozenset().union(*HELD_OUT.values())
    return [*(face for face in digit_faces() if family(face) not in used), *hershey_faces()]


def family(face: Face) -> str:
    """The family that a face belongs to: its name without weight and slant; a split keeps families apart."""
    if isinstance(face, str):
        return f"Hershey {face.removesuffix('b') if face.startswith('times') else face}"
    return re.split(r"[-_\d]|Bol|Ita|$", face.stem, maxsplit=1)[0]


def render_text(text: str, face: Face, size_px: int, rng: np.random.Generator) -> Gray:
    """Coverage of a line of text, cut with a margin of at least one pixel.

    Parameters
    ----------
    text : str
        Characters that the face lacks leave a gap.
    face : Path or str
        From `digit_faces` or `hershey_faces`.
    size_px : int
        Size of the type; a digit is about 0.7 of it tall.
    rng : numpy Generator
        Draws the place within a pixel, or of a Hershey face the thickness too.

    Returns
    -------
    (rows, columns) uint8
        0 is paper, 255 full ink.
    """
    if isinstance(face, str):
        return _render_strokes(text, face, size_px, rng)
    font = _font(face, size_px * FINER)
    left, top, right, bottom = font.getbbox(text)
    columns, rows = (max(1, math.ceil(extent / FINER)) + 3 for extent in (right - left, bottom - top))
    x, y = (FINER + rng.integers(FINER, size=2)).tolist()
    picture = Image.new("L", (columns * FINER, rows * FINER))
    ImageDraw.Draw(picture).text((x - left, y - top), text, fill=255, font=font)
    return cv2.resize(np.asarray(picture), (columns, rows), interpolation=cv2.INTER_AREA)


def _render_strokes(text: str, face: str, size_px: int, rng: np.random.Generator) -> Gray:
    """Hershey's polylines, drawn with a round pen of one thickness."""
    strokes = [np.array(stroke, np.float64) for stroke in _hershey(face).strokes_for_text(text) if len(stroke)]
    if not strokes:
        return np.zeros((size_px, max(1, size_px // 2)), np.uint8)
    points = np.concatenate(strokes)
    scale = size_px / CAPITAL_HEIGHT * 0.7
    thickness = max(1, round(size_px * rng.uniform(*(BROAD_PEN if face in SINGLE_STROKE else FINE_PEN))))
    margin = thickness + 2
    columns, rows = (np.ceil((points.max(0) - points.min(0)) * scale).astype(int) + 2 * margin).tolist()
    coverage = np.zeros((rows, columns), np.uint8)
    origin = points.min(0) * scale - margin - rng.random(2) + 0.5
    lines = [np.round((stroke * scale - origin) * 16).astype(np.int32)[:, None] for stroke in strokes]
    cv2.polylines(coverage, lines, False, 255, thickness, cv2.LINE_AA, shift=4)
    return coverage


@lru_cache(maxsize=512)
def _font(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_file(path), size_px)


def _font_file(path: Path) -> Path | io.BytesIO:
    """The font file itself, also where a module holds it."""
    if path.suffix != ".py":
        return path
    return io.BytesIO(import_module(f"{path.parent.name}.{path.stem}").fontbuffer)


@lru_cache(maxsize=len(HERSHEY_FACES))
def _hershey(face: str) -> HersheyFonts:
    font = HersheyFonts()
    font.load_default_font(face)
    return font


def _package_files(group: str) -> list[Path]:
    return [Path(path) for entry in entry_points(group=group) for path in entry.load().values()]


def _is_text_face(path: Path) -> bool:
    if path.name.startswith(SYMBOL_FACES):
        return False
    file = _font_file(path)
    has = FT2Font(file if isinstance(file, io.BytesIO) else str(file)).get_charmap()
    return all(ord(digit) in has for digit in "0123456789")
