"""Rendered dials and rows of drums, for the tests: drawn four times as large and reduced, from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

FONT = cv2.FONT_HERSHEY_SIMPLEX
RED, BLACK = (40, 30, 200), (30, 30, 30)
ZOOM = 4


def render_dial(
    position: float,
    seed: int,
    side: int = 100,
    colour: tuple[int, int, int] = RED,
    clockwise: bool = True,
    with_needle: bool = True,
) -> np.ndarray:
    """A dial as a camera crops it, (side, side, 3) uint8: rim, hub, tail, parallax, shadow, glare and noise vary."""
    generator = np.random.default_rng(seed)
    large = side * ZOOM
    face = np.full((large, large, 3), generator.integers(170, 245), np.uint8)
    middle = np.array([large / 2, large / 2]) + generator.normal(0, 0.012 * large, 2)
    radius = large / 2 * generator.uniform(0.88, 0.97)
    _draw_face(face, middle, radius, clockwise, generator)
    if with_needle:
        shift = generator.normal(0, 0.012 * large, 2)
        _draw_needle(face, middle + shift, radius, position * (1 if clockwise else -1), colour, generator)
    lit = _lit(face, generator)
    small = cv2.resize(lit, (side, side), interpolation=cv2.INTER_AREA).astype(np.float64)
    return (small + generator.normal(0, generator.uniform(1, 6), small.shape)).clip(0, 255).astype(np.uint8)


def _at(middle: np.ndarray, distance: float, turn: float) -> tuple[int, int]:
    x, y = middle + distance * np.array([np.sin(turn), -np.cos(turn)])
    return round(float(x)), round(float(y))


def _draw_face(face: np.ndarray, middle: np.ndarray, radius: float, clockwise: bool, generator) -> None:
    cv2.circle(face, _at(middle, 0, 0), round(radius), BLACK, max(2, round(radius * 0.02)), cv2.LINE_AA)
    scale = radius / 110
    for digit in range(10):
        turn = digit * np.pi / 5 * (1 if clockwise else -1)
        cv2.line(
            face, _at(middle, radius, turn), _at(middle, 0.88 * radius, turn), BLACK, max(2, round(radius * 0.025))
        )
        x, y = _at(middle, 0.7 * radius, turn)
        (width, height), _ = cv2.getTextSize(str(digit), FONT, scale, 4)
        thickness = max(2, round(radius * 0.03))
        cv2.putText(face, str(digit), (x - width // 2, y + height // 2), FONT, scale, BLACK, thickness, cv2.LINE_AA)


def _draw_needle(face, middle, radius, position, colour, generator) -> None:
    turn = position * np.pi / 5
    hub = radius * generator.uniform(0.13, 0.36)
    length = radius * generator.uniform(0.72, 0.95)
    width = min(hub, radius * generator.uniform(0.05, 0.3))
    tail = radius * generator.uniform(0.0, 0.45)
    sides = [_at(middle, width, turn + np.pi / 2), _at(middle, length, turn), _at(middle, width, turn - np.pi / 2)]
    cv2.fillConvexPoly(face, np.array(sides), colour, cv2.LINE_AA)
    cv2.line(face, _at(middle, 0, 0), _at(middle, tail, turn + np.pi), colour, round(0.5 * width) + 1, cv2.LINE_AA)
    cv2.circle(face, _at(middle, 0, 0), round(hub), colour, cv2.FILLED, cv2.LINE_AA)
    if generator.random() < 0.5:
        cv2.circle(face, _at(middle, 0, 0), round(0.3 * hub), (220, 220, 220), cv2.FILLED, cv2.LINE_AA)


def _lit(face: np.ndarray, generator) -> np.ndarray:
    """With a gradient, the soft edge of a shadow, a spot of glare and a little blur."""
    large = len(face)
    rows, columns = np.mgrid[:large, :large] / large - 0.5
    turn, edge = generator.uniform(0, 2 * np.pi), generator.uniform(-0.3, 0.3)
    across = rows * np.sin(turn) + columns * np.cos(turn)
    light = 1 + generator.uniform(-0.3, 0.3) * across
    light *= 1 - generator.uniform(0, 0.35) / (1 + np.exp(-(across - edge) / 0.03))
    spot = np.exp(-((rows - generator.uniform(-0.4, 0.4)) ** 2 + (columns - generator.uniform(-0.4, 0.4)) ** 2) / 0.006)
    bright = face * light[..., None] + generator.uniform(0, 120) * spot[..., None]
    return cv2.GaussianBlur(bright.clip(0, 255).astype(np.uint8), (0, 0), generator.uniform(0.5, 0.012 * large))


@dataclass(frozen=True, slots=True)
class RenderedMeter:
    """A picture of a meter, (rows, columns, 3) uint8, with its truth."""

    picture: np.ndarray
    windows: tuple[tuple[int, int, int, int], ...]
    dials: tuple[tuple[int, int, int, int], ...]


def render_counter(seed: int, is_light: bool, dials: int = 0) -> RenderedMeter:
    """A meter's face with a row of drum windows, print about it and dials below; `is_light` digits or dark ones."""
    generator = np.random.default_rng(seed)
    height, width = 480, 640
    dark, light = generator.integers(10, 60), generator.integers(170, 245)
    drum, ink = (dark, light) if is_light else (light, dark)
    face = generator.choice([dark, light, 110])
    picture = np.full((height * 2, width * 2, 3), face, np.uint8)
    windows = _draw_windows(picture, generator, drum, ink, face)
    below = windows[0][1] + 2 * windows[0][3]
    _draw_print(picture, generator, face, windows)
    boxes = _draw_dials(picture, generator, below, dials)
    lit = cv2.GaussianBlur(picture, (0, 0), generator.uniform(0.8, 2.0))
    slope = np.linspace(generator.uniform(0.75, 1), generator.uniform(0.75, 1), width * 2)[:, None]
    small = cv2.resize((lit * slope).astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
    noisy = (small + generator.normal(0, generator.uniform(1, 5), small.shape)).clip(0, 255).astype(np.uint8)
    halves = [tuple(tuple(value // 2 for value in box) for box in row) for row in (windows, boxes)]
    return RenderedMeter(noisy, *halves)


def _draw_windows(picture, generator, drum, ink, face) -> list[tuple[int, int, int, int]]:
    count = int(generator.integers(4, 9))
    height = int(generator.integers(80, 150))
    digit = height * generator.uniform(0.55, 0.66)
    wide = int(digit * generator.uniform(0.85, 1.15))
    pitch = int(wide * generator.uniform(1.12, 1.5))
    left = (picture.shape[1] - count * pitch) // 2 + int(generator.integers(-40, 40))
    top = int(generator.integers(100, 220))
    fraction = generator.uniform(0, 0.95)
    boxes = []
    for place in range(count):
        x = left + place * pitch
        narrow = round(wide / 0.75)
        window = np.full((height, narrow, 3), drum, np.uint8)
        shown = int(generator.integers(0, 10))
        step = digit * 1.7
        for turn in (-1, 0, 1):
            shift = (turn - (fraction if place == count - 1 else generator.normal(0, 0.03))) * step
            _put_centred(window, str((shown + turn) % 10), narrow / 2, height / 2 + shift, digit, int(ink))
        picture[top : top + height, x : x + wide] = cv2.resize(window, (wide, height), interpolation=cv2.INTER_AREA)
        edge = tuple(int(0.6 * face) for _ in range(3))
        cv2.rectangle(picture, (x - 2, top - 2), (x + wide + 1, top + height + 1), edge, 3)
        boxes.append((x, top, wide, height))
    return boxes


def _put_centred(picture, text: str, x: float, y: float, height: float, level: int) -> None:
    scale = height / 21.5
    (width, tall), _ = cv2.getTextSize(text, FONT, scale, 1)
    corner = (round(x - width / 2), round(y + tall / 2))
    cv2.putText(picture, text, corner, FONT, scale, (level, level, level), max(2, round(height / 9)), cv2.LINE_AA)


def _draw_print(picture, generator, face, windows) -> None:
    level = 30 if face > 100 else 220
    x, y, _, height = windows[-1]
    cv2.putText(picture, "m3", (x + windows[0][2] + 40, y + height), FONT, 2.0, (level,) * 3, 4, cv2.LINE_AA)
    for line in (f"No {generator.integers(10**7, 10**8)}", "Qn 2.5 m3/h  PN16", "2014  CE 0102"):
        where = (int(generator.integers(20, 500)), int(generator.choice([45, 75, 900, 935])))
        cv2.putText(picture, line, where, FONT, generator.uniform(0.7, 1.5), (level,) * 3, 2, cv2.LINE_AA)


def _draw_dials(picture, generator, top: int, count: int) -> list[tuple[int, int, int, int]]:
    """Dials along an arc from the right to the left, whose readings fit one another."""
    side = int(generator.integers(150, 200))
    value = generator.uniform(0, 1)
    boxes = []
    for place in range(count):
        x = 1000 - place * 230
        y = min(top + (place > 0) * 60 + 20, picture.shape[0] - side - 2)
        dial = render_dial(value * 10 ** (place + 1) % 10, int(generator.integers(10**6)), side)
        picture[y : y + side, x : x + side] = dial
        boxes.append((x, y, side, side))
    return boxes


def render_segments(digit: int, seed: int, is_light: bool = False) -> np.ndarray:
    """A display's cell, (rows, columns) uint8: bevelled segments with gaps, leaning, the unlit ones showing through."""
    generator = np.random.default_rng(seed)
    wide, tall = 200, 320
    thick, gap = generator.uniform(0.14, 0.2) * 110, generator.uniform(2, 6)
    left, top = 50.0, 35.0
    right, bottom = left + 105, top + 250
    middle = (top + bottom) / 2
    ends = [(left, top, right, top), (right, top, right, middle), (right, middle, right, bottom)]
    ends += [(left, bottom, right, bottom), (left, middle, left, bottom), (left, top, left, middle)]
    ends += [(left, middle, right, middle)]
    lit = ("1111110", "0110000", "1101101", "1111001", "0110011", "1011011", "1011111", "1110000", "1111111", "1111011")
    paper, ink = (40, 210) if is_light else (190, 60)
    cell = np.full((tall, wide), float(paper))
    for (x0, y0, x1, y1), is_on in zip(ends, lit[digit], strict=True):
        along = np.array([x1 - x0, y1 - y0]) / np.hypot(x1 - x0, y1 - y0)
        across = np.array([-along[1], along[0]]) * thick / 2
        start, end = np.array([x0, y0]) + along * gap, np.array([x1, y1]) - along * gap
        near, far = start + along * thick / 2, end - along * thick / 2
        corners = np.array([start, near + across, far + across, end, far - across, near - across])
        mask = cv2.fillConvexPoly(np.zeros((tall, wide), np.uint8), np.rint(corners).astype(np.int32), 1)
        cell[mask > 0] = ink if is_on == "1" else paper + 0.08 * (ink - paper)
    lean = generator.uniform(0, 0.15)
    turn = np.array([[1, -lean, lean * tall / 2], [0, 1, 0]])
    leaning = cv2.warpAffine(cell.astype(np.uint8), turn, (wide, tall), borderValue=paper)
    small = cv2.resize(cv2.GaussianBlur(leaning, (0, 0), 4), (30, 48), interpolation=cv2.INTER_AREA)
    return (small + generator.normal(0, 3, small.shape)).clip(0, 255).astype(np.uint8)
