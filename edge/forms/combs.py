"""Combs: a line to write on with ticks of equal pitch between the digits, open above or within a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.boxrows import MIN_HEIGHT, MIN_WIDTH, BoxRow
from edge.forms.walls import Walls
from edge.nouns import Gray

THICKNESS = 12
"""Rows at the most that a base line covers, its slope included."""

JOIN = 3
"""Pixels by which specks of a base line may be apart, less one: the feet of printed letters are farther."""

WRITTEN, ALONG = 60, 0.75
"""... and that digits which touch it reach up to; and share of such a line's length that a row of its own covers."""

SOLID = 0.97
"""Share of a base line that is dark at the least."""

MIN_TICK, MAX_TICK = 5, 200
"""Height of a tick in pixels; the largest is a cell of 25 mm at 200 dpi."""

TICK_DEPTH = 0.4
"""Share of the base line's depth that a tick has at the least: it is printed alike, and thin lines blur."""

MIN_PITCH, MAX_PITCH = 24, 160
"""Pixels between ticks: 3 to 20 mm."""

UNEQUAL = 0.06
"""Share of the pitch by which a tick may stand beside its place, and 2 pixels that count as nothing."""

PLACED, SEEN = 0.03, 0.75
"""... on a line that ticks cut into equal parts; and the share of them that is seen at the least."""

LIKE_TICKS = 0.25
"""Share by which the ticks' heights may differ, and 3 pixels."""

SURE = 5
"""Ticks from which on they are a comb wherever they stand; fewer must begin and end with the base line."""

RISE = 1.3
"""Height of a cell over its pitch where a comb is open above and its ticks are short: middle of what forms have."""

HIGH = 0.6
"""Height of the ticks over their pitch from which on they are as high as the cells."""

REACHED = 0.85
"""Share of a frame's height that the ticks at its ends have at the least: else its upper line is none of it."""

MAX_RISE = 2.0
"""Height over pitch within which the upper line of a frame is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """A level line: its ends, and its row at a column as slope and offset."""

    left: int
    right: int
    slope: float
    offset: float
    thickness: float
    depth: float

    def row(self, column: float) -> float:
        """The line's middle."""
        return self.slope * column + self.offset


@dataclass(frozen=True, slots=True)
class _Tick:
    column: float
    height: int


def find_combs(walls: Walls) -> list[BoxRow]:
    """The combs of a picture: at least two cells each."""
    level = cv2.compare(walls.level, walls.faint, cv2.CMP_GT)
    rows = [_comb_on(base, walls, level) for base in _bases(walls, level)]
    return [row for row in rows if row]


def _bases(walls: Walls, level: Gray) -> list[_Base]:
    """Level lines that are long and thin enough to carry a comb."""
    joined = cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones((1, JOIN), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8, ltype=cv2.CV_32S)
    bases = []
    for label, (x, y, width, height, _) in enumerate(stats.tolist()):
        if label and width >= 2 * MIN_PITCH and height <= min(WRITTEN, width):
            own = labels[y : y + height, x : x + width] == label
            if height > THICKNESS:
                own &= (own.mean(axis=1) >= ALONG)[:, None]
            if not own.any():
                continue
            base = _base_of(own, walls.depth[y : y + height, x : x + width], x, y)
            if _is_solid(base, walls.depth):
                bases.append(base)
    return bases


def _is_solid(base: _Base, depth: Gray) -> bool:
    """Whether a line is dark all along; between the feet of printed letters there is paper."""
    columns = np.arange(base.left, base.right + 1)
    rows = np.round(base.slope * columns + base.offset).astype(int)
    return float((depth[np.clip(rows, 0, depth.shape[0] - 1), columns] >= TICK_DEPTH * base.depth).mean()) >= SOLID


def _base_of(own: NDArray[np.bool_], depth: Gray, x: int, y: int) -> _Base:
    thick = own.sum(axis=0)
    columns = np.flatnonzero(thick)
    middles = (own * np.arange(own.shape[0])[:, None]).sum(axis=0)[columns] / thick[columns]
    slope, offset = np.polyfit(columns, middles, 1)
    deepest = float(np.median(np.where(own, depth, 0).max(axis=0)[columns]))
    return _Base(x, x + own.shape[1] - 1, float(slope), float(offset + y - slope * x), float(np.median(thick)), deepest)


def _comb_on(base: _Base, walls: Walls, level: Gray) -> BoxRow | None:
    """The cells between the ticks that stand on a base line."""
    ticks = _ticks(base, walls.depth)
    found = _longest_progression(ticks, base)
    if found is None:
        return None
    pitch = (found[-1].column - found[0].column) / (len(found) - 1)
    top = _rise(found, pitch, base, level)
    half = base.thickness / 2
    boxes = []
    for left, right in pairwise(found):
        foot = base.row((left.column + right.column) / 2) - half
        x, width = round(left.column + half), round(right.column - left.column - 2 * half)
        boxes.append((x, round(foot - top), width, round(top)))
    is_large = boxes[0][1] >= 0 and boxes[0][2] >= MIN_WIDTH and boxes[0][3] >= MIN_HEIGHT
    return BoxRow(tuple(boxes), "comb") if is_large else None


def _ticks(base: _Base, depth: Gray) -> list[_Tick]:
    """What stands upright on a base line and is as thin."""
    columns = np.arange(max(0, base.left - 2), min(depth.shape[1], base.right + 3))
    first = np.round([base.row(x) - base.thickness / 2 - 1 for x in columns]).astype(int)
    rows = first - np.arange(MAX_TICK)[:, None]
    strip = np.where(rows >= 0, depth[np.clip(rows, 0, depth.shape[0] - 1), columns], 0).astype(np.uint8)
    dark = cv2.dilate(strip, np.ones((1, 3), np.uint8)) >= TICK_DEPTH * base.depth
    heights = np.where(dark.all(axis=0), MAX_TICK, dark.argmin(axis=0))
    own = np.where((strip >= TICK_DEPTH * base.depth)[1 : MIN_TICK - 1].any(axis=0), heights, 0)
    is_tick = np.concatenate([[False], own >= MIN_TICK, [False]])
    starts, ends = np.flatnonzero(is_tick[1:] & ~is_tick[:-1]), np.flatnonzero(is_tick[:-1] & ~is_tick[1:])
    widest = 2 * base.thickness + 4
    return [
        _Tick(float(columns[0] + (start + end - 1) / 2), int(own[start:end].max()))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if end - start <= widest
    ]


def _longest_progression(ticks: Sequence[_Tick], base: _Base) -> list[_Tick] | None:
    """The most ticks at one pitch, with those put in that a digit hides."""
    best = _equal_parts(ticks, base) or []
    for index, first in enumerate(ticks):
        for second in ticks[index + 1 :]:
            pitch = second.column - first.column
            if pitch > MAX_PITCH:
                break
            if pitch >= MIN_PITCH and (found := _progression(first, pitch, ticks)) and len(found) > len(best):
                best = found
    if len(best) < 3:
        return None
    slack = max(3.0, UNEQUAL * (best[1].column - best[0].column))
    is_whole = abs(best[0].column - base.left) <= slack and abs(best[-1].column - base.right) <= slack
    return best if len(best) >= SURE or is_whole else None


def _equal_parts(ticks: Sequence[_Tick], base: _Base) -> list[_Tick] | None:
    """Ticks that cut the whole base line into the most equal parts; digits may hide some."""
    half = base.thickness / 2
    left, right = base.left + half, base.right - half
    for parts in range(int((right - left) / MIN_PITCH), 1, -1):
        pitch = (right - left) / parts
        if pitch > MAX_PITCH:
            return None
        slack = max(2.0, PLACED * pitch)
        places = [left + pitch * k for k in range(parts + 1)]
        found = [min(ticks, key=lambda tick: abs(tick.column - place)) for place in places] if ticks else []
        near = [
            tick if abs(tick.column - place) <= slack else _Tick(place, 0)
            for tick, place in zip(found, places, strict=False)
        ]
        seen = [tick for tick in near if tick.height]
        if len(seen) >= max(3, SEEN * len(places)) and near[0].height and near[-1].height and _are_even(seen):
            return near
    return None


def _progression(first: _Tick, pitch: float, ticks: Sequence[_Tick]) -> list[_Tick]:
    """From a tick on those that follow at a pitch; one may lack between two."""
    found, missing = [first], 0
    while True:
        place = found[-1].column + pitch
        nearest = min(ticks, key=lambda tick: abs(tick.column - place))
        if abs(nearest.column - place) <= max(2.0, UNEQUAL * pitch):
            found.append(nearest)
            missing = 0
        elif missing == 0 and place < ticks[-1].column:
            found.append(_Tick(place, 0))
            missing = 1
        else:
            break
    found = found[: len(found) - missing]
    seen = [tick for tick in found if tick.height]
    return found if len(seen) > 0.6 * len(found) and _are_even(seen) else []


def _are_even(ticks: Sequence[_Tick]) -> bool:
    """Whether the ticks are of one height; those at the ends may be higher."""
    inner = [tick.height for tick in ticks[1:-1]]
    if not inner:
        return False
    usual = float(np.median(inner))
    slack = max(3.0, LIKE_TICKS * usual)
    ends = (ticks[0].height, ticks[-1].height)
    even = sum(abs(height - usual) <= slack for height in inner)
    return even >= 0.7 * len(inner) and min(ends) >= usual - slack


def _rise(ticks: Sequence[_Tick], pitch: float, base: _Base, level: Gray) -> float:
    """Height of the cells: up to a frame's upper line, else that of the ends or of high ticks, else by the pitch."""
    ends = min(ticks[0].height, ticks[-1].height)
    usual = float(np.median([tick.height for tick in ticks if tick.height]))
    upper = _height_of_frame(ticks, pitch, base, level)
    if upper and ends >= REACHED * upper:
        return upper
    high = max(ends, usual)
    return high if HIGH * pitch <= high <= MAX_RISE * pitch else RISE * pitch


def _height_of_frame(ticks: Sequence[_Tick], pitch: float, base: _Base, level: Gray) -> float | None:
    """How far above a base line there is another as long as the comb; None without one."""
    columns = np.arange(round(ticks[0].column), round(ticks[-1].column) + 1)
    for rise in range(max(MIN_HEIGHT, round(HIGH * pitch)), round(MAX_RISE * pitch)):
        rows = np.round(base.slope * columns + base.offset - base.thickness / 2 - rise).astype(int)
        if rows.min() >= 0 and (level[rows, columns] > 0).mean() > 0.9:
            return float(rise - 1)
    return None
