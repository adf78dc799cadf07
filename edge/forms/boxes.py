"""What is written in the cells of a form: the ink that is a cell's own, and why it may not be one digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from edge.forms.cells import CELL_HEIGHT, MARGIN, PEN_QUANTILE, Cell, inside_of, level_of
from edge.forms.lines import BAND, ONE_AROUND, Lines, own_ink
from edge.forms.neighbours import cut_from_neighbours
from edge.nouns import Box, Gray, Region
from edge.paper.binarize import MIN_CONTRAST
from edge.paper.segment import coverage_of

FAINT_PEN = 0.4
"""A mark with less than this share of the row's usual contrast shows through from the back, or was erased."""

SPECK, MARK = 0.07, 0.24
"""Side of the largest speck, and of the smallest mark that may be a digit, over the cell's height."""

OVER_LINE = 0.17
"""A digit may reach this far over its line, over the cell's height."""

SHARED = 0.3
"""A neighbour's piece with this share of its ink in a cell may be that cell's digit, if it comes in further than a
digit may reach over its line.
"""

NEAR_WALL, LEFT_UPRIGHT, LEFT_LEVEL = 6, 22, 10
"""What is left of a line lies within so many pixels of a wall, and is lower than a 1 or shorter than a 5's bar."""

LEAN = 0.4
"""Width over height of a leaning stroke; a 1 that stands upright is narrower."""

BAR, TOP_ROWS, MOSTLY = 12, 3, 0.6
"""Pixels of a 7's bar at the left of its stroke, whose place at the line the upper rows tell, and the share of them in
which the line shows whether it is there.
"""

TALL, BESIDE = 0.5, 0.15
"""Two pieces this high over the mark's height that overlap by less than this share of the narrower are two digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What is written in a cell.

    Parameters
    ----------
    region : Region, optional
        Its ink; None where the cell is blank.
    doubt : str, optional
        Why it may not be one digit.
    parts : tuple of Region
        The marks that stand side by side in it, an open 4 or two digits; none where there is but one.
    completed : Region, optional
        The ink with what a line may hide of it; None where it may hide nothing.
    may_lack_bar : bool
        Whether it is a leaning stroke that begins at the line above: the line may hide the bar of a 7.
    """

    region: Region | None
    doubt: str | None = None
    parts: tuple[Region, ...] = ()
    completed: Region | None = None
    may_lack_bar: bool = False

    @property
    def views(self) -> list[Region]:
        """All that the network is asked of a cell: the ink, what a line may add to it, and its parts."""
        return [each for each in (self.region, self.completed, *self.parts) if each is not None]


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
    inner = inside_of(cell)
    free = cv2.bitwise_not(cv2.dilate(cv2.max(*lines.planes), ONE_AROUND)[inner])
    return cell.paper - level_of(cell.gray[inner], PEN_QUANTILE, free) if free.any() else 0.0


def _written(cell: Cell, lines: Lines, depth: float, usual: float, least_depth: float) -> Written:
    if depth < least_depth:
        return Written(None)
    paper = cell.paper
    ink = own_ink(cell, lines, depth, least_depth)
    mask, is_struck = cut_from_neighbours(ink.mask)
    mask, boxes, is_shared = _own_pieces(mask, cell.width)
    if not boxes:
        return Written(None, "a mark over the line" if is_shared else None)
    box = cv2.boundingRect(mask)
    if max(box[2:]) < MARK * CELL_HEIGHT:
        return Written(None, "a small mark")
    region = _region(cell.gray, mask, paper)
    if depth < FAINT_PEN * usual:
        return Written(region, "a faint mark")
    if is_shared or is_struck or _is_over_line(box, cell.width):
        return Written(region, "a mark over the line")
    completed = _completed(cell.gray, mask, ink.hidden, paper, depth)
    parts = _parts(cell.gray, mask, boxes, paper)
    may_lack_bar = box[2] > LEAN * box[3] and _begins_at_line(mask, box, lines, ink.bare)
    return Written(region, None, parts, completed, may_lack_bar)


def _begins_at_line(mask: Gray, box: Box, lines: Lines, bare: Gray) -> bool:
    """Whether a mark begins at the line above it, which does not show that there is nothing on it at the left."""
    x, y, width, _ = box
    above = slice(0, MARGIN + round(BAND * CELL_HEIGHT))
    rows = np.flatnonzero(lines.level[above, x : x + width].any(axis=1))
    if not rows.size or y > rows[-1] + 1:
        return False
    top = x + int(np.flatnonzero(mask[y : y + TOP_ROWS, x : x + width].any(axis=0))[0])
    beside = bare[above, max(top - BAR, 0) : top].any(axis=0)
    return not (beside.size and beside.mean() >= MOSTLY)


def _completed(gray: Gray, mask: Gray, hidden: Gray, paper: float, depth: float) -> Region | None:
    """The ink with what a line may hide of it, as dark as the pen."""
    added = cv2.subtract(hidden, mask)
    if not cv2.countNonZero(added):
        return None
    inked = np.where(added > 0, np.uint8(max(paper - depth, 0.0)), gray)
    return _region(inked, cv2.max(mask, added), paper)


def _parts(gray: Gray, mask: Gray, boxes: Sequence[Box], paper: float) -> tuple[Region, ...]:
    """The first two marks that stand side by side."""
    least = TALL * cv2.boundingRect(mask)[3]
    for pair in pairwise(sorted(box for box in boxes if box[3] > least)):
        left, right = pair
        if left[0] + left[2] - right[0] < BESIDE * min(left[2], right[2]):
            return tuple(_region(gray, _within(mask, box), paper) for box in pair)
    return ()


def _within(mask: Gray, box: Box) -> Gray:
    """What of a mask lies in a box."""
    x, y, width, height = box
    part = np.zeros_like(mask)
    part[y : y + height, x : x + width] = mask[y : y + height, x : x + width]
    return part


def _own_pieces(mask: Gray, width: int) -> tuple[Gray, list[Box], bool]:
    """The ink that is the cell's own, more inside than outside, without specks; its pieces' boxes; and whether a
    neighbour's piece comes far in.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    within = labels[MARGIN : MARGIN + CELL_HEIGHT, MARGIN : MARGIN + width]
    inside = np.bincount(within.ravel(), minlength=count)
    boxes, kept, is_shared = [], np.zeros(count, np.uint8), False
    is_speck = stats[:, 2:4].max(axis=1) <= SPECK * CELL_HEIGHT
    is_speck[0] = True
    for k in np.flatnonzero(~is_speck).tolist():
        x, y, across, down, area = stats[k].tolist()
        box = (x, y, across, down)
        if _is_left_of_line(box, width):
            continue
        if inside[k] * 2 > area:
            kept[k] = 255
            boxes.append(box)
        elif inside[k] > SHARED * area and _reach_of(box, width) > OVER_LINE * CELL_HEIGHT:
            is_shared = True
    return kept[labels], boxes, is_shared


def _reach_of(box: Box, width: int) -> int:
    """How far a piece that is more outside than inside of a cell comes into it."""
    x, y, across, down = box
    beside = min(x + across - MARGIN, MARGIN + width - x, across)
    return min(beside, y + down - MARGIN, MARGIN + CELL_HEIGHT - y, down)


def _is_left_of_line(box: Box, width: int) -> bool:
    """Whether a small piece is what the light of a scan leaves of a line: it lies along a wall, shorter than a 1."""
    x, y, across, down = box
    beside = min(max(abs(x - wall), abs(x + across - wall)) for wall in (MARGIN, MARGIN + width))
    above = min(max(abs(y - wall), abs(y + down - wall)) for wall in (MARGIN, MARGIN + CELL_HEIGHT))
    return (beside <= NEAR_WALL and down < LEFT_UPRIGHT) or (above <= NEAR_WALL and across < LEFT_LEVEL)


def _region(gray: Gray, mask: Gray, paper: float) -> Region:
    """The ink of a mask."""
    x, y, width, height = cv2.boundingRect(mask)
    left, top = max(x - 1, 0), max(y - 1, 0)
    area = slice(top, y + height + 1), slice(left, x + width + 1)
    return Region((x, y, width, height), coverage_of(gray[area], mask[area], paper))


def _is_over_line(box: Box, width: int) -> bool:
    """Whether a mark reaches further over a line than a digit may."""
    x, y, across, down = box
    beyond = max(MARGIN - x, x + across - MARGIN - width, MARGIN - y, y + down - MARGIN - CELL_HEIGHT)
    return beyond > OVER_LINE * CELL_HEIGHT
