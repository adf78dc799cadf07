"""Whether a blank cell is blank: a 1 on its wall is taken for the wall, and one beside it belongs to no cell.

Each wall's ink is held, row by row, against what stands there in the reference picture, or without one in the row's
other walls. Where the digit of the cell next to it reaches the wall, the ink there is that digit's.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.boxes import Written
from edge.forms.cells import CELL_HEIGHT, MARGIN, Cell
from edge.nouns import Gray

ON, BESIDE, FAR = 5, 13, 21
"""Pixels from a wall up to which ink is on it, and beside it; from there on, and inside as far as BESIDE, is paper."""

ROWS = slice(MARGIN + round(0.15 * CELL_HEIGHT), MARGIN + round(0.85 * CELL_HEIGHT))
"""A stroke that is a digit covers half of these rows."""

HALF, QUARTER = 0.5, 0.25
"""Share of the rows that no other digit reaches, and of all, that a stroke covers at the least."""

ASTRAY = 9
"""Rows, twice as many as a tick may end above or below where it does in the reference picture, and one."""

LIGHTEST = 0.7
"""Share of the pixels beside a wall that are darker than their paper."""

MORE, LEAST = 0.6, 120.0
"""A wall has more ink than it should with this share more, and so many gray levels times pixels a row at the least:
every stroke of a pen has; pencil on the wall itself escapes.
"""

GAIN = (0.3, 3.0)
"""How much darker or fainter than in the reference picture the lines of a frame may be."""

INKED = 64
"""Coverage from which on a pixel belongs to a digit."""

Walls = NDArray[np.float64]
"""(cells, 2, 2, rows): of the wall at the left and at the right, the ink on it and beside it in each of its rows, in
gray levels times pixels.
"""

Reached = NDArray[np.bool_]
"""(cells, 2, rows): whether the digit of the next cell reaches the wall at the left, and at the right, in a row."""


def ink_of_walls(cells: Sequence[Cell]) -> Walls:
    """How much ink is on the walls of each cell of a row, and just outside of them."""
    return np.array([[_ink_at_left(cell.gray), _ink_at_left(cell.gray[:, ::-1])] for cell in cells])


def reached_walls(cells: Sequence[Cell], written: Sequence[Written]) -> Reached:
    """Where the digits of the cells beside them reach the walls of each cell of a row."""
    reached = np.zeros((len(cells), 2, ROWS.stop - ROWS.start), np.bool_)
    inked = [_inked(cell, each) for cell, each in zip(cells, written, strict=True)]
    for k in range(1, len(cells)):
        wall = MARGIN + cells[k - 1].width
        reached[k, 0] = inked[k - 1][ROWS, wall - ON : wall + ON].any(axis=1)
        reached[k - 1, 1] = inked[k][ROWS, MARGIN - ON : MARGIN + ON].any(axis=1)
    return reached


def _inked(cell: Cell, written: Written) -> NDArray[np.bool_]:
    """Where a cell's own digit has ink."""
    inked = np.zeros(cell.gray.shape, np.bool_)
    if written.region is not None:
        x, y, _, _ = written.region.box
        coverage = written.region.coverage
        left, top = max(x - 1, 0), max(y - 1, 0)
        inked[top : top + coverage.shape[0], left : left + coverage.shape[1]] = coverage > INKED
    return inked


def marked_walls(
    found: Walls, known: Walls | None, is_blank: Sequence[bool], reached: Reached | None = None
) -> list[bool]:
    """Whether a mark may stand on or beside a wall of each blank cell; False for the others.

    Parameters
    ----------
    found : (cells, 2, 2, rows) float64
    known : (cells, 2, 2, rows) float64, optional
        Of the reference picture.
    is_blank : sequence of bool
        What stands beside a wall is the neighbour's where the neighbour is not blank.
    reached : (cells, 2, rows) bool, optional
        Where a neighbour's digit reaches the wall.
    """
    expected = _usual(found) if known is None else _gain(found, known) * _about(known)
    is_more = found > (1 + MORE) * expected + LEAST
    free = np.ones(is_more[:, :, 0].shape, np.bool_) if reached is None else ~reached
    counts = np.count_nonzero(is_more & free[:, :, None], axis=-1)
    is_stroke = (counts > HALF * np.count_nonzero(free, axis=-1)[..., None]) & (counts > QUARTER * free.shape[-1])
    ends = [True, *is_blank[:-1]], [*is_blank[1:], True]
    return [
        blank and any(on or (beside and ends[side][k]) for side, (on, beside) in enumerate(is_stroke[k]))
        for k, blank in enumerate(is_blank)
    ]


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
    depth = np.maximum(paper[:, None] - rows, 0.0)
    on, beside = depth[:, MARGIN - ON : MARGIN + ON], depth[:, MARGIN - BESIDE : MARGIN - ON]
    return np.stack([on.sum(axis=1), beside.sum(axis=1)])


def _lightest(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gray level of each row's paper."""
    k = round(LIGHTEST * (rows.shape[1] - 1))
    return np.asarray(np.partition(rows, k, axis=1)[:, k])
