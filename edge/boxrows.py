"""Rows of equal cells in a picture of a form, found without being told: cells with shared walls or apart, frames alone.

A cell is a hole between walls on four sides. Walls are looked for from the faintest to the darkest, for what shades a
cell hides faint walls and what is faint has no dark ones; then equal cells side by side make a row, and a row lends
its pitch to a cell of which only the walls are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

import cv2
import numpy as np

from edge.nouns import Box, Gray
from edge.pieces import union_box
from edge.walls import Walls

REACHES = (2, 9)
"""Pixels by which a wall is made longer at its ends: hardly, and to the other wall at a rounded corner of 1 mm."""

MIN_WIDTH, MIN_HEIGHT = 16, 20
"""Least cell in pixels: 2 x 2.5 mm at 200 dpi."""

FILL = 0.8
"""A cell fills this share of its rectangle at the least; writing that touches a wall takes some away."""

BAND = 3
"""Pixels outside a cell that its wall is looked for in."""

SUPPORT, LEAST_SUPPORT = 0.75, 0.5
"""Share of its four sides that has a wall, and of each: a circle has half of its rectangle's sides."""

NEAR_CORNER, CORNER_SUPPORT = (0.08, 0.3), 0.5
"""Part of a side next to a corner, and the share of it that has a wall: a circle has none there."""

CORNER, CORNER_INK = 0.24, 0.5
"""Part of a cell's shorter side that a corner goes to, and share of the walls' depth that is ink there: a circle has ink
within the corners of its box, and none outside.
"""

LIGHT = 0.55
"""Share of the paper's gray level that a cell has at the least: a black band with white letters is none."""

SAME = 0.75
"""Overlap over union of two boxes from which on they are one cell."""

LIKE, SLACK = 0.12, 3
"""Share of its size by which a cell may differ from its neighbour, and pixels that count as nothing."""

MAX_GAP, HALF, GAP_RATIO = 1.3, 0.5, 2.2
"""Cells of a row stand apart by this share of their width at the most; by less than the next, or than so many times the
least gap of the row, where a point or a dash stands between some.
"""

HEADER = 15
"""Rows that a table's wall goes on above its digits' cells, into the head of a column, at the least."""

MISSING = 2
"""Cells at the most that are put in between two of a row, where the walls allow it."""

NARROW, WIDE = 0.3, 1.6
"""Width over height that a cell for one digit has."""

Kind = Literal["cells", "comb", "frame"]


@dataclass(frozen=True, slots=True)
class BoxRow:
    """Boxes to write in, left to right: one a digit, or a single frame for a number.

    Boxes are x, y, width, height in pixels, between the walls.
    """

    boxes: tuple[Box, ...]
    kind: Kind

    @property
    def box(self) -> Box:
        """The box around all."""
        return union_box(self.boxes)


@dataclass(frozen=True, slots=True, eq=False)
class _Masks:
    """The walls from one level on: 255 on those from side to side, and on those from top to bottom."""

    level: Gray
    upright: Gray


def find_cells(lines: Sequence[Walls], gray: Gray) -> list[Box]:
    """Everything on paper with four walls that has room for a digit, once each, in no order.

    Parameters
    ----------
    lines : sequence of Walls
        The picture's walls, solid and dotted.
    gray : (rows, columns) uint8
        The picture.
    """
    least = LIGHT * float(np.percentile(gray[::4, ::4], 95))
    boxes = [
        box
        for walls in lines
        for masks in _masks(walls)
        for reach in REACHES
        for box in _holes(_with_reach(masks, reach))
        if is_walled(box, masks) and not _is_round(box, walls.depth)
    ]
    return [box for box in _without_twins(boxes) if _level_in(box, gray) >= least]


def find_rows(lines: Sequence[Walls], cells: Sequence[Box]) -> list[BoxRow]:
    """Rows of at least two equal cells for a digit each; where two overlap, the longer one stays."""
    masks = [each for walls in lines for each in _masks(walls)]
    narrow = sorted(box for box in cells if NARROW <= box[2] / box[3] <= WIDE)
    chains = [part for chain in _chains(narrow) for part in _completed(chain, masks)]
    chains.sort(key=lambda chain: (-len(chain), _unevenness(chain)))
    kept: list[list[Box]] = []
    for chain in chains:
        if not any(overlap(box, other) > 0 for row in kept for other in row for box in chain):
            kept.append(chain)
    return [BoxRow(tuple(part), "cells") for row in kept for part in _columns(row, kept, masks)]


def _masks(walls: Walls) -> Iterator[_Masks]:
    """The walls by how far they stand out, from faint to dark in steps of 2."""
    least = walls.faint
    while True:
        yield _Masks(*(cv2.compare(each, least, cv2.CMP_GT) for each in (walls.level, walls.upright)))
        if least >= walls.dark:
            return
        least = min(2 * least, walls.dark)


def _with_reach(masks: _Masks, reach: int) -> Gray:
    """All walls, each longer by `reach` at its ends."""
    along = np.ones((1, 2 * reach + 1), np.uint8)
    return cv2.max(cv2.dilate(masks.level, along), cv2.dilate(masks.upright, along.T))


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


def is_walled(box: Box, masks: _Masks) -> bool:
    """Whether a box has walls on four sides that go nearly into its corners."""
    sides = _sides(box, masks)
    shares = [float(side.mean()) if side.size else 0.0 for side in sides]
    return min(shares) >= LEAST_SUPPORT and sum(shares) >= 4 * SUPPORT and _corner_support(sides) >= CORNER_SUPPORT


def _sides(box: Box, masks: _Masks) -> list[np.ndarray]:
    """For each pixel along the upper, lower, left and right side whether there is a wall just outside."""
    x, y, width, height = box
    bands = (
        masks.level[max(0, y - BAND) : y, x : x + width],
        masks.level[y + height : y + height + BAND, x : x + width],
        masks.upright[y : y + height, max(0, x - BAND) : x].T,
        masks.upright[y : y + height, x + width : x + width + BAND].T,
    )
    return [band.any(axis=0) if band.size else np.zeros(0, bool) for band in bands]


def _is_round(box: Box, depth: Gray) -> bool:
    """Whether the outline around a box cuts off its corners, as a circle's does."""
    x, y, width, height = box
    if min(x, y) < BAND or x + width + BAND > depth.shape[1] or y + height + BAND > depth.shape[0]:
        return False
    area = depth[y - BAND : y + height + BAND, x - BAND : x + width + BAND]
    least = max(1.0, CORNER_INK * float(np.median(area[[*range(BAND), *range(-BAND, 0)]].reshape(2, BAND, -1).max(axis=1))))
    end = BAND + max(4, round(CORNER * min(width, height)))
    corners = [turned[:end, :end] >= least for turned in (area, area[::-1], area[:, ::-1], area[::-1, ::-1])]
    return sum(bool(corner[BAND + 1 :, BAND + 1 :].any() and not corner[:BAND, :BAND].any()) for corner in corners) >= 3


def _corner_support(sides: Sequence[np.ndarray]) -> float:
    """Share of the sides' parts next to the corners that has a wall."""
    ends = []
    for side in sides:
        first, last = (round(share * len(side)) for share in NEAR_CORNER)
        ends += [side[first:last], side[::-1][first:last]]
    return float(np.concatenate(ends).mean())


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


def _middle(boxes: Sequence[Box]) -> Box:
    left, top = median(box[0] for box in boxes), median(box[1] for box in boxes)
    right, bottom = median(box[0] + box[2] for box in boxes), median(box[1] + box[3] for box in boxes)
    return round(left), round(top), round(right - left), round(bottom - top)


def _chains(cells: Sequence[Box]) -> list[list[Box]]:
    """From every cell the cells of its size to its right, at equal gaps, as far as they go."""
    chains = []
    for first in cells:
        chain = [first]
        while follower := _follower(chain, cells):
            chain.append(follower)
        chains.append(chain)
    return chains


def _follower(chain: Sequence[Box], cells: Sequence[Box]) -> Box | None:
    """The next cell of a row: the nearest like the last one, or a whole number of cells farther."""
    last = chain[-1]
    near = [cell for cell in cells if are_alike(last, cell) and cell[0] >= last[0] + last[2]]
    if not near:
        return None
    cell = min(near)
    gaps = [_gap(left, right) for left, right in pairwise(chain)]
    if _gap(last, cell) <= min(MAX_GAP * last[2], max(GAP_RATIO * min(gaps, default=last[2]), HALF * last[2])):
        return cell
    pitch = last[2] + min(gaps) if gaps else 0
    steps = (cell[0] - last[0]) / pitch if pitch else 0.0
    is_whole = 2 <= round(steps) <= MISSING + 1 and abs(steps - round(steps)) * pitch <= _slack(last[2])
    return cell if is_whole else None


def are_alike(one: Box, other: Box) -> bool:
    """Whether two cells stand side by side and are of one size."""
    height = _slack(one[3])
    return (
        abs(one[3] - other[3]) <= height
        and abs(one[1] - other[1]) <= height
        and abs(one[2] - other[2]) <= _slack(one[2])
    )


def _slack(size: int) -> float:
    return max(SLACK, LIKE * size)


def _gap(one: Box, other: Box) -> int:
    return other[0] - one[0] - one[2]


def _completed(chain: list[Box], masks: Sequence[_Masks]) -> list[list[Box]]:
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
        if between and _gap(left, right) > MAX_GAP * 0.7 * left[2] and not all(_has_walls(cell, masks) for cell in between):
            parts.append([])
        elif between and all(_has_walls(cell, masks) for cell in between):
            parts[-1] += between
        parts[-1].append(right)
    return [_lengthened(part, pitch, masks) for part in parts if len(part) > 1]


def _lengthened(row: list[Box], pitch: int, masks: Sequence[_Masks]) -> list[Box]:
    """A row with the cells beyond its ends that have walls."""
    row = list(row)
    for end, step in ((0, -pitch), (-1, pitch)):
        while _has_walls(beyond := _shifted(row[end], step), masks):
            row.insert(0 if end == 0 else len(row), beyond)
    return row


def _has_walls(box: Box, masks: Sequence[_Masks]) -> bool:
    return box[0] >= BAND and any(is_walled(box, each) for each in masks)


def _columns(row: list[Box], rows: Sequence[list[Box]], masks: Sequence[_Masks]) -> list[list[Box]]:
    """The parts of a row in the columns of a table: some walls, not all, go on beyond the rows that are stacked."""
    first, last = row, row
    while above := next((each for each in rows if _is_stacked(each, first)), None):
        first = above
    while below := next((each for each in rows if _is_stacked(last, each)), None):
        last = below
    top, bottom = min(box[1] for box in first), max(box[1] + box[3] for box in last)
    walls = [(left[0] + left[2] + right[0]) // 2 for left, right in pairwise(row)]
    for start, end in ((top - 3 * BAND - HEADER, top - 3 * BAND), (bottom + 3 * BAND, bottom + 3 * BAND + HEADER)):
        goes_on = [_goes_on(wall, start, end, masks) for wall in walls]
        if any(goes_on) and not all(goes_on):
            cuts = [0, *(index + 1 for index, on in enumerate(goes_on) if on), len(row)]
            return [row[begin:stop] for begin, stop in pairwise(cuts)]
    return [row]


def _is_stacked(upper: Sequence[Box], lower: Sequence[Box]) -> bool:
    """Whether a row stands right above another of equal length, with one wall between."""
    (left, top, _, height), low = upper[0], lower[0]
    gap = low[1] - top - height
    right = upper[-1][0] + upper[-1][2] - lower[-1][0] - lower[-1][2]
    return -BAND <= gap <= 4 * BAND and max(abs(left - low[0]), abs(right)) <= 2 * SLACK and low[1] > top


def _goes_on(wall: int, start: int, end: int, masks: Sequence[_Masks]) -> bool:
    """Whether there is a wall near a column in all of some rows."""
    if start < 0 or end > masks[0].upright.shape[0]:
        return False
    return any(float(each.upright[start:end, wall - BAND : wall + BAND + 1].any(axis=1).mean()) >= 0.9 for each in masks)


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
