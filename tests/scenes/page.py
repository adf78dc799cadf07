"""Pages with one short text in print."""

from __future__ import annotations

import cv2
import numpy as np

from edge.nouns import Gray
from train.data.fonts import Face, render_text

SEED = 20261121

HEIGHTS = (20, 60)
"""Height of the face's digits on a page, from and to."""


def draw_page(text: str, face: Face, size: tuple[int, int], index: int) -> Gray:
    """A text somewhere on light paper, a little blurred and noisy; `size` is (rows, columns)."""
    rng = np.random.default_rng([SEED, index])
    ink = render_text(text, face, round(int(rng.integers(HEIGHTS[0], HEIGHTS[1] + 1)) / 0.7), rng)
    scale = min(1.0, 0.85 * size[0] / ink.shape[0], 0.85 * size[1] / ink.shape[1])
    if scale < 1:
        ink = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rows, columns = ink.shape
    top, left = (int(rng.integers(4, side - used - 3)) for side, used in ((size[0], rows), (size[1], columns)))
    cover = np.zeros(size, np.float32)
    cover[top : top + rows, left : left + columns] = ink / np.float32(255)
    page = rng.uniform(170, 245) * (1 - rng.uniform(0.6, 0.95) * cover)
    soft = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.4, 1.2))
    return np.clip(np.round(soft + rng.normal(0, rng.uniform(0.5, 4), size)), 0, 255).astype(np.uint8)


def spread(count: int, limit: int | None) -> list[int]:
    """At most `limit` of the numbers below `count`, evenly spaced; all of them without a limit."""
    kept = min(count, count if limit is None else limit)
    return [number * count // kept for number in range(kept)]
