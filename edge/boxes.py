"""The boxes of a form: each cell cut upright out of the frame, freed of its printed lines, and what is written in it.

A template knows where the lines are: a long run of ink beside a wall is the wall, and so is what most cells of a row
have in the same place. Strokes that cross a line are kept, see `edge.rules.without_rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.binarize import INK_FRACTION, MIN_CONTRAST
from edge.nouns import Gray, Region
from edge.rules import without_rules
from edge.schema import BoxArea, Quad
from edge.segment import coverage_of

Points = NDArray[np.float64]
"""Corners (4, 2) as x, y, from the upper left clockwise."""

CELL_HEIGHT = 64
"""Rows of a cell in its picture: a digit of usual size is twice as high as the network's."""

MARGIN = 22
"""Pixels shown around the cell: what crosses a wall is seen to do so."""

WIDEST, NARROWEST = 3.0, 0.25
"""Width of a cell over its height at the most and at the least; others are squeezed to that."""

BAND = 0.17
"""The printed lines lie within this distance of the cell's walls, over its height."""

WALL = 0.88
"""A run of ink along this share of a wall is the wall itself; a 1 is shorter."""

MOST, LEAST_CELLS = 0.6, 3
"""What this share of a row's cells has in its band is printed, if there are so many cells."""

FAINT = 0.22
"""Lines are looked for in pixels with this share of the strongest contrast in the cell."""

INSET = 0.1
"""The paper's and the pen's gray level are taken this far from the walls, over the height."""

PEN_QUANTILE = 0.012
"""This share of a cell's pixels shows the pen: the strokes of a small 1 are twice as many."""

FAINT_PEN = 0.4
"""A mark with less than this share of the row's usual contrast shows through from the back, or was erased."""

SPECK, MARK = 0.07, 0.24
"""Side of the largest speck, and of the smallest mark that may be a digit, over the cell's height."""

OVER_LINE = 0.17
"""A digit may reach this far over its line, over the cell's height."""

TALL, BESIDE = 0.5, 0.15
"""Two pieces this high over the mark's height that overlap by less than this share of the narrower are two digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A cell of a form, upright, with `MARGIN` pixels of its surroundings on each side.

    Parameters
    ----------
    gray : (rows, columns) uint8
        Dark ink on light paper.
    width : int
        Columns of the cell itself; it is `CELL_HEIGHT` high.
    """

    gray: Gray
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What is written in a cell: its ink, or None where the cell is blank; and why it is in doubt, if it is."""

    region: Region | None
    doubt: str | None = None


def corners_of(box: BoxArea | Quad) -> Points:
    """The corners of a box or a quadrilateral."""
    if isinstance(box[0], tuple):
        return np.array(box, np.float64)
    x, y, width, height = np.array(box, np.float64)
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def cut_cells(gray: Gray, quads: Sequence[Points]) -> list[Cell]:
    """The cells of a frame, upright and `CELL_HEIGHT` high.

    A large frame is reduced by area first, so that thin strokes are not lost between its pixels.

    Parameters
    ----------
    gray : (rows, columns) uint8
    quads : sequence of (4, 2) float64
        Corners in pixels of the frame.
    """
    factor = int(np.median([sides_of(quad)[1] for quad in quads]) // CELL_HEIGHT) if quads else 1
    if factor <= 1:
        return [_cut(gray, quad) for quad in quads]
    left, top, right, bottom = _bounds(quads, gray.shape)
    part = gray[top:bottom, left:right]
    size = (max(1, part.shape[1] // factor), max(1, part.shape[0] // factor))
    reduced = cv2.resize(part[: size[1] * factor, : size[0] * factor], size, interpolation=cv2.INTER_AREA)
    return [_cut(reduced, (quad - (left, top)) / factor) for quad in quads]


def _bounds(quads: Sequence[Points], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a frame's part that holds the quads with their margins."""
    points = np.concatenate(list(quads))
    reach = max(np.ptp(quad, axis=0).max() for quad in quads)
    left, top = np.maximum(np.floor(points.min(axis=0) - reach), 0).astype(int)
    right, bottom = np.minimum(np.ceil(points.max(axis=0) + reach), (shape[1], shape[0])).astype(int)
    return min(left, shape[1] - 1), min(top, shape[0] - 1), max(right, left + 1), max(bottom, top + 1)


def _cut(gray: Gray, quad: Points) -> Cell:
    across, down = sides_of(quad)
    width = round(CELL_HEIGHT * min(max(across / down, NARROWEST), WIDEST))
    return Cell(cut_upright(gray, quad, (width, CELL_HEIGHT), MARGIN)[0], width)


def cut_upright(gray: Gray, quad: Points, size: tuple[int, int], margin: int = 0) -> tuple[Gray, NDArray[np.float64]]:
    """What a quadrilateral shows as a rectangle of `size` (width, height) with a margin, and the map from it to `gray`.

    Corners are given as edges of pixels: a box from 0 to 10 has ten pixels, whose middles are 0 to 9.
    """
    width, height = size
    inner = np.array([(0, 0), (width, 0), (width, height), (0, height)]) + margin - 0.5
    matrix = cv2.getPerspectiveTransform(inner.astype(np.float32), (quad - 0.5).astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = (width + 2 * margin, height + 2 * margin)
    return cv2.warpPerspective(gray, matrix, whole, flags=flags, borderMode=cv2.BORDER_REPLICATE), matrix


def sides_of(quad: Points) -> tuple[float, float]:
    """Mean width and height of a quadrilateral in pixels; at least one each."""
    across = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    down = (np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    return max(float(across), 1.0), max(float(down), 1.0)


def printed_lines(cells: Sequence[Cell]) -> list[Gray]:
    """255 on the printed lines of each cell of a row, in its picture's shape."""
    faint = [dark_pixels(cell) for cell in cells]
    own = [_walls(mask, cell.width) for mask, cell in zip(faint, cells, strict=True)]
    if len(cells) < LEAST_CELLS or len({cell.gray.shape for cell in cells}) > 1:
        return own
    near = [cv2.dilate(mask, np.ones((3, 3), np.uint8)) for mask in faint]
    common = np.where(np.mean(near, axis=0) > 255 * MOST, np.uint8(255), np.uint8(0))
    common = cv2.bitwise_and(common, _band(cells[0].width))
    return [cv2.max(lines, cv2.bitwise_and(common, mask)) for lines, mask in zip(own, faint, strict=True)]


def _band(width: int) -> Gray:
    """255 near the walls of a cell and outside of it."""
    reach = round(BAND * CELL_HEIGHT)
    band = np.full((CELL_HEIGHT + 2 * MARGIN, width + 2 * MARGIN), 255, np.uint8)
    band[MARGIN + reach : MARGIN + CELL_HEIGHT - reach, MARGIN + reach : max(MARGIN + width - reach, 0)] = 0
    return band


def _walls(mask: Gray, width: int) -> Gray:
    """Runs of ink along a whole wall of the cell, in its band."""
    wider = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    upright = cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((round(WALL * CELL_HEIGHT), 1), np.uint8))
    level = cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((1, max(round(WALL * width), 8)), np.uint8))
    return cv2.bitwise_and(cv2.bitwise_and(cv2.max(upright, level), _band(width)), mask)


def _inner(cell: Cell, inset: float = INSET) -> tuple[slice, slice]:
    """Rows and columns of the cell's inside, away from its walls."""
    reach = min(round(inset * CELL_HEIGHT), cell.width // 3)
    return slice(MARGIN + reach, MARGIN + CELL_HEIGHT - reach), slice(MARGIN + reach, MARGIN + cell.width - reach)


def _paper(cell: Cell) -> float:
    """Gray level of the cell's paper; shaded cells have their own."""
    return float(np.median(cell.gray[_inner(cell)]))


def dark_pixels(cell: Cell) -> Gray:
    """255 on what is darker than a cell's paper, faint lines included: (rows, columns) uint8."""
    paper = _paper(cell)
    depth = max(FAINT * (paper - float(np.quantile(cell.gray, PEN_QUANTILE))), MIN_CONTRAST)
    return cv2.compare(cell.gray, paper - depth, cv2.CMP_LT)


def written_in(cells: Sequence[Cell], lines: Sequence[Gray], least_depth: float = MIN_CONTRAST) -> list[Written]:
    """What is written in each cell of a row, without its lines.

    Parameters
    ----------
    cells : sequence of Cell
    lines : sequence of (rows, columns) uint8
        255 on the printed lines of each cell's picture, see `printed_lines`.
    least_depth : float
        Gray levels below the paper from which on a pixel is more than noise.
    """
    wide = [cv2.dilate(mask, np.ones((3, 3), np.uint8)) for mask in lines]
    depths = [_pen_depth(cell, mask) for cell, mask in zip(cells, wide, strict=True)]
    seen = [depth for depth in depths if depth > 2 * least_depth]
    usual = float(np.median(seen)) if seen else 0.0
    return [
        _written(cell, mask, depth, usual, least_depth) for cell, mask, depth in zip(cells, wide, depths, strict=True)
    ]


def _pen_depth(cell: Cell, lines: Gray) -> float:
    """Gray levels that the pen is darker than the paper in a cell."""
    inner = _inner(cell)
    free = cell.gray[inner][lines[inner] == 0]
    return _paper(cell) - float(np.quantile(free, PEN_QUANTILE)) if free.size else 0.0


def _written(cell: Cell, lines: Gray, depth: float, usual: float, least_depth: float) -> Written:
    if depth < least_depth:
        return Written(None)
    level = _paper(cell) - max(INK_FRACTION * depth, least_depth)
    mask = without_rules(cv2.compare(cell.gray, level, cv2.CMP_LT), lines)
    mask, boxes = _own_pieces(mask, cell.width)
    if not boxes:
        return Written(None)
    box = cv2.boundingRect(mask)
    if max(box[2:]) < MARK * CELL_HEIGHT:
        return Written(None, "a small mark")
    region = _region(cell.gray, mask, box, _paper(cell))
    if depth < FAINT_PEN * usual:
        return Written(region, "a faint mark")
    return Written(region, _doubt_of(box, boxes, cell.width))


def _own_pieces(mask: Gray, width: int) -> tuple[Gray, list[tuple[int, int, int, int]]]:
    """The ink that is the cell's own, more inside than outside, without specks; and its pieces' boxes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    inside = np.bincount(labels[MARGIN : MARGIN + CELL_HEIGHT, MARGIN : MARGIN + width].ravel(), minlength=count)
    boxes, kept = [], np.zeros(count, np.uint8)
    for k in range(1, count):
        x, y, across, down, area = (int(value) for value in stats[k])
        if inside[k] * 2 > area and max(across, down) > SPECK * CELL_HEIGHT:
            kept[k] = 255
            boxes.append((x, y, across, down))
    return kept[labels], boxes


def _region(gray: Gray, mask: Gray, box: tuple[int, int, int, int], paper: float) -> Region:
    x, y, width, height = box
    left, top = max(x - 1, 0), max(y - 1, 0)
    area = slice(top, y + height + 1), slice(left, x + width + 1)
    return Region((x, y, width, height), coverage_of(gray[area], mask[area], paper))


def _doubt_of(box: tuple[int, int, int, int], pieces: Sequence[tuple[int, int, int, int]], width: int) -> str | None:
    """Why ink of a digit's size in a cell may not be one digit."""
    x, y, across, down = box
    beyond = max(MARGIN - x, x + across - MARGIN - width, MARGIN - y, y + down - MARGIN - CELL_HEIGHT)
    if beyond > OVER_LINE * CELL_HEIGHT:
        return "a mark over the line"
    tall = sorted(piece for piece in pieces if piece[3] > TALL * down)
    for left, right in pairwise(tall):
        overlap = left[0] + left[2] - right[0]
        if overlap < BESIDE * min(left[2], right[2]):
            return "two marks in one cell"
    return None
