"""Rows of equal cells in a picture of a form, found without being told: with shared walls, apart, or parted by shade.

A cell is a hole between walls on four sides, or lies between two short lines one above the other where writing fills
the hole. Walls are looked for from the faintest to the darkest, for shade hides faint walls and pale forms have no dark
ones. Equal cells side by side make a row, which lends its pitch to those that are written over; a table's rows are
parted where its columns are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.walls import SHADE, Walls
from edge.nouns import Box, Gray
from edge.paper.pieces import union_box

REACHES = (2, 9)
"""Pixels by which a wall is made longer at its ends: hardly, and to the other wall at a rounded corner of 1 mm, which
long walls do not have.
"""

MIN_WIDTH, MIN_HEIGHT = 16, 20
"""Least cell in pixels: 2 x 2.5 mm at 200 dpi."""

FILL = 0.8
"""A cell fills this share of its rectangle at the least; writing that touches a wall takes some away."""

BAND = 3
"""Pixels outside a cell that its wall is looked for in."""

SUPPORT, LEAST_SUPPORT = 0.75, 0.5
"""Share of its four sides that has a wall, and of each: a circle has half of its rectangle's sides."""

SURELY = 0.85
"""... and of each where the walls are all that tells of a cell."""

STEP = 2.5
"""Levels by which walls are looked for differ by this factor at the most."""

LETTER = 26
"""Least side in pixels of a cell in a row of few, 3.3 mm at 200 dpi: two square letters are smaller."""

MANY = 4
"""Equal cells from which on they are a row though their walls are not whole; a pair of zeros may look like two."""

NEAR_CORNER, CORNER_SUPPORT = (0.08, 0.3), 0.5
"""Part of a side next to a corner, and the share of it that has a wall: a circle has none there."""

CORNER, CORNER_INK = 0.24, 0.5
"""Part of a cell's shorter side that a corner goes to, and share of the walls' depth that is ink: a circle has ink in
its box's corners, and none outside.
"""

MAX_LINE, MAX_THICK, ROUNDED = 160, 10, 0.2
"""Length and thickness in pixels of a single cell's upper and lower line at the most, and the share of the cell's side
that a rounded corner takes.
"""

PAPER = 0.7
"""Share of a row's cells that is paper: a digit leaves nine tenths, a white letter in a black band half."""

STROKE = 0.12
"""Width of a cell's thinner wall over the cell's at the most: letters have strokes of a fifth of their holes."""

PALE = 0.4
"""Depth of the palest side of a frame over that of its darkest at the least; dots have theirs in a part of the side."""

LIGHT = 0.55
"""Share of the paper's gray level that a cell has at the least: a black band with white letters is none."""

SAME = 0.75
"""Overlap over union of two boxes from which on they are one cell."""

LIKE, SLACK = 0.16, 3
"""Share of its size by which a cell may differ from its neighbour, and pixels that count as nothing."""

MAX_GAP, HALF, GAP_RATIO = 1.3, 0.5, 2.2
"""Cells of a row stand apart by this share of their width at the most; by less than the next, or than so many times the
least gap of the row, where a point or a dash stands between some.
"""

HEADER = 15
"""Rows that a table's wall goes on above its digits' cells, into the head of a column, at the least."""

ALONG = 0.9
"""Share of some rows that a wall stands in at the least to go through them."""

MISSING = 2
"""Cells at the most that are put in between two of a row, where the walls allow it."""

NARROW, WIDE = 0.3, 1.6
"""Width over height that a cell for one digit has."""

Kind = Literal["cells", "comb", "frame", "line"]


@dataclass(frozen=True, slots=True)
class BoxRow:
    """Boxes to write in, left to right: one a digit, or a single frame or the room above a line for a number.

    Boxes are x, y, width, height in pixels, between the walls.
    """

    boxes: tuple[Box, ...]
    kind: Kind

    @property
    def box(self) -> Box:
        """The box around all."""
        return union_box(self.boxes)


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """The walls from one level on, (rows, columns) uint8: 255 on those from side to side, and from top to bottom.

    `near_level` and `near_upright` are 255 where there is one in a band of `BAND` pixels around; `is_long` says that
    only long walls count, which writing is none of and does not part.
    """

    level: Gray
    upright: Gray
    near_level: Gray
    near_upright: Gray
    is_long: bool

    @classmethod
    def of(cls, walls: Walls, least: float) -> Masks:
        """The walls that stand out by `least` gray levels."""
        level, upright = (cv2.compare(each, least, cv2.CMP_GT) for each in (walls.level, walls.upright))
        across = np.ones((BAND, 1), np.uint8)
        return cls(
            level,
            upright,
            cv2.dilate(level, across),
            cv2.dilate(upright, across.T),
            walls.is_long,
        )


def find_cells(masks: Sequence[Masks], gray: Gray, depth: Gray) -> list[Box]:
    """Everything on paper with four walls that has room for a digit, once each, in no order.

    Parameters
    ----------
    masks : sequence of Masks
        The picture's walls, solid, dotted and long, each from faint to dark.
    gray, depth : (rows, columns) uint8
        The picture, and how much darker than the paper it is.
    """
    least = _least_level(gray)
    boxes = [
        box
        for each in masks
        for box in {box for drawn in _drawings(each) for box in _holes(drawn)}
        if is_walled(box, each) and not _is_round(box, depth)
    ]
    framed = {box for each in masks for box in _between_lines(each)}
    boxes += [box for box in framed if not _is_round(box, depth) and _is_one_line(box, depth)]
    return [box for box in _without_twins(boxes) if _level_in(box, gray) >= least]


def find_rows(masks: Sequence[Masks], cells: Sequence[Box], gray: Gray, depth: Gray) -> list[BoxRow]:
    """Rows of at least two equal cells for a digit each; where two overlap, the longer one stays.

    Parameters
    ----------
    masks : sequence of Masks
    cells : sequence of Box
        From `find_cells`.
    gray, depth : (rows, columns) uint8
        The picture, and how much darker than the paper it is.
    """
    least = _least_level(gray)
    narrow = sorted(box for box in cells if NARROW <= box[2] / box[3] <= WIDE)
    chains = [part for chain in _chains(narrow) for part in _completed(chain, masks)]
    chains = [chain for chain in chains if len(chain) >= MANY or all(_has_walls(cell, masks) for cell in chain)]
    chains = [chain for chain in chains if _are_for_writing(chain, gray, depth, least)]
    chains.sort(key=lambda chain: (-len(chain), _unevenness(chain)))
    kept: list[list[Box]] = []
    for chain in chains:
        if not any(_touch(chain, row) for row in kept):
            kept.append(chain)
    return [BoxRow(tuple(part), "cells") for row in kept for part in _columns(row, kept, masks)]


def masks_of(walls: Walls) -> list[Masks]:
    """The walls by how far they stand out, from faint to dark."""
    steps = max(1, math.ceil(math.log(walls.dark / walls.faint, STEP)))
    return [Masks.of(walls, walls.faint * (walls.dark / walls.faint) ** (k / steps)) for k in range(steps + 1)]


def with_white_cells(row: BoxRow, gray: Gray) -> BoxRow:
    """A row of cells that shade alone sets off, with the white ones between, where every gap is as wide as a cell.

    Parameters
    ----------
    row : BoxRow
    gray : (rows, columns) uint8
    """
    gaps = [_gap(left, right) for left, right in pairwise(row.boxes)]
    is_even = all(abs(gap - box[2]) <= max(SLACK, 2 * LIKE * box[2]) for gap, box in zip(gaps, row.boxes, strict=False))
    if not is_even or not all(_is_shade(box, gray) for box in row.boxes):
        return row
    boxes = [row.boxes[0]]
    for left, right in pairwise(row.boxes):
        end = left[0] + left[2]
        boxes += [(end, left[1], right[0] - end, left[3]), right]
    return BoxRow(tuple(boxes), "cells")


def _is_shade(box: Box, gray: Gray) -> bool:
    """Whether a box is darker than what is above it, and no line runs there."""
    x, y, width, _ = box
    above = gray[max(0, y - 3 * BAND) : y + 1, x : x + width]
    inside = _level_in(box, gray)
    return (
        float(np.median(above.max(axis=0))) >= inside + SHADE and float(np.median(above.min(axis=0))) >= inside - SHADE
    )


def _drawings(masks: Masks) -> Iterator[Gray]:
    """The walls in the ways that cells are looked for in: with little and with more reach."""
    for reach in REACHES[:1] if masks.is_long else REACHES:
        yield _with_reach(masks.level, masks.upright, reach)


def _with_reach(level: Gray, upright: Gray, reach: int) -> Gray:
    """All walls, each longer by `reach` at its ends."""
    along = np.ones((1, 2 * reach + 1), np.uint8)
    return cv2.max(cv2.dilate(level, along), cv2.dilate(upright, along.T))


def _holes(mask: Gray) -> list[Box]:
    """Boxes of the holes that are rectangles large enough."""
    outlines, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    boxes = []
    for outline, parent in zip(outlines, hierarchy[0, :, 3].tolist(), strict=True):
        if parent >= 0 and len(outline) >= 4:
            x, y, width, height = cv2.boundingRect(outline)
            inner = (x + 1, y + 1, width - 2, height - 2)  # a hole's outline runs on its walls
            is_large = inner[2] >= MIN_WIDTH and inner[3] >= MIN_HEIGHT
            if is_large and cv2.contourArea(outline) >= FILL * inner[2] * inner[3]:
                boxes.append(inner)
    return boxes


def _between_lines(masks: Masks) -> list[Box]:
    """Boxes of a cell each between two short lines, one above the other, whatever is written between them."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(masks.level, connectivity=8, ltype=cv2.CV_32S)
    lines = stats[1:, :4]
    lines = lines[(lines[:, 2] >= MIN_WIDTH) & (lines[:, 2] <= MAX_LINE) & (lines[:, 3] <= MAX_THICK)]
    left, top, width, height = lines.T
    down = top - (top + height)[:, None]
    beside = np.maximum(abs(left - left[:, None]), abs(left + width - (left + width)[:, None]))
    fits = (down >= MIN_HEIGHT) & (beside <= SLACK) & (down >= width / WIDE) & (down <= width / NARROW)
    boxes = [_fitted(lines[upper], lines[lower], masks) for upper, lower in np.argwhere(fits).tolist()]
    return [box for box in boxes if box is not None and is_walled(box, masks, SURELY)]


def _fitted(upper: NDArray[np.int32], lower: NDArray[np.int32], masks: Masks) -> Box | None:
    """The box between an upper and a lower line, and the upright walls nearest to their ends; None without these."""
    top, bottom = int(upper[1] + upper[3]), int(lower[1])
    first, last = int(min(upper[0], lower[0])), int(max(upper[0] + upper[2], lower[0] + lower[2]))
    reach = round(ROUNDED * (last - first))
    start = max(0, first - reach)
    area = masks.upright[top:bottom, start : last + reach] > 0
    walls = np.flatnonzero(area.mean(axis=0) >= 1 - 2 * ROUNDED) + start
    before, after = walls[walls <= first + reach], walls[walls >= last - 1 - reach]
    if not before.size or not after.size:
        return None
    x = int(before.max()) + 1
    width = int(after.min()) - x
    return (x, top, width, bottom - top) if width >= MIN_WIDTH else None


def _thickness(box: Box, depth: Gray) -> float:
    """Width of the upright walls of a box, in pixels: of the thinner one, for a band may be the other."""
    x, y, width, height = box
    reach = max(BAND + 1, round(2 * STROKE * width))
    sides = (
        depth[y : y + height, max(0, x - reach) : x][:, ::-1],
        depth[y : y + height, x + width : x + width + reach],
    )
    profiles = [np.median(side, axis=0) for side in sides if side.size]
    return min((float((each[: int(np.argmin(each)) + 1] >= each.max() / 2).sum()) for each in profiles), default=0.0)


def _is_one_line(box: Box, depth: Gray) -> bool:
    """Whether the four sides of a box are printed with one line: none is much paler than another."""
    x, y, width, height = box
    if min(x, y) < BAND:
        return False
    bands = (
        depth[y - BAND : y, x : x + width],
        depth[y + height : y + height + BAND, x : x + width],
        depth[y : y + height, x - BAND : x].T,
        depth[y : y + height, x + width : x + width + BAND].T,
    )
    deep = [float(np.percentile(band.max(axis=0), 75)) for band in bands if band.size]
    return len(deep) == 4 and min(deep) >= PALE * max(deep)


def is_walled(box: Box, masks: Masks, least: float = LEAST_SUPPORT) -> bool:
    """Whether a box has walls on four sides, each in `least` of its length, that go nearly into its corners."""
    sides = _sides(box, masks)
    shares = [np.count_nonzero(side) / len(side) for side in sides]
    return min(shares) >= least and sum(shares) >= 4 * SUPPORT and _corner_support(sides) >= CORNER_SUPPORT


def _sides(box: Box, masks: Masks) -> list[NDArray[np.uint8]]:
    """For each pixel along the upper, lower, left and right side whether there is a wall just outside."""
    x, y, width, height = box
    rows, columns = masks.level.shape
    above, below = max(0, y - 1 - BAND // 2), min(rows - 1, y + height + BAND // 2)
    before, after = max(0, x - 1 - BAND // 2), min(columns - 1, x + width + BAND // 2)
    return [
        masks.near_level[above, x : x + width],
        masks.near_level[below, x : x + width],
        masks.near_upright[y : y + height, before],
        masks.near_upright[y : y + height, after],
    ]


def _is_round(box: Box, depth: Gray) -> bool:
    """Whether the outline around a box cuts off its corners, as a circle's does."""
    x, y, width, height = box
    if min(x, y) < BAND or x + width + BAND > depth.shape[1] or y + height + BAND > depth.shape[0]:
        return False
    area = depth[y - BAND : y + height + BAND, x - BAND : x + width + BAND]
    least = max(
        1.0, CORNER_INK * float(np.median(area[[*range(BAND), *range(-BAND, 0)]].reshape(2, BAND, -1).max(axis=1)))
    )
    end = BAND + max(4, round(CORNER * min(width, height)))
    corners = [turned[:end, :end] >= least for turned in (area, area[::-1], area[:, ::-1], area[::-1, ::-1])]
    cut = [bool(each[BAND + 1 :, BAND + 1 :].any() and not each[:BAND, :BAND].any()) for each in corners]
    return any(cut[one] and cut[other] for one, other in ((0, 1), (2, 3), (0, 2), (1, 3)))


def _corner_support(sides: Sequence[NDArray[np.uint8]]) -> float:
    """Share of the sides' parts next to the corners that has a wall."""
    ends = []
    for side in sides:
        first, last = (round(share * len(side)) for share in NEAR_CORNER)
        ends += [side[first:last], side[len(side) - last : len(side) - first]]
    return sum(map(np.count_nonzero, ends)) / sum(map(len, ends))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _without_twins(boxes: Sequence[Box]) -> list[Box]:
    """Each cell once, with the middle of its boxes' sides."""
    groups: list[list[Box]] = []
    for box in sorted(boxes):
        near = (group for group in reversed(groups) if overlap(group[0], box) >= SAME)
        group = next(near, None)
        if group is None:
            groups.append([box])
        else:
            group.append(box)
    return [_middle(group) for group in groups]


def _touch(one: Sequence[Box], other: Sequence[Box]) -> bool:
    """Whether two rows have pixels in common."""
    return overlap(union_box(one), union_box(other)) > 0 and any(overlap(a, b) > 0 for a in one for b in other)


def _middle(boxes: Sequence[Box]) -> Box:
    left, top = median(box[0] for box in boxes), median(box[1] for box in boxes)
    right, bottom = median(box[0] + box[2] for box in boxes), median(box[1] + box[3] for box in boxes)
    return round(left), round(top), round(right - left), round(bottom - top)


def _chains(cells: Sequence[Box]) -> list[list[Box]]:
    """The cells of one size side by side, at equal gaps, as far as they go, from each that is in no such row yet."""
    followers = _followers(cells)
    chains, taken = [], set[int]()
    for first in range(len(cells)):
        if first in taken:
            continue
        chain = [first]
        while (follower := _next(chain, cells, followers[chain[-1]])) is not None:
            chain.append(follower)
        taken.update(chain)
        chains.append([cells[index] for index in chain])
    return chains


def _followers(cells: Sequence[Box]) -> list[list[int]]:
    """For each cell those like it to its right, the nearest first; `cells` stand left to right."""
    if not cells:
        return []
    x, y, width, height = np.array(cells).T
    slack_y, slack_x = (np.maximum(SLACK, LIKE * size)[:, None] for size in (height, width))
    alike = (abs(height[:, None] - height) <= slack_y) & (abs(y[:, None] - y) <= slack_y)
    alike &= (abs(width[:, None] - width) <= slack_x) & (x >= (x + width)[:, None])
    return [np.flatnonzero(row).tolist() for row in alike]


def _next(chain: Sequence[int], cells: Sequence[Box], followers: Sequence[int]) -> int | None:
    """The next cell of a row: the nearest like the last one, if it is near or a whole number of cells away."""
    if not followers:
        return None
    last, cell = cells[chain[-1]], cells[followers[0]]
    gaps = [_gap(cells[left], cells[right]) for left, right in pairwise(chain)]
    if _gap(last, cell) <= min(MAX_GAP * last[2], max(GAP_RATIO * min(gaps, default=last[2]), HALF * last[2])):
        return followers[0]
    pitch = last[2] + min(gaps) if gaps else 0
    steps = (cell[0] - last[0]) / pitch if pitch else 0.0
    is_whole = 2 <= round(steps) <= MISSING + 1 and abs(steps - round(steps)) * pitch <= max(SLACK, LIKE * last[2])
    return followers[0] if is_whole else None


def _gap(one: Box, other: Box) -> int:
    return other[0] - one[0] - one[2]


def _completed(chain: list[Box], masks: Sequence[Masks]) -> list[list[Box]]:
    """The parts of a row, with the cells that lack between two of its own, or beyond its ends, where there are walls
    for them.
    """
    if len(chain) < 2:
        return []
    pitch = min(right[0] - left[0] for left, right in pairwise(chain))
    parts = [[chain[0]]]
    for left, right in pairwise(chain):
        steps = round((right[0] - left[0]) / pitch)
        between = [_between(left, right, k / steps) for k in range(1, steps)]
        if (
            between
            and _gap(left, right) > MAX_GAP * 0.7 * left[2]
            and not all(_has_walls(cell, masks) for cell in between)
        ):
            parts.append([])
        elif between and all(_has_walls(cell, masks) for cell in between):
            parts[-1] += between
        parts[-1].append(right)
    return [_lengthened(part, pitch, masks) for part in parts if len(part) > 1]


def _lengthened(row: list[Box], pitch: int, masks: Sequence[Masks]) -> list[Box]:
    """A row with the cells beyond its ends that have walls."""
    row = list(row)
    for end, step in ((0, -pitch), (-1, pitch)):
        while _has_walls(beyond := _shifted(row[end], step), masks):
            row.insert(0 if end == 0 else len(row), beyond)
    return row


def _has_walls(box: Box, masks: Sequence[Masks]) -> bool:
    """Whether there surely are walls for a cell."""
    return box[0] >= BAND and any(is_walled(box, each, SURELY) for each in masks)


def _columns(row: list[Box], rows: Sequence[list[Box]], masks: Sequence[Masks]) -> list[list[Box]]:
    """The parts of a row in the columns of a table: some walls, not all, go on beyond the rows that are stacked."""
    if not any(_is_stacked(row, other) or _is_stacked(other, row) for other in rows):
        return [row]
    own = (row[0][1], row[0][1] + row[0][3])
    walls = [(left[0] + left[2] + right[0]) // 2 for left, right in pairwise(row)]
    for is_up in (True, False):
        reaches = [max((_reach(wall, own, is_up, mask) for mask in masks if mask.is_long), default=0) for wall in walls]
        least = min(reaches) + HEADER
        cuts = [0, *(k for k, reach in enumerate(reaches, 1) if reach >= least), len(row)]
        if len(cuts) > 2 and all(stop - begin > 1 for begin, stop in pairwise(cuts)):
            return [row[begin:stop] for begin, stop in pairwise(cuts)]
    return [row]


def _is_stacked(upper: Sequence[Box], lower: Sequence[Box]) -> bool:
    """Whether a row stands right above another along most of it, with one wall between."""
    (left, top, _, height), low = upper[0], lower[0]
    right, low_right = upper[-1][0] + upper[-1][2], lower[-1][0] + lower[-1][2]
    shared = min(right, low_right) - max(left, low[0])
    return -BAND <= low[1] - top - height <= 4 * BAND and low[1] > top and 2 * shared >= right - left


def _reach(wall: int, own: tuple[int, int], is_up: bool, masks: Masks) -> int:
    """Pixels that the long wall near a column goes on above some rows, or below them; 0 where it does not pass them."""
    beside = masks.upright[:, wall - BAND : wall + BAND + 1].any(axis=1)
    if beside[slice(*own)].mean() < ALONG:
        return 0
    beyond = beside[: own[0] - SLACK][::-1] if is_up else beside[own[1] + SLACK :]
    return int(np.argmin(np.append(beyond, False)))


def _are_for_writing(row: Sequence[Box], gray: Gray, depth: Gray, least: float) -> bool:
    """Whether a row's cells are paper with thin walls; what stands between letters is not."""
    if len(row) < MANY and min(min(box[2:]) for box in row) < LETTER:
        return False
    walls = median(_thickness(box, depth) / box[2] for box in row)
    shares = [_paper_in(box, gray, least) for box in row]
    return walls <= STROKE and median(shares) >= PAPER and min(shares) >= PAPER / 2


def _paper_in(box: Box, gray: Gray, least: float) -> float:
    """Share of a box that is lighter than ink."""
    x, y, width, height = box
    inside = gray[max(0, y) : y + height, max(0, x) : x + width]
    return float((inside >= least).mean()) if inside.size else 0.0


def _least_level(gray: Gray) -> float:
    """Gray level that a cell has at the least."""
    return LIGHT * float(np.percentile(gray[::4, ::4], 95))


def _level_in(box: Box, gray: Gray) -> float:
    """Gray level of most of a box."""
    x, y, width, height = box
    return float(np.median(gray[y : y + height : 2, x : x + width : 2]))


def _between(one: Box, other: Box, share: float) -> Box:
    x, y, width, height = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return x, y, width, height


def _shifted(box: Box, step: int) -> Box:
    return box[0] + step, *box[1:]


def _unevenness(chain: Sequence[Box]) -> float:
    """How much the widths of a row's cells differ."""
    return float(np.std([box[2] for box in chain]))
