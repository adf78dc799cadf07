"""The one way from ink to the network's input, for training pictures and camera frames alike.

A digit is cut to its ink, thin strokes are thickened to what a pen leaves in MNIST, the longer side
is scaled to 20 pixels, and the centre of mass is put in the middle of 28 x 28, as MNIST's own
digits were made (LeCun et al., Gradient-based learning applied to document recognition, 1998).
Scaling uses INTER_AREA down and INTER_CUBIC up: OpenCV gives the same bits for both on x86 and ARM.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.nouns import GLYPH_SIDE, Gray, require_uint8

VERSION = 1
"""Raised when the code below changes its output with the same constants."""

BOX_SIDE = 20
"""Longer side of the digit inside the glyph, MNIST's."""

EDGE_COVERAGE = 64
"""Coverage from which a pixel counts as ink where the digit is cut out."""

MIN_STROKE = 0.07
"""Least stroke width (as `stroke_width` measures it) over the longer side; 9 % of MNIST is thinner."""

PEAK_FRACTION = 0.99
"""The brightest pixels of a glyph, by this quantile of its inked ones, are stretched to 255."""


def preprocessing_constants() -> dict[str, float | int | str]:
    """Everything that decides what `normalize_glyph` gives."""
    return {
        "version": VERSION,
        "glyph_side": GLYPH_SIDE,
        "box_side": BOX_SIDE,
        "edge_coverage": EDGE_COVERAGE,
        "min_stroke": MIN_STROKE,
        "peak_fraction": PEAK_FRACTION,
        "interpolation": "area down, cubic up",
    }


def normalize_glyph(coverage: Gray) -> Gray:
    """Cut ink to its extent, scale it to a 20 x 20 box and centre it by mass.

    Parameters
    ----------
    coverage : (rows, columns) uint8
        0 is paper, 255 full ink.

    Returns
    -------
    (28, 28) uint8
        All zero where no pixel is ink.

    Raises
    ------
    TypeError
        `coverage` is not a 2-d uint8 array with at least one pixel.
    """
    require_uint8("coverage", coverage, 2)
    cut = cut_to_ink(coverage)
    if cut is None:
        return np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    return _centre(stretch(_scale(thicken(cut, max(cut.shape)))))


def cut_to_ink(coverage: Gray) -> Gray | None:
    """The part of `coverage` that its ink spans, or None where there is none."""
    x, y, width, height = cv2.boundingRect((coverage >= EDGE_COVERAGE).view(np.uint8))
    return coverage[y : y + height, x : x + width] if width else None


def stroke_width(ink: Gray) -> float:
    """Mean stroke width in pixels: twice the area over the length of the outline.

    The outline's length is counted in pixel edges along both axes; a slanted edge counts up to
    sqrt(2) too long, so the result is low by up to 30 %, alike for all digits.
    """
    padded = cv2.copyMakeBorder((ink >= 128).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    area = cv2.countNonZero(padded)
    edges = cv2.countNonZero(padded[:, 1:] ^ padded[:, :-1]) + cv2.countNonZero(padded[1:] ^ padded[:-1])
    return 2.0 * area / edges if edges else 0.0


def thicken(cut: Gray, side: int) -> Gray:
    """Dilate strokes that are thinner than `MIN_STROKE` of a side, with room to grow into."""
    lack = MIN_STROKE * side - stroke_width(cut)
    radius = int(lack / 2 + 0.5)
    if radius < 1:
        return cut
    roomy = cv2.copyMakeBorder(cut, radius, radius, radius, radius, cv2.BORDER_CONSTANT, value=0)
    return cv2.dilate(roomy, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def _scale(cut: Gray) -> Gray:
    """Bring the longer side to `BOX_SIDE`, keeping the aspect ratio."""
    rows, columns = cut.shape
    longer = max(rows, columns)
    if longer == BOX_SIDE:
        return cut
    size = (max(1, round(columns * BOX_SIDE / longer)), max(1, round(rows * BOX_SIDE / longer)))
    return cv2.resize(cut, size, interpolation=cv2.INTER_AREA if longer > BOX_SIDE else cv2.INTER_CUBIC)


def stretch(ink: Gray) -> Gray:
    """Raise faint ink so that its brightest pixels are 255."""
    counts = cv2.calcHist([ink], [0], None, [256], [0, 256]).ravel()
    counts[:EDGE_COVERAGE] = 0
    counts = counts.cumsum()
    if counts[-1] == 0:
        return ink
    peak = int(np.searchsorted(counts, PEAK_FRACTION * counts[-1]))
    return ink if peak >= 255 else cv2.convertScaleAbs(ink, alpha=255.0 / peak)


def _centre(ink: Gray) -> Gray:
    """Put the centre of mass in the middle of the glyph, as far as the ink's extent allows."""
    rows, columns = ink.shape
    moments = cv2.moments(ink)
    mass = moments["m00"] or 1.0
    left = _offset(moments["m10"] / mass, columns)
    top = _offset(moments["m01"] / mass, rows)
    glyph = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    glyph[top : top + rows, left : left + columns] = ink
    return glyph


def _offset(centre: float, length: int) -> int:
    """Where an axis of `length` pixels starts so that `centre` lies in the glyph's middle."""
    wanted = int(np.floor(GLYPH_SIDE / 2 - 0.5 - centre + 0.5))
    return min(max(wanted, 0), GLYPH_SIDE - length)
