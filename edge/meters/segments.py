"""The logic of seven segments: which digit the lit segments of a display's cell make, beside what the network says.

The cell is compared with drawings of the ten digits at many places, sizes, widths and slants. A digit whose best
drawing fits clearly better than every other's is told; of a cell that no drawing fits nothing is said.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import CellScores, Gray

Array = NDArray[np.float32]

SHAPE = (24, 16)
"""Rows and columns that a cell is brought to."""

LIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
"""Segments of each digit, a at the top, then clockwise, g in the middle."""

OTHER_LIT = {6: "fgedc", 7: "fabc", 9: "fgabc"}
"""Ways in which some displays show a digit."""

HEIGHTS, WIDTHS = (0.65, 0.8, 0.95), (0.5, 0.65, 0.8)
"""Height of a digit over the cell's, and its width over the cell's."""

SLANTS, STROKES = (0.0, 0.12), (0.12, 0.2)
"""How far its top leans to the right over its height, and a segment's width over the digit's."""

ACROSS, DOWN = (-0.12, 0.0, 0.12), (-0.08, 0.0, 0.08)
"""Where its middle may be beside the cell's, over the cell's width and height."""

SHADE, FLAT = 0.5, 2.0
"""Blur of what is taken off as shade, over the cell's width; and gray levels of detail below which a cell is flat."""

MIN_FIT, MIN_LEAD = 0.7, 0.07
"""Least correlation of a drawing with the cell, and least lead over the best drawing of another digit.

The least at which no digit of the even-numbered training groups is told wrong: `python -m tests.meters.segments`.
"""

SHARPNESS = 40.0
"""How fast a worse fit becomes less likely, in nats for each unit of correlation."""


@dataclass(frozen=True, slots=True)
class SegmentScores:
    """What the segments of a cell say.

    Parameters
    ----------
    digits : tuple of float
        Probability of each digit, adding up to 1.
    fit : float
        Correlation of the best drawing with the cell, -1 to 1.
    lead : float
        By how much the best digit fits better than the next.
    """

    digits: tuple[float, ...]
    fit: float
    lead: float

    @property
    def digit(self) -> int | None:
        """The digit that the segments make, or None: then they say nothing."""
        best = max(range(10), key=lambda digit: self.digits[digit])
        return best if self.fit >= MIN_FIT and self.lead >= MIN_LEAD else None


def read_segments(cell: Gray) -> SegmentScores:
    """What the segments of a cell say, lit or dark, upright or leaning.

    Parameters
    ----------
    cell : (rows, columns) uint8
        One digit with some margin.
    """
    drawings, digits = _drawings()
    fits = np.abs(drawings @ _normal(cell))
    best = np.array([float(fits[digits == digit].max()) for digit in range(10)])
    weights = np.exp(SHARPNESS * (best - best.max()))
    second, first = np.sort(best)[-2:]
    return SegmentScores(tuple(float(share) for share in weights / weights.sum()), float(first), float(first - second))


def contradicts(cell: Gray, scores: CellScores) -> bool:
    """Whether the segments of a cell make a digit for sure, and the network says another one."""
    found = read_segments(cell).digit
    if found is None or scores.positions.sum() <= 0.5:
        return False
    return (int(scores.positions.argmax()) + 5) // 10 % 10 != found


def _normal(cell: Gray) -> Array:
    """A cell without its slow shades, as a vector of length 1 and mean 0; all 0 where it is flat."""
    small = cv2.resize(cell, SHAPE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = (small - cv2.GaussianBlur(small, (0, 0), SHADE * SHAPE[1])).ravel()
    detail -= detail.mean()
    length = float(np.linalg.norm(detail))
    return detail / length if length > FLAT * np.sqrt(detail.size) else np.zeros_like(detail)


@functools.cache
def _drawings() -> tuple[Array, NDArray[np.int64]]:
    """(n, pixels) float32 drawings of length 1 and mean 0, and the digit of each, (n,) int64."""
    poses = list(product(HEIGHTS, WIDTHS, SLANTS, STROKES, ACROSS, DOWN))
    shown = [*enumerate(LIT), *OTHER_LIT.items()]
    rows = [_normal(_drawing(lit, *pose)) for _, lit in shown for pose in poses]
    return np.stack(rows), np.repeat([digit for digit, _ in shown], len(poses))


def _drawing(
    lit: str, height: float, width: float, slant: float, stroke: float, across: float, down: float, zoom: int = 4
) -> Gray:
    """A digit of seven segments, light on dark, (rows x zoom, columns x zoom) uint8."""
    rows, columns = SHAPE[0] * zoom, SHAPE[1] * zoom
    tall, wide = height * rows, width * columns
    thick = stroke * wide
    x = columns * (0.5 + across) + np.array([-0.5, 0.5]) * (wide - thick)
    y = rows * (0.5 + down) + np.array([-0.5, 0.0, 0.5]) * (tall - thick)
    ends = {
        "a": (x[0], y[0], x[1], y[0]),
        "b": (x[1], y[0], x[1], y[1]),
        "c": (x[1], y[1], x[1], y[2]),
        "d": (x[0], y[2], x[1], y[2]),
        "e": (x[0], y[1], x[0], y[2]),
        "f": (x[0], y[0], x[0], y[1]),
        "g": (x[0], y[1], x[1], y[1]),
    }
    canvas = np.zeros((rows, columns), np.uint8)
    for name in lit:
        left, top, right, bottom = ends[name]
        lean = [slant * (y[1] - level) for level in (top, bottom)]
        start = (round(left + lean[0]), round(top))
        cv2.line(canvas, start, (round(right + lean[1]), round(bottom)), 255, max(1, round(thick)))
    return canvas
