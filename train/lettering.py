"""Printed digits that no font file has: drawn with a broad or a round pen, in forms and weights drawn by chance.

A face is a choice among the forms that a digit has in print (a 1 with a flag, with a foot, or bare; an open or a
closed 4; a straight or a curved 7; a 6 with a curled or a straight tail), a width, a pen and a slant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray

HEIGHT = 44
"""Of a drawn digit, in pixels, as of a digit in type of `train.junk.TYPE_SIZE` or a little more."""

FINE = 3
"""Digits are drawn this many times as large, and reduced."""

BALL_SHARE = 0.3
"""Of the drawn faces whose curves end in drops, as those of Clarendons, Scotch romans and old drums do; a bold 6 or 9
with them is closed but for a slit, and an 8 to who has not seen one."""

LARGEST_BALL = 0.14
"""Radius over the height: a larger drop fills a 3."""

BALLS = {2: ((0, 0),), 3: ((0, 0), (1, -1)), 5: ((1, -1),), 6: ((1, 0),), 9: ((1, 0),)}
"""Line and point of a digit's polylines at which a curve ends openly."""

Points = NDArray[np.float64]
Form = Callable[[np.random.Generator, float], list[Points]]
"""(chance, squareness) to the polylines of a digit in the unit square, y downwards."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A drawn face: shares of the height, but `hair`, the thickness of level strokes over that of upright ones, and
    `ball`, the radius over half the stem of the drops that its curves end in, 0 for none.
    """

    width: float
    stem: float
    hair: float
    slant: float
    squareness: float
    is_round: bool
    ball: float = 0.0


def lettering(rng: np.random.Generator, ball_share: float = BALL_SHARE) -> Lettering:
    """Any drawn face; `ball_share` of them with drops."""
    return Lettering(
        width=rng.uniform(0.38, 0.8),
        stem=rng.uniform(0.05, 0.24),
        hair=rng.uniform(0.35, 1.05) if rng.random() < 0.5 else rng.uniform(0.8, 1.05),
        slant=rng.uniform(0.1, 0.3) if rng.random() < 0.2 else 0.0,
        squareness=rng.uniform(2.0, 3.2),
        is_round=rng.random() < 0.5,
        ball=rng.uniform(1.1, 2.0) if rng.random() < ball_share else 0.0,
    )


def draw_lettered(digit: int, face: Lettering, rng: np.random.Generator) -> Gray:
    """Ink of a digit in a drawn face, (rows, columns) uint8; `rng` chooses among its forms."""
    height = HEIGHT * FINE
    stem = max(FINE, round(face.stem * min(1.0, 1.6 * face.width) * height))
    hair = max(FINE, round(stem * face.hair))
    room = np.array([max(face.width * height - stem, stem), height - hair])
    lines = [line * room for line in FORMS[digit](rng, face.squareness)]
    for line in lines:
        line[:, 0] += face.slant * (height - line[:, 1])
    every = np.concatenate(lines)
    columns, rows = np.ceil(np.ptp(every, axis=0)).astype(int) + 2 * max(stem, hair)
    picture = np.zeros((rows, columns), np.uint8)
    moved = [np.round(line - every.min(axis=0) + max(stem, hair)).astype(np.int32) for line in lines]
    cv2.polylines(picture, moved, False, 255, 1)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE if face.is_round else cv2.MORPH_RECT, (stem, hair))
    inked = cv2.dilate(picture, pen)
    if face.ball:
        radius = max(stem / 2, min(face.ball * stem / 2, LARGEST_BALL * height))
        _end_in_drops(inked, [moved[line][end] for line, end in BALLS.get(digit, ())], radius, pen.shape)
    x, y, width, tall = cv2.boundingRect(inked)
    cut = inked[y : y + tall, x : x + width]
    size = (max(2, round(width / FINE)), max(2, round(tall / FINE)))
    return cv2.resize(cut, size, interpolation=cv2.INTER_AREA)


def _end_in_drops(inked: NDArray[np.uint8], ends: list[NDArray[np.int32]], radius: float, pen: tuple[int, ...]) -> None:
    """Drops at ends of strokes, drawn in place; their outer edge is the stroke's."""
    middle = np.array(inked.shape[::-1]) / 2
    inwards = np.maximum(radius - np.array(pen[::-1]) / 2, 0)
    for end in ends:
        x, y = end + np.sign(middle - end) * inwards
        cv2.circle(inked, (round(x), round(y)), round(radius), 255, -1)


def _arc(
    centre: tuple[float, float], radii: tuple[float, float], start: float, end: float, squareness: float
) -> Points:
    """Part of a superellipse between two angles in degrees, from the right over the foot."""
    angles = np.deg2rad(np.linspace(start, end, 32))
    turn = np.column_stack([np.cos(angles), np.sin(angles)])
    return np.array(centre) + np.sign(turn) * np.abs(turn) ** (2 / squareness) * np.array(radii)


def _curve(first: tuple[float, float], pull: tuple[float, float], last: tuple[float, float]) -> Points:
    """A quadratic curve between two points, pulled towards a third."""
    t = np.linspace(0, 1, 16)[:, None]
    return (1 - t) ** 2 * np.array(first) + 2 * t * (1 - t) * np.array(pull) + t**2 * np.array(last)


def _line(*points: tuple[float, float]) -> Points:
    return np.array(points, np.float64)


def _zero(rng: np.random.Generator, squareness: float) -> list[Points]:
    ring = _arc((0.5, 0.5), (0.5, 0.5), 0, 360, squareness)
    draw = rng.random()
    if draw < 0.08:
        return [ring, _line((0.25, 0.75), (0.75, 0.25))]
    return [ring, _line((0.5, 0.45), (0.5, 0.55))] if draw < 0.13 else [ring]


def _one(rng: np.random.Generator, _squareness: float) -> list[Points]:
    at = rng.uniform(0.4, 0.75)
    lines = [_line((at, 0), (at, 1))]
    draw = rng.random()
    if draw < 0.8:
        long = rng.uniform(0.2, 0.62)
        fall = long * rng.uniform(0.25, 0.9) if draw < 0.65 else 0.03
        flag = (at - long, fall)
        bent = rng.random() < 0.3
        lines.append(_curve(flag, (at - 0.3 * long, 0.75 * fall), (at, 0)) if bent else _line(flag, (at, 0)))
    if rng.random() < 0.4:
        reach = rng.uniform(0.25, 0.5)
        lines.append(_line((at - reach, 1), (at + reach, 1)))
    return lines


def _two(rng: np.random.Generator, squareness: float) -> list[Points]:
    high = rng.uniform(0.24, 0.33)
    top = _arc((0.5, high), (0.46, high), rng.uniform(175, 215), rng.uniform(360, 385), squareness)
    knee = tuple(top[-1])
    neck = _curve(knee, (0.9 * knee[0], knee[1] + 0.25), (0.03, 1)) if rng.random() < 0.7 else _line(knee, (0.03, 1))
    return [np.concatenate([top, neck]), _line((0.03, 1), (1, 1))]


def _three(rng: np.random.Generator, squareness: float) -> list[Points]:
    waist = rng.uniform(0.42, 0.52)
    low = (1 - waist) / 2
    bowl = _arc((0.45, waist + low), (0.52, low), -90, rng.uniform(140, 170), squareness)
    if rng.random() < 0.25:
        return [_line((0.05, 0), (0.92, 0), (0.45, waist)), bowl]
    cap = _arc((0.45, waist / 2), (0.46, waist / 2), rng.uniform(195, 225), 450, squareness)
    return [np.concatenate([cap, bowl]) if rng.random() < 0.7 else cap, bowl, _line((0.3, waist), (0.45, waist))]


def _four(rng: np.random.Generator, _squareness: float) -> list[Points]:
    at, bar = rng.uniform(0.6, 0.8), rng.uniform(0.62, 0.8)
    lines = [_line((0, bar), (1, bar))]
    if rng.random() < 0.25:
        lines += [_line((rng.uniform(0.1, 0.4), 0), (0, bar)), _line((at, rng.uniform(0.1, 0.45)), (at, 1))]
    else:
        lines += [_line((at, 0), (0, bar)), _line((at, 0), (at, 1))]
    if rng.random() < 0.15:
        lines.append(_line((at - 0.25, 1), (at + 0.22, 1)))
    return lines


def _five(rng: np.random.Generator, squareness: float) -> list[Points]:
    high = rng.uniform(0.36, 0.44)
    low = (1 - high) / 2
    bowl = _arc((0.45, high + low), (0.53, low), rng.uniform(215, 250) - 360, rng.uniform(140, 170), squareness)
    left = rng.uniform(0.05, 0.18)
    return [_line((0.93, 0), (left, 0), (left - 0.03, high + 0.1), tuple(bowl[0])), bowl]


def _six(rng: np.random.Generator, squareness: float) -> list[Points]:
    high = rng.uniform(0.34, 0.46)
    low = (1 - high) / 2
    ring = _arc((0.5, high + low), (0.5, low), 0, 360, squareness)
    if rng.random() < 0.35:
        start = (rng.uniform(0.55, 0.85), 0.0)
        return [ring, _curve(start, (rng.uniform(0.05, 0.3), rng.uniform(0.25, 0.4)), (0, high + low))]
    curl = _arc((0.52, 0.5), (0.52, 0.5), rng.uniform(300, 325), 180, squareness)
    return [ring, curl]


def _seven(rng: np.random.Generator, _squareness: float) -> list[Points]:
    foot = rng.uniform(0.15, 0.5)
    down = _line((1, 0), (foot, 1)) if rng.random() < 0.6 else _curve((1, 0), (foot, rng.uniform(0.3, 0.6)), (foot, 1))
    lines = [_line((0, 0), (1, 0)), down]
    if rng.random() < 0.15:
        lines.append(_line((0, 0), (0, rng.uniform(0.06, 0.16))))
    if rng.random() < 0.12:
        middle = down[len(down) // 2] if len(down) > 2 else (down[0] + down[1]) / 2
        lines.append(_line((middle[0] - 0.3, middle[1]), (middle[0] + 0.3, middle[1])))
    return lines


def _eight(rng: np.random.Generator, squareness: float) -> list[Points]:
    waist = rng.uniform(0.42, 0.5)
    low = (1 - waist) / 2
    top = _arc((0.5, waist / 2), (rng.uniform(0.38, 0.5), waist / 2), 0, 360, squareness)
    return [top, _arc((0.5, waist + low), (0.5, low), 0, 360, squareness)]


def _nine(rng: np.random.Generator, squareness: float) -> list[Points]:
    return [1.0 - line for line in _six(rng, squareness)]


FORMS: tuple[Form, ...] = (_zero, _one, _two, _three, _four, _five, _six, _seven, _eight, _nine)
"""Of the digits 0 to 9."""
