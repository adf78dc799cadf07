"""Digits in strokes, as they are engraved, stencilled or printed on the drums of meters: no font file has them.

Each digit is a few polylines on a grid of two columns and three rows; a style cuts their corners, slants them, and
chooses among the forms that a digit has.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.nouns import Gray

Point = tuple[float, float]
Line = tuple[Point, ...]

BEND = 0.12
"""Standard deviation of how far points are moved in half of the styles, over the width or height."""

SHIFT = 4
"""Bits of a pixel's fraction in OpenCV's drawing."""


@dataclass(frozen=True, slots=True)
class StrokeStyle:
    """How the ten digits of one drum are drawn: shares of the width or height, and which form of each.

    `bend` are the shares of width and height that points are moved by: narrower at the top, bowed, narrower in
    the middle, a lower waist.
    """

    pen: float
    corner: float
    slant: float
    waist: float
    forms: tuple[int, ...]
    bend: tuple[float, ...] = (0.0,) * 4


def stroke_style(rng: np.random.Generator) -> StrokeStyle:
    """Any style."""
    return StrokeStyle(
        pen=rng.uniform(0.09, 0.34),
        corner=rng.uniform(0.0, 0.5),
        slant=rng.uniform(-0.03, 0.15) if rng.random() < 0.3 else 0.0,
        waist=rng.uniform(0.42, 0.54),
        forms=tuple(int(k) for k in rng.integers(0, 12, 10)),
        bend=tuple(float(share) for share in rng.normal(0, BEND, 4)) if rng.random() < 0.5 else (0.0,) * 4,
    )


def draw_stroke_digit(digit: int, height: int, width: int, style: StrokeStyle) -> Gray:
    """Ink (height, columns) uint8 of a digit; a 1 without serifs is narrower than `width`."""
    pen = max(1, round(style.pen * width))
    lines = skeleton(digit, style.forms[digit], style.waist)
    slack = round(style.slant * height)
    picture = np.zeros((height + 4, width + 4 + slack), np.uint8)
    inner = np.array([width - pen, height - pen], np.float64)
    for line in lines:
        points = _bent(_rounded(np.array(line), style.corner, width / height), style.bend) * inner + pen / 2
        points[:, 0] += style.slant * (height - points[:, 1])
        fixed = np.round((points + 1.5) * (1 << SHIFT)).astype(np.int32)[:, None]
        cv2.polylines(picture, [fixed], False, 255, pen, cv2.LINE_AA, shift=SHIFT)
    x, y, columns, rows = cv2.boundingRect((picture >= 64).view(np.uint8))
    return cv2.resize(picture[y : y + rows, x : x + columns], (columns, height), interpolation=cv2.INTER_AREA)


def skeleton(digit: int, form: int, waist: float) -> list[Line]:
    """Polylines of a digit in the unit square, y downwards; `form` chooses its form, `waist` where its middle is."""
    m = waist
    forms: dict[int, list[list[Line]]] = {
        0: [[((0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0.5, 0))]],
        1: [
            [((0.5, 0), (0.5, 1))],
            [((0.12, 0.22), (0.55, 0), (0.55, 1))],
            [((0.12, 0.22), (0.5, 0), (0.5, 1)), ((0.1, 1), (0.9, 1))],
            [((0.3, 0.14), (0.6, 0), (0.6, 1))],
            [((0.1, 0.38), (0.65, 0), (0.65, 1))],
            [((0.0, 0.28), (0.25, 0.2), (0.6, 0), (0.6, 1))],
        ],
        2: [
            [((0, 0.2), (0, 0), (1, 0), (1, m), (0, 1), (1, 1))],
            [((0, 0), (1, 0), (1, m), (0, m), (0, 1), (1, 1))],
            [((0, 0.25), (0, 0), (1, 0), (1, 0.4), (0, 0.85), (0, 1), (1, 1))],
            [((0, 0.15), (0.1, 0), (0.9, 0), (0.9, 0.3), (0.0, 1), (1, 1))],
        ],
        3: [
            [((0, 0.15), (0, 0), (1, 0), (1, m), (0.35, m)), ((0.6, m), (1, m), (1, 1), (0, 1), (0, 0.85))],
            [((0, 0), (1, 0), (1, 1), (0, 1)), ((0.25, m), (1, m))],
            [((0, 0), (1, 0), (0.45, 0.4), (1, 0.5), (1, 1), (0, 1), (0, 0.85))],
        ],
        4: [
            [((0.7, 1), (0.7, 0), (0, 0.7), (1, 0.7))],
            [((0, 0), (0, 0.55), (1, 0.55)), ((0.75, 0.2), (0.75, 1))],
            [((0.5, 0), (0, 0.72), (1, 0.72)), ((0.72, 0.45), (0.72, 1))],
            [((0, 0), (0, m), (1, m)), ((1, 0), (1, 1))],
            [((0.55, 0), (0, 0.75), (1, 0.75)), ((0.75, 0.0), (0.75, 1))],
        ],
        5: [
            [((1, 0), (0, 0), (0, m), (1, m), (1, 1), (0, 1))],
            [((0.95, 0), (0.08, 0), (0, 0.45), (0.5, 0.36), (1, 0.5), (1, 1), (0, 1), (0, 0.85))],
        ],
        6: [
            [((1, 0.15), (1, 0), (0, 0), (0, 1), (1, 1), (1, m), (0, m))],
            [((0.8, 0), (0, 0.55), (0, 1), (1, 1), (1, m), (0.1, m))],
            [((1, 0), (0, 0), (0, 1), (1, 1), (1, m), (0, m))],
            [((0.3, 0), (0, 0.6), (0, 1), (1, 1), (1, m), (0.05, m))],
        ],
        7: [
            [((0, 0), (1, 0), (0.3, 1))],
            [((0, 0), (1, 0), (1, 0.15), (0.4, 0.6), (0.4, 1))],
            [((0, 0.15), (0, 0), (1, 0), (1, 1))],
            [((0, 0), (1, 0), (0.5, 0.5), (0.4, 1))],
        ],
        8: [
            [((0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0.5, 0)), ((0, m), (1, m))],
            [((0.1, 0), (0.9, 0), (0.9, m), (0.1, m), (0.1, 0), (0.5, 0)), ((0, m), (1, m), (1, 1), (0, 1), (0, m))],
        ],
        9: [
            [((0, 0.85), (0, 1), (1, 1), (1, 0), (0, 0), (0, 1 - m), (1, 1 - m))],
            [((0.2, 1), (1, 0.45), (1, 0), (0, 0), (0, 1 - m), (0.9, 1 - m))],
            [((0, 1), (1, 1), (1, 0), (0, 0), (0, 1 - m), (1, 1 - m))],
            [((1, 1), (1, 0), (0, 0), (0, 1 - m), (1, 1 - m))],
            [((0.7, 1), (1, 0.4), (1, 0), (0, 0), (0, 1 - m), (0.95, 1 - m))],
        ],
    }
    choices = forms[digit]
    return choices[form % len(choices)]


def _bent(points: np.ndarray, bend: tuple[float, ...]) -> np.ndarray:
    """The points of the unit square moved, none out of it: three ways of width, one of height."""
    narrower, bowed, wider, lower = bend
    x, y = points[:, 0] - 0.5, points[:, 1] - 0.5
    moved_x = x * (1 + 2 * narrower * y + 2 * wider * (y**2 - 0.25)) + bowed * (y**2 - 0.25)
    moved_y = y + lower * (y**2 - 0.25)
    return np.clip(np.column_stack([moved_x, moved_y]) + 0.5, 0.0, 1.0)


def _rounded(points: np.ndarray, corner: float, aspect: float) -> np.ndarray:
    """The polyline with its corners cut by an arc that reaches `corner` of the width along either side."""
    if corner < 0.05 or len(points) < 3:
        return points
    unit = np.array([1.0, aspect])
    out = [points[0]]
    for before, at, after in zip(points[:-2], points[1:-1], points[2:], strict=True):
        ends = []
        for other in (before, after):
            length = float(np.linalg.norm((other - at) / unit))
            ends.append(at + (other - at) * min(corner / max(length, 1e-6), 0.5))
        t = np.linspace(0, 1, 6)[:, None]
        out.extend((1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * at + t**2 * ends[1])
    return np.array([*out, points[-1]])
