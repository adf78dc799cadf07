"""Rendered drums of a meter: digits round a wheel, seen through a window, at any position of a roll.

A drum of ten digits has a circumference of ten pitches, so a window that shows one pitch sees 36 degrees of it, and
what lies y above its middle is at the arc asin(y / radius).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import CELL_LABELS
from edge.nouns import POSITIONS, Gray
from train.data.fonts import Face, family
from train.junk import VARIANTS, printed
from train.lettering import draw_lettered, lettering
from train.scene import BOX_COLUMNS, BOX_ROWS, SCENE_COLUMNS, SCENE_ROWS, Levels
from train.strokes import draw_stroke_digit, stroke_style

DIGITS = 10
CELLS_A_WHEEL = 8
"""Cells that are seen of one rendered wheel, each with its own window and dirt."""

SETTLED_SHARE = 0.45
"""Of the cells whose digit stands still; the others are anywhere between two."""

SLACK = 0.06
"""Steps by which a drum at rest hangs off its digit, half the tenth that its label may be wrong by."""

NARROWEST = 0.36
"""Width of a 0 over its height at the least: a drum of litres has its ticks beside narrow digits."""

TICK = (0.03, 0.07)
"""Thickness of such a tick over the pitch, from and to."""

SHOWN = 0.53
"""From its middle, over a digit's height, a window shows at least this much: a digit at rest is seen whole, and of two
half-way between one may be seen by its foot only.
"""

STROKE_SHARE = 0.36
LETTERED_SHARE = 0.32
"""Of the wheels whose digits are drawn in strokes, and in a face of `train.lettering`; the others are set in a face."""

DROPS_SHARE = 0.5
"""Of the drawn faces whose curves end in drops."""

BACKWARD_SHARE = 0.12
"""Of the wheels that turn the other way: the next digit comes from above."""

BACKWARD = len(CELL_LABELS)
"""Added to the tenth that such a wheel stands at: no label of a network's, but what `soft_targets` knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Wheel:
    """A drum unrolled: ink (10 * pitch, width) 0..1, its pitch in pixels, the rows of a digit, and the levels of its
    ground and ink.

    Of one that `is_backward` each digit lies above the one before.
    """

    ink: Levels
    pitch: int
    height: int
    ground: float
    mark: float
    is_backward: bool = False

    def turned(self, place: float) -> float:
        """What is in the middle when the drum stands at `place`, in steps along the ink."""
        return -place if self.is_backward else place


def draw_drums(count: int, faces: Sequence[Face], rng: np.random.Generator) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) of drums, and the tenth of a step that each stands at; `BACKWARD` more where it turns the other
    way.
    """
    scenes: list[Gray] = []
    tenths: list[int] = []
    places = np.where(rng.random(count) < SETTLED_SHARE, rng.integers(0, DIGITS, count), rng.uniform(0, DIGITS, count))
    for start in range(0, count, CELLS_A_WHEEL):
        wheel = draw_wheel(faces, rng)
        for place in places[start : start + CELLS_A_WHEEL]:
            scenes.append(draw_window(wheel, float(place), rng))
            tenths.append(round(place * 10) % POSITIONS + BACKWARD * wheel.is_backward)
    return scenes, np.array(tenths, np.int64)


def draw_wheel(faces: Sequence[Face], rng: np.random.Generator) -> Wheel:
    """A drum in a face or in strokes, with the ticks, points and teeth that some have beside their digits."""
    pitch = round(BOX_ROWS / rng.uniform(0.95, 1.85))
    height = max(8, round(pitch * rng.uniform(0.45, 0.86)))
    width = min(round(height * rng.uniform(NARROWEST, 0.85)), 38)
    digits = digit_inks(height, width, faces, rng)
    across = SCENE_COLUMNS
    ink = np.zeros((DIGITS * pitch, across), np.float32)
    shift = rng.uniform(-3, 3)
    is_backward = rng.random() < BACKWARD_SHARE
    for number, digit in enumerate(digits):
        place = -number % DIGITS if is_backward else number
        top = round(place * pitch + pitch / 2 - digit.shape[0] / 2)
        left = round(np.clip(across / 2 - digit.shape[1] / 2 + shift, 0, across - digit.shape[1]))
        ink[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    ground, mark = contrasting_levels(rng)
    return Wheel(_with_marks(ink, pitch, rng), pitch, height, ground, mark, is_backward)


def digit_inks(height: int, width: int, faces: Sequence[Face], rng: np.random.Generator) -> list[Levels]:
    """The ten digits of one style, `height` rows tall; `width` is the 0's."""
    draw = rng.random()
    if draw < STROKE_SHARE:
        style = stroke_style(rng)
        inks = [draw_stroke_digit(digit, height, width, style) for digit in range(DIGITS)]
    elif draw < STROKE_SHARE + LETTERED_SHARE:
        drawn = lettering(rng, DROPS_SHARE)
        inks = _stretched([draw_lettered(digit, drawn, rng) for digit in range(DIGITS)], height, width)
    else:
        face = any_face(faces, rng)
        variant = int(rng.integers(VARIANTS))
        inks = _stretched([_cut(printed(str(digit), face, variant)) for digit in range(DIGITS)], height, width)
    return [_weight(ink, change).astype(np.float32) / 255 for change in [rng.uniform(-1, 1)] for ink in inks]


def _stretched(inks: Sequence[Gray], height: int, width: int) -> list[Gray]:
    """The inks of ten digits `height` rows tall, all made as much wider or narrower as makes the 0 `width` wide."""
    across = width / inks[0].shape[1]
    widths = [int(np.clip(round(ink.shape[1] * across), 2, SCENE_COLUMNS - 12)) for ink in inks]
    return [cv2.resize(ink, (k, height), interpolation=cv2.INTER_AREA) for ink, k in zip(inks, widths, strict=True)]


def any_face(faces: Sequence[Face], rng: np.random.Generator) -> Face:
    """A face; every family as often as any other."""
    families = sorted({family(face) for face in faces})
    wanted = families[rng.integers(len(families))]
    members = [face for face in faces if family(face) == wanted]
    return members[rng.integers(len(members))]


def contrasting_levels(rng: np.random.Generator) -> tuple[float, float]:
    """Levels of a ground and of the ink on it, either way round."""
    dark = rng.uniform(0.0, 0.5)
    light = dark + rng.uniform(0.18, 1.0 - dark)
    return (dark, light) if rng.random() < 0.5 else (light, dark)


def draw_window(wheel: Wheel, place: float, rng: np.random.Generator) -> Gray:
    """The scene (96, 60) of the wheel at `place` steps, in its window, with neighbours, frame and dirt."""
    ink = _roll(wheel, wheel.turned(place) + rng.normal(0, SLACK / 2), rng)
    levels = wheel.ground + (wheel.mark - wheel.ground) * ink
    y = (np.arange(SCENE_ROWS, dtype=np.float32) - SCENE_ROWS / 2 + 0.5) / (BOX_ROWS / 2)
    shade = rng.uniform(0, 0.6) * np.abs(y - rng.uniform(-0.5, 0.5)) ** rng.uniform(1.5, 5)
    levels = levels * (1 - np.clip(shade, 0, 0.9))[:, None]
    levels = _beside(levels, wheel, rng)
    levels = _framed(levels, wheel, rng)
    return (np.clip(dirty(levels, rng), 0, 1) * 255).astype(np.uint8)


def _roll(wheel: Wheel, place: float, rng: np.random.Generator) -> Levels:
    """Ink of the wheel's front, (96, 60), with `place` in the middle of the window."""
    radius = DIGITS / (2 * np.pi) * wheel.pitch * rng.uniform(1.0, 2.5)
    y = np.arange(SCENE_ROWS, dtype=np.float64) - SCENE_ROWS / 2 + 0.5
    arc = radius * np.arcsin(np.clip(y / radius, -0.98, 0.98))
    rows = ((place + 0.5) * wheel.pitch + arc - 0.5) % len(wheel.ink)
    low = np.floor(rows).astype(int)
    share = (rows - low).astype(np.float32)[:, None]
    front: Levels = wheel.ink[low % len(wheel.ink)] * (1 - share) + wheel.ink[(low + 1) % len(wheel.ink)] * share
    return front


def _with_marks(ink: Levels, pitch: int, rng: np.random.Generator) -> Levels:
    """Ticks of the tenths, teeth, or a point beside the digits."""
    kind = rng.random()
    is_right = rng.random() < 0.7
    column = int(rng.integers(BOX_COLUMNS - 4, BOX_COLUMNS + 8))
    if kind < 0.28:
        length, step = int(rng.integers(3, 8)), pitch / int(rng.choice([2, 5, 10]))
        rows = max(1, round(pitch * rng.uniform(*TICK)))
        for row in np.arange(0, len(ink), step):
            _mark(ink, int(row), column, rows, length, is_right)
    elif kind < 0.38:
        for row in np.arange(rng.uniform(0, pitch), len(ink), pitch / int(rng.integers(1, 4))):
            _mark(ink, int(row), column, int(rng.uniform(0.12, 0.3) * pitch) + 1, int(rng.integers(4, 10)), is_right)
    elif kind < 0.46:
        for row in np.arange(pitch * 0.85, len(ink), pitch):
            _mark(ink, int(row), column - 2, 3, 3, is_right)
    return ink


def _mark(ink: Levels, row: int, column: int, rows: int, columns: int, is_right: bool) -> None:
    left = column if is_right else SCENE_COLUMNS - column - columns
    ink[row : row + rows, max(0, left) : left + columns] = 1


def _beside(levels: Levels, wheel: Wheel, rng: np.random.Generator) -> Levels:
    """With the drums beside it, or their frame, from where this one ends."""
    half = rng.uniform(0.42, 0.62) * BOX_COLUMNS
    x = np.arange(SCENE_COLUMNS) - SCENE_COLUMNS / 2 + 0.5 - rng.uniform(-2, 2)
    draw = rng.random()
    gap = rng.uniform(0.0, 1.0)
    for side in (-1, 1):
        outside = side * x > half
        if not outside.any() or draw < 0.25:
            continue
        if draw < 0.65:
            other = _roll(wheel, rng.uniform(0, DIGITS), rng)
            columns = np.clip(np.flatnonzero(outside) - side * round(2 * half + 2), 0, SCENE_COLUMNS - 1)
            levels[:, outside] = wheel.ground + (wheel.mark - wheel.ground) * other[:, columns]
            line = outside & (side * x < half + rng.uniform(1, 4))
            levels[:, line] = gap
        else:
            levels[:, outside] = gap
    return levels


def _framed(levels: Levels, wheel: Wheel, rng: np.random.Generator) -> Levels:
    """With the upper and lower edge of the window, where the box reaches beyond it."""
    if rng.random() < 0.35:
        return levels
    level, soft = rng.uniform(0, 1), rng.uniform(0.3, 2.5)
    y = np.arange(SCENE_ROWS, dtype=np.float32) - SCENE_ROWS / 2 + 0.5
    for side in (-1, 1):
        edge = max(rng.uniform(0.28, 0.75) * BOX_ROWS, SHOWN * wheel.height)
        cover = 1 / (1 + np.exp(-np.clip((side * y - edge) / soft, -30, 30)))
        levels = levels * (1 - cover[:, None]) + np.float32(level) * cover[:, None]
    return levels.astype(np.float32)


def dirty(levels: Levels, rng: np.random.Generator) -> Levels:
    """With specks, scratches, droplets or a print's roughness on it, at times."""
    levels = np.ascontiguousarray(levels, np.float32)
    if rng.random() < 0.12:
        for _ in range(rng.integers(1, 6)):
            centre = (int(rng.integers(SCENE_COLUMNS)), int(rng.integers(SCENE_ROWS)))
            cv2.circle(levels, centre, int(rng.integers(1, 3)), float(rng.uniform(0, 1)), -1, cv2.LINE_AA)
    if rng.random() < 0.05:
        ends = rng.integers(0, [SCENE_COLUMNS, SCENE_ROWS], (2, 2))
        cv2.line(levels, tuple(map(int, ends[0])), tuple(map(int, ends[1])), float(rng.uniform(0, 1)), 1, cv2.LINE_AA)
    if rng.random() < 0.04:
        centre = (int(rng.integers(SCENE_COLUMNS)), int(rng.integers(SCENE_ROWS)))
        cv2.circle(levels, centre, int(rng.integers(6, 20)), float(rng.uniform(0.2, 1)), 1, cv2.LINE_AA)
    if rng.random() < 0.15:
        grain = cv2.resize(
            rng.normal(0, rng.uniform(0.02, 0.12), (24, 15)).astype(np.float32), (SCENE_COLUMNS, SCENE_ROWS)
        )
        levels = levels + grain
    return levels


def _cut(ink: Gray) -> Gray:
    x, y, width, height = cv2.boundingRect((ink >= 64).view(np.uint8))
    return ink[y : y + height, x : x + width] if width else ink


def _weight(ink: Gray, change: float) -> Gray:
    """Bolder or lighter by about a pixel."""
    if abs(change) < 0.4:
        return ink
    kernel = np.ones((2, 2), np.uint8)
    return cv2.dilate(ink, kernel) if change > 0 else _kept(cv2.erode(ink, kernel), ink)


def _kept(thin: Gray, ink: Gray) -> Gray:
    """The thinner ink, unless too little of it is left."""
    return thin if int(thin.sum()) > 0.5 * int(ink.sum()) else ink
