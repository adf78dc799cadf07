"""The one way from a piece of ink to a strip, in which a network reads digits that touch without cutting them apart.

A piece is cut to its ink, thin strokes are thickened as those of a single digit are, its height is scaled to 26 pixels
and its width with it, and it is put at the left of 32 x 160. A piece that is wider than that is squeezed.
"""

from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np

from edge.nouns import Gray, require_uint8
from edge.paper.normalize import EDGE_COVERAGE, MIN_STROKE, PEAK_FRACTION, cut_to_ink, stretch, thicken

VERSION = 1
"""Raised when the code below changes its output with the same constants."""

STRIP_ROWS, STRIP_COLUMNS = 32, 160

MARGIN = 3
"""Paper around the ink on all sides, in pixels."""


def strip_constants() -> dict[str, float | int | str]:
    """Everything that decides what `normalize_strip` gives."""
    return {
        "strip_version": VERSION,
        "strip_rows": STRIP_ROWS,
        "strip_columns": STRIP_COLUMNS,
        "margin": MARGIN,
        "edge_coverage": EDGE_COVERAGE,
        "min_stroke": MIN_STROKE,
        "peak_fraction": PEAK_FRACTION,
        "interpolation": "area down, cubic up",
    }


def strip_hash() -> str:
    """Hex sha256 of the constants; it travels from training into the bundle."""
    return hashlib.sha256(json.dumps(strip_constants(), sort_keys=True).encode()).hexdigest()


def normalize_strip(coverage: Gray) -> Gray:
    """Cut ink to its extent, scale it to the strip's height, and put it at its left.

    Parameters
    ----------
    coverage : (rows, columns) uint8
        0 is paper, 255 full ink.

    Returns
    -------
    (32, 160) uint8
        All zero where no pixel is ink.

    Raises
    ------
    TypeError
        `coverage` is not a 2-d uint8 array with at least one pixel.
    """
    require_uint8("coverage", coverage, 2)
    strip = np.zeros((STRIP_ROWS, STRIP_COLUMNS), np.uint8)
    cut = cut_to_ink(coverage)
    if cut is not None:
        ink = stretch(_scale(thicken(cut, cut.shape[0])))
        strip[MARGIN : MARGIN + ink.shape[0], MARGIN : MARGIN + ink.shape[1]] = ink
    return strip


def _scale(cut: Gray) -> Gray:
    """Bring the ink to the strip's height, and its width with it as far as there is room."""
    rows, columns = cut.shape
    height = STRIP_ROWS - 2 * MARGIN
    width = min(max(1, round(columns * height / rows)), STRIP_COLUMNS - 2 * MARGIN)
    return cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if rows > height else cv2.INTER_CUBIC)
