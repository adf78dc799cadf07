"""Loose parts of digits: the bar that floats above a 5, half of a digit that broke in two, an open 4's low stroke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.paper.binarize import Ink
from edge.paper.pieces import Piece, own_mask

PART_GAP = 0.2
"""The bar of a 5 floats at most this far above it, over its height ..."""

PART_REACH = 0.5
"""... and over the bar's longer side."""

HALF, WHOLE = 0.75, 1.3
"""Parts of a digit that is broken in two are lower than this over the typical height, and both together not, but lower
than this.
"""


def loose_parts(ink: Ink, tall: Sequence[Piece], usual: float) -> set[int]:
    """Places of the pieces that are parts of others among them.

    Parameters
    ----------
    ink : Ink
    tall : sequence of Piece
        Those that are high enough for a digit.
    usual : float
        The typical height of the picture's pieces, in pixels.
    """
    if len(tall) < 2:
        return set()
    pairs = _Pairs.of(tall)
    parts = {part for part, whole in pairs.above_or_below(usual) if _floats_near(ink, tall[part], tall[whole])}
    return parts | {part for part, whole in pairs.beside(usual) if _hangs_beside(ink, tall[part], tall[whole])}


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """How each piece lies to each other one: (n, n) pixels, rows the part, columns the whole that it may belong to.

    `across` and `down` are the columns and rows that both span, negative for a gap; `width` and `height` (n).
    """

    width: NDArray[np.int64]
    height: NDArray[np.int64]
    across: NDArray[np.int64]
    down: NDArray[np.int64]

    @classmethod
    def of(cls, tall: Sequence[Piece]) -> _Pairs:
        left, top, width, height = np.array([piece.box for piece in tall]).T
        right, bottom = left + width, top + height
        across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
        down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
        return cls(width, height, across, down)

    def above_or_below(self, usual: float) -> list[tuple[int, int]]:
        """Places of pieces that lie close above, below or within the box of one twice as high, and its place; or of
        one that is hardly higher, where both are too low for a digit by themselves and are one together.
        """
        is_near = -self.down < PART_GAP * self.height
        is_low = self.height[:, None] <= 0.5 * self.height
        together = self.height[:, None] + self.height - self.down
        is_lower = np.triu(self.height[:, None] == self.height, 1) | (self.height[:, None] < self.height)
        are_halves = (
            is_lower
            & (np.maximum(self.height[:, None], self.height) < HALF * usual)
            & (together > HALF * usual)
            & (together < WHOLE * usual)
        )
        share = self.across / self.width[:, None]
        return _places(is_near & ((is_low & (share > 0.4)) | (are_halves & (share > 0.25))))

    def beside(self, usual: float) -> list[tuple[int, int]]:
        """Places of pieces that lie beside an upright one twice as high, between its top and its foot, and reach into
        its columns, and its place: the first stroke of an open 4.
        """
        is_stroke = (self.width < self.height) & (self.height < WHOLE * usual)
        is_low = self.height[:, None] <= 0.5 * self.height
        return _places(is_stroke & is_low & (self.across > 0) & (self.down > 0.8 * self.height[:, None]))


def _places(pairs: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return [(int(part), int(whole)) for part, whole in np.argwhere(pairs)]


def _floats_near(ink: Ink, part: Piece, whole: Piece) -> bool:
    """Whether a piece has ink of a larger one close above or below: the bar of a 5 has, a digit on a page not, whose
    border is a piece with the whole page in its box.
    """
    reach = round(min(PART_GAP * whole.height, PART_REACH * part.size))
    x, y, width, height = part.box
    top, bottom = max(y - reach, 0), min(y + height + reach, ink.mask.shape[0])
    return cv2.countNonZero(own_mask(ink.mask, (x, top, width, bottom - top), [whole])) > 0


def _hangs_beside(ink: Ink, part: Piece, whole: Piece) -> bool:
    """Whether a piece has ink of an upright stroke close to its left or right."""
    reach = round(PART_REACH * part.size)
    x, y, width, height = part.box
    left, right = max(x - reach, 0), min(x + width + reach, ink.mask.shape[1])
    return cv2.countNonZero(own_mask(ink.mask, (left, y, right - left, height), [whole])) > 0
