"""Whether a blank cell is blank: a 1 on its wall is taken for the wall, and one beside it belongs to no cell.

Each wall's ink is held against what stands there in the reference picture, or without one in the row's other walls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.forms.cells import CELL_HEIGHT, MARGIN, Cell
from edge.nouns import Gray

ON, BESIDE, FAR = 5, 13, 21
"""Pixels from a wall up to which ink is on it, and beside it; from there on, and inside as far as BESIDE, is paper."""

ROWS = slice(MARGIN + round(0.15 * CELL_HEIGHT), MARGIN + round(0.85 * CELL_HEIGHT))
"""A stroke that is a digit covers half of these rows."""

LIGHTEST = 0.7
"""Share of the pixels beside a wall that are darker than their paper."""

MORE, LEAST = 0.6, 120.0
"""A wall has more ink than it should with this share more, and so many gray levels times pixels a row at the least:
0.3 % of the walls of blank cells on generated pages of validation writers, and every stroke of a pen; pencil on the
wall itself escapes.
"""

GAIN = (0.3, 3.0)
"""How much darker or fainter than in the reference picture the lines of a frame may be."""

Walls = NDArray[np.float64]
"""(cells, 2, 2): of the wall at the left and at the right, the ink on it and beside it, in gray levels times pixels."""


def ink_of_walls(cells: Sequence[Cell]) -> Walls:
    """How much ink is on the walls of each cell of a row, and just outside of them."""
    return np.array([[_ink_at_left(cell.gray), _ink_at_left(cell.gray[:, ::-1])] for cell in cells])


def marked_walls(found: Walls, known: Walls | None, is_blank: Sequence[bool]) -> list[bool]:
    """Whether a mark may stand on or beside a wall of each blank cell; False for the others.

    Parameters
    ----------
    found : (cells, 2, 2) float64
    known : (cells, 2, 2) float64, optional
        Of the reference picture.
    is_blank : sequence of bool
        What stands beside a wall is the neighbour's where the neighbour is not blank.
    """
    expected = _usual(found) if known is None else _gain(found, known) * known
    is_more = found > (1 + MORE) * expected + LEAST
    ends = [False, *is_blank[:-1]], [*is_blank[1:], False]
    marked = []
    for k, blank in enumerate(is_blank):
        is_open = [ends[0][k] or k == 0, ends[1][k] or k == len(is_blank) - 1]
        sides = (on or (beside and free) for (on, beside), free in zip(is_more[k], is_open, strict=True))
        marked.append(blank and any(sides))
    return marked


def _usual(found: Walls) -> Walls:
    """What the row's walls have; those at its ends may be thicker, and are held against each other as well."""
    usual = np.broadcast_to(np.median(found, axis=(0, 1)), found.shape).copy()
    for k, side in ((0, 0), (-1, 1)):
        usual[k, side] = np.maximum(usual[k, side], np.minimum(found[0, 0], found[-1, 1]))
    return usual


def _gain(found: Walls, known: Walls) -> float:
    """How much darker the lines are than in the reference picture."""
    has_line = known[..., 0] > LEAST
    ratios = found[..., 0][has_line] / known[..., 0][has_line]
    return float(np.clip(np.median(ratios), *GAIN)) if ratios.size else 1.0


def _ink_at_left(gray: Gray) -> tuple[float, float]:
    """Ink on the left wall of a cell and just outside of it, the median of the rows."""
    rows = gray[ROWS].astype(np.float64)
    outside, inside = rows[:, MARGIN - FAR : MARGIN - BESIDE], rows[:, MARGIN + ON : MARGIN + BESIDE]
    paper = np.minimum(_lightest(outside), _lightest(inside))
    depth = np.maximum(paper[:, None] - rows, 0.0)
    on, beside = depth[:, MARGIN - ON : MARGIN + ON], depth[:, MARGIN - BESIDE : MARGIN - ON]
    return float(np.median(on.sum(axis=1))), float(np.median(beside.sum(axis=1)))


def _lightest(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gray level of each row's paper."""
    k = round(LIGHTEST * (rows.shape[1] - 1))
    return np.asarray(np.partition(rows, k, axis=1)[:, k])
