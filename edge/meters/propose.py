"""Where a meter's numbers are: rows of cells and dials found in one photograph, as a configuration and a drawing.

A dial is a circle with a needle on its middle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.drums import position_of
from edge.meters.grids import Row, find_rows, is_inside, overlap
from edge.meters.needle import read_dial
from edge.nouns import Box

Colour = NDArray[np.uint8]

WORK_SIDE = 1280
"""Longer side, in pixels, of the picture that is looked at."""

RIM_EDGE, RIM_PERFECT = 100, 0.8
"""Hough's gradient threshold for a dial's rim, and the share of the circle that must be there."""

DIAL_SIZES = (0.03, 0.3)
"""Radius of a dial over the picture's shorter side."""

DIAL_DOUBT = 0.3
"""A circle is a dial when the probability that it has no needle is below this."""

CELL_COLOUR, DIAL_COLOUR = (0, 150, 0), (210, 60, 0)
"""Blue, green, red."""

SAME_SIZE = 0.2
"""Radii of a meter's dials differ by this share at the most."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found in a picture: rows from top to bottom, dials most significant first."""

    rows: tuple[Row, ...]
    dials: tuple[Box, ...]


def propose(picture: Colour) -> Proposal:
    """Rows of digit cells and dials in a picture.

    Parameters
    ----------
    picture : (rows, columns, 3) uint8, BGR
    """
    factor = max(1.0, max(picture.shape[:2]) / WORK_SIDE)
    size = (max(1, round(picture.shape[1] / factor)), max(1, round(picture.shape[0] / factor)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if factor > 1 else picture
    gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    rows = find_rows(gray)
    dials = [dial for dial in find_dials(small) if not any(_is_digit_of(dial, row) for row in rows)]
    rows = [row for row in rows if not any(overlap(cell, dial) for cell in row.cells for dial in dials)]
    return Proposal(
        tuple(Row(tuple(_scaled(cell, factor, picture) for cell in row.cells)) for row in rows),
        tuple(_scaled(dial, factor, picture) for dial in dials),
    )


def find_dials(picture: Colour) -> list[Box]:
    """Boxes of the dials in a picture, (rows, columns, 3) uint8 BGR, most significant first."""
    gray = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 1.0)
    side = min(gray.shape)
    least, most = (max(8, round(share * side)) for share in DIAL_SIZES)
    found = cv2.HoughCircles(
        gray, cv2.HOUGH_GRADIENT_ALT, 1.5, least, param1=RIM_EDGE, param2=RIM_PERFECT, minRadius=least, maxRadius=most
    )
    circles = [] if found is None else [(float(x), float(y), float(r)) for x, y, r in found.reshape(-1, 3)]
    dials = [circle for circle in circles if _has_needle(picture, circle)]
    return _in_order(picture, _of_one_size(_apart(dials)))


def _is_digit_of(dial: Box, row: Row) -> bool:
    """Whether what looks like a dial is a round digit."""
    return dial[3] < 2 * row.cells[0][3] and any(overlap(dial, cell) for cell in row.cells)


def _has_needle(picture: Colour, circle: tuple[float, float, float]) -> bool:
    box = _circle_box(circle)
    return is_inside(box, picture) and read_dial(_cut(picture, box)).unreadable < DIAL_DOUBT


def _circle_box(circle: tuple[float, float, float]) -> Box:
    x, y, radius = circle
    return round(x - radius), round(y - radius), round(2 * radius), round(2 * radius)


def _apart(circles: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """The larger of circles whose middles lie within one another."""
    kept: list[tuple[float, float, float]] = []
    for circle in sorted(circles, key=lambda each: -each[2]):
        if all(np.hypot(circle[0] - x, circle[1] - y) > radius for x, y, radius in kept):
            kept.append(circle)
    return kept


def _of_one_size(circles: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """The largest group of circles of like radius."""
    groups = [[other for other in circles if abs(other[2] / one[2] - 1) <= SAME_SIZE] for one in circles]
    return max(groups, key=len, default=[])


def _in_order(picture: Colour, circles: Sequence[tuple[float, float, float]]) -> list[Box]:
    """The dials' boxes, most significant first, by what they show.

    In a train of wheels the fraction of a step of each is where the next one stands. Read from left to right or
    from right to left, the order that fits better is taken; along an arc, from its right end.
    """
    boxes = [_circle_box(circle) for circle in sorted(circles)]
    if len(boxes) < 2:
        return boxes
    stands = [position_of(read_dial(_cut(picture, box)).positions) for box in boxes]
    rightwards, leftwards = _misfit(stands), _misfit(stands[::-1])
    return boxes if rightwards < leftwards else boxes[::-1]


def _misfit(stands: Sequence[float]) -> float:
    """How badly the fractions of some pointers, most significant first, fit the pointers after them, in steps."""
    off = [(upper - lower / 10 + 0.5) % 1 - 0.5 for upper, lower in pairwise(stands)]
    return float(np.abs(off).mean())


def _cut(picture: Colour, box: Box) -> Colour:
    x, y, width, height = box
    return picture[y : y + height, x : x + width]


def _scaled(box: Box, factor: float, picture: Colour) -> Box:
    """A box in the picture's own pixels, inside it."""
    x, y, width, height = (round(value * factor) for value in box)
    x, y = min(x, picture.shape[1] - 1), min(y, picture.shape[0] - 1)
    return x, y, min(width, picture.shape[1] - x), min(height, picture.shape[0] - y)


def configuration_text(proposal: Proposal, image: str) -> str:
    """The configuration that reads what was found, as TOML.

    Parameters
    ----------
    proposal : Proposal
    image : str
        The picture's path as it is to stand in the file.
    """
    lines = ["# Look at the boxes, and say what the meter counts: name, decimals and unit.", ""]
    lines += ["[reference]", f"image = {json.dumps(image, ensure_ascii=False)}"]
    count = len(proposal.rows)
    for number, row in enumerate(proposal.rows, 1):
        dials = proposal.dials if number == count else ()
        name = "counter" if count == 1 else f"counter-{number}"
        lines += ["", "[[field]]", f'name = "{name}"', 'kind = "drum"']
        lines += [f"digits = {_boxes_text(row.cells)}"]
        lines += [f"dials = {_boxes_text(dials)}", f"decimals = {len(dials)}"] if dials else []
    return "\n".join(lines) + "\n"


def describe(proposal: Proposal) -> str:
    """What was found, in a few words."""
    rows = [f"a row of {len(row.cells)} drums" for row in proposal.rows]
    count = len(proposal.dials)
    return ", ".join([*rows, *([f"{count} dial{'s' if count > 1 else ''}"] if count else [])])


def draw_proposal(picture: Colour, proposal: Proposal) -> Colour:
    """The picture with the boxes of what was found, numbered from the most significant, (rows, columns, 3) uint8."""
    drawn = picture.copy()
    scale = max(0.5, min(picture.shape[:2]) / 800)
    for boxes, colour in [*((row.cells, CELL_COLOUR) for row in proposal.rows), (proposal.dials, DIAL_COLOUR)]:
        for number, (x, y, width, height) in enumerate(boxes, 1):
            cv2.rectangle(drawn, (x, y), (x + width - 1, y + height - 1), colour, max(1, round(2 * scale)))
            corner = (x, max(y - round(4 * scale), round(16 * scale)))
            cv2.putText(
                drawn, str(number), corner, cv2.FONT_HERSHEY_SIMPLEX, 0.7 * scale, colour, max(1, round(2 * scale))
            )
    return drawn


def _boxes_text(boxes: Sequence[Box]) -> str:
    return "[" + ", ".join(f"[{x}, {y}, {width}, {height}]" for x, y, width, height in boxes) + "]"
