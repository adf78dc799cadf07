"""What a form is printed with: lines, cells, text and marks, drawn on a sheet (rows, columns, 3) uint8 BGR in place.

Lines are given by their middle: a line of width 3 at x = 10 covers columns 9 to 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from edge.schema import BoxArea
from tests.forms.nouns import Colour
from train.data.fonts import render_text

Bgr = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """How a line is drawn."""

    width: int
    colour: Bgr
    pattern: Literal["solid", "dotted", "double"] = "solid"


def rule(page: Colour, x: int, y: int, length: int, line: Line, is_level: bool = True) -> None:
    """A level line from (x, y) to the right, or an upright one down."""
    if line.pattern == "double":
        thin = Line(max(1, line.width // 2), line.colour)
        apart = line.width + 1
        for off in (-apart, apart):
            rule(page, x + (not is_level) * off, y + is_level * off, length, thin, is_level)
        return
    dot, step = (max(2, line.width), 2 * line.width + 4) if line.pattern == "dotted" else (length + line.width,) * 2
    low = line.width // 2
    for start in range(-low, length - low + line.width, step):
        along = slice(max(0, start), max(0, min(start + dot, length - low + line.width)))
        if is_level:
            page[y - low : y - low + line.width, x + along.start : x + along.stop] = line.colour
        else:
            page[y + along.start : y + along.stop, x - low : x - low + line.width] = line.colour


def frame(page: Colour, box: BoxArea, line: Line) -> None:
    """The four sides of a box."""
    x, y, width, height = box
    for level in (y, y + height):
        rule(page, x, level, width, line)
    for upright in (x, x + width):
        rule(page, upright, y, height, line, is_level=False)


def rounded_frame(page: Colour, box: BoxArea, line: Line) -> None:
    """The sides of a box with rounded corners."""
    x, y, width, height = box
    radius = min(width, height) // 5
    turns = ((x + radius, y + radius, 180), (x + width - radius, y + radius, 270))
    turns += ((x + width - radius, y + height - radius, 0), (x + radius, y + height - radius, 90))
    points = [cv2.ellipse2Poly((cx, cy), (radius, radius), start, 0, 90, 6) for cx, cy, start in turns]
    cv2.polylines(page, [np.concatenate(points)], True, line.colour, line.width, cv2.LINE_AA)


def fill_box(page: Colour, box: BoxArea, colour: Bgr) -> None:
    """A box in one colour."""
    x, y, width, height = box
    page[y : y + height, x : x + width] = colour


def write(page: Colour, text: str, face: Path, size: int, x: int, y: int, colour: Bgr, is_right: bool = False) -> int:
    """A line of text whose upper left corner, or upper right one, is (x, y); returns its width."""
    coverage = render_text(text, face, size, np.random.default_rng(len(text)))
    left = x - coverage.shape[1] if is_right else x
    area, share = _overlap(page, coverage, left, y)
    area[:] = (area * (1 - share) + share * np.array(colour, np.float32) + 0.5).astype(np.uint8)
    return int(coverage.shape[1])


def stain(page: Colour, coverage: Gray, x: int, y: int, colour: Bgr) -> None:
    """Ink with its upper left corner at (x, y): it darkens what lies below by its coverage, 0 to 255."""
    area, share = _overlap(page, coverage, x, y)
    area[:] = (area * (1 - share * (1 - np.array(colour, np.float32) / 255)) + 0.5).astype(np.uint8)


def _overlap(page: Colour, coverage: Gray, x: int, y: int) -> tuple[Colour, NDArray[np.float32]]:
    """The part of the page below a picture at (x, y), and the picture's coverage there, 0 to 1."""
    top, left = max(0, -y), max(0, -x)
    area = page[max(0, y) : max(0, y + coverage.shape[0]), max(0, x) : max(0, x + coverage.shape[1])]
    return area, coverage[top : top + area.shape[0], left : left + area.shape[1], None] / np.float32(255)
