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

WORK_SIDE, WIDEST = 64, 6
"""Height in pixels that a larger region is reduced to before its coverage is worked out; it may be 6 times wider."""

INK_QUANTILE = 0.2
"""The gray level of full ink is this quantile of a region's pixels."""

MIN_RULE = 24
"""Length in pixels that a rule has at the least."""

RULE_LENGTH = 3.2
"""A piece this many times wider than high may hold a rule."""

HOLLOW = 0.55
"""The holes of a frame, or of a row of cells, make up at least this share of its box; a 0's stay below."""

DASH = 6.0
"""What is left of a rule, and wider than this over its height, is a dash."""

NARROW = 0.4
"""A piece narrower than this over its height is looked at closely: it may be an edge instead of a stroke."""

FREE_SIDE = 0.25
"""... a stroke has paper beside it for this share of its height."""

RING, RING_GAP, PAPER_SHARE = 5, np.ones((5, 5), np.uint8), 0.75
"""This share of the ring from 2 to 5 pixels around a lone digit is paper."""

GRAY_LEVELS = np.arange(256, dtype=np.float32)

BORDER_KERNEL = np.ones((3, 3), np.uint8)
"""The soft border of the ink that is taken along: one pixel to all sides."""


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
    def size(self) -> int:
        """The longer side of its box."""
        return max(self.box[2], self.box[3])

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
    ruled = [piece for piece in pieces if _may_be_ruled(piece)]
    mask = _without_rules(ink.mask, ruled)
    if mask is not ink.mask:
        ink = replace(ink, mask=mask)
        pieces = [piece for piece in _connected(mask) if piece.box[2] < DASH * piece.height]
    tallest = sorted(pieces, key=lambda piece: -piece.height)[:MAX_PIECES]
    kept = [piece for piece in tallest if piece.box[2] > NARROW * piece.height or _is_stroke(ink, piece)]
    return ink, sorted(kept, key=lambda piece: piece.box[0])


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


def _may_be_ruled(piece: Piece) -> bool:
    """Whether a piece is large enough to hold a rule or a frame."""
    _, _, width, height = piece.box
    return width >= MIN_RULE and (width > RULE_LENGTH * height or height > MIN_RULE)


def _without_rules(mask: Gray, candidates: Sequence[Piece]) -> Gray:
    """The mask without the straight, level or upright, long runs of ink of rules and frames; the same where none is."""
    cleared = mask
    for piece in candidates:
        x, y, width, height = piece.box
        own = _own_mask(mask, piece.box, [piece])
        is_frame = _hollow_share(own) > HOLLOW
        if not is_frame and width <= RULE_LENGTH * height:
            continue
        level = _runs(own, max(MIN_RULE, width // 2), horizontal=True)
        upright = _walls(own, level) if is_frame else np.zeros_like(own)
        if not cv2.countNonZero(level):
            continue
        rest = _mend(cv2.subtract(own, cv2.max(level, upright)), level, upright)
        cleared = mask.copy() if cleared is mask else cleared
        area = cleared[y : y + height, x : x + width]
        area[own > 0] = rest[own > 0]
    return cleared


def _hollow_share(own: Gray) -> float:
    """Area of the holes in a piece over the area of its box."""
    outlines, hierarchy = cv2.findContours(own, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return 0.0
    parents = hierarchy[0, :, 3].tolist()
    return sum(cv2.contourArea(o) for o, parent in zip(outlines, parents, strict=True) if parent >= 0) / own.size


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


def _is_stroke(ink: Ink, piece: Piece) -> bool:
    """Whether a narrow piece has paper on both sides, along some of its height: the border of a desk has not."""
    x, y, width, height = piece.box
    rows = slice(y, y + height)
    paper = _paper_level(ink, piece.box)
    half = (paper + float(ink.gray[rows, x : x + width].mean())) / 2
    sides = ink.gray[rows, max(x - 4, 0) : max(x - 1, 0)], ink.gray[rows, x + width + 1 : x + width + 4]
    return all(side.size > 0 and float((side.max(axis=1) > half).mean()) > FREE_SIDE for side in sides)


def is_surrounded(ink: Ink, piece: Piece) -> bool:
    """Whether there is paper around a piece: along the border of a page or a desk there is on one side only."""
    x, y, width, height = piece.box
    left, top = max(x - RING, 0), max(y - RING, 0)
    right, bottom = min(x + width + RING, ink.mask.shape[1]), min(y + height + RING, ink.mask.shape[0])
    own = _own_mask(ink.mask, (left, top, right - left, bottom - top), [piece])
    gray = ink.gray[top:bottom, left:right]
    ring = cv2.subtract(cv2.dilate(own, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)), cv2.dilate(own, RING_GAP))
    half = (_paper_level(ink, piece.box) + cv2.mean(gray, own)[0]) / 2
    count = cv2.countNonZero(ring)
    return (
        count > 0 and cv2.countNonZero(cv2.bitwise_and(ring, cv2.compare(gray, half, cv2.CMP_GT))) > PAPER_SHARE * count
    )


def depth_of(ink: Ink, box: Box) -> float:
    """How dark the darkest pixel of a box is, as a share of the paper's light, 0 to 1: a shadow changes nothing."""
    x, y, width, height = box
    darkest = float(ink.gray[y : y + height, x : x + width].min())
    return 1.0 - darkest / max(_paper_level(ink, box), 1.0)


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
    factor = max(height, width / WIDEST) / WORK_SIDE
    if factor > 1:
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
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
    counts = cv2.calcHist([gray], [0], mask, [256], [0, 256]).ravel().cumsum()
    if counts[-1] == 0:
        return np.zeros_like(gray)
    ink = float(np.searchsorted(counts, INK_QUANTILE * counts[-1]))
    slope = 255.0 / max(paper - ink, 1.0)
    levels = np.clip(np.round((paper - GRAY_LEVELS) * slope), 0, 255).astype(np.uint8)
    return cv2.bitwise_and(cv2.LUT(gray, levels), cv2.dilate(mask, BORDER_KERNEL))


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
    """Gray level of the paper in the middle of a box."""
    x, y, width, height = box
    row = min((y + height // 2) // CELL, ink.paper.shape[0] - 1)
    column = min((x + width // 2) // CELL, ink.paper.shape[1] - 1)
    return float(ink.paper[row, column])
