"""Rendered cells of meters of every kind: drums, displays, printed counters, and cells without a digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.drums import HALF_WAY, seeming_tenths
from edge.nouns import Gray
from train.data.fonts import Face
from train.oddcells import draw_blanks, draw_minuses, draw_unreadable
from train.scene import BOX_ROWS, SCENE_COLUMNS, SCENE_ROWS, Levels
from train.sevensegment import draw_segment_digits
from train.wheels import BACKWARD, CELLS_A_WHEEL, contrasting_levels, digit_inks, dirty, draw_drums


@dataclass(frozen=True, slots=True)
class Shares:
    """What rendered cells are made of."""

    drums: float = 0.5
    segments: float = 0.24
    counters: float = 0.08
    blank: float = 0.05
    minus: float = 0.04
    unreadable: float = 0.09


def draw_scenes(
    count: int, faces: Sequence[Face], rng: np.random.Generator, shares: Shares | None = None
) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) uint8 of cells of all kinds, and each one's place in `edge.meters.cell.CELL_LABELS`, or
    `BACKWARD` and the tenth of a drum that turns the other way.
    """
    shares = shares or Shares()
    drums = draw_drums(round(count * shares.drums), faces, rng)
    segments = draw_segment_digits(round(count * shares.segments), rng)
    counters = draw_counters(round(count * shares.counters), faces, rng)
    lenders = [*drums[0], *segments[0]]
    odd = [
        draw_blanks(round(count * shares.blank), rng),
        draw_minuses(round(count * shares.minus), rng),
        draw_unreadable(round(count * shares.unreadable) if lenders else 0, faces, rng, lenders),
    ]
    parts = [drums, segments, counters, *odd]
    return [scene for scenes, _ in parts for scene in scenes], np.concatenate([labels for _, labels in parts])


def draw_labelled_scenes(
    count: int, faces: Sequence[Face], rng: np.random.Generator, shares: Shares | None = None
) -> tuple[list[Gray], NDArray[np.int64]]:
    """As `draw_scenes`, each with what a network should answer.

    A drum that turns the other way seems to be as far before its nearest digit as it is beyond; about `count` are left,
    for one that is half-way seems to be at two places at once.
    """
    scenes, labels = draw_scenes(count, faces, rng, shares)
    kept = np.flatnonzero((labels < BACKWARD) | ((labels - BACKWARD) % 10 != HALF_WAY))
    return [scenes[k] for k in kept], answered(labels[kept])


def answered(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels (n) of scenes as a network answers them."""
    return np.where(labels >= BACKWARD, seeming_tenths(labels - BACKWARD), labels)


def draw_counters(count: int, faces: Sequence[Face], rng: np.random.Generator) -> tuple[list[Gray], NDArray[np.int64]]:
    """Scenes (96, 60) of digits that do not roll, printed or engraved, and the tenth that stands for each: 30 for 3."""
    scenes: list[Gray] = []
    digits = rng.integers(0, 10, count)
    for start in range(0, count, CELLS_A_WHEEL):
        height = round(BOX_ROWS * rng.uniform(0.5, 0.95))
        inks = digit_inks(height, min(round(height * rng.uniform(0.42, 0.8)), 38), faces, rng)
        levels = contrasting_levels(rng)
        scenes += [_counter(int(digit), inks, levels, rng) for digit in digits[start : start + CELLS_A_WHEEL]]
    return scenes, digits * 10


def _counter(digit: int, inks: Sequence[Levels], levels: tuple[float, float], rng: np.random.Generator) -> Gray:
    """A digit between two others, all at rest."""
    ground, mark = levels
    ink = np.zeros((SCENE_ROWS, SCENE_COLUMNS), np.float32)
    spacing = rng.uniform(1.05, 1.4) * 38
    for side in (0, -1, 1):
        shown = inks[digit if side == 0 else rng.integers(10)]
        top = (SCENE_ROWS - shown.shape[0]) // 2
        left = round(SCENE_COLUMNS / 2 - shown.shape[1] / 2 + side * spacing)
        first, last = max(0, left), min(SCENE_COLUMNS, left + shown.shape[1])
        if first < last:
            ink[top : top + shown.shape[0], first:last] = shown[:, first - left : last - left]
    seen = ground + (mark - ground) * cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.3, 1.0))
    return (np.clip(dirty(seen, rng), 0, 1) * 255).astype(np.uint8)
