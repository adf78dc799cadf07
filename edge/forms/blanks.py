"""Whether a blank cell is blank: a 1 on its wall is taken for the wall, and one beside it belongs to no cell.

Each wall's ink is held, row by row, against what stands there in the reference picture, or without one in the row's
other walls. Where the digit of the cell next to it reaches the wall, the ink there is that digit's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.boxes import Written
from edge.forms.cells import CELL_HEIGHT, MARGIN, Cell
from edge.geometry import Points
from edge.nouns import Gray

ON, BESIDE, FAR = 5, 13, 21
"""Pixels from a wall up to which ink is on it, and beside it; from there on, and inside as far as BESIDE, is paper."""

ROWS = slice(MARGIN + round(0.15 * CELL_HEIGHT), MARGIN + round(0.85 * CELL_HEIGHT))
"""A stroke that is a digit covers half of these rows."""

OF_FREE, OF_ALL = 0.4, 0.2
"""Share of the rows that no other digit reaches, and of all, that a stroke covers at the least."""

ASTRAY = 9
"""Rows, twice as many as a tick may end above or below where it does in the reference picture, and one."""

LIGHTEST = 0.7
"""Share of the pixels beside a wall that are darker than their paper."""

MORE, LEAST = 0.6, 120.0
"""A wall has more ink than it should with this share more, and so many gray levels times pixels a row at the least:
every stroke of a pen has; pencil on the wall itself escapes.
"""

BOW = 15
"""Rows of a digit's bow that a wall hides at the most: above and below them the digit is seen."""

SAME_WALL = 0.15
"""Two cells share a wall whose ends lie within this distance of each other, over the height."""

WHITE = 235.0
"""Gray level that a wall's paper is brought to, so that ink counts alike in the shade."""

GAIN = (0.3, 3.0)
"""How much darker or fainter than in the reference picture the lines of a frame may be."""

INKED = 64
"""Coverage from which on a pixel belongs to a digit."""

Walls = NDArray[np.float64]
"""(cells, 2, 2, rows): of the wall at the left and at the right, the ink on it and beside it in each of its rows, in
gray levels times pixels.
"""


def ink_of_walls(cells: Sequence[Cell]) -> Walls:
    """How much ink is on the walls of each cell of a row, and just outside of them."""
    return np.array([[_ink_at_left(cell.gray), _ink_at_left(cell.gray[:, ::-1])] for cell in cells])


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What the cells on the other side of a row's walls have to do with them.

    Parameters
    ----------
    reached : (cells, 2, rows) bool
        Whether the digit of the next cell reaches the wall at the left, and at the right, in a row.
    is_written : (cells, 2) bool
        Whether there is one: what stands beside the wall is that cell's.
    """

    reached: NDArray[np.bool_]
    is_written: NDArray[np.bool_]


def shared_walls(
    cells: Sequence[Sequence[Cell]], written: Sequence[Sequence[Written]], quads: Sequence[Sequence[Points]]
) -> list[Shared]:
    """What the cells on the other side have to do with the walls of each row: of the same row or, in a table, another.

    Parameters
    ----------
    cells, written, quads : a sequence a row, of the same lengths
        With the corners of each cell in the frame.
    """
    flat = [cell for row in cells for cell in row]
    inked = [_inked(cell, each) for cell, each in zip(flat, (each for row in written for each in row), strict=True)]
    next_ones = _next_cells(np.array([quad for row in quads for quad in row]))
    reached = np.zeros((len(flat), 2, ROWS.stop - ROWS.start), np.uint8)
    is_written = np.zeros((len(flat), 2), np.bool_)
    for left, right in next_ones:
        wall = MARGIN + flat[left].width
        reached[right, 0] = inked[left][ROWS, wall - ON : wall + ON].any(axis=1)
        reached[left, 1] = inked[right][ROWS, MARGIN - ON : MARGIN + ON].any(axis=1)
        is_written[right, 0], is_written[left, 1] = inked[left].any(), inked[right].any()
    closed = cv2.morphologyEx(reached.reshape(-1, reached.shape[-1]), cv2.MORPH_CLOSE, np.ones((1, BOW), np.uint8))
    whole = closed.reshape(reached.shape) > 0
    ends = np.cumsum([len(row) for row in cells])[:-1]
    pairs = zip(np.split(whole, ends), np.split(is_written, ends), strict=True)
    return [Shared(*pair) for pair in pairs]


def _next_cells(quads: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pairs (n, 2) of cells of which the first one's right wall is the second one's left wall."""
    heights = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    apart = np.linalg.norm(quads[:, None, 1] - quads[None, :, 0], axis=-1)
    apart = np.maximum(apart, np.linalg.norm(quads[:, None, 2] - quads[None, :, 3], axis=-1))
    return np.argwhere(apart < SAME_WALL * heights)


def _inked(cell: Cell, written: Written) -> NDArray[np.bool_]:
    """Where a cell's own digit has ink."""
    inked = np.zeros(cell.gray.shape, np.bool_)
    if written.region is not None:
        x, y, _, _ = written.region.box
        coverage = written.region.coverage
        left, top = max(x - 1, 0), max(y - 1, 0)
        inked[top : top + coverage.shape[0], left : left + coverage.shape[1]] = coverage > INKED
    return inked


def marked_walls(found: Walls, known: Walls | None, is_blank: Sequence[bool], shared: Shared) -> list[bool]:
    """Whether a mark may stand on or beside a wall of each blank cell; False for the others.

    Parameters
    ----------
    found : (cells, 2, 2, rows) float64
    known : (cells, 2, 2, rows) float64, optional
        Of the reference picture.
    is_blank : sequence of bool
    shared : Shared
    """
    expected = _usual(found) if known is None else _gain(found, known) * _about(known)
    is_more = found > (1 + MORE) * expected + LEAST
    free = ~shared.reached
    counts = np.count_nonzero(is_more & free[:, :, None], axis=-1)
    is_stroke = (counts > OF_FREE * np.count_nonzero(free, axis=-1)[..., None]) & (counts > OF_ALL * free.shape[-1])
    is_mark = is_stroke[..., 0] | (is_stroke[..., 1] & ~shared.is_written)
    return [blank and bool(mark.any()) for blank, mark in zip(is_blank, is_mark, strict=True)]


def _about(known: Walls) -> Walls:
    """The most ink in the rows around each row: lines may lie a little above or below."""
    flat = known.reshape(-1, known.shape[-1])
    return np.asarray(cv2.dilate(flat, np.ones((1, ASTRAY), np.uint8)).reshape(known.shape))


def _usual(found: Walls) -> Walls:
    """What the row's walls have; those at its ends may be thicker, and are held against each other as well."""
    usual = np.broadcast_to(np.median(found, axis=(0, 1)), found.shape).copy()
    for k, side in ((0, 0), (-1, 1)):
        usual[k, side] = np.maximum(usual[k, side], np.minimum(found[0, 0], found[-1, 1]))
    return _about(usual)


def _gain(found: Walls, known: Walls) -> float:
    """How much darker the lines are than in the reference picture."""
    has_line = known[:, :, 0] > LEAST
    ratios = found[:, :, 0][has_line] / known[:, :, 0][has_line]
    return float(np.clip(np.median(ratios), *GAIN)) if ratios.size else 1.0


def _ink_at_left(gray: Gray) -> NDArray[np.float64]:
    """Ink on the left wall of a cell and just outside of it, (2, rows)."""
    rows = gray[ROWS].astype(np.float64)
    outside, inside = rows[:, MARGIN - FAR : MARGIN - BESIDE], rows[:, MARGIN + ON : MARGIN + BESIDE]
    paper = np.minimum(_lightest(outside), _lightest(inside))
    depth = np.maximum(1.0 - rows / np.maximum(paper, 1.0)[:, None], 0.0) * WHITE
    on, beside = depth[:, MARGIN - ON : MARGIN + ON], depth[:, MARGIN - BESIDE : MARGIN - ON]
    return np.stack([on.sum(axis=1), beside.sum(axis=1)])


def _lightest(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gray level of each row's paper."""
    k = round(LIGHTEST * (rows.shape[1] - 1))
    return np.asarray(np.partition(rows, k, axis=1)[:, k])
