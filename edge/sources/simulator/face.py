"""What a meter looks like: its face, drawn once, and for each moment its drums, pointers and characters on it.

A drum of ten digits has a circumference of ten pitches and is seen through a window: what lies y above the middle is at
the arc asin(y / radius). Colours are blue, green, red; a gray picture is the same one without them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Box, Gray
from edge.sources.simulator.kinds import Kind

SIZE = (640, 480)
"""Width and height that a face is drawn in."""

MIDDLE = (320, 235)
RADIUS = 212

ROW_TOP = 150
"""Where the windows of the register begin."""

FINE = 2
"""Pixels of an unrolled drum for one of the window."""

PITCH = 0.8
"""Of the digits on a drum, over the window's height; the network was trained with 0.54 to 1.05."""

BULGE = 1.5
"""The drum's radius over that of one whose window is flat in front: mild, as behind a lens of glass."""

EDGE_SHADE = 0.3
"""Of the light on a drum that its window's upper and lower edge take."""

DIAL = 78
"""Side of a dial."""

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)

RED = (40, 40, 190)
GLASS = (150, 165, 150)
"""Of a display that is off."""

LIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
"""Segments of the digits 0 to 9: a at the top, then clockwise, g in the middle."""

SHIFT = 4
"""Bits of a pixel's fraction in OpenCV's drawing."""

Picture = NDArray[np.uint8]
"""(rows, columns, 3), or (rows, columns) of a gray one."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A meter's face without what turns on it.

    Parameters
    ----------
    kind : Kind
    colour : (480, 640, 3) uint8
    gray : (480, 640) uint8
    digits, dials : tuple of (x, y, width, height)
    strips : tuple of (rows, columns) uint8
        The drums unrolled, the highest first, with a window's height more at either end.
    arc, shade : (height,) and (height, 1) float32
        How far round the drum each row of its window lies from the middle, in pixels, and the light on it.
    characters : dict of str to (rows, columns) uint8
        Of a display: what its cells show.
    """

    kind: Kind
    colour: Picture
    gray: Gray
    digits: tuple[Box, ...]
    dials: tuple[Box, ...]
    strips: tuple[Gray, ...]
    arc: NDArray[np.float32]
    shade: NDArray[np.float32]
    characters: dict[str, Gray]


def draw_face(kind: Kind, seed: int) -> Face:
    """The face of a meter of a kind; its words, screws and scratches are the seed's."""
    rng = np.random.default_rng([seed, 4])
    digits, dials = _cells(kind), _dials(kind)
    colour = _wall(rng)
    _plate(colour, rng)
    _words(colour, kind, rng)
    if kind.counter == "lcd":
        _display(colour, digits)
    else:
        _frame(colour, kind, digits)
    for place, dial in enumerate(dials):
        _dial(colour, dial, 10.0 ** -(place + 1))
    width, height = digits[0][2:]
    strips = tuple(_strips(kind, width, height, rng)) if kind.counter == "drum" else ()
    characters = _characters(width, height, rng) if kind.counter == "lcd" else {}
    y = np.linspace(-1, 1, height, dtype=np.float32)
    radius = BULGE * 10 * PITCH * height / (2 * np.pi)
    arc = (radius * np.arcsin(y * height / 2 / radius)).astype(np.float32)
    shade = (1 - EDGE_SHADE * np.abs(y) ** 2.5).astype(np.float32)[:, None]
    gray = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    return Face(kind, colour, gray, digits, dials, strips, arc, shade, characters)


def _cells(kind: Kind) -> tuple[Box, ...]:
    """The windows of the register, side by side in the middle."""
    width, height, step = (34, 56, 42) if kind.digits > 6 else (42, 66, 50)
    left = MIDDLE[0] - (step * kind.digits - (step - width)) // 2
    return tuple((left + step * k, ROW_TOP, width, height) for k in range(kind.digits))


def _dials(kind: Kind) -> tuple[Box, ...]:
    """Dials on an arc below the register, the most significant one to the right."""
    angles = np.deg2rad(np.linspace(20, 160, kind.dials)) if kind.dials else []
    middles = [(MIDDLE[0] + 140 * math.cos(angle), MIDDLE[1] + 30 + 100 * math.sin(angle)) for angle in angles]
    return tuple((round(x - DIAL / 2), round(y - DIAL / 2), DIAL, DIAL) for x, y in middles)


def _wall(rng: np.random.Generator) -> Picture:
    """Rough plaster."""
    wall = np.full((SIZE[1], SIZE[0]), 75, np.float32)
    for side in (6, 24, 96):
        patches = rng.normal(0, 11, (side, side * 4 // 3)).astype(np.float32)
        wall += cv2.resize(patches, SIZE, interpolation=cv2.INTER_CUBIC)
    tint = np.array(rng.uniform(0.9, 1.1, 3), np.float32)
    return np.clip(wall[..., None] * tint, 0, 255).astype(np.uint8)


def _plate(colour: Picture, rng: np.random.Generator) -> None:
    """A round plate with its rim, screws, and pipes to either side."""
    level = int(rng.integers(185, 225))
    pipe = int(rng.integers(95, 150))
    cv2.rectangle(colour, (0, 200), (SIZE[0], 290), (pipe - 25, pipe, pipe + 15), -1)
    cv2.line(colour, (0, 218), (SIZE[0], 218), (pipe + 40, pipe + 55, pipe + 60), 7)
    cv2.circle(colour, MIDDLE, RADIUS, (level, level + 6, level + 8), -1, cv2.LINE_AA)
    cv2.circle(colour, MIDDLE, RADIUS, (110, 90, 60), 11, cv2.LINE_AA)
    for angle in np.arange(0, 2 * np.pi, np.pi / 3) + rng.uniform(0, 1):
        x, y = (round(m + (RADIUS + 1) * f) for m, f in zip(MIDDLE, (math.cos(angle), math.sin(angle)), strict=True))
        cv2.circle(colour, (x, y), 9, (45, 45, 45), -1, cv2.LINE_AA)
        cv2.line(colour, (x - 5, y - 3), (x + 5, y + 3), (160, 160, 160), 2, cv2.LINE_AA)


def _words(colour: Picture, kind: Kind, rng: np.random.Generator) -> None:
    """A maker's name, a number, a bar code and small print, none of it in the way."""
    letters = list("ABCDEHKLMNQRTVXYZ")
    name = "".join(rng.choice(letters, int(rng.integers(5, 8)))).title()
    number = "".join(str(digit) for digit in rng.integers(0, 10, 9))
    font = int(rng.choice(FONTS))
    lines = [(name, 92, 0.95, 2), (f"{kind.unit.replace('³', '3')}  Qn 2.5  PN 16", 128, 0.45, 1)]
    if not kind.dials:
        lines += [(f"No. {number}", 262, 0.55, 1), ("CE M21 0102  class B-H", 292, 0.42, 1)]
        left = MIDDLE[0] - 95
        for bar in np.cumsum(rng.integers(3, 8, 34)):
            cv2.line(colour, (left + int(bar), 318), (left + int(bar), 352), (50, 50, 50), int(rng.integers(1, 3)))
    lines += [(f"{rng.integers(20, 70)} C  {rng.integers(1990, 2025)}", 392 if not kind.dials else 262, 0.5, 1)]
    for text, y, scale, thickness in lines:
        (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
        cv2.putText(colour, text, (MIDDLE[0] - width // 2, y), font, scale, (60, 50, 45), thickness, cv2.LINE_AA)
    for side in (-1, 1):
        x = MIDDLE[0] + side * 172
        cv2.rectangle(colour, (x - 11, 250), (x + 11, 272), (60, 60, 70), 2)
        cv2.putText(colour, str(rng.choice(letters)), (x - 8, 267), font, 0.5, (60, 60, 60), 1, cv2.LINE_AA)


def _frame(colour: Picture, kind: Kind, digits: Sequence[Box]) -> None:
    """The plate round the windows of drums, red about the decimals."""
    x, y, _, height = digits[0]
    right = digits[-1][0] + digits[-1][2]
    cv2.rectangle(colour, (x - 9, y - 9), (right + 8, y + height + 8), (35, 35, 35), -1)
    first = len(digits) - max(0, kind.decimals - kind.dials)
    if first < len(digits):
        cv2.rectangle(colour, (digits[first][0] - 5, y - 9), (right + 8, y + height + 8), RED, -1)


def _display(colour: Picture, digits: Sequence[Box]) -> None:
    x, y, _, height = digits[0]
    right = digits[-1][0] + digits[-1][2]
    cv2.rectangle(colour, (x - 22, y - 32), (right + 20, y + height + 22), (40, 40, 40), -1)
    cv2.rectangle(colour, (x - 16, y - 26), (right + 14, y + height + 16), GLASS, -1)


def _dial(colour: Picture, box: Box, factor: float) -> None:
    """A dial's rim, its ticks, its digits clockwise from the top, and what it stands for."""
    x, y, side, _ = box
    middle, radius = (x + side // 2, y + side // 2), side // 2
    cv2.circle(colour, middle, radius - 1, (225, 228, 228), -1, cv2.LINE_AA)
    cv2.circle(colour, middle, radius - 1, (70, 70, 70), 1, cv2.LINE_AA)
    for digit in range(10):
        angle = digit * math.pi / 5
        out, mark = (math.sin(angle), -math.cos(angle)), 0.75 * radius
        near, far = (tuple(round(m + r * radius * o) for m, o in zip(middle, out, strict=True)) for r in (0.88, 0.97))
        cv2.line(colour, near, far, (60, 60, 60), 1, cv2.LINE_AA)
        place = (round(middle[0] + mark * out[0]) - 4, round(middle[1] + mark * out[1]) + 4)
        cv2.putText(colour, str(digit), place, cv2.FONT_HERSHEY_SIMPLEX, 0.32, (50, 50, 50), 1, cv2.LINE_AA)
    cv2.putText(colour, f"x{factor:g}", (x + 20, y + side + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.34, RED, 1, cv2.LINE_AA)


def _strips(kind: Kind, width: int, height: int, rng: np.random.Generator) -> list[Gray]:
    """The drums unrolled, in one face; the next digit lies below the one before, or above it."""
    font, weight = int(rng.choice(FONTS)), float(rng.uniform(0.9, 1.25))
    dark, light = int(rng.integers(18, 45)), int(rng.integers(205, 240))
    paper, ink = (dark, light) if kind.is_light_on_dark else (light, dark)
    pitch, across = round(PITCH * height * FINE), width * FINE
    strip = np.full((10 * pitch, across), paper, np.uint8)
    for digit in range(10):
        middle = (-digit if kind.is_backward else digit) % 10 * pitch + pitch // 2
        scale = 0.62 * pitch / 21
        thickness = max(1, round(weight * 3.2 * scale))
        (wide, high), _ = cv2.getTextSize(str(digit), font, scale, thickness)
        place = ((across - wide) // 2, middle + high // 2)
        cv2.putText(strip, str(digit), place, font, scale, (ink,), thickness, cv2.LINE_AA)
    ends = height * FINE
    strip = cv2.GaussianBlur(np.concatenate([strip[-ends:], strip, strip[:ends]]), (0, 0), 0.8)
    strip = cv2.resize(strip, (width, len(strip)), interpolation=cv2.INTER_AREA)
    reds = max(0, kind.decimals - kind.dials)
    bright = np.clip(strip.astype(np.float32) * 0.9, 0, 255).astype(np.uint8)
    return [strip] * (kind.digits - reds) + [bright] * reds


def drum_window(face: Face, number: int, place: float) -> Gray:
    """What the window of a drum shows, (height, width) uint8, the drum standing at a place."""
    height = face.digits[number][3]
    strip = face.strips[number]
    turned = (-place if face.kind.is_backward else place) % 10
    rows = ((turned + 0.5) * PITCH * height + face.arc + height) * FINE - 0.5
    low = rows.astype(np.int64)
    share = (rows - low).astype(np.float32)[:, None]
    return np.asarray((strip[low] * (1 - share) + strip[low + 1] * share) * face.shade, np.uint8)


def draw_pointer(picture: Picture, box: Sequence[float], place: float) -> None:
    """A red pointer on a dial, 0 at the top, clockwise; drawn into `picture`."""
    x, y, side, _ = box
    middle, radius = np.array([x + side / 2, y + side / 2]), side / 2
    angle = place * math.pi / 5
    along, beside = np.array([math.sin(angle), -math.cos(angle)]), np.array([math.cos(angle), math.sin(angle)])
    red = RED if picture.ndim == 3 else (round(0.114 * RED[0] + 0.587 * RED[1] + 0.299 * RED[2]),)
    corners = [0.8 * along, -0.22 * along + 0.13 * beside, -0.22 * along - 0.13 * beside]
    points = np.round((middle + radius * np.array(corners) - 0.5) * (1 << SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(picture, points, red, cv2.LINE_AA, SHIFT)
    fixed = np.round((middle - 0.5) * (1 << SHIFT)).astype(int).tolist()
    cv2.circle(picture, tuple(fixed), round(0.15 * radius * (1 << SHIFT)), red, -1, cv2.LINE_AA, SHIFT)


def _characters(width: int, height: int, rng: np.random.Generator) -> dict[str, Gray]:
    """What a cell of a display shows for each character: segments that are off are seen faintly."""
    slant, thick = float(rng.uniform(0.0, 0.12)), float(rng.uniform(0.15, 0.2))
    dark, ghost = int(rng.integers(25, 60)), int(rng.integers(2, 9))
    return {text: _character(text, width, height, slant, thick, (dark, ghost)) for text in "0123456789 -"}


def _character(text: str, width: int, height: int, slant: float, thick: float, levels: tuple[int, int]) -> Gray:
    """One cell, drawn four times as large and brought down."""
    zoom = 4
    glass = round(0.114 * GLASS[0] + 0.587 * GLASS[1] + 0.299 * GLASS[2])
    cell = np.full((height * zoom, width * zoom), glass, np.uint8)
    lit = "g" if text == "-" else LIT[int(text)] if text.strip() else ""
    tall, wide = 0.78 * height * zoom, 0.62 * width * zoom
    pen = thick * wide
    x = width * zoom / 2 + np.array([-0.5, 0.5]) * (wide - pen)
    y = height * zoom / 2 + np.array([-0.5, 0.0, 0.5]) * (tall - pen)
    ends = {
        "a": (x[0], y[0], x[1], y[0]), "b": (x[1], y[0], x[1], y[1]), "c": (x[1], y[1], x[1], y[2]),
        "d": (x[0], y[2], x[1], y[2]), "e": (x[0], y[1], x[0], y[2]), "f": (x[0], y[0], x[0], y[1]),
        "g": (x[0], y[1], x[1], y[1]),
    }  # fmt: skip
    for segment, (left, top, right, bottom) in ends.items():
        level = levels[0] if segment in lit else glass - levels[1]
        corners = _segment(np.array([(left, top), (right, bottom)]), pen)
        corners[:, 0] -= slant * (corners[:, 1] - y[1])
        cv2.fillPoly(cell, [np.round(corners * (1 << SHIFT)).astype(np.int32)], (level,), cv2.LINE_AA, SHIFT)
    return cv2.resize(cell, (width, height), interpolation=cv2.INTER_AREA)


def _segment(ends: NDArray[np.float64], pen: float) -> NDArray[np.float64]:
    """The six corners of a segment between two points, with a gap to its neighbours."""
    start, end = ends
    along = (end - start) / np.linalg.norm(end - start)
    beside = np.array([-along[1], along[0]]) * pen / 2
    start, end, cut = start + along * pen * 0.12, end - along * pen * 0.12, along * pen / 2
    return np.array([start, start + cut + beside, end - cut + beside, end, end - cut - beside, start + cut - beside])
