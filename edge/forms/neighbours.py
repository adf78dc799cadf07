"""A cell's ink cut where it runs on into a digit of the cell beside it, above or below: through the least ink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.cells import CELL_HEIGHT, MARGIN
from edge.nouns import Gray

ASTRAY = round(0.17 * CELL_HEIGHT)
"""Pixels that a cut may stray from the wall: as far as a digit may reach over its line."""

NEIGHBOUR = 22
"""Pixels along the wall that what is cut off covers at the least: it is a digit, and no stroke that runs far out."""

LONGEST_CUT = 20
"""Pixels of ink on a cut at the most: two strokes."""

STRAIGHT = 0.02
"""Ink that a pixel's way from the wall costs: of cuts through the same ink the one nearest to the wall is taken."""

LEVEL = 10
"""Pixels that a stroke through the whole cell may rise from side to side: a number that is struck out."""

LEFT, RIGHT = 0, 1

Plane = TypeVar("Plane", Gray, NDArray[np.int32])


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A cut from top to bottom: the column that it has in each row, and the middle of the rows in which it cuts ink."""

    columns: NDArray[np.int64]
    middle: float


def cut_from_neighbours(mask: Gray) -> tuple[Gray, bool]:
    """A cell's ink cut from that of the cells around it, and whether a stroke seems to run through from side to side.

    Parameters
    ----------
    mask : (rows, columns) uint8
        255 on the ink of a cell and of its surroundings, without lines.
    """
    if not any(turned[:, 0].any() for turned in _turned(mask)):
        return mask, False
    count, labels = cv2.connectedComponents(mask)
    cuts = [_cut(np.ascontiguousarray(turned), count) for turned in _turned(labels)]
    if not any(cuts):
        return mask, False
    cleared = mask.copy()
    for turned, cut in zip(_turned(cleared), cuts, strict=True):
        if cut is not None:
            turned[np.arange(turned.shape[1]) <= cut.columns[:, None]] = 0
    left, right = cuts[LEFT], cuts[RIGHT]
    return cleared, left is not None and right is not None and abs(left.middle - right.middle) < LEVEL


def _turned(mask: Plane) -> tuple[Plane, Plane, Plane, Plane]:
    """A mask, or labels, as it is seen with each of its walls at the left."""
    return mask, mask[:, ::-1], mask.T, mask.T[:, ::-1]


def _cut(labels: NDArray[np.int32], count: int) -> Cut | None:
    """The cut near the left wall through what runs on over it; None where nothing does, or no short cut parts it.

    Parameters
    ----------
    labels : (rows, columns) int32
        Of the connected pieces, 0 where there is no ink.
    count : int
        Labels that there are, 0 included.
    """
    if not labels[:, 0].any():
        return None
    is_outside, is_inside = np.zeros((2, count), np.bool_)
    is_outside[labels[:, 0]] = True
    is_inside[labels[:, MARGIN + ASTRAY :]] = True
    is_through = is_outside & is_inside
    is_through[0] = False
    if not is_through.any():
        return None
    ink = is_through[labels]
    columns = _least_path(ink[:, MARGIN - ASTRAY : MARGIN + ASTRAY + 1]) + MARGIN - ASTRAY
    is_cut = ink[np.arange(len(ink)), columns]
    beyond = np.flatnonzero((ink & (np.arange(ink.shape[1]) <= columns[:, None])).any(axis=1))
    if is_cut.sum() > LONGEST_CUT or np.ptp(beyond) < NEIGHBOUR:
        return None
    return Cut(columns, float(np.flatnonzero(is_cut).mean()) if is_cut.any() else 0.0)


def _least_path(ink: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of each row the column of a path from top to bottom over the least ink, a column aside in a row at the most."""
    away = np.abs(np.arange(ink.shape[1]) - ink.shape[1] // 2)
    cost = ink + STRAIGHT * away
    steps = np.zeros(ink.shape, np.int64)
    for row in range(1, len(cost)):
        before = np.pad(cost[row - 1], 1, constant_values=np.inf)
        choices = np.stack([before[:-2], before[1:-1], before[2:]])
        steps[row] = choices.argmin(axis=0) - 1
        cost[row] += choices.min(axis=0)
    columns = np.zeros(len(ink), np.int64)
    columns[-1] = cost[-1].argmin()
    for row in range(len(ink) - 1, 0, -1):
        columns[row - 1] = columns[row] + steps[row, columns[row]]
    return columns
