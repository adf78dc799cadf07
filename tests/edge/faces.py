"""Rendered dials and rows of drums, for the tests: drawn four times as large and reduced, from a seed."""

from __future__ import annotations

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
