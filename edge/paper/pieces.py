"""Connected pieces of ink: their boxes, outlines and own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Box, Gray

MIN_HEIGHT = 9
"""Least height of a digit in pixels: a 14 px digit loses some to blur and threshold."""

MIN_SIDE = 2
"""Pieces smaller than this in both directions are noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A connected piece of ink: its box in the frame and its outline.

    `is_edge` says that it has no paper on one side: it may be the border of a page, or a stroke cut off.
    """

    box: Box
    outline: NDArray[np.int32]
    is_edge: bool = False

    @property
    def right(self) -> int:
        """First column after the piece."""
        return self.box[0] + self.box[2]

    @property
    def bottom(self) -> int:
        """First row below the piece."""
        return self.box[1] + self.box[3]

    @property
    def height(self) -> int:
        """Rows that the piece spans."""
        return self.box[3]

    @property
    def size(self) -> int:
        """The longer side of its box."""
        return max(self.box[2], self.box[3])

    @property
    def middle(self) -> float:
        """Row half-way between top and bottom."""
        return self.box[1] + self.box[3] / 2


def connected_pieces(mask: Gray) -> list[Piece]:
    """The connected pieces of a mask, outer outlines only; what stands inside a frame is a piece of its own."""
    outlines, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    pieces = []
    for outline, parent in zip(outlines, hierarchy[0, :, 3].tolist(), strict=True):
        if parent < 0 and len(outline) > 1:
            box = cv2.boundingRect(outline)
            if box[2] >= MIN_SIDE and box[3] >= MIN_SIDE:
                pieces.append(Piece(box, outline))
    return pieces


def typical_height(pieces: Sequence[Piece]) -> float:
    """Middle height of the pieces that are high enough to be digits, in pixels; 0 without any.

    Points, signs and bits may be as many as digits, so what is less than half as high as the upper quartile is none.
    """
    heights = sorted(piece.height for piece in pieces if piece.height >= MIN_HEIGHT)
    if not heights:
        return 0.0
    high = heights[(3 * len(heights) - 1) // 4]
    return float(median(height for height in heights if 2 * height >= high))


def own_mask(mask: Gray, box: Box, pieces: Sequence[Piece]) -> Gray:
    """The ink of these pieces alone within a box."""
    x, y, width, height = box
    own = np.zeros((height, width), np.uint8)
    cv2.drawContours(own, [piece.outline for piece in pieces], -1, 255, cv2.FILLED, offset=(-x, -y))
    return cv2.bitwise_and(own, mask[y : y + height, x : x + width])


def union_box(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top
