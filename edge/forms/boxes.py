"""The boxes of a form: each cell cut upright out of the frame, freed of its printed lines, and what is written in it.

A template knows where the lines are: a long run of ink beside a wall is the wall, and so is what most cells of a row
have in the same place. Strokes that cross a line are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Points, cut_upright, sides_of
from edge.nouns import Box, Gray, Region
from edge.paper.binarize import INK_FRACTION, MIN_CONTRAST
from edge.paper.segment import coverage_of

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

CROSSING = 4
"""Pixels that ink is deeper than a line is thick where a stroke crosses it."""

SAME_FIT = 0.97
"""Shifts that fit this share of the best are alike."""

SLACK = 4
"""A row's lines are looked for within this distance of where the reference picture has them, in pixels."""

ONE_AROUND = np.ones((3, 3), np.uint8)
"""A pixel and its eight neighbours."""

INSET = 0.1
"""The paper's and the pen's gray level are taken this far from the walls, over the height."""

PAPER_QUANTILE = 0.7
"""The lightest 30 % of a cell's inside are paper, whatever is written in it."""

PEN_QUANTILE = 0.012
"""This share of a cell's pixels shows the pen: the strokes of a small 1 are twice as many."""

FAINT_PEN = 0.4
"""A mark with less than this share of the row's usual contrast shows through from the back, or was erased."""

SPECK, MARK = 0.07, 0.24
"""Side of the largest speck, and of the smallest mark that may be a digit, over the cell's height."""

OVER_LINE = 0.17
"""A digit may reach this far over its line, over the cell's height."""

SHARED = 0.3
"""A neighbour's piece with this share of its ink in a cell may be that cell's digit."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The printed lines of a cell: 255 on those above and below it, and on those beside it, (rows, columns) uint8."""

    level: Gray
    upright: Gray

    def joined(self, other: Lines) -> Lines:
        """These lines and some others."""
        return Lines(cv2.max(self.level, other.level), cv2.max(self.upright, other.upright))

    def seen_in(self, mask: Gray) -> Lines:
        """What of the lines is ink in a mask."""
        return Lines(cv2.bitwise_and(self.level, mask), cv2.bitwise_and(self.upright, mask))

    def sized(self, shape: tuple[int, ...]) -> Lines:
        """The lines in a picture of this shape."""
        if self.level.shape == shape:
            return self
        level, upright = (cv2.resize(each, shape[::-1], interpolation=cv2.INTER_NEAREST) for each in self.planes)
        return Lines(level, upright)

    def shifted(self, across: int, down: int) -> Lines:
        """The lines moved by some pixels, and one pixel wider to all sides."""
        shift = np.array([[1, 0, across], [0, 1, down]], np.float64)
        size = self.level.shape[::-1]
        moved = (cv2.warpAffine(each, shift, size, flags=cv2.INTER_NEAREST) for each in self.planes)
        level, upright = (cv2.dilate(each, ONE_AROUND) for each in moved)
        return Lines(level, upright)

    @property
    def planes(self) -> tuple[Gray, Gray]:
        """Those above and below, and those beside."""
        return self.level, self.upright


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


def printed_lines(cells: Sequence[Cell]) -> list[Lines]:
    """The printed lines of each cell of a row: runs of ink along a whole wall, and what most cells have near theirs."""
    dark = [dark_pixels(cell) for cell in cells]
    own = [_walls(mask, cell.width) for mask, cell in zip(dark, cells, strict=True)]
    if len(cells) < LEAST_CELLS or len({cell.gray.shape for cell in cells}) > 1:
        return own
    common = np.mean([cv2.dilate(mask, ONE_AROUND) for mask in dark], axis=0) > 255 * MOST
    beside, between = _near_walls(cells[0].width)
    shared = Lines(_where(common & between[:, None]), _where(common & beside))
    return [lines.joined(shared.seen_in(mask)) for lines, mask in zip(own, dark, strict=True)]


def known_lines(cells: Sequence[Cell], known: Sequence[Lines]) -> list[Lines]:
    """The lines that the reference picture has, where the row has them: all are moved together to fit best.

    Parameters
    ----------
    cells : sequence of Cell
    known : sequence of Lines
        Of each cell in the reference picture.
    """
    dark = [dark_pixels(cell) for cell in cells]
    fitting = [lines.sized(mask.shape) for lines, mask in zip(known, dark, strict=True)]
    likeness = np.zeros((2 * SLACK + 1, 2 * SLACK + 1), np.float32)
    for mask, lines in zip(dark, fitting, strict=True):
        roomy = cv2.copyMakeBorder(mask, SLACK, SLACK, SLACK, SLACK, cv2.BORDER_CONSTANT, value=0)
        both = cv2.max(*lines.planes)
        likeness += cv2.matchTemplate(roomy.astype(np.float32), both.astype(np.float32), cv2.TM_CCORR)
    down, across = (int(k) - SLACK for k in np.unravel_index(_nearest_peak(likeness), likeness.shape))
    return [lines.shifted(across, down).seen_in(mask) for lines, mask in zip(fitting, dark, strict=True)]


def _nearest_peak(likeness: NDArray[np.float32]) -> int:
    """Flat index of the largest value; of several about as large the one nearest to the middle."""
    rows, columns = np.mgrid[-SLACK : SLACK + 1, -SLACK : SLACK + 1]
    near = np.where(likeness >= SAME_FIT * likeness.max(), np.hypot(rows, columns), np.inf)
    return int(near.argmin())


def _where(is_line: NDArray[np.bool_]) -> Gray:
    return np.where(is_line, np.uint8(255), np.uint8(0))


def _near_walls(width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which columns are near the walls at the sides, and which rows near those above and below."""
    reach = min(round(BAND * CELL_HEIGHT), width // 3)
    columns, rows = np.arange(width + 2 * MARGIN) - MARGIN, np.arange(CELL_HEIGHT + 2 * MARGIN) - MARGIN
    return (
        np.minimum(np.abs(columns), np.abs(columns - width)) <= reach,
        np.minimum(np.abs(rows), np.abs(rows - CELL_HEIGHT)) <= reach,
    )


def _walls(mask: Gray, width: int) -> Lines:
    """Runs of ink along a whole wall of the cell, each near its own wall: a long stroke across one is none."""
    beside, between = _near_walls(width)
    wider = cv2.dilate(mask, ONE_AROUND)
    upright = cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((round(WALL * CELL_HEIGHT), 1), np.uint8))
    level = cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((1, max(round(WALL * width), 8)), np.uint8))
    upright[:, ~beside], level[~between] = 0, 0
    return Lines(cv2.dilate(level, ONE_AROUND), cv2.dilate(upright, ONE_AROUND)).seen_in(wider)


def without_lines(mask: Gray, lines: Lines) -> Gray:
    """The ink without the lines; where it is deeper than a line is thick, a stroke crosses, and it stays."""
    level, upright = lines.planes
    down = np.ones((_thickness(lines.level) + CROSSING, 1), np.uint8)
    across = np.ones((1, _thickness(lines.upright.T) + CROSSING), np.uint8)
    crossing_level = cv2.morphologyEx(cv2.subtract(mask, upright), cv2.MORPH_OPEN, down)
    crossing_upright = cv2.morphologyEx(cv2.subtract(mask, level), cv2.MORPH_OPEN, across)
    free = cv2.subtract(mask, cv2.subtract(level, crossing_level))
    return cv2.subtract(free, cv2.subtract(upright, crossing_upright))


def _thickness(level: Gray) -> int:
    """Usual number of pixels that level lines have in a column, of all lines together halved for two."""
    counts = np.count_nonzero(level, axis=0)
    middle = level.shape[0] // 2
    is_double = level[:middle].any() and level[middle:].any()
    return int(np.median(counts[counts > 0]) / (2 if is_double else 1) + 0.5) if counts.any() else 0


def _inner(cell: Cell, inset: float = INSET) -> tuple[slice, slice]:
    """Rows and columns of the cell's inside, away from its walls."""
    reach = min(round(inset * CELL_HEIGHT), cell.width // 3)
    return slice(MARGIN + reach, MARGIN + CELL_HEIGHT - reach), slice(MARGIN + reach, MARGIN + cell.width - reach)


def _paper(cell: Cell) -> float:
    """Gray level of the cell's paper; shaded cells have their own, and a bold digit covers half of one."""
    return _level(cell.gray[_inner(cell)], PAPER_QUANTILE)


def _level(gray: Gray, share: float, mask: Gray | None = None) -> float:
    """Gray level that a share of the pixels, of those where a mask is not 0, reach at the most."""
    counts = cv2.calcHist([gray], [0], mask, [256], [0, 256]).ravel().cumsum()
    return float(np.searchsorted(counts, share * counts[-1]))


def dark_pixels(cell: Cell) -> Gray:
    """255 on what is darker than a cell's paper, faint lines included: (rows, columns) uint8."""
    paper = _paper(cell)
    depth = max(FAINT * (paper - _level(cell.gray, PEN_QUANTILE)), MIN_CONTRAST)
    return cv2.compare(cell.gray, paper - depth, cv2.CMP_LT)


def written_in(cells: Sequence[Cell], lines: Sequence[Lines], least_depth: float = MIN_CONTRAST) -> list[Written]:
    """What is written in each cell of a row, without its lines.

    Parameters
    ----------
    cells : sequence of Cell
    lines : sequence of Lines
        See `printed_lines`.
    least_depth : float
        Gray levels below the paper from which on a pixel is more than noise.
    """
    depths = [_pen_depth(cell, own) for cell, own in zip(cells, lines, strict=True)]
    seen = [depth for depth in depths if depth > 2 * least_depth]
    usual = float(np.median(seen)) if seen else 0.0
    return [
        _written(cell, own, depth, usual, least_depth) for cell, own, depth in zip(cells, lines, depths, strict=True)
    ]


def _pen_depth(cell: Cell, lines: Lines) -> float:
    """Gray levels that the pen is darker than the paper in a cell."""
    inner = _inner(cell)
    free = cv2.bitwise_not(cv2.dilate(cv2.max(*lines.planes), ONE_AROUND)[inner])
    return _paper(cell) - _level(cell.gray[inner], PEN_QUANTILE, free) if free.any() else 0.0


def _written(cell: Cell, lines: Lines, depth: float, usual: float, least_depth: float) -> Written:
    if depth < least_depth:
        return Written(None)
    level = _paper(cell) - max(INK_FRACTION * depth, least_depth)
    mask = without_lines(cv2.compare(cell.gray, level, cv2.CMP_LT), lines)
    mask, boxes, is_shared = _own_pieces(mask, cell.width)
    if not boxes:
        return Written(None, "a mark over the line" if is_shared else None)
    box = cv2.boundingRect(mask)
    if max(box[2:]) < MARK * CELL_HEIGHT:
        return Written(None, "a small mark")
    region = _region(cell.gray, mask, box, _paper(cell))
    if depth < FAINT_PEN * usual:
        return Written(region, "a faint mark")
    return Written(region, "a mark over the line" if is_shared else _doubt_of(box, boxes, cell.width))


def _own_pieces(mask: Gray, width: int) -> tuple[Gray, list[Box], bool]:
    """The ink that is the cell's own, more inside than outside, without specks; its pieces' boxes; and whether a
    neighbour's piece comes far in.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    within = labels[MARGIN : MARGIN + CELL_HEIGHT, MARGIN : MARGIN + width]
    inside = np.bincount(within.ravel(), minlength=count)
    boxes, kept, is_shared = [], np.zeros(count, np.uint8), False
    for k in range(1, count):
        x, y, across, down, area = (int(value) for value in stats[k])
        if max(across, down) <= SPECK * CELL_HEIGHT:
            continue
        if inside[k] * 2 > area:
            kept[k] = 255
            boxes.append((x, y, across, down))
        elif inside[k] > SHARED * area:
            is_shared = True
    return kept[labels], boxes, is_shared


def _region(gray: Gray, mask: Gray, box: Box, paper: float) -> Region:
    x, y, width, height = box
    left, top = max(x - 1, 0), max(y - 1, 0)
    area = slice(top, y + height + 1), slice(left, x + width + 1)
    return Region((x, y, width, height), coverage_of(gray[area], mask[area], paper))


def _doubt_of(box: Box, pieces: Sequence[Box], width: int) -> str | None:
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
