"""Sheets as a scanner or a phone sees them: the picture, and the matrix that takes the sheet to its place in it."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from tests.forms.layout import DPI
from tests.forms.nouns import Colour, Matrix, Picture

Mode = Literal["gray", "colour", "bitonal"]

Pixels = NDArray[np.uint8]

SKEW_DEGREES = 3.0
SHIFT = 0.012
"""A sheet lies this share of its width beside the scanner's edge at the most."""

TILT_DEGREES = 30.0
"""A phone looks at a sheet from this far off its axis at the most."""

HALF_TURN = np.array([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]])


def scan(
    page: Colour, rng: np.random.Generator, dpi: int = DPI, mode: Mode = "gray", is_upside_down: bool | None = None
) -> Picture:
    """A sheet at 300 dpi as a scanner sees it.

    Parameters
    ----------
    page : (rows, columns, 3) uint8 BGR
    rng : numpy Generator
    dpi : int
        Of the scan.
    mode : str
    is_upside_down : bool, optional
        One sheet in twenty if absent.
    """
    rows, columns = page.shape[:2]
    is_upside_down = rng.random() < 0.05 if is_upside_down is None else is_upside_down
    turn = _scanner_turn((rows, columns), is_upside_down, rng)
    lid = int(rng.choice([rng.integers(235, 256), rng.integers(235, 256), rng.integers(20, 80)]))
    pixels = page if mode == "colour" else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    paper = rng.uniform(0.9, 1) * np.array([rng.uniform(0.95, 1), 1, 1] if mode == "colour" else [1.0])
    pixels = cv2.LUT(pixels, _tone(paper))
    placed = cv2.warpPerspective(
        pixels, turn, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(lid,) * 3
    )
    _add_dust(placed, rng)
    size, resize = _resize_matrix((rows, columns), dpi / DPI)
    small = cv2.resize(placed, size, interpolation=cv2.INTER_AREA if dpi < DPI else cv2.INTER_CUBIC)
    shaded = _shade_borders(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 0.7) * max(1, dpi / DPI)), rng)
    if mode == "bitonal":
        noisy = _with_noise(shaded, 4, rng)
        return Picture(cv2.threshold(noisy, int(rng.integers(150, 200)), 255, cv2.THRESH_BINARY)[1], resize @ turn)
    coded = _with_noise(shaded, rng.uniform(0.5, 3), rng)
    return Picture(_jpeg(coded, rng) if rng.random() < 0.7 else coded, resize @ turn)


def photograph(page: Colour, rng: np.random.Generator, is_upside_down: bool | None = None) -> Picture:
    """A sheet at 300 dpi on a dark desk, as a phone held over it sees it; gray.

    Parameters
    ----------
    page : (rows, columns, 3) uint8 BGR
    rng : numpy Generator
    is_upside_down : bool, optional
        One sheet in ten if absent.
    """
    is_upside_down = rng.random() < 0.1 if is_upside_down is None else is_upside_down
    size, matrix = _phone_view(page.shape[:2], is_upside_down, rng)
    columns, rows = size
    gray = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    reduction = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2] / matrix[2, 2]))))
    if reduction < 1:
        gray = cv2.GaussianBlur(gray, (0, 0), 0.45 / reduction)
    gray = cv2.LUT(gray, _tone(np.array([rng.uniform(0.85, 0.97)])))
    picture = _desk(size, rng)
    cv2.warpPerspective(gray, matrix, size, dst=picture, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_TRANSPARENT)
    lit = cv2.multiply(picture, _light((rows, columns), rng), dtype=cv2.CV_8U)
    soft = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.4, 1.1))
    return Picture(_jpeg(_with_noise(soft, rng.uniform(1, 5), rng), rng), matrix)


def _scanner_turn(shape: tuple[int, int], is_upside_down: bool, rng: np.random.Generator) -> Matrix:
    """Skew and shift about the sheet's middle."""
    middle = _move((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    angle = np.deg2rad(rng.uniform(-SKEW_DEGREES, SKEW_DEGREES))
    skew = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    shift = _move(*rng.uniform(-SHIFT, SHIFT, 2) * shape[1])
    return shift @ middle @ (HALF_TURN if is_upside_down else np.eye(3)) @ skew @ np.linalg.inv(middle)


def _move(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def _resize_matrix(shape: tuple[int, int], factor: float) -> tuple[tuple[int, int], Matrix]:
    """Width and height of a picture resized, and the matrix to it: its pixels' edges fall on the old ones'."""
    rows, columns = shape
    size = (round(columns * factor), round(rows * factor))
    x, y = size[0] / columns, size[1] / rows
    return size, np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _tone(white: NDArray[np.float64]) -> Pixels:
    """A look-up table, a column a channel, that takes 255 to the paper's tone and ink's darkest to 10 above black."""
    levels = np.arange(256)[:, None] / 255 * (255 * white - 10) + 10
    return np.round(levels).astype(np.uint8).reshape(1, 256, -1)


def _add_dust(picture: Pixels, rng: np.random.Generator) -> None:
    """Specks, a hair, and at times the pale streak of a dirty scanner, in place."""
    rows, columns = picture.shape[:2]
    for _ in range(int(rng.integers(5, 60))):
        level = (int(rng.integers(60, 220)),) * 3
        cv2.circle(picture, (int(rng.integers(columns)), int(rng.integers(rows))), int(rng.integers(0, 3)), level, -1)
    if rng.random() < 0.3:
        start = rng.uniform((0, 0), (columns, rows))
        hair = start + np.cumsum(rng.normal(0, 8, (20, 2)), axis=0)
        cv2.polylines(picture, [hair.astype(np.int32)], False, (130, 130, 130), 1, cv2.LINE_AA)
    if rng.random() < 0.05:
        x = int(rng.integers(columns - 2))
        picture[:, x : x + 2] = (picture[:, x : x + 2] * 0.9).astype(np.uint8)


def _shade_borders(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Darker towards one or two edges, as under a lid that does not close."""
    rows, columns = picture.shape[:2]
    across, down = np.ones(columns, np.float32), np.ones(rows, np.float32)
    for side in rng.choice(4, int(rng.integers(0, 3)), replace=False):
        along = across if side < 2 else down
        fade = 1 - rng.uniform(0.2, 0.7) * np.exp(-np.arange(len(along)) / (rng.uniform(0.003, 0.02) * len(along)))
        along *= (fade if side % 2 else fade[::-1]).astype(np.float32)
    light = np.outer(down, across)
    if light.min() == 1:
        return picture
    return cv2.multiply(picture, light if picture.ndim == 2 else cv2.merge([light] * 3), dtype=cv2.CV_8U)


def _with_noise(picture: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    """Normal noise, a tile of it repeated: drawn for each pixel it would take longer than all the rest."""
    rows, columns = picture.shape[:2]
    tile = rng.normal(0, deviation, (509, 1021, *picture.shape[2:])).round().astype(np.int16)
    noise = np.tile(tile, (rows // 509 + 1, columns // 1021 + 1, *(1,) * (picture.ndim - 2)))[:rows, :columns]
    return cv2.add(picture, np.ascontiguousarray(noise), dtype=cv2.CV_8U)


def _jpeg(picture: Pixels, rng: np.random.Generator) -> Pixels:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])[1]
    return cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)


def _phone_view(
    shape: tuple[int, int], is_upside_down: bool, rng: np.random.Generator
) -> tuple[tuple[int, int], Matrix]:
    """Width and height of the picture, and the homography of a pinhole camera that looks at the sheet from the side.

    An A4 sheet is 2200 to 3200 pixels long in it: the smallest digits are then about 20 pixels high.
    """
    rows, columns = shape
    length = max(shape)
    angle, axis = np.deg2rad(rng.uniform(0, TILT_DEGREES)), rng.uniform(0, 2 * np.pi)
    rotation, _ = cv2.Rodrigues(np.array([np.cos(axis), np.sin(axis), 0.0]) * angle)
    spin, _ = cv2.Rodrigues(np.array([0, 0, np.deg2rad(rng.uniform(-12, 12) + 180 * is_upside_down)]))
    rotation = rotation @ spin
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], [0, 0, rng.uniform(1.2, 1.8) * length]])
    view = plane @ _move(-(columns - 1) / 2, -(rows - 1) / 2)
    corners = np.array([[[0, 0], [columns - 1, 0], [columns - 1, rows - 1], [0, rows - 1]]], np.float64)
    seen = cv2.perspectiveTransform(corners, view)[0]
    low, extent = seen.min(axis=0), np.ptp(seen, axis=0)
    scale = rng.uniform(2200, 3200) * (length / 3508) / extent.max()
    margins = rng.uniform(0.03, 0.12, (2, 2)) * scale * extent
    width, height = np.ceil(scale * extent + margins.sum(axis=0)).astype(int).tolist()
    return (width, height), _move(*margins[0]) @ np.diag([scale, scale, 1]) @ _move(*-low) @ view


def _desk(size: tuple[int, int], rng: np.random.Generator) -> Gray:
    """A dark desk with a grain along it."""
    columns, rows = size
    level, contrast = rng.uniform(25, 85), rng.uniform(4, 14)
    coarse = rng.normal(
        0, contrast, (max(2, rows // int(rng.integers(8, 40))), max(2, columns // int(rng.integers(100, 500))))
    )
    fine = rng.normal(0, contrast / 2, (rows // 2 + 1, columns // 60 + 2))
    grain = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    grain += cv2.resize(fine.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return cv2.convertScaleAbs(np.clip(grain + level, 0, 255))


def _light(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Share of the light that reaches each pixel: a gradient, and a hand's or a head's shadow with a soft edge."""
    rows, columns = 128, 96
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    direction = rng.uniform(0, 2 * np.pi)
    along = (x / columns - 0.5) * np.cos(direction) + (y / rows - 0.5) * np.sin(direction)
    light = 1 - rng.uniform(0, 0.45) * (along + 0.5)
    if rng.random() < 0.6:
        position, width = rng.uniform(-0.4, 0.4), rng.uniform(0.02, 0.15)
        light *= 1 - rng.uniform(0.15, 0.5) / (1 + np.exp(-(along - position) / width))
    return cv2.resize(light.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
