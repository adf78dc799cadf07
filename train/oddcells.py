"""Rendered cells without a digit that can be read: blank ones, a minus, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import LEAST_RANGE
from edge.nouns import POSITIONS, Gray
from train.data.fonts import Face
from train.junk import LETTERS as PRINTED_LETTERS
from train.junk import VARIANTS, printed
from train.scene import SCENE_COLUMNS, SCENE_ROWS, Levels
from train.sevensegment import LETTERS, LIT, any_display, draw_character
from train.wheels import any_face, contrasting_levels, dirty

FAINTEST = 0.25 * LEAST_RANGE / 255
"""Light of the ghosts on a dark display. Stronger ones are an 8 to the pixel once their contrast is stretched: one cell
tells nothing then, and a field whose digits are all 8 is doubted instead (`edge.meters.meter`).
"""

BLANK, MINUS, UNREADABLE = POSITIONS, POSITIONS + 1, POSITIONS + 2
"""Their places among `edge.meters.cell.CELL_LABELS`."""


def draw_blanks(count: int, rng: np.random.Generator) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) of cells that show nothing: dark displays, bare walls, empty windows, flat light."""
    makers = (_bare, _bare, _empty_window, _dark_display)
    return [makers[rng.integers(len(makers))](rng) for _ in range(count)], np.full(count, BLANK, np.int64)


def draw_minuses(count: int, rng: np.random.Generator) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) of minus signs, of displays and printed."""
    scenes = [draw_character(("g", any_display(rng)), rng) if rng.random() < 0.6 else _dash(rng) for _ in range(count)]
    return scenes, np.full(count, MINUS, np.int64)


def draw_unreadable(
    count: int, faces: Sequence[Face], rng: np.random.Generator, digits: Sequence[Gray]
) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) that nobody can tell: noise, texture, letters, covered and blurred digits, changing screens.

    `digits` are scenes that lend digits to cover.
    """

    def covered() -> Gray:
        return _covered(digits[rng.integers(len(digits))], rng)

    makers = (
        lambda: _noise(rng),
        lambda: _noise(rng),
        lambda: _texture(rng),
        lambda: _texture(rng),
        lambda: _stripes(rng),
        lambda: _lattice(rng),
        lambda: _lattice(rng),
        lambda: _letter(faces, rng),
        lambda: draw_character((LETTERS[rng.integers(len(LETTERS))], any_display(rng)), rng),
        lambda: _two_screens(rng),
        covered,
        covered,
    )
    return [makers[rng.integers(len(makers))]() for _ in range(count)], np.full(count, UNREADABLE, np.int64)


def _gray(levels: Levels) -> Gray:
    return (np.clip(levels, 0, 1) * 255).astype(np.uint8)


def _bare(rng: np.random.Generator) -> Gray:
    """A flat surface with a little gradient, at times dirt."""
    y, x = np.mgrid[-1 : 1 : SCENE_ROWS * 1j, -1 : 1 : SCENE_COLUMNS * 1j].astype(np.float32)
    slope = rng.normal(0, 0.08, 2)
    level = rng.choice([0.0, 1.0, rng.uniform(0, 1)], p=[0.15, 0.15, 0.7])
    levels = (level + slope[0] * x + slope[1] * y).astype(np.float32)
    return _gray(dirty(levels, rng) if rng.random() < 0.4 else levels)


def _empty_window(rng: np.random.Generator) -> Gray:
    """A window with its frame and nothing in it."""
    ground, frame = contrasting_levels(rng)
    levels = np.full((SCENE_ROWS, SCENE_COLUMNS), frame, np.float32)
    top, left = int(rng.integers(0, 26)), int(rng.integers(0, 16))
    bottom, right = SCENE_ROWS - int(rng.integers(0, 26)), SCENE_COLUMNS - int(rng.integers(0, 16))
    levels[top:bottom, left:right] = ground
    levels = cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.3, 2.5))
    y = np.linspace(-1, 1, SCENE_ROWS, dtype=np.float32)[:, None]
    return _gray(dirty(levels * (1 - np.float32(rng.uniform(0, 0.5)) * np.abs(y) ** 2), rng))


def _dark_display(rng: np.random.Generator) -> Gray:
    """A display's place without a lit segment, at times with ghosts of all that the device's stretch leaves faint."""
    display = any_display(rng)
    ghost = min(display.ghost, FAINTEST / abs(display.lit - display.ground))
    return draw_character(("", replace(display, ghost=ghost)), rng)


def _dash(rng: np.random.Generator) -> Gray:
    ground, mark = contrasting_levels(rng)
    levels = np.full((SCENE_ROWS, SCENE_COLUMNS), ground, np.float32)
    half, thick = rng.uniform(7, 17), rng.uniform(2, 6)
    x, y = SCENE_COLUMNS / 2 + rng.normal(0, 1.5), SCENE_ROWS / 2 + rng.normal(0, 3)
    top, bottom = round(y - thick / 2), round(y + thick / 2)
    levels[top : max(top + 2, bottom), round(x - half) : round(x + half)] = mark
    return _gray(dirty(cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.3, 1.2)), rng))


def _noise(rng: np.random.Generator) -> Gray:
    """Grain of any size."""
    grain = rng.normal(0, 1, (SCENE_ROWS, SCENE_COLUMNS)).astype(np.float32)
    size = float(np.exp(rng.uniform(np.log(0.3), np.log(6))))
    grain = cv2.GaussianBlur(grain, (0, 0), size, sigmaY=size * float(np.exp(rng.normal(0, 0.4))))
    return _gray(0.5 + grain / max(float(grain.std()), 1e-6) * np.float32(rng.uniform(0.05, 0.35)))


def _texture(rng: np.random.Generator) -> Gray:
    """Blots and patches: thresholded grain, polygons, rings."""
    ground, mark = contrasting_levels(rng)
    ink = np.zeros((SCENE_ROWS, SCENE_COLUMNS), np.float32)
    if rng.random() < 0.5:
        grain = rng.normal(0, 1, ink.shape).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), rng.uniform(1.5, 8), sigmaY=rng.uniform(1.5, 8))
        ink = (grain > np.quantile(grain, rng.uniform(0.2, 0.8))).astype(np.float32)
    else:
        for _ in range(rng.integers(1, 5)):
            points = rng.uniform(-10, 100, (int(rng.integers(3, 6)), 2)).astype(np.int32)
            cv2.fillPoly(ink, [points], float(rng.uniform(0.3, 1)))
    ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.3, 2))
    return _gray(ground + (mark - ground) * ink)


def _stripes(rng: np.random.Generator) -> Gray:
    """Lines at any angle and pitch: cloth, a scale, a bar code."""
    y, x = np.mgrid[0:SCENE_ROWS, 0:SCENE_COLUMNS].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 30)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + rng.uniform(0, 6))
    if rng.random() < 0.5:
        wave = np.sign(wave - rng.uniform(-0.7, 0.7))
    ground, mark = contrasting_levels(rng)
    return _gray(ground + (mark - ground) * (wave.astype(np.float32) + 1) / 2)


def _lattice(rng: np.random.Generator) -> Gray:
    """Lines that cross: tiles, bricks, planks or a mesh; five bricks round two joints are the segments of a 5."""
    height, width = rng.integers(8, 36, 2)
    thick = float(rng.uniform(0.8, 5))
    y, x = np.mgrid[0:SCENE_ROWS, 0:SCENE_COLUMNS].astype(np.float32)
    angle = rng.uniform(-0.2, 0.2) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    u, v = u + rng.uniform(0, width), v + rng.uniform(0, height)
    offset = rng.choice([0.0, 0.5, rng.uniform(0, 1)], p=[0.3, 0.5, 0.2])
    across = (u + offset * width * np.floor(v / height)) % width
    joints = (v % height < thick) | (across < thick)
    ground, mark = contrasting_levels(rng)
    levels = np.where(joints, mark, ground).astype(np.float32)
    return _gray(cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.3, 1.5)))


def _letter(faces: Sequence[Face], rng: np.random.Generator) -> Gray:
    """A letter that is no digit in any face."""
    ground, mark = contrasting_levels(rng)
    character = PRINTED_LETTERS[rng.integers(len(PRINTED_LETTERS))]
    ink = printed(character, any_face(faces, rng), int(rng.integers(VARIANTS)))
    height = int(rng.integers(28, 62))
    width = int(np.clip(ink.shape[1] * height / ink.shape[0], 6, 50))
    ink = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    levels = np.full((SCENE_ROWS, SCENE_COLUMNS), ground, np.float32)
    top, left = (SCENE_ROWS - height) // 2, (SCENE_COLUMNS - width) // 2
    levels[top : top + height, left : left + width] += (mark - ground) * ink
    return _gray(dirty(levels, rng))


def _two_screens(rng: np.random.Generator) -> Gray:
    """Segments of two digits at once that make neither: a display caught while it changes."""
    while True:
        first, second = rng.choice(10, 2, replace=False)
        common = "".join(sorted(set(LIT[first]) ^ set(LIT[second])))
        if not any(set(common) == set(lit) for lit in (*LIT, "fgedc", "abcf", "abcfg", "g")):
            return draw_character((common, any_display(rng)), rng)


def _covered(scene: Gray, rng: np.random.Generator) -> Gray:
    """A digit of which most is hidden, or blurred beyond telling."""
    if rng.random() < 0.4:
        return cv2.GaussianBlur(scene, (0, 0), rng.uniform(10, 16))
    hidden = scene.copy()
    level = rng.choice([0, 255, int(np.median(scene)), rng.integers(0, 256)])
    share = rng.uniform(0.62, 0.85)
    if rng.random() < 0.5:
        hidden[: round(share * 64 + 16)] = level
    else:
        hidden[round((1 - share) * 64 + 16) :] = level
    return hidden
