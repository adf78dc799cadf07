"""Frames to write a number in, without cells for its digits: alone on the sheet, or cells of a ruled table."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.forms.boxrows import WIDE, BoxRow, overlap
from edge.forms.walls import Walls
from edge.nouns import Box, Gray
from edge.paper.pieces import connected_pieces

HEIGHTS = (24, 170)
"""Least and greatest height of a frame for one number, in pixels: 3 to 21 mm at 200 dpi."""

LEAST_INK = 4
"""Pixels of its longer side from which on a piece of ink in a frame is more than a speck."""

TALL = 0.42
"""Height over the frame's from which on ink is handwriting: labels are printed lower."""

AT_RIGHT = 0.55
"""Share of a frame's width after which print is a unit or "/ 30", not a label."""

MOST = 12
"""Digits of a number at the most."""


def find_frames(walls: Walls, cells: Sequence[Box], taken: Sequence[BoxRow]) -> list[BoxRow]:
    """Wide cells that are empty, or have handwriting or a unit in them, apart from those that rows take up."""
    boxes = [box for row in taken for box in row.boxes]
    frames = [
        cell
        for cell in cells
        if cell[2] > WIDE * cell[3]
        and HEIGHTS[0] <= cell[3] <= HEIGHTS[1]
        and not any(overlap(cell, box) > 0 for box in boxes)
        and _is_for_writing(cell, walls)
    ]
    return [BoxRow((cell,), "frame") for cell in frames if not _holds_another(cell, frames)]


def _holds_another(cell: Box, frames: Sequence[Box]) -> bool:
    return any(
        other != cell and overlap(cell, other) > 0 and other[2] * other[3] < cell[2] * cell[3] for other in frames
    )


def _is_for_writing(cell: Box, walls: Walls) -> bool:
    """Whether a frame is empty but for handwriting, and for print after the room for it."""
    x, y, width, height = cell
    inner: Gray = walls.depth[y + 3 : y + height - 3, x + 3 : x + width - 3]
    pieces = connected_pieces(cv2.compare(inner, walls.dark, cv2.CMP_GT))
    pieces = [piece for piece in pieces if piece.size >= LEAST_INK]
    if not pieces:
        return float(np.median(inner)) < walls.dark
    if all(piece.box[0] >= AT_RIGHT * width for piece in pieces):
        return True
    return len(pieces) <= MOST and float(np.median([piece.height for piece in pieces])) >= TALL * height
