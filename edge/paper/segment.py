"""From ink to regions: connected pieces of ink, freed of rules and frames, and how much ink covers their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from edge.nouns import Box, Gray, Region
from edge.paper.binarize import CELL, INK_FRACTION, Ink
from edge.paper.lattice import without_lattice
from edge.paper.pieces import MIN_HEIGHT, Piece, connected_pieces, own_mask, typical_height, union_box
from edge.paper.rules import find_rules, may_have_rules, without_rules

MAX_PIECES = 600
"""Pieces looked at in a frame, the tallest first: a texture must not stop the clock."""

WORK_SIDE, WIDEST = 64, 6
"""Height in pixels that a larger region is reduced to before its coverage is worked out; it may be 6 times wider."""

INK_QUANTILE = 0.2
"""The gray level of full ink is this quantile of a region's pixels."""

DASH, DASH_OVER_HEIGHT = 6.0, 1.2
"""What is left of a rule, wider than this over its own height and over that of the picture's pieces, is a dash."""

FAINT_PIECE = 0.8
"""A piece with less than this share of the contrast around it is measured by its own darkness."""

NARROW = 0.4
"""A piece narrower than this over its height is looked at closely: it may be an edge instead of a stroke."""

FREE_SIDE = 0.25
"""... a stroke has paper beside it for this share of its height."""

RING, RING_GAP, PAPER_SHARE = 5, np.ones((5, 5), np.uint8), 0.75
"""This share of the ring from 2 to 5 pixels around a lone digit is paper."""

GRAY_LEVELS = np.arange(256, dtype=np.float32)

BORDER_KERNEL = np.ones((3, 3), np.uint8)
"""The soft border of the ink that is taken along: one pixel to all sides."""


def find_pieces(ink: Ink) -> tuple[Ink, list[Piece]]:
    """The connected pieces of ink from left to right, and the ink without the rules and frames that were found.

    Returns
    -------
    Ink
        The one given where there was nothing to take away.
    list of Piece
        At most `MAX_PIECES`, the tallest.
    """
    pieces = connected_pieces(ink.mask)
    cleared = without_lattice(ink) if may_have_rules(pieces, ink.mask.shape) else None
    if cleared is not None:
        ink, pieces = cleared, connected_pieces(cleared.mask)
    rules = find_rules(ink, pieces)
    if rules is not None:
        longest = DASH_OVER_HEIGHT * typical_height(pieces)
        ink = replace(ink, mask=without_rules(ink.mask, rules))
        pieces = _without_dashes(connected_pieces(ink.mask), longest)
    mask = _with_faint_strokes(ink, pieces, rules)
    if mask is not ink.mask:
        ink = replace(ink, mask=mask)
        pieces = connected_pieces(mask) if rules is None else _without_dashes(connected_pieces(mask), longest)
    tallest = sorted(pieces, key=lambda piece: -piece.height)[:MAX_PIECES]
    marked = [
        piece if piece.box[2] > NARROW * piece.height or _is_stroke(ink, piece) else replace(piece, is_edge=True)
        for piece in tallest
    ]
    return ink, sorted(marked, key=lambda piece: piece.box[0])


def _without_dashes(pieces: Sequence[Piece], longest: float) -> list[Piece]:
    """The pieces without what is left of rules: flat ones, longer than any minus sign."""
    return [piece for piece in pieces if piece.box[2] < max(longest, DASH * piece.height)]


def _with_faint_strokes(ink: Ink, pieces: Sequence[Piece], rules: Gray | None) -> Gray:
    """The mask with the thinner strokes of pieces that are fainter than those around them; the same where none is.

    Ink is found by the darkest pixels near, and beside a bold digit the hairlines of a faint one are
    missed: such a piece is measured once more by its own darkness, and takes in what hangs together with it.
    """
    completed = ink.mask
    for piece in pieces:
        if piece.size >= MIN_HEIGHT and _is_faint(ink, piece):
            box = _grown(piece.box, max(3, piece.size // 3), ink.mask.shape)
            x, y, width, height = box
            own = own_mask(ink.mask, box, [piece])
            paper, gray = paper_level(ink, piece.box), ink.gray[y : y + height, x : x + width]
            darkest = float(gray[own > 0].min())
            level = paper - max(INK_FRACTION * (paper - darkest), ink.least_depth)
            wider = cv2.compare(gray, level, cv2.CMP_LT)
            if rules is not None:
                wider = cv2.subtract(wider, rules[y : y + height, x : x + width])
            taken = _touching(wider, own, cv2.subtract(ink.mask[y : y + height, x : x + width], own))
            if taken is not None:
                completed = completed.copy() if completed is ink.mask else completed
                area = completed[y : y + height, x : x + width]
                np.maximum(area, taken, out=area)
    return completed


def _is_faint(ink: Ink, piece: Piece) -> bool:
    """Whether ink that is much darker lies near a piece."""
    row, column = _cell(ink, piece.box)
    paper, darkest = float(ink.paper[row, column]), float(ink.darkest[row, column])
    return depth_of(ink, piece.box) < FAINT_PIECE * (1.0 - darkest / max(paper, 1.0))


def _touching(wider: Gray, own: Gray, others: Gray) -> Gray | None:
    """The parts of `wider` that hang together with `own`; None where they reach the crop's border or swallow others."""
    count, labels = cv2.connectedComponents(wider)
    mine = np.zeros(count, np.uint8)
    mine[labels[own > 0]] = 255
    mine[0] = 0
    taken = mine[labels]
    border = np.concatenate([taken[0], taken[-1], taken[:, 0], taken[:, -1]])
    strangers = cv2.countNonZero(cv2.bitwise_and(taken, others))
    return None if border.any() or strangers > cv2.countNonZero(own) else taken


def _is_stroke(ink: Ink, piece: Piece) -> bool:
    """Whether a narrow piece has paper on both sides, along some of its height: the border of a desk has not."""
    x, y, width, height = piece.box
    rows = slice(y, y + height)
    paper = paper_level(ink, piece.box)
    half = (paper + float(ink.gray[rows, x : x + width].mean())) / 2
    sides = ink.gray[rows, max(x - 4, 0) : max(x - 1, 0)], ink.gray[rows, x + width + 1 : x + width + 4]
    return all(side.size > 0 and float((side.max(axis=1) > half).mean()) > FREE_SIDE for side in sides)


def is_surrounded(ink: Ink, piece: Piece) -> bool:
    """Whether there is paper around a piece: along the border of a page or a desk there is on one side only."""
    x, y, width, height = piece.box
    left, top = max(x - RING, 0), max(y - RING, 0)
    right, bottom = min(x + width + RING, ink.mask.shape[1]), min(y + height + RING, ink.mask.shape[0])
    own = own_mask(ink.mask, (left, top, right - left, bottom - top), [piece])
    gray = ink.gray[top:bottom, left:right]
    ring = cv2.subtract(cv2.dilate(own, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)), cv2.dilate(own, RING_GAP))
    half = (paper_level(ink, piece.box) + cv2.mean(gray, own)[0]) / 2
    count = cv2.countNonZero(ring)
    return (
        count > 0 and cv2.countNonZero(cv2.bitwise_and(ring, cv2.compare(gray, half, cv2.CMP_GT))) > PAPER_SHARE * count
    )


def depth_of(ink: Ink, box: Box) -> float:
    """How dark the darkest pixel of a box is, as a share of the paper's light, 0 to 1: a shadow changes nothing."""
    x, y, width, height = box
    darkest = float(ink.gray[y : y + height, x : x + width].min())
    return 1.0 - darkest / max(paper_level(ink, box), 1.0)


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
    mask = own_mask(ink.mask, padded, pieces)
    x, y, width, height = padded
    gray = ink.gray[y : y + height, x : x + width]
    factor = max(height, width / WIDEST) / WORK_SIDE
    if factor > 1:
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        mask = cv2.compare(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), 96, cv2.CMP_GT)
    return Region(box, coverage_of(gray, mask, paper_level(ink, padded)))


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


def _pad(box: Box, shape: tuple[int, ...]) -> Box:
    """One pixel more on each side, within the frame."""
    return _grown(box, 1, shape)


def _grown(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    left, top = max(box[0] - margin, 0), max(box[1] - margin, 0)
    right, bottom = min(box[0] + box[2] + margin, shape[1]), min(box[1] + box[3] + margin, shape[0])
    return left, top, right - left, bottom - top


def paper_level(ink: Ink, box: Box) -> float:
    """Gray level of the paper in the middle of a box."""
    return float(ink.paper[_cell(ink, box)])


def _cell(ink: Ink, box: Box) -> tuple[int, int]:
    """Row and column of the cell in the middle of a box."""
    x, y, width, height = box
    return (
        min((y + height // 2) // CELL, ink.paper.shape[0] - 1),
        min((x + width // 2) // CELL, ink.paper.shape[1] - 1),
    )
