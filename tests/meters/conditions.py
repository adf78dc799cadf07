"""What befalls a crop between its meter and the network: boxes drawn askew, light, lens, sensor and JPEG.

What lies outside a crop is unknown; a box that reaches beyond it sees the crop's border go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import numpy as np

from edge.nouns import Gray

Condition = Callable[[Gray, np.random.Generator], Gray]
"""A crop (rows, columns) uint8 and a generator to the crop as it arrives."""


def conditions() -> Mapping[str, Condition]:
    """Every condition of the table by its name, the crop as it is first."""
    table: dict[str, Condition] = {"as it is": lambda gray, _: gray}
    for share in (0.1, 0.2, 0.3):
        table[f"shifted {share:.0%} in x"] = partial(shifted, across=share, down=0.0)
        table[f"shifted {share:.0%} in y"] = partial(shifted, across=0.0, down=share)
        table[f"shifted {share:.0%} in x and y"] = partial(shifted, across=share, down=share)
    for scale in (0.8, 1.2, 1.4):
        table[f"box {scale:.1f} times as large"] = partial(scaled, scale=scale)
    for angle in (5.0, 10.0):
        table[f"turned {angle:.0f} degrees"] = partial(turned, angle=angle)
    for gamma in (0.4, 2.0, 3.0):
        table[f"gamma {gamma}"] = partial(with_gamma, gamma=gamma)
    table["blurred, sigma 4 % of the height"] = partial(blurred, share=0.04)
    table["noise, 8 % of the range"] = partial(noisy, sigma=20.0)
    table["JPEG quality 10"] = jpeg
    table["inverted"] = lambda gray, _: cv2.bitwise_not(gray)
    return table


def shifted(gray: Gray, rng: np.random.Generator, across: float, down: float) -> Gray:
    """The box moved by shares of its size, to either side."""
    rows, columns = gray.shape
    x, y = (rng.choice([-1, 1]) * share * length for share, length in ((across, columns), (down, rows)))
    return _mapped(gray, np.array([[1, 0, x], [0, 1, y]], np.float64))


def scaled(gray: Gray, _rng: np.random.Generator, scale: float) -> Gray:
    """The box enlarged about its middle: the digit gets smaller."""
    return _mapped(gray, _about_middle(gray, np.eye(2) * scale))


def turned(gray: Gray, rng: np.random.Generator, angle: float) -> Gray:
    """The box turned to either side."""
    radians = np.deg2rad(angle) * rng.choice([-1, 1])
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    return _mapped(gray, _about_middle(gray, turn))


def with_gamma(gray: Gray, _rng: np.random.Generator, gamma: float) -> Gray:
    """Light that is darkened (above 1) or brightened."""
    return cv2.LUT(gray, np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))


def blurred(gray: Gray, _rng: np.random.Generator, share: float) -> Gray:
    """Out of focus by a share of the crop's height."""
    return cv2.GaussianBlur(gray, (0, 0), share * gray.shape[0])


def noisy(gray: Gray, rng: np.random.Generator, sigma: float) -> Gray:
    """With a sensor's noise, in gray levels."""
    return np.clip(gray + rng.normal(0, sigma, gray.shape), 0, 255).astype(np.uint8)


def jpeg(gray: Gray, _rng: np.random.Generator) -> Gray:
    """Compressed as hard as a slow network asks for."""
    packed = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 10])[1]
    return cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)


def _about_middle(gray: Gray, turn: np.ndarray) -> np.ndarray:
    middle = np.array([(gray.shape[1] - 1) / 2, (gray.shape[0] - 1) / 2])
    return np.column_stack([turn, middle - turn @ middle])


def _mapped(gray: Gray, matrix: np.ndarray) -> Gray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(gray, matrix, gray.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
