"""Lines to write a number on: level, with room for writing above them, and with print that says what goes there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.forms.boxrows import BoxRow
from edge.forms.walls import Walls
from edge.nouns import Box
from edge.paper.pieces import connected_pieces

LENGTHS = (160, 945)
"""Least and greatest length of a line for one number, in pixels: 20 to 120 mm at 200 dpi."""

THICK = 20
"""Rows at the most that a line covers, its slope included; a curved sheet's lines are not level everywhere."""

ROOM, LEAST_ROOM = 75, 45
"""Pixels above a line that a region has, 9.5 mm at 200 dpi, and that have to be free of print at the least."""

BELOW, LEAST_BELOW = 11, 3
"""Pixels below it at the most, 1.4 mm, which a digit's foot may reach, and at the least, the line itself."""

SPECK, TALL = 6, 30
"""Height of ink in pixels up to which it is dirt, and from which on it is handwriting: print is lower than 4 mm."""

ON_LINE = 6
"""Pixels above a line that print keeps clear of; what reaches it, and is low, is a part of a digit."""

WORD = 24
"""Pixels that the letters of a label are wide together at the least, 3 mm; small ones run into each other."""

LEFT_REACH = 380
"""Pixels before a line within which its label stands, 48 mm, in a column of labels."""

ABOVE_REACH, ABOVE_INDENT = 130, 20
"""Pixels above a line within which its label's foot stands, and by which the label may begin beside the line."""

WALL = 12
"""Rows of an upright wall at a line's end, above or below it, that make the line a side of a frame."""

AT_END = 6
"""Pixels around a line's end in which such a wall stands."""

NEAR, ALONG = 8, 0.5
"""Pixels between a line and boxes whose wall it is, and the share of it that they take up: holes of digits are few."""


def find_writing_lines(long: Walls, short: Walls, cells: Sequence[Box], taken: Sequence[BoxRow]) -> list[BoxRow]:
    """A region for each line to write a number on, apart from what is a wall of a box.

    Parameters
    ----------
    long, short : Walls
        The long lines of the sheet, and its short ones too.
    cells : sequence of Box
        All boxes of the sheet, of whatever use.
    taken : sequence of BoxRow
        The rows found, which may be open above.
    """
    boxes = [*cells, *(row.box for row in taken)]
    mask = cv2.compare(long.level, long.faint, cv2.CMP_GT)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    lines: list[Box] = [(x, y, width, height) for x, y, width, height, _ in stats[1:].tolist()]
    lines = [
        line
        for line in lines
        if LENGTHS[0] <= line[2] <= LENGTHS[1]
        and line[3] <= THICK
        and not _is_wall(line, boxes)
        and not _is_side(line, short)
    ]
    regions = [_region_on(line, _print_near(line, long)) for line in lines]
    return [BoxRow((region,), "line") for region in regions if region]


def _is_wall(line: Box, boxes: Sequence[Box]) -> bool:
    """Whether a line is the upper or the lower side of boxes."""
    x, y, width, height = line
    covered = np.zeros(width, bool)
    for left, top, across, down in boxes:
        if min(abs(y + height - top), abs(y - top - down)) <= NEAR + height:
            covered[max(0, left - x) : max(0, left + across - x)] = True
    return float(covered.mean()) >= ALONG


def _is_side(line: Box, walls: Walls) -> bool:
    """Whether an upright wall stands on an end of a line, or hangs from it."""
    x, y, width, height = line
    for end in (x, x + width):
        columns = slice(max(0, end - AT_END), end + AT_END)
        for rows in (slice(max(0, y - 2 * WALL), y), slice(y + height, y + height + 2 * WALL)):
            if int((walls.upright[rows, columns] > walls.faint).any(axis=1).sum()) >= WALL:
                return True
    return False


def _print_near(line: Box, walls: Walls) -> list[Box]:
    """Boxes of the letters left of a line, above and below it."""
    x, y, width, height = line
    left, top = max(0, x - LEFT_REACH), max(0, y - ABOVE_REACH - TALL)
    area = cv2.compare(walls.depth[top : y + height + ROOM, left : x + width], walls.dark, cv2.CMP_GT)
    own = cv2.compare(walls.level[top : y + height + ROOM, left : x + width], walls.faint, cv2.CMP_GT)
    pieces = connected_pieces(cv2.subtract(area, cv2.dilate(own, None)))
    boxes = [(piece.box[0] + left, piece.box[1] + top, *piece.box[2:]) for piece in pieces]
    return [box for box in boxes if SPECK < box[3] < TALL]


def _region_on(line: Box, letters: Sequence[Box]) -> Box | None:
    """The region of a line to write on; None where there is no room, or nothing says what goes there."""
    x, y, width, height = line
    beside = [box for box in letters if x < box[0] + box[2] and box[0] < x + width]
    gaps = [y - box[1] - box[3] for box in beside if box[1] + box[3] / 2 < y]
    room = min((gap for gap in gaps if gap >= ON_LINE), default=ROOM + 1) - 1
    below = min((box[1] - y - height for box in beside if box[1] + box[3] / 2 > y + height), default=BELOW + 1) - 1
    if room < LEAST_ROOM or not _has_label(line, letters):
        return None
    top, bottom = max(0, y - min(room, ROOM)), y + height + max(LEAST_BELOW, min(below, BELOW))
    return x, top, width, bottom - top


def _has_label(line: Box, letters: Sequence[Box]) -> bool:
    """Whether there is print left of a line, or above its beginning."""
    x, y, width, _ = line
    left = [box for box in letters if box[0] + box[2] <= x and y - ROOM <= box[1] and box[1] + box[3] <= y + BELOW]
    above = [box for box in letters if x - ABOVE_INDENT <= box[0] < x + width and box[1] + box[3] <= y - LEAST_ROOM]
    is_at_start = min((box[0] for box in above), default=x + width) <= x + ABOVE_INDENT
    return _is_word(left) or (_is_word(above) and is_at_start)


def _is_word(letters: Sequence[Box]) -> bool:
    return sum(box[2] for box in letters) >= WORD
