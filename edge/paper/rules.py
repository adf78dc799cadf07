"""Rules and frames: the long straight lines of a form or of lined paper go, and the strokes that cross them stay.

A line is looked for in the faint ink, where it hangs together, and a row of cells in that and the thin lines; both are
taken from the ink proper. They may lean: each piece is sheared by its own slope first, so that straight runs of pixels
find them.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from edge.paper.binarize import Ink, faint_mask
from edge.paper.pieces import MIN_HEIGHT, Piece, connected_pieces, own_mask, typical_height

MIN_RULE = 24
"""Length in pixels that a rule has at the least."""

RULE_LENGTH = 3.2
"""A piece this many times longer than wide may hold a rule."""

RULE_OVER_HEIGHT = 1.8
"""... and it is this many times longer than the picture's pieces are high, unless it is part of a frame."""

THIN_LINE, LINE_MEAN, LINE_MEAN_NEAR, LINE_DEPTH = 9, 15, 3, 0.57
"""A thin line is less than so many pixels thick, and on the mean of so many along it darker than what is beside it by
this over the least depth of ink: over the longer length noise and the faintest print, which an ink mask shows in bits,
tell apart; over the shorter half of that is enough, and shows where a line ends.
"""

FLAT, FLAT_BIT, LOW, WIDE = 3.0, 5, 0.6, 1.4
"""A piece of the ink proper hints at one: a bit this many pixels long, that is this many times wider than high or lower
than this over the typical height, or a piece this many times wider than that.
"""

WALL_OVER_DIGIT, LARGE = 1.35, 0.5
"""... or one is this many times higher than the lower quarter of them, or has this share of the picture's sides."""

HOLLOW, HOLLOW_ROW, ROW_LENGTH = 0.55, 0.3, 2.0
"""The holes of a frame make up at least this share of its rectangle, or of a row of cells, that many times longer than
high, where digits on the walls fill some ...
"""

HIGH_HOLE = 0.5
"""... those of cells that thin lines make being this high over the row: meshes of a patterned paper are lower ..."""

SQUARE = 0.88
"""... and its hull this share: that of a thin 0 is an ellipse, with 0.79."""

WALL, WALL_SLACK = 0.92, 3.0
"""Length of a frame's straight wall at the least, over the distance of its rules; and pixels that a leaning one, thin
and apart from all else, may lack.
"""

MIN_WALLS, OFF_GRID, OFF_GRID_PX = 4, 0.1, 2.0
"""With as many walls it is seen which of them stand at equal distances: this far from their places at the most, over
the cells' width, or in pixels.
"""

MAX_LEAN = 0.36
"""Slope of a rule at the most: 20 degrees."""

LEVEL = 0.01
"""A slope below which a piece counts as level: its line strays by less than a pixel in a hundred."""

THICKNESS = 7
"""Pixels that a stroke is followed across a rule at the most."""


def find_rules(ink: Ink, pieces: Sequence[Piece]) -> Gray | None:
    """255 on the rules and frames of a picture, (rows, columns) uint8; None where there are none.

    Parameters
    ----------
    ink : Ink
    pieces : sequence of Piece
        Those of `ink.mask`.
    """
    if not may_have_rules(pieces, ink.mask.shape):
        return None
    faint = faint_mask(ink)
    rules = np.zeros_like(faint)
    least = max(MIN_RULE, int(RULE_OVER_HEIGHT * typical_height(pieces)))
    for mask, is_thin in ((faint, False), (cv2.max(faint, _thin_lines(ink)), True)):
        for piece in connected_pieces(mask):
            if piece.box[2] >= MIN_RULE:
                x, y, columns, rows = piece.box
                area = rules[y : y + rows, x : x + columns]
                np.maximum(area, _rules_in(own_mask(mask, piece.box, [piece]), piece, least, is_thin), out=area)
    return cv2.dilate(rules, np.ones((3, 3), np.uint8)) if cv2.countNonZero(rules) else None


def may_have_rules(pieces: Sequence[Piece], shape: tuple[int, ...]) -> bool:
    """Whether some of the ink proper of a picture of that shape hints at rules or frames."""
    height = typical_height(pieces)
    if any(piece.height > LARGE * shape[0] and piece.box[2] > LARGE * shape[1] for piece in pieces):
        return True
    return _has_walls(pieces) or any(_hints_at_a_rule(piece, height) for piece in pieces)


def without_rules(mask: Gray, rules: Gray) -> Gray:
    """The mask without the rules; where a stroke crosses one, it stays."""
    return _mended(cv2.subtract(mask, rules), cv2.bitwise_and(rules, mask))


def _has_walls(pieces: Sequence[Piece]) -> bool:
    """Whether some of the ink proper is so much higher than some of the rest that it may be a wall beside digits."""
    heights = [piece.height for piece in pieces if piece.height >= MIN_HEIGHT]
    return bool(heights) and max(heights) > WALL_OVER_DIGIT * float(np.quantile(heights, 0.25))


def _hints_at_a_rule(piece: Piece, height: float) -> bool:
    """Whether a piece of the ink proper is a bit of a rule or a frame's corner, or wide enough for either with digits
    on it.
    """
    width = piece.box[2]
    return width >= FLAT_BIT and (width > FLAT * piece.height or piece.height < LOW * height or width > WIDE * height)


def _thin_lines(ink: Ink) -> Gray:
    """255 on thin dark lines, level and upright, of whatever depth the ink beside them has: (rows, columns) uint8."""
    least, lines = LINE_DEPTH * ink.least_depth, np.zeros_like(ink.mask)
    for is_level in (True, False):
        far, near = (_line_depth(ink.gray, length, is_level) for length in (LINE_MEAN, LINE_MEAN_NEAR))
        own = cv2.bitwise_and(cv2.compare(far, least, cv2.CMP_GE), cv2.compare(near, least / 2, cv2.CMP_GE))
        lines = cv2.max(lines, _runs(own, MIN_RULE, is_level))
    return lines


def _line_depth(gray: Gray, length: int, is_level: bool) -> Gray:
    """How much darker than what is beside it the mean along `length` pixels is, where a thin line would be."""
    along, across = ((length, 1), (THIN_LINE, 1)) if is_level else ((1, length), (1, THIN_LINE))
    return cv2.morphologyEx(cv2.blur(gray, along), cv2.MORPH_BLACKHAT, np.ones(across, np.uint8))


def _rules_in(own: Gray, piece: Piece, least: int, is_thin: bool) -> Gray:
    """The pixels of a piece's rules, and of the upright walls between them where it is a frame.

    A rule that is no part of a frame is at least `least` pixels long: a minus sign is shorter. Of what hangs together
    by thin lines only frames with high holes are taken: such lines are the pattern of some papers, too.
    """
    length, thickness, slope = _extent(piece)
    area = length * thickness
    hollow = HOLLOW_ROW if is_thin and length >= ROW_LENGTH * thickness else HOLLOW
    least_hole = HIGH_HOLE * thickness if is_thin else 0.0
    is_frame = _area_of_holes(own, least_hole) > hollow * area and _area_of_hull(piece) > SQUARE * area
    if not is_frame and (is_thin or length <= RULE_LENGTH * thickness or length < least):
        return np.zeros_like(own)
    level = _runs_along(own, slope, max(MIN_RULE, int(length) // 2), is_level=True)
    if not is_frame or not cv2.countNonZero(level):
        return level
    return cv2.max(level, _walls(own, level, slope))


def _extent(piece: Piece) -> tuple[float, float, float]:
    """Length and thickness of a piece in pixels along its own direction, and that direction's slope."""
    _, (first, second), degrees = cv2.minAreaRect(piece.outline)
    if first < second:
        first, second, degrees = second, first, degrees - 90
    degrees = (degrees + 90) % 180 - 90
    slope = float(np.tan(np.deg2rad(degrees)))
    if abs(slope) > MAX_LEAN:  # a frame that is higher than wide, or nearly square: take its other side
        slope = -1.0 / slope if abs(slope) > 1.0 / MAX_LEAN else 0.0
        if abs(degrees) > 45:
            first, second = second, first
    return first, second, slope if abs(slope) > LEVEL else 0.0


def _area_of_hull(piece: Piece) -> float:
    return float(cv2.contourArea(cv2.convexHull(piece.outline)))


def _area_of_holes(own: Gray, least: float = 0.0) -> float:
    """Area of the holes in a piece that are at least so many pixels high, in pixels."""
    outlines, hierarchy = cv2.findContours(own, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return 0.0
    parents = hierarchy[0, :, 3].tolist()
    holes = (outline for outline, parent in zip(outlines, parents, strict=True) if parent >= 0)
    return sum(cv2.contourArea(hole) for hole in holes if cv2.boundingRect(hole)[3] >= least)


def _runs_along(own: Gray, slope: float, length: int, is_level: bool) -> Gray:
    """Ink that lies in straight runs of at least `length` pixels along a slope."""
    if slope == 0.0:
        return _runs(own, length, is_level)
    shear, size = _shear(own.shape, slope, is_level)
    upright = cv2.warpAffine(own, shear, size, flags=cv2.INTER_NEAREST)
    runs = _runs(upright, length, is_level)
    back = cv2.warpAffine(runs, shear, own.shape[::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return cv2.bitwise_and(cv2.dilate(back, np.ones((3, 1) if is_level else (1, 3), np.uint8)), own)


def _shear(shape: tuple[int, ...], slope: float, is_level: bool) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The map that makes lines of a slope level, or those across it upright, and the (width, height) it needs."""
    rows, columns = shape
    if is_level:
        reach = slope * columns
        return np.array([[1, 0, 0], [-slope, 1, max(reach, 0.0)]]), (columns, rows + round(abs(reach)) + 1)
    reach = slope * rows
    return np.array([[1, slope, max(-reach, 0.0)], [0, 1, 0]]), (columns + round(abs(reach)) + 1, rows)


def _runs(own: Gray, length: int, is_level: bool) -> Gray:
    """Ink that lies in straight runs of at least `length` pixels; a run may stray by a pixel to either side."""
    across, along = ((3, 1), (1, length)) if is_level else ((1, 3), (length, 1))
    wider = cv2.dilate(own, np.ones(across, np.uint8))
    return cv2.bitwise_and(cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones(along, np.uint8)), own)


def _walls(own: Gray, level: Gray, slope: float) -> Gray:
    """What stands upright between a frame's upper and lower rule, from one to the other: else it may be a 1."""
    columns = np.flatnonzero(level.any(axis=0))
    rows = np.flatnonzero(level[:, columns[len(columns) // 2]])
    gap = int(rows[-1] - rows[0]) if rows.size else 0
    if gap < max(20, 0.5 * own.shape[0]):
        return np.zeros_like(own)
    walls = _runs_along(own, slope, round(WALL * gap), is_level=False)
    thickness = cv2.countNonZero(level) / (2 * len(columns))
    between = cv2.subtract(own, cv2.dilate(level, np.ones((3, 1), np.uint8)))
    for piece in connected_pieces(between):
        x, y, width, height = piece.box
        alone = own_mask(between, piece.box, [piece])
        reaches = height >= gap - 2 * thickness - WALL_SLACK
        is_narrow = _usual_width(alone) <= 2 * thickness + WALL_SLACK  # else a digit that touches it would go with it
        if reaches and is_narrow and cv2.countNonZero(alone) < (2 * thickness + 2) * height:
            area = walls[y : y + height, x : x + width]
            np.maximum(area, alone, out=area)
    return _on_grid(walls, slope)


def _usual_width(own: Gray) -> float:
    """Columns from the first ink to the last that three quarters of a piece's rows do not exceed."""
    ink = own > 0
    spans = own.shape[1] - ink.argmax(axis=1) - ink[:, ::-1].argmax(axis=1)
    return float(np.quantile(spans, 0.75))


def _on_grid(walls: Gray, slope: float) -> Gray:
    """The walls of equal cells alone, where some of them make a row of these: what stands between two of them is a
    digit's upright stroke that hangs on both rules.
    """
    count, labels, _, centroids = cv2.connectedComponentsWithStats(walls)
    places = centroids[1:, 0] + slope * centroids[1:, 1]
    if len(places) < MIN_WALLS:
        return walls
    first, last = places.min(), places.max()
    for cells in range(len(places) - 1, MIN_WALLS - 2, -1):
        grid = np.linspace(first, last, cells + 1)
        off = np.abs(places[:, None] - grid)
        near = off <= max(OFF_GRID_PX, OFF_GRID * (last - first) / cells)
        if near.any(axis=0).all():
            kept = np.zeros(count, np.uint8)
            kept[1:][near.any(axis=1)] = 255
            return kept[labels]
    return walls


def _mended(rest: Gray, rules: Gray) -> Gray:
    """Give back the ink of a rule where a stroke crosses it: a pixel with stroke ink on both sides across the rule."""
    for across in ((THICKNESS, 1), (1, THICKNESS)):
        bridged = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, np.ones(across, np.uint8))
        rest = cv2.max(rest, cv2.bitwise_and(bridged, rules))
    return rest
