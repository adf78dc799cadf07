"""A meter's cell with what lies about it, and the camera that looks at its box.

Every training cell, rendered or real, is first a scene: a gray picture of 96 x 60 pixels in whose middle 64 x 40
are the cell's box. The camera takes the box a little beside, larger, smaller or turned, under any light, and
through the device's own `normalize_cell`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import normalize_cell
from edge.nouns import Gray

BOX_ROWS, BOX_COLUMNS = 64, 40
SCENE_ROWS, SCENE_COLUMNS = 96, 60
MARGIN_ROWS, MARGIN_COLUMNS = (SCENE_ROWS - BOX_ROWS) // 2, (SCENE_COLUMNS - BOX_COLUMNS) // 2

LEAST_CONTRAST = 0.3
"""Of the range of gray levels that a camera makes of a scene's."""

Levels = NDArray[np.float32]
"""Light of a scene's pixels, 0 black to 1 white."""


@dataclass(frozen=True, slots=True)
class Handling:
    """How far a box misses its cell, and how hard the light and the camera are on it.

    Each value is the largest, drawn from either side, unless it is a `share` of the cells that a thing happens to.
    `shift_x` and `shift_y` are shares of the box.
    """

    shift_x: float
    shift_y: float
    scale: tuple[float, float]
    rotation_deg: float
    gamma: tuple[float, float]
    noise: float
    blur_px: float
    jpeg_share: float
    glare_share: float
    light_share: float


MILD = Handling(
    shift_x=0.08,
    shift_y=0.06,
    scale=(0.9, 1.12),
    rotation_deg=3.0,
    gamma=(0.7, 1.5),
    noise=0.03,
    blur_px=0.5,
    jpeg_share=0.3,
    glare_share=0.03,
    light_share=0.3,
)
"""What a careful user's boxes and lamp give."""

HARD = Handling(
    shift_x=0.3,
    shift_y=0.22,
    scale=(0.74, 1.42),
    rotation_deg=11.0,
    gamma=(0.36, 3.2),
    noise=0.08,
    blur_px=1.6,
    jpeg_share=0.5,
    glare_share=0.15,
    light_share=0.6,
)
"""A box drawn in haste and a bump against the camera."""


def surround(box: Gray, neighbour: Gray, rng: np.random.Generator) -> Gray:
    """The scene about a crop of which nothing but the box is known: its border goes on, or ends, or on either side
    stands what the same meter showed another time.

    Parameters
    ----------
    box, neighbour : (64, 40) uint8
    """
    draw = rng.random()
    margins = (MARGIN_ROWS, MARGIN_ROWS, MARGIN_COLUMNS, MARGIN_COLUMNS)
    if draw < 0.3:
        row = np.concatenate([neighbour[:, -MARGIN_COLUMNS:], box, neighbour[:, :MARGIN_COLUMNS]], axis=1)
        return cv2.copyMakeBorder(row, MARGIN_ROWS, MARGIN_ROWS, 0, 0, cv2.BORDER_REPLICATE)
    if draw < 0.7:
        return cv2.copyMakeBorder(box, *margins, cv2.BORDER_REPLICATE)
    if draw < 0.85:
        return cv2.copyMakeBorder(box, *margins, cv2.BORDER_REFLECT_101)
    level = float(rng.choice([0, 255, float(np.median(box)), rng.uniform(0, 255)]))
    return cv2.copyMakeBorder(box, *margins, cv2.BORDER_CONSTANT, value=level)


def photograph_cell(scene: Gray, rng: np.random.Generator, handling: Handling) -> Gray:
    """The network's cell (32, 20) uint8 of a scene (96, 60) uint8 after box, light, lens and camera."""
    taken = _take_box(scene, rng, handling)
    levels = taken.astype(np.float32) * np.float32(1 / 255)
    if rng.random() < 0.5:
        levels = 1 - levels
    levels = _light(levels, rng, handling)
    gray = _expose(levels, rng, handling)
    if rng.random() < handling.jpeg_share:
        quality = int(rng.integers(10, 80))
        gray = cv2.imdecode(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    return normalize_cell(gray)


def box_of(scene: Gray) -> Gray:
    """The box of a scene as it is, (64, 40) uint8."""
    rows, columns = slice(MARGIN_ROWS, MARGIN_ROWS + BOX_ROWS), slice(MARGIN_COLUMNS, MARGIN_COLUMNS + BOX_COLUMNS)
    return np.ascontiguousarray(scene[rows, columns])


def _take_box(scene: Gray, rng: np.random.Generator, handling: Handling) -> Gray:
    """The box at a camera's resolution, shifted, scaled and turned."""
    rows = round(float(np.exp(rng.uniform(np.log(18), np.log(72)))))
    columns = max(8, round(rows * rng.uniform(0.5, 0.72)))
    scale = float(np.exp(rng.uniform(*np.log(handling.scale))))
    angle = np.deg2rad(rng.uniform(-1, 1) * handling.rotation_deg)
    across, down = BOX_COLUMNS / columns * scale, BOX_ROWS / rows * scale * float(np.exp(_either(rng, 0.06)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([across, down])
    shift = rng.uniform(-1, 1, 2) * (handling.shift_x * BOX_COLUMNS, handling.shift_y * BOX_ROWS)
    middle = np.array([SCENE_COLUMNS / 2 - 0.5 + shift[0], SCENE_ROWS / 2 - 0.5 + shift[1]])
    offset = middle - turn @ np.array([(columns - 1) / 2, (rows - 1) / 2])
    softness = 0.35 * max(across, down) - 0.25
    if softness > 0.15:
        scene = cv2.GaussianBlur(scene, (0, 0), softness)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        scene, np.column_stack([turn, offset]), (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def _light(levels: Levels, rng: np.random.Generator, handling: Handling) -> Levels:
    """Light that falls off across the cell, shadow of the window's edge, and glare."""
    rows, columns = levels.shape
    y, x = _from_middle(rows)[:, None], _from_middle(columns)[None, :]
    if rng.random() < handling.light_share:
        slope = rng.uniform(-0.4, 0.4, 2).astype(np.float32)
        levels = levels * (1 + slope[0] * x + slope[1] * y)
    if rng.random() < handling.light_share / 3:
        edge, depth = rng.uniform(0.4, 0.95), rng.uniform(0.2, 0.7)
        side = y if rng.random() < 0.7 else x
        levels = levels * (1 - np.float32(depth) * (side * rng.choice([-1, 1]) > edge))
    if rng.random() < handling.glare_share:
        levels = levels + _glare(x, y, rng)
    return levels


@lru_cache(maxsize=256)
def _from_middle(length: int) -> Levels:
    """-1 at one end of an axis to 1 at the other."""
    return np.linspace(-1, 1, length, dtype=np.float32)


def _glare(x: Levels, y: Levels, rng: np.random.Generator) -> Levels:
    """A soft bright spot or streak."""
    centre, angle = rng.uniform(-1, 1, 2), rng.uniform(0, np.pi)
    along = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    beside = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    width, length = rng.uniform(0.08, 0.35), rng.uniform(0.15, 1.5)
    spot: Levels = np.exp(-((beside / width) ** 2) - (along / length) ** 2) * rng.uniform(0.3, 1.2)
    return spot.astype(np.float32)


def _expose(levels: Levels, rng: np.random.Generator, handling: Handling) -> Gray:
    """Gamma, contrast, blur and noise of lens and sensor: (rows, columns) uint8."""
    levels = np.clip(levels, 0, 1)
    levels = levels ** np.float32(np.exp(rng.uniform(*np.log(handling.gamma))))
    contrast = rng.uniform(LEAST_CONTRAST, 1.0)
    floor = rng.uniform(0, 1 - contrast)
    levels = levels * np.float32(contrast) + np.float32(floor)
    blur = abs(_either(rng, handling.blur_px)) * levels.shape[0] / 40
    if blur > 0.25:
        if rng.random() < 0.8:
            levels = cv2.GaussianBlur(levels, (0, 0), blur)
        else:
            levels = cv2.blur(
                levels, (max(1, round(2.5 * blur)), 1) if rng.random() < 0.5 else (1, max(1, round(2.5 * blur)))
            )
    noise = rng.random() ** 2 * handling.noise * contrast + 0.004
    levels = levels + rng.standard_normal(levels.shape, dtype=np.float32) * np.float32(noise)
    return np.clip(levels * 255, 0, 255).astype(np.uint8)


def _either(rng: np.random.Generator, most: float) -> float:
    """From either side; small values are likelier than large ones."""
    return float(rng.triangular(-most, 0, most)) if most > 0 else 0.0
