"""The cells of a form: each cut upright out of the frame, with what lies around it, and its paper's gray level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge.geometry import Points, cut_upright, sides_of
from edge.nouns import Gray
from edge.paper.binarize import MIN_CONTRAST

CELL_HEIGHT = 64
"""Rows of a cell in its picture: a digit of usual size is twice as high as the network's."""

MARGIN = 22
"""Pixels shown around the cell: what crosses a wall is seen to do so."""

WIDEST, NARROWEST = 3.0, 0.25
"""Width of a cell over its height at the most and at the least; others are squeezed to that."""

FAINT = 0.22
"""Lines are looked for in pixels with this share of the strongest contrast in the cell."""

INSET = 0.1
"""The paper's and the pen's gray level are taken this far from the walls, over the height."""

PAPER_QUANTILE = 0.7
"""The lightest 30 % of a cell's inside are paper, whatever is written in it."""

PEN_QUANTILE = 0.012
"""This share of a cell's pixels shows the pen: the strokes of a small 1 are twice as many."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A cell of a form, upright, with `MARGIN` pixels of its surroundings on each side.

    Parameters
    ----------
    gray : (rows, columns) uint8
        Dark ink on light paper.
    width : int
        Columns of the cell itself; it is `CELL_HEIGHT` high.
    paper : float
        Gray level of its paper, worked out from its inside.
    """

    gray: Gray
    width: int
    paper: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paper", paper_of(self))


def cut_cells(gray: Gray, quads: Sequence[Points], printed: Sequence[Points] | None = None) -> list[Cell]:
    """The cells of a frame, upright and `CELL_HEIGHT` high.

    A large frame is reduced by area first, so that thin strokes are not lost between its pixels.

    Parameters
    ----------
    gray : (rows, columns) uint8
    quads : sequence of (4, 2) float64
        Corners in pixels of the frame.
    printed : sequence of (4, 2) float64, optional
        Corners in the reference picture, whose width over height the cells have: from aside they look narrower.
    """
    widths = [_width_of(quad) for quad in (quads if printed is None else printed)]
    factor = int(np.median([sides_of(quad)[1] for quad in quads]) // CELL_HEIGHT) if quads else 1
    if factor <= 1:
        return [_cut(gray, quad, width) for quad, width in zip(quads, widths, strict=True)]
    left, top, right, bottom = _bounds(quads, gray.shape)
    part = gray[top:bottom, left:right]
    size = (max(1, part.shape[1] // factor), max(1, part.shape[0] // factor))
    reduced = cv2.resize(part[: size[1] * factor, : size[0] * factor], size, interpolation=cv2.INTER_AREA)
    return [_cut(reduced, (quad - (left, top)) / factor, width) for quad, width in zip(quads, widths, strict=True)]


def _bounds(quads: Sequence[Points], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a frame's part that holds the quads with their margins."""
    points = np.concatenate(list(quads))
    reach = max(np.ptp(quad, axis=0).max() for quad in quads)
    left, top = np.maximum(np.floor(points.min(axis=0) - reach), 0).astype(int)
    right, bottom = np.minimum(np.ceil(points.max(axis=0) + reach), (shape[1], shape[0])).astype(int)
    return min(left, shape[1] - 1), min(top, shape[0] - 1), max(right, left + 1), max(bottom, top + 1)


def _width_of(quad: Points) -> int:
    """Columns of a cell's picture."""
    across, down = sides_of(quad)
    return round(CELL_HEIGHT * min(max(across / down, NARROWEST), WIDEST))


def _cut(gray: Gray, quad: Points, width: int) -> Cell:
    return Cell(cut_upright(gray, quad, (width, CELL_HEIGHT), MARGIN)[0], width)


def inside_of(cell: Cell, inset: float = INSET) -> tuple[slice, slice]:
    """Rows and columns of the cell's inside, away from its walls."""
    reach = min(round(inset * CELL_HEIGHT), cell.width // 3)
    return slice(MARGIN + reach, MARGIN + CELL_HEIGHT - reach), slice(MARGIN + reach, MARGIN + cell.width - reach)


def paper_of(cell: Cell) -> float:
    """Gray level of the cell's paper; shaded cells have their own, and a bold digit covers half of one."""
    return level_of(cell.gray[inside_of(cell)], PAPER_QUANTILE)


def level_of(gray: Gray, share: float, mask: Gray | None = None) -> float:
    """Gray level that a share of the pixels, of those where a mask is not 0, reach at the most."""
    counts = cv2.calcHist([gray], [0], mask, [256], [0, 256]).ravel().cumsum()
    return float(np.searchsorted(counts, share * counts[-1]))


def dark_pixels(cell: Cell) -> Gray:
    """255 on what is darker than a cell's paper, faint lines included: (rows, columns) uint8."""
    depth = max(FAINT * (cell.paper - level_of(cell.gray, PEN_QUANTILE)), MIN_CONTRAST)
    return cv2.compare(cell.gray, cell.paper - depth, cv2.CMP_LT)
