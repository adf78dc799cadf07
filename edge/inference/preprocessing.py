"""The ways of preprocessing, one of which every bundle names: ink to glyphs, ink to strips, and a meter's cells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from edge.meters.cell import CELL_COLUMNS, CELL_ROWS, cell_constants, normalize_cell
from edge.nouns import GLYPH_SIDE, Gray
from edge.paper.normalize import normalize_glyph, preprocessing_constants
from edge.paper.strip import STRIP_COLUMNS, STRIP_ROWS, normalize_strip, strip_constants


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """A way to a network's input: what it makes, of which shape, and all that decides it."""

    makes: str
    shape: tuple[int, int]
    constants: dict[str, float | int | str]
    normalize: Callable[[Gray], Gray]

    @property
    def sha256(self) -> str:
        """Hex, of the constants; it travels from training into the bundle."""
        return hashlib.sha256(json.dumps(self.constants, sort_keys=True).encode()).hexdigest()


def glyphs() -> Preprocessing:
    """Ink of a character to a glyph."""
    return Preprocessing("glyphs", (GLYPH_SIDE, GLYPH_SIDE), preprocessing_constants(), normalize_glyph)


def cells() -> Preprocessing:
    """A meter's cell, as it is."""
    return Preprocessing("cells", (CELL_ROWS, CELL_COLUMNS), cell_constants(), normalize_cell)


def strips() -> Preprocessing:
    """Ink of a piece, of however many digits, to a strip."""
    return Preprocessing("strips", (STRIP_ROWS, STRIP_COLUMNS), strip_constants(), normalize_strip)


def ways() -> tuple[Preprocessing, ...]:
    """All that there are."""
    return glyphs(), cells(), strips()


def preprocessing_of(sha256: str) -> Preprocessing | None:
    """The way with that hash, or None: it is of another version."""
    return next((way for way in ways() if way.sha256 == sha256), None)


def nearest_preprocessing(constants: dict[str, float | int | str]) -> Preprocessing:
    """The way whose constants have the names of these, whatever their values."""
    return max(ways(), key=lambda way: len(way.constants.keys() & constants.keys()))
