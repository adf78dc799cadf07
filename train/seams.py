"""Digits that touched and were cut apart as the device cuts them: what is left of one of them, and wrong cuts.

The cut candidates are those of `edge.paper.cuts`; which part of the pair's ink is whose is known, so a part is known
to be one digit, or one and some of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray, Region
from edge.paper.cuts import over_segment
from edge.paper.normalize import cut_to_ink

HEIGHT = 28
"""Of the touching digits, in pixels."""

WHOLE, CRUMB = 0.9, 0.12
"""A part is one digit if it has at least this share of it, and at most this share of the other's ink."""

HALF = (0.25, 0.8)
"""A part that has one digit whole and this much of the other, or this much of both, is a wrong cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a pair may be cut into: the ink of each part, and the shares of the first and second digit in it (n, 2)."""

    inks: tuple[Gray, ...]
    shares: NDArray[np.float64]


def cut_pair(first: Gray, second: Gray, rng: np.random.Generator) -> Parts | None:
    """All parts of two digits that touch, as the device's candidates cut them; None where they do not touch."""
    pair, is_second = _touching(first, second, rng)
    if cv2.connectedComponents((pair >= 96).view(np.uint8))[0] != 2:
        return None
    rows, columns = pair.shape
    parts = over_segment(Region((0, 0, columns, rows), pair)).parts
    if not parts:
        return None
    total = np.array([pair[~is_second].sum(), pair[is_second].sum()], np.float64)
    inks = tuple(part.coverage for part in parts)
    found = np.array([[ink[~is_second].sum(), ink[is_second].sum()] for ink in inks], np.float64)
    return Parts(inks, found / np.maximum(total, 1.0))


def cut_off(ink: Gray, neighbour: Gray, rng: np.random.Generator) -> Gray | None:
    """A digit as the best cut leaves it that parts it from its neighbour; None where none does."""
    is_first = rng.random() < 0.5
    parts = cut_pair(ink, neighbour, rng) if is_first else cut_pair(neighbour, ink, rng)
    if parts is None:
        return None
    own, other = parts.shares.T if is_first else parts.shares.T[::-1]
    best = int(np.argmax(own - other))
    return parts.inks[best] if own[best] >= WHOLE and other[best] <= CRUMB else None


def wrong_cut(first: Gray, second: Gray, rng: np.random.Generator) -> Gray | None:
    """A digit and some of its neighbour, or some of both; None where no candidate leaves that."""
    parts = cut_pair(first, second, rng)
    if parts is None:
        return None
    less, more = np.sort(parts.shares, axis=1).T
    wrong = np.flatnonzero((less >= HALF[0]) & (less <= HALF[1]) & ((more >= WHOLE) | (more <= HALF[1])))
    return parts.inks[rng.choice(wrong)] if len(wrong) else None


def _touching(first: Gray, second: Gray, rng: np.random.Generator) -> tuple[Gray, NDArray[np.bool_]]:
    """Two digits side by side that overlap by up to a tenth of their height, and where the ink is the second one's."""
    left, right = (_sized(ink, round(HEIGHT * rng.uniform(0.88, 1.0))) for ink in (first, second))
    start = max(2, left.shape[1] - int(rng.uniform(0.02, 0.13) * HEIGHT))
    pair = np.zeros((HEIGHT + 4, start + max(right.shape[1], left.shape[1] - start) + 4), np.uint8)
    layers = [np.zeros_like(pair) for _ in range(2)]
    for layer, ink, x in zip(layers, (left, right), (2, start + 2), strict=True):
        y = 2 + (HEIGHT - ink.shape[0]) // 2 + int(rng.integers(-1, 2))
        layer[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return np.maximum(*layers), layers[1] > layers[0]


def _sized(ink: Gray, height: int) -> Gray:
    """The ink at a height, its outline sharp again."""
    cut = cut_to_ink(ink)
    cut = ink if cut is None else cut
    size = (max(2, round(cut.shape[1] * height / cut.shape[0])), height)
    large = cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC)
    return cv2.convertScaleAbs(np.clip((large.astype(np.float32) - 110) * 2.5 + 128, 0, 255))
