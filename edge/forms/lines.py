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
from edge.paper.binarize import INK_FRACTION, MIN_CONTRAST

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

USUAL, NOISE = 0.25, 0.05
"""A line is as dark as its lightest quarter, and that is sure to within how much its lightest part is lighter."""

SOLID = 0.65
"""Share of its length in which a solid line is dark at the least; dots and dashes tell nothing of what is on them."""

PALE = 1.2
"""A line that is no darker than the least darkness of ink, by this factor, shows all that is written on it."""

EVEN = 0.6
"""Share of its darkness that a line has in its darkest row at the least, where its rows tell what is on it."""

TELLING, OVER_NOISE = 14, 4
"""A line shows what is written on it where a pen would make it darker by so many gray levels, and by so many times as
much as it varies.
"""

COVERED, BARE = 0.5, 0.2
"""Share of that from which on a line is written on, and up to which it is not. With these levels 2459 of 2539 digits on
and near lines were read right on pages of validation writers, 2445 where only single pixels told.
"""

CROSS = 7
"""Pixels from a wall up to which another one's line may cross its own."""

THREE_DOWN = np.ones((3, 1), np.uint8)

BESIDE_STROKE = np.ones((1, 25), np.uint8)
"""How far along a line, to both sides of a stroke that touches it, the stroke may run on it."""

THREE_ALONG = np.ones((1, 3), np.uint8)
"""Pixels along a line that ink on it covers at the least."""

LEAST_RUN = 8
"""Pixels of a line that show how dark it is."""

LEAST_GAP, NEAR_LINE = 5, 4
"""Pixels along a line between two strokes that touch it, and from a line up to which a stroke does."""

NEARBY = np.ones((2 * NEAR_LINE + 1, 1), np.uint8)
"""The rows around a line in which a stroke touches it."""

BARE_GAP = 3
"""Pixels of such a gap that may look bare although a stroke runs through it."""

STROKE = 4
"""Thickness in pixels of the stroke that a line may hide."""

ONE_AROUND = np.ones((3, 3), np.uint8)
"""A pixel and its eight neighbours."""


TOOTH, AT_WALL = 12, 5
"""Length in pixels of a comb's tooth at the least, and how far from the wall and from the line it stands on it lies."""


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


def printed_lines(cells: Sequence[Cell], is_blank: bool = False) -> list[Lines]:
    """The printed lines of each cell of a row: runs of ink along a whole wall, and what most cells have near theirs.

    Parameters
    ----------
    cells : sequence of Cell
    is_blank : bool
        Whether nothing is written in them: what stands on a line at a wall is a comb's tooth then.
    """
    dark = [dark_pixels(cell) for cell in cells]
    own = [_walls(mask, cell.width) for mask, cell in zip(dark, cells, strict=True)]
    if is_blank:
        own = [lines.joined(_teeth(mask, cell.width)) for lines, mask, cell in zip(own, dark, cells, strict=True)]
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
    found = cv2.hconcat([_framed(mask) for mask in dark])
    sought = cv2.hconcat([_framed(cv2.max(*lines.planes)) for lines in fitting])
    down, across = _best_shift(found, sought)
    return [lines.shifted(across, down) for lines in fitting]


def _framed(mask: Gray) -> Gray:
    """A mask with room for a shift on all sides."""
    return cv2.copyMakeBorder(mask, SLACK, SLACK, SLACK, SLACK, cv2.BORDER_CONSTANT, value=0)


def _best_shift(found: Gray, sought: Gray) -> tuple[int, int]:
    """How far down and across a mask is moved to have the most pixels in common with another; both have `SLACK` pixels
    of nothing around them.
    """
    rows, columns = sought.shape
    inner = sought[SLACK : rows - SLACK, SLACK : columns - SLACK]
    common = np.zeros((2 * SLACK + 1, 2 * SLACK + 1), np.float32)
    for down, across in np.ndindex(common.shape):
        window = found[down : down + inner.shape[0], across : across + inner.shape[1]]
        common[down, across] = cv2.countNonZero(cv2.bitwise_and(window, inner))
    best_down, best_across = np.unravel_index(_nearest_peak(common), common.shape)
    return int(best_down) - SLACK, int(best_across) - SLACK


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


def _teeth(mask: Gray, width: int) -> Lines:
    """Short upright lines at the cell's walls that stand on the line below it or hang from the one above."""
    wider = cv2.dilate(mask, ONE_AROUND)
    upright = cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((TOOTH, 1), np.uint8))
    columns = np.arange(mask.shape[1]) - MARGIN
    upright[:, np.minimum(np.abs(columns), np.abs(columns - width)) > AT_WALL] = 0
    _, labels = cv2.connectedComponents(upright)
    feet = [labels[wall - AT_WALL : wall + AT_WALL + 1] for wall in (MARGIN, MARGIN + CELL_HEIGHT)]
    standing = np.isin(labels, [label for label in np.unique(np.concatenate(feet)) if label])
    return Lines(np.zeros_like(mask), cv2.dilate(_where(standing), ONE_AROUND)).seen_in(wider)


@dataclass(frozen=True, slots=True, eq=False)
class OwnInk:
    """A cell's ink without its lines, and what a line may hide.

    Parameters
    ----------
    mask : (rows, columns) uint8
        255 on ink.
    hidden : (rows, columns) uint8
        255 on the parts of lines that a stroke may run along: between two places where ink touches them from inside.
    bare : (rows, columns) uint8
        255 on the parts of lines that show that no stroke runs along.
    """

    mask: Gray
    hidden: Gray
    bare: Gray


def own_ink(cell: Cell, lines: Lines, pen: float, least: float = MIN_CONTRAST) -> OwnInk:
    """The ink that is not the cell's lines.

    On a line, ink is what makes it darker than it is elsewhere, and what lies between ink on both of its sides.

    Parameters
    ----------
    cell : Cell
    lines : Lines
    pen : float
        Gray levels that the pen is darker than the paper.
    least : float
        Gray levels below the paper from which on a pixel is more than noise.
    """
    paper = cell.paper
    darkness = cv2.subtract(np.full_like(cell.gray, round(paper)), cell.gray)
    depth = max(INK_FRACTION * pen, least)
    mask = cv2.compare(darkness, depth, cv2.CMP_GT)
    free = cv2.subtract(mask, cv2.max(*lines.planes))
    strokes = cv2.morphologyEx(free, cv2.MORPH_OPEN, ONE_AROUND)
    level, upright = _between_crossings(lines, cell.width)
    found = _on_lines(_Plane(darkness, mask, strokes, level), CELL_HEIGHT, (paper, pen, depth))
    turned = _on_lines(_Plane(darkness, mask, strokes, upright).turned(), cell.width, (paper, pen, depth))
    pairs = zip((found.mask, found.hidden, found.bare), (turned.mask, turned.hidden, turned.bare), strict=True)
    on_lines, hidden, bare = (cv2.max(one, cv2.transpose(other)) for one, other in pairs)
    return OwnInk(cv2.max(free, on_lines), hidden, bare)


def _between_crossings(lines: Lines, width: int) -> tuple[Gray, Gray]:
    """The lines without what is near the upright walls, and without what is near the level ones."""
    both = cv2.max(*lines.planes)
    level, upright = both, both.copy()
    for wall in (MARGIN, MARGIN + width):
        level[:, wall - CROSS : wall + CROSS + 1] = 0
    for wall in (MARGIN, MARGIN + CELL_HEIGHT):
        upright[wall - CROSS : wall + CROSS + 1] = 0
    return level, upright


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """A cell with its level lines alone, or turned: how dark it is, its ink, the strokes off all lines, the lines."""

    darkness: Gray
    ink: Gray
    strokes: Gray
    line: Gray

    def turned(self) -> _Plane:
        """With rows for columns."""
        return _Plane(*(cv2.transpose(each) for each in (self.darkness, self.ink, self.strokes, self.line)))

    def strip(self, wall: int, turn: int) -> _Plane:
        """The rows around a wall, from outside to inside."""
        rows = slice(wall - REACH, wall + REACH + 1)
        return _Plane(*(each[rows][::turn] for each in (self.darkness, self.ink, self.strokes, self.line)))


def _on_lines(plane: _Plane, height: int, levels: tuple[float, float, float]) -> OwnInk:
    """Ink on the level lines at row `MARGIN` and `height` rows further down."""
    found = OwnInk(*(np.zeros_like(plane.line) for _ in range(3)))
    for wall, turn in ((MARGIN, 1), (MARGIN + height, -1)):
        told = _on_line(plane.strip(wall, turn), levels)
        if told is not None:
            for whole, part in zip((found.mask, found.hidden, found.bare), told, strict=True):
                whole[wall - REACH : wall + REACH + 1][::turn] |= part
    return found


def _on_line(strip: _Plane, levels: tuple[float, float, float]) -> tuple[Gray, Gray, Gray] | None:
    """Of a line its ink, what it may hide, and where it is bare; None where there is no line, or nothing on it."""
    paper, pen, depth = levels
    printed = _thickness(strip.line)
    if not printed.any():
        return None
    inside = 2 * printed >= printed.max()  # where another line crosses, little is left of it
    peaks = np.sort(_inner(cv2.bitwise_and(strip.darkness, strip.line)).max(axis=0)[inside])
    usual = float(peaks[int(USUAL * (len(peaks) - 1))])
    near = cv2.bitwise_and(strip.strokes, cv2.dilate(strip.line, NEARBY))
    if peaks[-1] <= usual + depth and not cv2.countNonZero(_inner(near)):
        return None
    if usual < PALE * depth:
        least = usual + INK_FRACTION * pen * (1 - usual / max(paper, 1.0))
        own = cv2.bitwise_and(strip.line, cv2.compare(strip.darkness, max(least, depth), cv2.CMP_GT))
        return own, np.zeros_like(own), strip.line & ~own.max(axis=0)
    own = cv2.bitwise_and(strip.line, strip.ink)
    thickness = _thickness(own) * inside
    seen = thickness[thickness > 0]
    if len(seen) < LEAST_RUN:
        return None
    covered, bare = np.zeros((2, 1, own.shape[1]), np.uint8)
    if len(seen) >= SOLID * np.count_nonzero(inside):
        covered, bare = _told_by_darkness(strip.darkness, own, thickness, usual, levels)
    covered = covered & cv2.dilate(near.max(axis=0, keepdims=True), BESIDE_STROKE)
    both = cv2.max(cv2.max(own & covered, _darker(strip, own, depth)), strip.strokes)
    both = cv2.morphologyEx(both, cv2.MORPH_OPEN, THREE_DOWN)
    mask = _bridged(both, own, int(_median(seen))) & ~bare
    return mask, _touched(both, own, bare) & ~bare, own & bare


def _inner(strip: Gray) -> Gray:
    """The columns of a strip that are the cell's own."""
    return strip[:, MARGIN:-MARGIN]


def _thickness(line: Gray) -> NDArray[np.int32]:
    """Of each of the cell's columns the pixels that a line has."""
    return np.asarray(cv2.reduce(_inner(line), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] // 255)


def _median(values: NDArray[np.generic]) -> float:
    """The median of a few values; NumPy's own takes longer to look at its arguments than to sort them."""
    ranked = np.sort(values)
    half, is_odd = divmod(len(ranked), 2)
    return float(ranked[half - 1 + is_odd]) / 2 + float(ranked[half]) / 2


def _darker(strip: _Plane, own: Gray, depth: float) -> Gray:
    """Where on a line a pixel is darker than its row is elsewhere; nowhere on a dotted or a rising line."""
    along = strip.darkness[:, MARGIN:-MARGIN][:, own[:, MARGIN:-MARGIN].any(axis=0)]
    k = int(USUAL * (along.shape[1] - 1))
    usual = np.partition(along, k, axis=1)[:, k : k + 1]
    if usual.max() < EVEN * _median(along.max(axis=0)):
        return np.zeros_like(own)
    more = cv2.subtract(strip.darkness, np.repeat(cv2.dilate(usual, THREE_DOWN), own.shape[1], axis=1))
    return cv2.bitwise_and(cv2.compare(more, depth, cv2.CMP_GT), own)


def _told_by_darkness(
    darkness: Gray, own: Gray, thickness: NDArray[np.int32], peak: float, levels: tuple[float, float, float]
) -> tuple[Gray, Gray]:
    """255 where a line is darker than elsewhere by a pen on it, and where it is not: two (1, columns) uint8.

    A pen lets through the share of the light that it lets through on paper, so a dark line gets darker by less, or it
    covers the line, as a pencil does.
    """
    covered, bare = np.zeros((2, 1, own.shape[1]), np.uint8)
    paper, pen, _ = levels
    is_seen = thickness > 0
    whole = cv2.dilate(own, THREE_DOWN)  # an edge between two pixels is half as dark in both
    totals = cv2.bitwise_and(darkness, whole)[:, MARGIN:-MARGIN].sum(axis=0, dtype=np.int64)[is_seen]
    ranked = np.sort(totals)
    usual, least = (float(ranked[int(share * (len(ranked) - 1))]) for share in (USUAL, NOISE))
    count = _median(thickness[is_seen])
    more = count * min(pen * (1 - peak / max(paper, 1.0)), pen - peak)
    if more < max(TELLING * count, OVER_NOISE * (usual - least)):
        return covered, bare
    share = (totals - usual) / more
    places = MARGIN + np.flatnonzero(is_seen)
    covered[0, places[share > COVERED]] = 255
    bare[0, places[share < BARE]] = 255
    return cv2.morphologyEx(covered, cv2.MORPH_OPEN, THREE_ALONG), cv2.morphologyEx(bare, cv2.MORPH_OPEN, THREE_ALONG)


def _bridged(ink: Gray, own: Gray, thickness: int) -> Gray:
    """What of the ink is on the line, and the line between ink on both of its sides."""
    from_above, from_below = _spread(ink, thickness + CROSSING), _spread(ink[::-1], thickness + CROSSING)[::-1]
    return cv2.bitwise_and(cv2.max(ink, cv2.bitwise_and(from_above, from_below)), own)


def _spread(ink: Gray, reach: int) -> Gray:
    """The ink drawn down by some pixels."""
    kernel = np.ones((reach, 1), np.uint8)
    anchor = (0, reach - 1)
    return cv2.dilate(ink, kernel, anchor=anchor, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))


def _touched(ink: Gray, own: Gray, bare: Gray) -> Gray:
    """The line's inner edge between the first and the last place where ink from inside touches it.

    Nothing of it where the line is bare in between.
    """
    hidden = np.zeros_like(own)
    edge = int(np.flatnonzero(own[:, MARGIN:-MARGIN].any(axis=1)).max())
    places = MARGIN + np.flatnonzero(ink[edge - 1 : edge + NEAR_LINE, MARGIN:-MARGIN].any(axis=0))
    is_gap = np.diff(places) > LEAST_GAP
    spans = zip(places[:-1][is_gap], places[1:][is_gap], strict=True)
    if any(np.count_nonzero(bare[0, first:last]) <= BARE_GAP for first, last in spans):
        hidden[max(edge - STROKE, 0) : edge + 1, places[0] : places[-1] + 1] = 255
    return hidden
