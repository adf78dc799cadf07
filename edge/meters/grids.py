"""Rows of cells in a picture: drum windows, or digits at equal distances, each row a grid.

A row is found twice over: as windows, rectangles free of ink with a digit in each, and as digits, pieces of ink of
one height at equal distances. Text is set tighter than drums are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Box, Gray
from edge.paper.binarize import binarize
from edge.paper.pieces import union_box

Boxes = NDArray[np.int64]

MIN_DIGIT = 12
"""Least height of a digit in it."""

CLOSINGS = (0, 3, 5, 9, 15)
"""Gaps in pixels that are bridged, each in its turn: the halves of a worn digit are one."""

MAX_PIECES = 400
"""Pieces of ink that are looked at for each closing, the highest first: texture has thousands."""

ALIKE = 0.16
"""Heights of a row's digits differ by this share at the most, and their middles from the grid's line."""

OFF_GRID = 0.12
"""How far a digit's middle may be from its place on the grid, over the pitch."""

MIN_ANCHORS, MIN_CELLS, MAX_CELLS = 3, 3, 12
"""Digits that a grid is found by, and cells that it has."""

DRUM_PITCH, LEAST_PITCH = (0.85, 2.0), 0.45
"""Pitch over the height of a drum's digits, and over that of a window at the least."""

DRUM_CELL = (1.05, 1.8)
"""Width and height of a cell over the digits' height, the width being no more than the pitch."""

PART, THIN, MAX_SIZE, MIN_SPAN = 0.3, 0.3, 1.35, 0.75
"""A piece this high, over the digits' height, may be a part of a digit that rolls, one this narrow a mark beside it;
digits are no larger than this, over the width and the height of the others; and all parts together span this much.
"""

MIN_WINDOW, WINDOW_SHAPE, WINDOW_EDGE = 16, (0.35, 1.1), 0.04
"""Least height of a window, its width over its height, and how far inside its sides are looked at, over its width."""

SIDE_FREE, WINDOW_INK = 0.75, (0.08, 0.6)
"""Share of a window's sides, and of its upper or lower end, that is free of ink, and share of ink in its middle."""

RIM, FRAME_DIFFERS = 0.07, 0.45
"""Width of a window's sides over its height; and the most ink on them that differs from the others', over theirs."""

WINDOW_WORTH = 1.3
"""A row of windows counts this much more than one of digits."""

OFF_CELL, INSIDE = 0.15, 0.4
"""How far the middle of a digit or of a part may be from the middle of its cell, over the pitch; from the latter on
it is what separates two cells.
"""

SMALL_ROW = 0.75
"""A row whose cells are lower than this share of the largest row's is other print."""

MIN_FILL, MAX_FILL = 0.2, 0.65
"""Share of its box that a digit's ink fills at the least, and at the most if it is no narrow 1: bits of frames are
thin, and windows are blocks.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of the drums of one number, most significant first."""

    cells: tuple[Box, ...]


def find_rows(gray: Gray) -> list[Row]:
    """Rows of cells in a gray picture, top to bottom."""
    grids: list[_Grid] = []
    for is_light in (False, True):
        mask = binarize(gray, is_light).mask
        grids += _window_grids(mask)
        for closing in CLOSINGS:
            grids += _digit_grids(_pieces(mask, closing), gray, closing)
    chosen: list[_Grid] = []
    for grid in sorted(grids, key=lambda each: -each.worth):
        is_small = bool(chosen) and grid.box[3] < SMALL_ROW * chosen[0].box[3]
        if not is_small and all(not overlap(grid.box, other.box) for other in chosen):
            chosen.append(grid)
    return [Row(grid.cells) for grid in sorted(chosen, key=lambda each: each.box[1])]


@dataclass(frozen=True, slots=True)
class _Grid:
    """A row of cells with how much speaks for it."""

    cells: tuple[Box, ...]
    worth: float

    @property
    def box(self) -> Box:
        return union_box(self.cells)


def _pieces(mask: Gray, closing: int) -> Boxes:
    """Box and area of the pieces of ink, (n, 5) int64, the highest first."""
    if closing:
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((closing, closing), np.uint8))
    boxes = cv2.connectedComponentsWithStats(mask)[2][1:].astype(np.int64)
    boxes = boxes[(boxes[:, 3] >= MIN_DIGIT // 3) & (boxes[:, 3] < mask.shape[0] / 2)]
    return boxes[np.argsort(-boxes[:, 3], kind="stable")]


def _window_grids(mask: Gray) -> list[_Grid]:
    """Rows of windows: rectangles of no ink with a digit's ink in each, in a frame that goes on past the last."""
    grids = []
    for chain in _chains(_windows(mask)):
        spot, last = _spot_of(chain)
        if spot is None or spot.pitch < spot.width:
            continue
        frame = _mean_frame(mask, spot, range(last + 1))
        first = 0
        while last - first + 1 < MAX_CELLS and _is_framed(mask, spot, first - 1, frame):
            first -= 1
        while last - first + 1 < MAX_CELLS and _is_framed(mask, spot, last + 1, frame):
            last += 1
        cells = tuple(spot.cell(place, (spot.width / spot.height, 1.0)) for place in range(first, last + 1))
        if all(is_inside(cell, mask) for cell in cells):
            worth = WINDOW_WORTH * _worth(len(cells), len(chain), spot.height, 0)
            grids.append(_Grid(cells, worth))
    return grids


def _windows(mask: Gray) -> Boxes:
    """Boxes of upright rectangles of no ink that hold a digit's share of ink, (n, 4) int64."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats((mask == 0).astype(np.uint8), connectivity=4)
    _, _, width, height = statistics[:, :4].T
    may_be = (height >= MIN_WINDOW) & (height < mask.shape[0] / 2)
    may_be &= (width >= WINDOW_SHAPE[0] * height) & (width <= WINDOW_SHAPE[1] * height)
    may_be[0] = False
    found = [statistics[k, :4] for k in np.flatnonzero(may_be) if _is_window(mask, labels, int(k), statistics[k])]
    return np.array(found, np.int64).reshape(-1, 4)


def _is_window(mask: Gray, labels: NDArray[np.int32], label: int, statistics: NDArray[np.int32]) -> bool:
    x, y, width, height = (int(value) for value in statistics[:4])
    inside = labels[y : y + height, x : x + width] == label
    ink = mask[y : y + height, x : x + width] > 0
    edge = max(1, round(WINDOW_EDGE * width))
    sides = min(inside[:, edge : 2 * edge].mean(), inside[:, -2 * edge : -edge].mean())
    ends = max(inside[edge : 2 * edge].mean(), inside[-2 * edge : -edge].mean())
    middle = ink[height // 5 : height - height // 5, width // 6 : width - width // 6]
    return bool(sides >= SIDE_FREE and ends >= SIDE_FREE and WINDOW_INK[0] <= middle.mean() <= WINDOW_INK[1])


def _around(mask: Gray, spot: _Spot, place: int) -> NDArray[np.float64] | None:
    """The ink on the sides of a window, 1 or 0; None where that is not in the picture.

    At its ends the digit of a drum that rolls may touch them.
    """
    x, y = spot.middle(place)
    width, height = round(spot.width + RIM * spot.height), round((1 + RIM) * spot.height)
    box = (round(x - width / 2), round(y - height / 2), width, height)
    if not is_inside(box, mask):
        return None
    ink = (mask[box[1] : box[1] + height, box[0] : box[0] + width] > 0).astype(np.float64)
    rim = max(1, round(RIM * height))
    ink[:, rim:-rim] = 0.0
    return ink


def _mean_frame(mask: Gray, spot: _Spot, places: range) -> NDArray[np.float64] | None:
    frames = [frame for place in places if (frame := _around(mask, spot, place)) is not None]
    return np.mean(frames, axis=0) if frames else None


def _is_framed(mask: Gray, spot: _Spot, place: int, frame: NDArray[np.float64] | None) -> bool:
    """Whether a place is framed as the others are."""
    ink = _around(mask, spot, place)
    if ink is None or frame is None:
        return False
    return float(np.abs(ink - frame).mean()) <= FRAME_DIFFERS * float(frame.mean())


def _digit_grids(pieces: Boxes, gray: Gray, closing: int) -> list[_Grid]:
    """Rows of digits among the pieces of ink."""
    _, _, width, height, area = pieces.T
    is_block = (area > MAX_FILL * width * height) & (width > THIN * height)
    may_be = (height >= MIN_DIGIT) & (width < 1.2 * height) & (width > 0.1 * height) & ~is_block
    tall = pieces[may_be & ~_are_frames(pieces)][:MAX_PIECES]
    grids = [_grid_of(anchors, pieces, gray, closing) for anchors in _chains(tall)]
    return [grid for grid in grids if grid is not None]


def _are_frames(pieces: Boxes) -> NDArray[np.bool_]:
    """Which pieces have a high one inside."""
    x, y, width, height = pieces[:, :4].T
    inside = (x[:, None] < x) & (y[:, None] < y)
    inside &= ((x + width)[:, None] > x + width) & ((y + height)[:, None] > y + height)
    return (inside & (height > PART * height[:, None])).any(axis=1)


def _middles(boxes: Boxes) -> NDArray[np.float64]:
    return boxes[:, :2] + boxes[:, 2:4] / 2


def _chains(tall: Boxes) -> list[Boxes]:
    """Pieces of one height at equal distances on a line, left to right; chains of the same pieces once."""
    middles = _middles(tall)
    chains: dict[bytes, Boxes] = {}
    for first, second in combinations(range(len(tall)), 2):
        height = (tall[first, 3] + tall[second, 3]) / 2
        step = middles[second] - middles[first]
        if abs(tall[first, 3] - tall[second, 3]) > ALIKE * height or abs(step[1]) > 0.3 * abs(step[0]):
            continue
        if not LEAST_PITCH * height < abs(step[0]) < DRUM_PITCH[1] * height:
            continue
        on_grid = _on_grid(tall, middles, middles[first], step * np.sign(step[0]), height)
        chain = tall[on_grid]
        if len(chain) >= MIN_ANCHORS:
            chains[np.sort(np.flatnonzero(on_grid)).tobytes()] = chain[np.argsort(chain[:, 0])]
    return list(chains.values())


def _on_grid(
    tall: Boxes, middles: NDArray[np.float64], origin: NDArray[np.float64], step: NDArray[np.float64], height: float
) -> NDArray[np.bool_]:
    """Which pieces lie on a grid and are as high as the two that it was tried for."""
    place = (middles[:, 0] - origin[0]) / step[0]
    off = np.abs(place - np.rint(place))
    level = np.abs(middles[:, 1] - origin[1] - place * step[1])
    is_alike = np.abs(tall[:, 3] - height) <= ALIKE * height
    return is_alike & (off <= OFF_GRID) & (level <= ALIKE * height) & (np.abs(place) < MAX_CELLS)


def _grid_of(anchors: Boxes, pieces: Boxes, gray: Gray, closing: int) -> _Grid | None:
    """The whole row that some digits belong to; None where it is no row of cells."""
    spot, last = _spot_of(anchors)
    if spot is None or not DRUM_PITCH[0] <= spot.pitch / spot.height <= DRUM_PITCH[1]:
        return None
    if spot.width < THIN * spot.height or any(_is_between(spot, place, pieces) for place in range(last)):
        return None
    row = _whole_row(spot, last, pieces)
    if row is None:
        return None
    fitted = _fitted(spot, row)
    cells = tuple(fitted.cell(place, DRUM_CELL) for place in sorted(row))
    if not all(is_inside(cell, gray) for cell in cells):
        return None
    return _Grid(cells, _worth(len(cells), len(anchors), spot.height, closing))


def _whole_row(spot: _Spot, last: int, pieces: Boxes) -> dict[int, Boxes] | None:
    """The digits' parts of every place, those before the first and after the last anchor too; None where one lacks."""
    row: dict[int, Boxes] = {}
    for place in range(last + 1):
        parts = _digit_parts(spot, place, pieces)
        if parts is None:
            return None
        row[place] = parts
    for place, step in ((-1, -1), (last + 1, 1)):
        while len(row) < MAX_CELLS and (parts := _digit_parts(spot, place, pieces)) is not None:
            row[place] = parts
            place += step
    return row


def _worth(cells: int, anchors: int, height: float, closing: int) -> float:
    """How much speaks for a row: many cells, whole digits among them, large, and no wide gaps bridged."""
    return (cells + anchors / 2) * height * (1 - 2 * closing / height)


def _spot_of(anchors: Boxes) -> tuple[_Spot | None, int]:
    """The grid through some digits and the place of the last one; None where their places are not told apart."""
    middles = _middles(anchors)
    gaps = np.diff(middles[:, 0])
    places = np.concatenate([[0.0], np.cumsum(np.rint(gaps / max(float(gaps.min()), 1.0)))])
    if np.diff(places).min() < 1 or np.diff(places).max() > 2:
        return None, 0
    (pitch, left), (slope, top) = np.polyfit(places, middles[:, 0], 1), np.polyfit(places, middles[:, 1], 1)
    width, height = (float(np.median(side)) for side in anchors[:, 2:4].T)
    return _Spot(float(pitch), float(left), float(slope), float(top), height, width), int(places[-1])


def _fitted(spot: _Spot, row: dict[int, Boxes]) -> _Spot:
    """The grid with its distances fitted to the digits of all places."""
    places = np.array([place for place, parts in row.items() for _ in parts])
    parts = np.concatenate(list(row.values()))
    is_digit = (parts[:, 2] > 0.6 * spot.width) & (parts[:, 3] > (1 - ALIKE) * spot.height)
    if len(np.unique(places[is_digit])) < 2:
        return spot
    across, down = (np.polyfit(places[is_digit], middle, 1) for middle in _middles(parts[is_digit]).T)
    return replace(spot, pitch=float(across[0]), left=float(across[1]), slope=float(down[0]), top=float(down[1]))


@dataclass(frozen=True, slots=True)
class _Spot:
    """A grid: pitch, middle of place 0, rise a place, and the digits' height and width, in pixels."""

    pitch: float
    left: float
    slope: float
    top: float
    height: float
    width: float

    def middle(self, place: int) -> tuple[float, float]:
        return self.left + place * self.pitch, self.top + place * self.slope

    def cell(self, place: int, shape: tuple[float, float]) -> Box:
        x, y = self.middle(place)
        width, height = min(shape[0] * self.height, 0.95 * self.pitch), shape[1] * self.height
        return round(x - width / 2), round(y - height / 2), round(width), round(height)


def _digit_parts(spot: _Spot, place: int, pieces: Boxes) -> Boxes | None:
    """A digit, or the parts of one that rolls, in the middle of a place; None where there is none, or something else.

    Marks beside the digits of a drum are thin, and what surrounds the place is the frame of its window.
    """
    x, y = spot.middle(place)
    middles = _middles(pieces)
    near = (np.abs(middles[:, 0] - x) < INSIDE * spot.pitch) & (np.abs(middles[:, 1] - y) < 0.7 * spot.height)
    left, top = pieces[:, 0], pieces[:, 1]
    is_frame = (left < x - spot.width / 2) & (left + pieces[:, 2] > x + spot.width / 2)
    is_frame &= (top < y - 0.55 * spot.height) & (top + pieces[:, 3] > y + 0.55 * spot.height)
    is_frame |= pieces[:, 4] < MIN_FILL * pieces[:, 2] * pieces[:, 3]
    parts = pieces[near & ~is_frame & (pieces[:, 3] >= PART * spot.height)]
    is_centred = np.abs(parts[:, 0] + parts[:, 2] / 2 - x) <= OFF_CELL * spot.pitch
    is_thin = parts[:, 2] < THIN * spot.height
    is_large = (parts[:, 2] > MAX_SIZE * max(spot.width, 0.5 * spot.height)) | (parts[:, 3] > MAX_SIZE * spot.height)
    if (is_large & ~is_thin).any() or not (is_centred | is_thin).all() or not is_centred.any():
        return None
    bits = pieces[near & ~is_frame & (np.abs(middles[:, 0] - x) <= OFF_CELL * spot.pitch)]
    span = (bits[:, 1] + bits[:, 3]).max() - bits[:, 1].min()
    return parts[is_centred] if span >= MIN_SPAN * spot.height else None


def _is_between(spot: _Spot, place: int, pieces: Boxes) -> bool:
    """Whether a digit stands half-way to the next place: then the grid is too wide."""
    x, y = spot.middle(place)
    off = np.abs(_middles(pieces) - (x + spot.pitch / 2, y + spot.slope / 2))
    is_near = (off[:, 0] < 2 * OFF_CELL * spot.pitch) & (off[:, 1] < spot.height / 3)
    is_digit = (np.abs(pieces[:, 3] - spot.height) < 2 * ALIKE * spot.height) & (pieces[:, 2] > THIN * spot.height)
    return bool((is_near & is_digit).any())


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have a pixel in common."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return across > 0 and down > 0


def is_inside(box: Box, picture: NDArray[np.uint8]) -> bool:
    """Whether a box lies in a picture."""
    x, y, width, height = box
    return x >= 0 and y >= 0 and x + width <= picture.shape[1] and y + height <= picture.shape[0]
