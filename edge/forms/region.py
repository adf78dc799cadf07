"""A line to write on: the one number in a region without boxes, beside what is printed there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from edge.forms.checks import broken_rule
from edge.geometry import Matrix, Points, box_around, cut_upright, quad_of, sides_of
from edge.nouns import Box, Gray, Reading
from edge.paper.binarize import binarize, faint_mask
from edge.paper.segment import find_pieces
from edge.schema import FieldTable
from edge.text import BLANK, with_point

REGION_SIDE = 1600
"""Width in pixels at the most of the picture of a region."""

WRITTEN = 0.24
"""Height of writing at the least, over the region's."""

PRINT_SLACK = np.ones((9, 9), np.uint8)
"""Print is taken away four pixels around where the reference picture has it."""

PAPER_WINDOW = 25
"""Side in pixels of the window whose lightest pixel is the paper; wider than print."""


def print_in(reference: Gray, quad: Points) -> Gray:
    """255 on what the reference picture has in a region, (rows, columns) uint8."""
    picture, _ = cut_upright(reference, quad, _size_of(quad))
    return cv2.dilate(faint_mask(binarize(picture)), PRINT_SLACK)


def read_region(
    gray: Gray, table: FieldTable, quad: Points, print_: Gray | None, read: Callable[[Gray], list[Reading]]
) -> Reading:
    """The one number that is written in a region.

    Parameters
    ----------
    gray : (rows, columns) uint8
    table : FieldTable
    quad : (4, 2) float64
        Corners of the region in the frame.
    print_ : (rows, columns) uint8, optional
        See `print_in`.
    read : callable
        Reads every number in a picture.
    """
    picture, matrix = cut_upright(gray, quad, _size_of(quad))
    picture = picture if print_ is None else _without(print_, picture)
    found = [_moved(reading, matrix) for reading in read(picture)]
    if len(found) == 1:
        return _judged(table, found[0])
    box = box_around(quad)
    if found:
        text = BLANK.join(reading.text for reading in found)
        digits = tuple(digit for reading in found for digit in reading.digits)
        confidence = math.prod(reading.confidence for reading in found)
        return Reading(table.name, text, None, "uncertain", confidence, box, f"{len(found)} numbers, not one", digits)
    if _is_written(picture):
        return Reading(table.name, "?", None, "uncertain", 0.0, box, "writing that is no number")
    return Reading(table.name, "", None, "rejected" if table.required else "empty", 1.0, box, "left blank")


def _judged(table: FieldTable, read: Reading) -> Reading:
    """The one reading of a region, under its field's rules: a point may be written where the field has its own.

    Anywhere else it may be a speck, and is doubt.
    """
    whole, _, decimals = read.text.partition(".")
    has_point = "." in read.text
    text = read.text if has_point or "?" in read.text else with_point(read.text, table.decimals)
    reading = replace(read, name=table.name, text=text)
    if read.status != "ok":
        return reading
    if has_point and (len(decimals) != table.decimals or not whole):
        wanted = f"{table.decimals} decimals" if table.decimals else "no decimals"
        return replace(reading, value=None, status="uncertain", reason=f"a point, where the field has {wanted}")
    broken = broken_rule(table, text, float(text))
    if broken:
        return replace(reading, value=None, status="rejected", reason=broken)
    return replace(reading, value=float(text))


def _size_of(quad: Points) -> tuple[int, int]:
    """Width and height in pixels of a region's picture."""
    across, down = sides_of(quad)
    factor = max(across / REGION_SIDE, 1.0)
    return max(1, round(across / factor)), max(1, round(down / factor))


def _without(print_: Gray, picture: Gray) -> Gray:
    """The picture with paper where print is."""
    mask = cv2.resize(print_, picture.shape[::-1], interpolation=cv2.INTER_NEAREST)
    paper = cv2.morphologyEx(picture, cv2.MORPH_CLOSE, np.ones((PAPER_WINDOW, PAPER_WINDOW), np.uint8))
    return np.where(mask > 0, paper, picture)


def _is_written(picture: Gray) -> bool:
    """Whether there is ink of a digit's height inside a region; what only stands at its border is a frame's line."""
    rows, columns = picture.shape
    edge = max(2, rows // 20)
    _, pieces = find_pieces(binarize(picture[edge : rows - edge, edge : columns - edge]))
    return any(piece.height > WRITTEN * rows for piece in pieces)


def _moved(reading: Reading, matrix: Matrix) -> Reading:
    """A reading of a region's picture with its boxes in the frame."""
    digits = tuple(replace(digit, box=_box_through(digit.box, matrix)) for digit in reading.digits)
    return replace(reading, digits=digits, box=_box_through(reading.box, matrix) if reading.box else None)


def _box_through(box: Box, matrix: Matrix) -> Box:
    return box_around(quad_of(box, matrix))
