"""The printed lines of a row of cells, and a cell's ink without them.

A template knows where the lines are: a long run of ink beside a wall is the wall, and so is what most cells of a row
have in the same place. On a line, ink is what is darker than the line is elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.cells import CELL_HEIGHT, MARGIN, Cell, dark_pixels
from edge.nouns import Gray

BAND = 0.17
"""The printed lines lie within this distance of the cell's walls, over its height."""

WALL = 0.88
"""A run of ink along this share of a wall is the wall itself; a 1 is shorter."""

MOST, LEAST_CELLS = 0.6, 3
"""What this share of a row's cells has in its band is printed, if there are so many cells."""

CROSSING = 4
"""Pixels over a line's thickness that ink on both of its sides lies apart at the most, where a stroke crosses it."""

SAME_FIT = 0.97
"""Shifts that fit this share of the best are alike."""

SLACK = 4
"""A row's lines are looked for within this distance of where the reference picture has them, in pixels."""

REACH = round(BAND * CELL_HEIGHT) + 1
"""Pixels around a wall that its line lies in."""

USUAL, SOLID = 0.25, 0.6
"""A line is as dark as its lightest quarter; where that is less than this share of its middle, it is dots or dashes."""

LEAST_RUN = 8
"""Pixels of a line that show how dark it is."""

LEAST_GAP, NEAR_LINE = 5, 4
"""Pixels along a line between two strokes that touch it, and from a line up to which a stroke does."""

STROKE = 4
"""Thickness in pixels of the stroke that a line may hide."""

ONE_AROUND = np.ones((3, 3), np.uint8)
"""A pixel and its eight neighbours."""

THREE_DOWN = np.ones((3, 1), np.uint8)


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
    """The lines that the reference picture has, moved together to where the row's cells have them.

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
    return [lines.shifted(across, down) for lines in fitting]


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


@dataclass(frozen=True, slots=True, eq=False)
class OwnInk:
    """A cell's ink without its lines, and what a line may hide.

    Parameters
    ----------
    mask : (rows, columns) uint8
        255 on ink.
    hidden : (rows, columns) uint8
        255 on the parts of lines that a stroke may run along: between two places where ink touches them from inside.
    """

    mask: Gray
    hidden: Gray


def own_ink(cell: Cell, lines: Lines, paper: float, depth: float) -> OwnInk:
    """The ink that is not the cell's lines.

    On a line, ink is what is darker than the line is elsewhere, and what lies between ink on both of its sides.

    Parameters
    ----------
    cell : Cell
    lines : Lines
    paper : float
        Gray level of the cell's paper.
    depth : float
        Gray levels below the paper from which on a pixel is ink.
    """
    darkness = np.maximum(paper - cell.gray.astype(np.float32), 0)
    mask = cv2.compare(darkness, depth, cv2.CMP_GT)
    seen = lines.seen_in(mask)
    free = cv2.subtract(mask, cv2.max(*seen.planes))
    strokes = cv2.morphologyEx(free, cv2.MORPH_OPEN, ONE_AROUND)
    level = _on_lines(darkness, strokes, cv2.subtract(seen.level, seen.upright), CELL_HEIGHT, depth)
    turned = [np.ascontiguousarray(each.T) for each in (darkness, strokes, cv2.subtract(seen.upright, seen.level))]
    upright = _on_lines(turned[0], turned[1], turned[2], cell.width, depth)
    hidden = cv2.max(level.hidden, np.ascontiguousarray(upright.hidden.T))
    return OwnInk(cv2.max(cv2.max(free, level.mask), np.ascontiguousarray(upright.mask.T)), hidden)


def _on_lines(darkness: NDArray[np.float32], strokes: Gray, line: Gray, height: int, depth: float) -> OwnInk:
    """Ink on the level lines at row `MARGIN` and `height` rows further down."""
    found = OwnInk(np.zeros_like(line), np.zeros_like(line))
    for wall, turn in ((MARGIN, 1), (MARGIN + height, -1)):
        rows = slice(wall - REACH, wall + REACH + 1)
        own = line[rows][::turn]
        is_seen = own[:, MARGIN:-MARGIN].any(axis=0)
        if is_seen.sum() >= LEAST_RUN:
            inside = own[:, MARGIN:-MARGIN][:, is_seen]
            thickness = int(np.median(np.count_nonzero(inside, axis=0)))
            more = _darker(darkness[rows][::turn], own, is_seen, depth)
            both = cv2.max(more, strokes[rows][::turn])
            both = cv2.morphologyEx(both, cv2.MORPH_OPEN, THREE_DOWN)
            found.mask[rows][::turn] |= _bridged(both, own, thickness)
            found.hidden[rows][::turn] |= _touched(both, own)
    return found


def _darker(strip: NDArray[np.float32], own: Gray, is_seen: NDArray[np.bool_], depth: float) -> Gray:
    """Where on a line it is darker than elsewhere by a stroke; nowhere on lines of dots."""
    along = strip[:, MARGIN:-MARGIN][:, is_seen]
    k = int(USUAL * (along.shape[1] - 1))
    usual = np.partition(along, k, axis=1)[:, k : k + 1]
    if usual.max() < SOLID * float(np.median(along.max(axis=0))):
        return np.zeros_like(own)
    return cv2.bitwise_and(cv2.compare(strip - cv2.dilate(usual, THREE_DOWN), depth, cv2.CMP_GT), own)


def _bridged(ink: Gray, own: Gray, thickness: int) -> Gray:
    """What of the ink is on the line, and the line between ink on both of its sides."""
    from_above, from_below = _spread(ink, thickness + CROSSING), _spread(ink[::-1], thickness + CROSSING)[::-1]
    return cv2.bitwise_and(cv2.max(ink, cv2.bitwise_and(from_above, from_below)), own)


def _spread(ink: Gray, reach: int) -> Gray:
    """The ink drawn down by some pixels."""
    kernel = np.ones((reach, 1), np.uint8)
    anchor = (0, reach - 1)
    return cv2.dilate(ink, kernel, anchor=anchor, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))


def _touched(ink: Gray, own: Gray) -> Gray:
    """The line's inner edge between the first and the last place where ink from inside touches it."""
    hidden = np.zeros_like(own)
    edge = int(np.flatnonzero(own[:, MARGIN:-MARGIN].any(axis=1)).max())
    places = MARGIN + np.flatnonzero(ink[edge - 1 : edge + NEAR_LINE, MARGIN:-MARGIN].any(axis=0))
    if np.diff(places).max(initial=0) > LEAST_GAP:
        hidden[max(edge - STROKE, 0) : edge + 1, places[0] : places[-1] + 1] = 255
    return hidden
