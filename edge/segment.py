"""From ink to regions: connected pieces of ink, freed of rules and frames, and how much ink covers their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.binarize import CELL, Ink
from edge.nouns import Box, Gray, Region

MIN_HEIGHT = 9
"""Least height of a digit in pixels: a 14 px digit loses some to blur and threshold."""

MIN_SIDE = 2
"""Pieces smaller than this in both directions are noise."""

MAX_PIECES = 600
"""Pieces looked at in a frame, the tallest first: a texture must not stop the clock."""

WORK_SIDE = 64
"""Longer side, in pixels, that a larger region is reduced to before its coverage is worked out."""

INK_QUANTILE = 0.2
"""The gray level of full ink is this quantile of a region's pixels."""

RULE_LENGTH = 3.2
"""A piece this many times wider than high may hold a rule."""

SPARSE = 0.3
"""Frames and rulings fill less than this share of their box."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A connected piece of ink: its box in the frame and its outline."""

    box: Box
    outline: NDArray[np.int32]

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
    def middle(self) -> float:
        """Row half-way between top and bottom."""
        return self.box[1] + self.box[3] / 2


def find_pieces(ink: Ink) -> tuple[Ink, list[Piece]]:
    """The connected pieces of ink from left to right, and the ink without the rules and frames that were found.

    Returns
    -------
    Ink
        The one given where there was nothing to take away.
    list of Piece
        At most `MAX_PIECES`, the tallest.
    """
    pieces = _connected(ink.mask)
    ruled = [piece for piece in pieces if _may_be_rule(piece, ink.mask.shape)]
    if ruled:
        ink = replace(ink, mask=_without_rules(ink.mask, ruled))
        pieces = [piece for piece in _connected(ink.mask) if not _may_be_rule(piece, ink.mask.shape)]
    tallest = sorted(pieces, key=lambda piece: -piece.height)[:MAX_PIECES]
    return ink, sorted(tallest, key=lambda piece: piece.box[0])


def _connected(mask: Gray) -> list[Piece]:
    """Outer outlines only; what stands inside a frame is a piece of its own."""
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


def _may_be_rule(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Whether a piece is so long, or so large and sparse, that lines may be a part of it."""
    _, _, width, height = piece.box
    if max(width, height) < 24:
        return False
    if width > RULE_LENGTH * height or height > 12 * width:
        return True
    if width < 1.1 * height and height < 0.3 * shape[0]:
        return False
    return cv2.contourArea(piece.outline) < SPARSE * width * height or (
        width > RULE_LENGTH * MIN_HEIGHT and _is_hollow(piece)
    )


def _is_hollow(piece: Piece) -> bool:
    """Whether the outline is as good as its own box: a frame seen from outside."""
    _, _, width, height = piece.box
    return width > 1.2 * height and cv2.contourArea(piece.outline) > 0.85 * width * height


def _without_rules(mask: Gray, ruled: Sequence[Piece]) -> Gray:
    """The mask without the straight, level or upright, long runs of ink of the pieces in `ruled`."""
    mask = mask.copy()
    for piece in ruled:
        x, y, width, height = piece.box
        own = _own_mask(mask, piece.box, [piece])
        level = _runs(own, max(24, min(round(0.9 * height), width // 2)), horizontal=True)
        upright = _walls(own, level)
        rest = _mend(cv2.subtract(own, cv2.max(level, upright)), level, upright)
        area = mask[y : y + height, x : x + width]
        area[own > 0] = rest[own > 0]
    return mask


def _runs(own: Gray, length: int, horizontal: bool) -> Gray:
    """Ink that lies in straight runs of at least `length` pixels; a run may stray by a pixel to either side."""
    across, along = ((3, 1), (1, length)) if horizontal else ((1, 3), (length, 1))
    wider = cv2.dilate(own, np.ones(across, np.uint8))
    return cv2.bitwise_and(cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones(along, np.uint8)), own)


def _walls(own: Gray, level: Gray) -> Gray:
    """Upright runs between a frame's upper and lower rule; without both, an upright run may be a 1."""
    rows = np.flatnonzero(level.any(axis=1))
    if rows.size == 0 or rows[-1] - rows[0] < max(20, 0.6 * own.shape[0]):
        return np.zeros_like(own)
    return _runs(own, round(0.75 * int(rows[-1] - rows[0])), horizontal=False)


def _mend(rest: Gray, level: Gray, upright: Gray) -> Gray:
    """Give back the ink of a rule where a stroke crosses it: a pixel with stroke ink on both sides across the rule."""
    thickness = 7
    for removed, kernel in ((level, np.ones((thickness, 1), np.uint8)), (upright, np.ones((1, thickness), np.uint8))):
        bridged = cv2.bitwise_and(cv2.morphologyEx(rest, cv2.MORPH_CLOSE, kernel), removed)
        rest = cv2.max(rest, bridged)
    return rest


def region_of(ink: Ink, pieces: Sequence[Piece]) -> Region:
    """The region that some pieces make together, with its coverage; a large one is reduced.

    Parameters
    ----------
    ink : Ink
    pieces : sequence of Piece
        At least one.
    """
    box = union_box([piece.box for piece in pieces])
    padded = _pad(box, ink.mask.shape)
    mask = _own_mask(ink.mask, padded, pieces)
    x, y, width, height = padded
    gray = ink.gray[y : y + height, x : x + width]
    longer = max(width, height)
    if longer > WORK_SIDE:
        size = (max(1, round(width * WORK_SIDE / longer)), max(1, round(height * WORK_SIDE / longer)))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        mask = cv2.compare(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), 96, cv2.CMP_GT)
    return Region(box, coverage_of(gray, mask, _paper_level(ink, padded)))


def coverage_of(gray: Gray, mask: Gray, paper: float) -> Gray:
    """How much ink covers each pixel of a crop.

    Parameters
    ----------
    gray : (rows, columns) uint8
        Dark ink on light paper.
    mask : (rows, columns) uint8
        Not 0 where the region's ink is; one pixel around it is taken along as its soft border.
    paper : float
        Gray level of the paper.

    Returns
    -------
    (rows, columns) uint8
        0 is paper, 255 full ink.
    """
    inked = np.sort(gray[mask > 0], axis=None)
    if inked.size == 0:
        return np.zeros_like(gray)
    ink = float(inked[int(INK_QUANTILE * (inked.size - 1))])
    depth = cv2.subtract(np.full_like(gray, round(paper)), gray)
    coverage = cv2.convertScaleAbs(depth, alpha=255.0 / max(paper - ink, 1.0))
    return cv2.bitwise_and(coverage, cv2.dilate(mask, np.ones((3, 3), np.uint8)))


def union_box(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def _pad(box: Box, shape: tuple[int, ...]) -> Box:
    """One pixel more on each side, within the frame."""
    left, top = max(box[0] - 1, 0), max(box[1] - 1, 0)
    return left, top, min(box[0] + box[2] + 1, shape[1]) - left, min(box[1] + box[3] + 1, shape[0]) - top


def _own_mask(mask: Gray, box: Box, pieces: Sequence[Piece]) -> Gray:
    """The ink of these pieces alone within a box."""
    x, y, width, height = box
    own = np.zeros((height, width), np.uint8)
    cv2.drawContours(own, [piece.outline for piece in pieces], -1, 255, cv2.FILLED, offset=(-x, -y))
    return cv2.bitwise_and(own, mask[y : y + height, x : x + width])


def _paper_level(ink: Ink, box: Box) -> float:
    """Gray level of the paper around a box: the median of its cells."""
    x, y, width, height = box
    cells = ink.paper[y // CELL : (y + height) // CELL + 1, x // CELL : (x + width) // CELL + 1]
    return float(np.median(cells)) if cells.size else float(ink.paper[-1, -1])
