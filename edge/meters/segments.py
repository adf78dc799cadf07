"""The logic of seven segments: which digit the lit segments of a display's cell make, beside what the network says.

The cell is compared with drawings of the ten digits at many places, sizes, widths and slants, each within its own
outline: commas and neighbours beside it do not count. Some displays have a line above and one below their digits, and
"1" below a line is nearly a 7: digits are drawn with such lines too. A digit whose best drawing fits clearly better
than every other's is told; of a cell that no drawing fits nothing is said.

Of what may be no digit at all, the shadow of segments that are off, the display itself tells: segments that are lit are
about as dark as those of the cells beside them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import HIGH_QUANTILE, LOW_QUANTILE
from edge.nouns import CellScores, Gray

Array = NDArray[np.float32]

SHAPE = (24, 16)
"""Rows and columns that a cell is brought to."""

ZOOM = 4
"""How many times larger drawings are drawn."""

Pose = tuple[float, float, float, float, float, float, float | None]
"""Height, width, slant, stroke, place across and down, and gap of the lines if there are any."""

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

LINE_GAPS, LINED_HEIGHTS = (0.05, 0.12), (0.55, 0.65, 0.75)
"""Gap between a digit and the lines above and below it, over its height, and the height of such digits over the cell's.

On displays of two val groups with lines a 1 was told to be a 7 and a 4 to be a 3, which is why they are drawn.
"""

SHADE, FLAT = 0.35, 2.0
"""Blur of what is taken off as shade, over the cell's width; and gray levels of detail below which a cell is flat."""

MARGIN = 2
"""Pixels of the brought size around a digit's outline that are compared too: there an unlit cell is plain."""

MIN_FIT, MIN_LEAD = 0.6, 0.1
"""Least correlation of a drawing with the cell, and least lead over the best drawing of another digit.

Of the displays among the even-numbered training groups none contradicts its label from a lead of 0.06 on; as they are
mostly of one make, more is asked: `python -m tests.meters.segments`.
"""


LIT_SHARE, MIN_LIT = 0.6, 2
"""Contrast of a cell over that of the lit ones, at the least, to be lit as they are; and how many of those there must
be. Shadows of simulated displays have a tenth of it.
"""

SURELY = 0.99
"""Probability of its digit from which on a cell is lit for sure."""

LEGIBLE = 0.05
"""What is left of the doubt that a cell shows a digit, where it is lit as the others are and its segments make the one
that the network says. A judgement: it takes away doubt whether there is a digit, never which.
"""


@dataclass(frozen=True, slots=True)
class SegmentScores:
    """What the segments of a cell say: the correlation, 0 to 1, of each digit's best drawing with the cell."""

    fits: tuple[float, ...]

    @property
    def best(self) -> int:
        """The digit that fits best."""
        return max(range(10), key=lambda digit: self.fits[digit])

    @property
    def digit(self) -> int | None:
        """The digit that the segments make, or None: then they say nothing."""
        return self.best if all(self.excludes(digit) for digit in range(10) if digit != self.best) else None

    def excludes(self, digit: int) -> bool:
        """Whether the segments make another digit that fits clearly better than this one."""
        fit = self.fits[self.best]
        return fit >= MIN_FIT and fit - self.fits[digit] >= MIN_LEAD


def read_segments(cell: Gray) -> SegmentScores:
    """What the segments of a cell say, lit or dark, upright or leaning.

    Parameters
    ----------
    cell : (rows, columns) uint8
        One digit with some margin.
    """
    return read_display([cell])[0]


def read_display(cells: Sequence[Gray]) -> list[SegmentScores]:
    """What the segments of each cell of a display say; all at once takes little more than one."""
    if not cells:
        return []
    details = np.stack([_detail(cell) for cell in cells])
    fits = np.max([_best_fits(details, bank) for bank in _banks()], axis=0)
    return [SegmentScores(tuple(row)) for row in fits.tolist()]


def contradicts(segments: SegmentScores, scores: CellScores) -> bool:
    """Whether the segments of a cell exclude the digit that the network says."""
    return scores.positions.sum() > 0.5 and segments.excludes(_digit_of(scores))


def confirmed(
    cells: Sequence[Gray], segments: Sequence[SegmentScores], scores: Sequence[CellScores]
) -> list[CellScores]:
    """The scores of a display's cells, with little doubt left that a cell shows a digit where its segments are lit as
    those of the others are, and make the one that the network says. Which digit it is stays as it was.
    """
    contrasts = [_contrast(cell) for cell in cells]
    lit = [contrast for contrast, each in zip(contrasts, scores, strict=True) if each.positions.sum() >= SURELY]
    if len(lit) < MIN_LIT:
        return list(scores)
    least = LIT_SHARE * float(np.median(lit))
    return [
        _as_digit(each) if contrast >= least and _is_drawn(drawn, each) else each
        for contrast, drawn, each in zip(contrasts, segments, scores, strict=True)
    ]


def _digit_of(scores: CellScores) -> int:
    return (int(scores.positions.argmax()) + 5) // 10 % 10


def _is_drawn(segments: SegmentScores, scores: CellScores) -> bool:
    """Whether the segments make the digit that the network says."""
    digit = _digit_of(scores)
    return scores.positions.sum() > 0.5 and segments.best == digit and segments.fits[digit] >= MIN_FIT


def _as_digit(scores: CellScores) -> CellScores:
    """The scores with little of the doubt that there is a digit."""
    doubt = scores.blank + scores.unreadable
    shown = float(scores.positions.sum())
    positions = scores.positions * ((shown + (1 - LEGIBLE) * doubt) / shown)
    return replace(scores, positions=positions, blank=LEGIBLE * scores.blank, unreadable=LEGIBLE * scores.unreadable)


def _contrast(cell: Gray) -> float:
    """Gray levels between what is nearly the darkest and nearly the lightest of a cell."""
    low, high = np.quantile(cell, (LOW_QUANTILE, HIGH_QUANTILE))
    return float(high - low)


@dataclass(frozen=True, slots=True, eq=False)
class _Bank:
    """Drawings of all digits in every pose.

    Parameters
    ----------
    outlines : (poses, pixels) float32
        1 where a pose is compared.
    drawings : (poses, shown, pixels) float32
        Of length 1, and of mean 0 within the outline.
    digits : (shown,) int64
    """

    outlines: Array
    drawings: Array
    digits: NDArray[np.int64]


def _detail(cell: Gray) -> Array:
    """A cell without its slow shades, as a vector; all 0 where it is flat."""
    small = cv2.resize(cell, SHAPE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = (small - cv2.GaussianBlur(small, (0, 0), SHADE * SHAPE[1])).ravel()
    return detail if float(detail.std()) > FLAT else np.zeros_like(detail)


def _best_fits(details: Array, bank: _Bank) -> Array:
    """Correlation of cells (n, pixels) with each digit's best drawing within its outline, whichever is lit, (n, 10)."""
    count = bank.outlines.sum(axis=1)[:, None]
    energy = bank.outlines @ np.square(details.T) - np.square(bank.outlines @ details.T) / count
    fits = np.abs(bank.drawings @ details.T / np.sqrt(np.maximum(energy, FLAT**2 * count))[:, None])
    return np.stack([fits[:, bank.digits == digit].max(axis=(0, 1)) for digit in range(10)], axis=1)


@functools.cache
def _banks() -> tuple[_Bank, ...]:
    """Digits without lines above and below them, and with them."""
    poses = product(HEIGHTS, WIDTHS, SLANTS, STROKES, ACROSS, DOWN, (None,))
    return _bank(list(poses)), _bank(list(product(LINED_HEIGHTS, WIDTHS, SLANTS, STROKES, ACROSS, DOWN, LINE_GAPS)))


def _bank(poses: Sequence[Pose]) -> _Bank:
    shown = [*enumerate(LIT), *OTHER_LIT.items()]
    outlines = np.stack([_outline(_drawing(LIT[8], *pose)) for pose in poses])
    drawn = np.stack([[_small(_drawing(lit, *pose)) for _, lit in shown] for pose in poses])
    means = (drawn * outlines[:, None]).sum(axis=2) / outlines.sum(axis=1)[:, None]
    drawn = (drawn - means[..., None]) * outlines[:, None]
    lengths = np.linalg.norm(drawn, axis=2, keepdims=True)
    return _Bank(outlines, (drawn / lengths).astype(np.float32), np.array([digit for digit, _ in shown]))


def _outline(drawing: Gray) -> Array:
    """1 within the hull of a drawing and `MARGIN` about it, as a vector."""
    hull = cv2.fillConvexPoly(np.zeros_like(drawing), cv2.convexHull(cv2.findNonZero(drawing)), 255)
    side = 2 * MARGIN * ZOOM + 1
    return (_small(cv2.dilate(hull, np.ones((side, side), np.uint8))) > 127).astype(np.float32)


def _small(drawing: Gray) -> Array:
    return cv2.resize(drawing, SHAPE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


def _drawing(
    lit: str, height: float, width: float, slant: float, stroke: float, across: float, down: float, gap: float | None
) -> Gray:
    """A digit of seven segments, light on dark, (rows x zoom, columns x zoom) uint8, with lines at a gap or without."""
    rows, columns = SHAPE[0] * ZOOM, SHAPE[1] * ZOOM
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
    if gap is not None:
        beyond = gap * tall + thick
        for level in (y[0] - beyond, y[2] + beyond):
            ends_x = round(x[0] - thick / 2), round(x[1] + thick / 2)
            cv2.line(canvas, (ends_x[0], round(level)), (ends_x[1], round(level)), 255, max(1, round(thick)))
    return canvas
