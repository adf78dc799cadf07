"""The one way from a piece of ink to a strip, in which a network reads digits that touch without cutting them apart.

A piece is cut to its ink, thin strokes are thickened as those of a single digit are, its height is scaled to 26 pixels
and its width with it, and it is put at the left of 32 x 160. A piece that is wider than that is squeezed. The digits
of a number that stand apart come on one strip as well, moved together, see `side_by_side`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.nouns import Gray, Region, require_uint8
from edge.paper.normalize import EDGE_COVERAGE, MIN_STROKE, PEAK_FRACTION, cut_to_ink, stretch, thicken
from edge.paper.pieces import union_box

VERSION = 2
"""Raised when the code below changes its output with the same constants."""

STRIP_ROWS, STRIP_COLUMNS = 32, 160

MARGIN = 3
"""Paper around the ink on all sides, in pixels."""

WIDEST_GAP = 0.1
"""Between neighbours that stand apart, over their height: what is more is taken out of a strip."""

ROW_HEIGHT = 64
"""Digits that are higher, in pixels, are reduced to it before they are put side by side."""


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
        "widest_gap": WIDEST_GAP,
        "interpolation": "area down, cubic up",
    }


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


def side_by_side(regions: Sequence[Region]) -> Gray:
    """The regions of one number as a piece of ink: each in its place, the gaps between them closed.

    Parameters
    ----------
    regions : sequence of Region
        At least one.

    Returns
    -------
    (rows, columns) uint8 coverage
    """
    left, top, width, height = union_box([region.box for region in regions])
    scale = min(1.0, ROW_HEIGHT / max(region.box[3] for region in regions))
    row = np.zeros((round(height * scale) + 1, round(width * scale) + 1), np.uint8)
    for region in regions:
        cut = cut_to_ink(region.coverage)
        if cut is None:
            continue
        x, y, columns, rows = region.box
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        ink = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
        across, down = round((x - left) * scale), round((y - top) * scale)
        area = row[down : down + size[1], across : across + size[0]]
        np.maximum(area, ink[: area.shape[0], : area.shape[1]], out=area)
    return close_gaps(row, scale * float(np.median([region.box[3] for region in regions])))


def close_gaps(coverage: Gray, height: float) -> Gray:
    """The ink with gaps of no more than `WIDEST_GAP` of the digits' `height`: of a wider one the rest is taken out."""
    widest = max(1, round(WIDEST_GAP * height))
    is_blank = ~coverage.any(axis=0)
    blank_before = np.cumsum(is_blank) - np.maximum.accumulate(np.where(is_blank, 0, np.cumsum(is_blank)))
    closed: Gray = coverage[:, blank_before <= widest]
    return closed


def _scale(cut: Gray) -> Gray:
    """Bring the ink to the strip's height, and its width with it as far as there is room."""
    rows, columns = cut.shape
    height = STRIP_ROWS - 2 * MARGIN
    width = min(max(1, round(columns * height / rows)), STRIP_COLUMNS - 2 * MARGIN)
    return cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if rows > height else cv2.INTER_CUBIC)
