"""Cells in which there is no digit: flat, black, white, noisy and textured ones, made apart from the training's."""

from __future__ import annotations

import cv2
import numpy as np

from edge.nouns import Gray

SIZES = ((32, 20), (42, 23), (64, 40), (96, 60))
"""(rows, columns) of the cells."""


def flat(rng: np.random.Generator) -> Gray:
    """One gray level, at times with a camera's noise or a slope of light."""
    rows, columns = SIZES[rng.integers(len(SIZES))]
    slope = np.linspace(-1, 1, rows)[:, None] * rng.uniform(-20, 20) * (rng.random() < 0.5)
    noise = rng.normal(0, rng.uniform(0, 4), (rows, columns))
    return np.clip(rng.uniform(0, 255) + slope + noise, 0, 255).astype(np.uint8)


def black(rng: np.random.Generator) -> Gray:
    """A covered lens: nothing, or a sensor's noise about nothing."""
    rows, columns = SIZES[rng.integers(len(SIZES))]
    return np.clip(rng.normal(0, rng.uniform(0, 3), (rows, columns)), 0, 255).astype(np.uint8)


def white(rng: np.random.Generator) -> Gray:
    """An overexposed cell."""
    return 255 - black(rng)


def noisy(rng: np.random.Generator) -> Gray:
    """Noise of every strength, fine or coarse."""
    rows, columns = SIZES[rng.integers(len(SIZES))]
    grain = int(rng.choice([1, 2, 4]))
    small = rng.normal(128, rng.uniform(5, 80), (-(-rows // grain), -(-columns // grain)))
    levels = np.clip(small, 0, 255).astype(np.uint8)
    return cv2.resize(levels, (columns, rows), interpolation=cv2.INTER_NEAREST)


def textured(rng: np.random.Generator) -> Gray:
    """Brickwork, a weave, a checkerboard, cracks or clouds."""
    rows, columns = SIZES[rng.integers(len(SIZES))]
    y, x = np.mgrid[0:rows, 0:columns]
    kind, size = rng.integers(4), int(rng.integers(3, 14))
    if kind == 0:
        mask = (y // size + x // size) % 2
    elif kind == 1:
        row = y // size
        mask = ((y % size == 0) | ((x + size * (row % 2)) % (2 * size) == 0)).astype(int)
    elif kind == 2:
        mask = (np.sin(x * 6.3 / size) * np.sin(y * 6.3 / size + x * 0.2) > 0).astype(int)
    else:
        clouds = cv2.resize(rng.normal(0, 1, (rows // size + 2, columns // size + 2)), (columns, rows))
        levels = 128 + clouds * rng.uniform(10, 90)
        return np.clip(levels, 0, 255).astype(np.uint8)
    dark, light = sorted(rng.uniform(0, 255, 2))
    noise = rng.normal(0, rng.uniform(0, 10), mask.shape)
    return np.clip(np.where(mask, light, dark) + noise, 0, 255).astype(np.uint8)


KINDS = {"flat": flat, "black": black, "white": white, "noisy": noisy, "textured": textured}
