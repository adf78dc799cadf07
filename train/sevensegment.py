"""Rendered seven-segment digits: LCD, LED and fluorescent displays, with ghosts, faint segments and reflections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from train.scene import BOX_COLUMNS, BOX_ROWS, SCENE_COLUMNS, SCENE_ROWS, Levels
from train.wheels import contrasting_levels, dirty

SEGMENTS = "abcdefg"
"""Top, upper right, lower right, bottom, lower left, upper left, middle."""

LIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
"""Segments of the digits 0 to 9."""

OTHER_FORMS = {6: "fgedc", 7: "abcf", 9: "abcfg"}
"""How some displays write 6, 7 and 9."""

OTHER_FORM_SHARE = 0.2

LETTERS = ("afge", "fged", "abcefg", "afgd", "ade", "bcdef", "gec", "ge", "abefg", "def", "afed", "gecd", "bcefg")
"""Segments of F, t, A, and other letters and parts that are no digit: a display's messages and screens that change."""

ENDS = np.array(
    [
        [[-1, -1], [1, -1]],
        [[1, -1], [1, 0]],
        [[1, 0], [1, 1]],
        [[-1, 1], [1, 1]],
        [[-1, 0], [-1, 1]],
        [[-1, -1], [-1, 0]],
        [[-1, 0], [1, 0]],
    ],
    np.float64,
)
"""Where each of `SEGMENTS` starts and ends, in halves of the digit."""

SHIFT = 4
"""Bits of a pixel's fraction in OpenCV's drawing."""

Corners = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Display:
    """How a display draws: sizes in pixels of the scene, levels of its ground and of lit segments."""

    height: float
    width: float
    pen: float
    gap: float
    slant: float
    taper: float
    ground: float
    lit: float
    ghost: float
    spacing: float
    has_other_forms: bool


def any_display(rng: np.random.Generator) -> Display:
    """A display of any kind."""
    height = BOX_ROWS * rng.uniform(0.5, 0.97)
    width = float(np.clip(height * rng.uniform(0.36, 0.72), 12, BOX_COLUMNS * 0.95))
    ground, lit = contrasting_levels(rng)
    if rng.random() < 0.35:
        lit = ground + (lit - ground) * rng.uniform(0.3, 0.8)
    return Display(
        height=height,
        width=width,
        pen=width * rng.uniform(0.1, 0.3),
        gap=rng.uniform(-0.2, 2.2),
        slant=rng.uniform(-0.02, 0.2) if rng.random() < 0.6 else 0.0,
        taper=rng.uniform(0, 1),
        ground=ground,
        lit=lit,
        ghost=rng.uniform(0.02, 0.22) if rng.random() < 0.4 else 0.0,
        spacing=BOX_COLUMNS * rng.uniform(0.85, 1.3),
        has_other_forms=rng.random() < OTHER_FORM_SHARE,
    )


def draw_segment_digits(count: int, rng: np.random.Generator) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) of digits of displays, and the tenth of a step that stands for each: 30 for 3."""
    digits = rng.integers(0, 10, count)
    return [draw_character(segments_of(int(digit), any_display(rng), rng), rng) for digit in digits], digits * 10


def segments_of(digit: int, display: Display, _rng: np.random.Generator) -> tuple[str, Display]:
    """The lit segments of a digit on a display, and the display."""
    return (OTHER_FORMS.get(digit, LIT[digit]) if display.has_other_forms else LIT[digit]), display


def draw_character(character: tuple[str, Display], rng: np.random.Generator) -> Gray:
    """The scene (96, 60) of lit segments with neighbours, commas, icons, shadow and reflections."""
    lit, display = character
    strength = dict.fromkeys(lit, 1.0)
    corners = _corners(display)
    if lit and rng.random() < 0.15:
        strength[lit[rng.integers(len(lit))]] = rng.uniform(0.4, 0.8)
    drawn = np.zeros((SCENE_ROWS, SCENE_COLUMNS), np.uint8)
    middle = SCENE_COLUMNS / 2
    for side in (-1, 1):
        if rng.random() < 0.6:
            neighbour = LIT[rng.integers(10)]
            _draw(drawn, dict.fromkeys(neighbour, 1.0), middle + side * display.spacing, display, corners)
    _draw(drawn, strength, middle, display, corners)
    _punctuate(drawn, display, rng)
    ink = _soft(drawn.astype(np.float32) * np.float32(1 / 255), rng)
    levels = display.ground + (display.lit - display.ground) * ink
    if rng.random() < 0.25:
        levels = levels + (display.lit - display.ground) * _drop_shadow(ink, rng)
    return (np.clip(dirty(_reflected(levels, rng), rng), 0, 1) * 255).astype(np.uint8)


def _draw(ink: Gray, strength: Mapping[str, float], middle: float, display: Display, corners: Corners) -> None:
    """Segments as polygons about `middle`, unlit ones first, as ghosts."""
    moved = corners + np.array([middle - 0.5, SCENE_ROWS / 2 - 0.5])
    fixed = np.round(moved * (1 << SHIFT)).astype(np.int32)
    for segment in sorted(SEGMENTS, key=lambda each: each in strength):
        level = max(strength.get(segment, 0.0), display.ghost)
        if level > 0:
            cv2.fillPoly(ink, [fixed[SEGMENTS.index(segment)]], round(255 * level), cv2.LINE_AA, SHIFT)


def _corners(display: Display) -> Corners:
    """Corners (7, 6, 2) of the segments about the digit's middle, x to the right and y downwards, slanted."""
    half = np.array([display.width - display.pen, display.height - display.pen]) / 2
    start, end = ENDS[:, 0] * half, ENDS[:, 1] * half
    along = np.sign(end - start)
    beside = np.stack([-along[:, 1], along[:, 0]], axis=1) * display.pen / 2
    start, end = start + along * display.gap, end - along * display.gap
    cut = along * display.pen / 2 * display.taper
    out = along * display.pen / 4 * (1 - display.taper)
    points = np.stack(
        [start - out, start + cut + beside, end - cut + beside, end + out, end - cut - beside, start + cut - beside],
        axis=1,
    )
    points[..., 0] -= display.slant * points[..., 1]
    return points


def _punctuate(ink: Gray, display: Display, rng: np.random.Generator) -> None:
    """Points and commas at a lower corner, and a bar or an icon above or below."""
    for side in (-1, 1):
        if rng.random() < 0.25:
            x = SCENE_COLUMNS / 2 + side * display.spacing / 2 + rng.uniform(-2, 2)
            y = SCENE_ROWS / 2 + display.height / 2
            radius = max(1, round(display.pen * rng.uniform(0.35, 0.7)))
            cv2.circle(ink, (round(x), round(y)), radius, 255, -1, cv2.LINE_AA)
            if rng.random() < 0.5:
                cv2.line(ink, (round(x), round(y)), (round(x - radius), round(y + 2.5 * radius)), 255, 1, cv2.LINE_AA)
    if rng.random() < 0.15:
        y = SCENE_ROWS / 2 + rng.choice([-1, 1]) * (display.height / 2 + rng.uniform(4, 9))
        x = int(rng.integers(SCENE_COLUMNS))
        cv2.rectangle(ink, (x, round(y)), (x + int(rng.integers(4, 30)), round(y) + int(rng.integers(1, 5))), 255, -1)


def _soft(ink: Levels, rng: np.random.Generator) -> Levels:
    """With the glow of lamps, or the soft edge of a cheap lens."""
    if rng.random() < 0.25:
        glow = cv2.GaussianBlur(ink, (0, 0), rng.uniform(1.5, 5))
        return np.clip(ink + glow * np.float32(rng.uniform(0.2, 0.8)), 0, 1)
    return ink


def _drop_shadow(ink: Levels, rng: np.random.Generator) -> Levels:
    """The shadow that segments throw on the reflector behind them."""
    moved = np.float32([[1, 0, rng.uniform(-3, 3)], [0, 1, rng.uniform(0, 4)]])
    shadow = cv2.warpAffine(ink, moved, (SCENE_COLUMNS, SCENE_ROWS), flags=cv2.INTER_LINEAR)
    return shadow * np.float32(rng.uniform(0.1, 0.4))


def _reflected(levels: Levels, rng: np.random.Generator) -> Levels:
    """With the edge of a window or lamp that the glass shows."""
    if rng.random() < 0.2:
        corners = rng.uniform(-20, 100, (4, 2))
        mask = np.zeros(levels.shape, np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(corners.astype(np.float32)).astype(np.int32), 255)
        soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 6)).astype(np.float32) / 255
        levels = levels + soft * np.float32(rng.uniform(-0.3, 0.3))
    return levels.astype(np.float32)
