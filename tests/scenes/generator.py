"""Scenes of written numbers as a camera sees them, seeded, each with its truth.

Handwriting comes from writers that no training saw, print from faces that none saw. A scene is drawn
as ink on paper, then lit, photographed askew where its kind asks for it, and read out by a sensor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Ink = NDArray[np.float32]

SIZE = (480, 640)
"""Rows and columns of a scene."""

KINDS = (
    "clean", "shadow", "boxes", "ruled", "skew", "perspective", "touching", "inverted", "noisy", "small",
    "multi-line", "clutter", "printed", "squared", "columns",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A gray picture and the numbers in it, top to bottom; `middles` is where each digit's middle column was drawn,
    which is where it stands unless the kind turns the page.
    """

    kind: str
    gray: Gray
    numbers: tuple[str, ...]
    middles: tuple[tuple[float, ...], ...] = ()


COLUMN_GAPS = (0.6, 2.0)
"""Between two numbers of a row, over their height: from a space on."""

Draw = Callable[[int, int, np.random.Generator], Gray]
"""(digit, height_px, rng) to its ink, (rows, columns) uint8."""


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """Where digits come from: `number(rng)` chooses what one number is written in, and draws its digits."""

    number: Callable[[np.random.Generator], Draw]


def print_of(faces: list, render: Callable[..., Gray]) -> Hand:
    """Printed digits, each number in one face; `render(text, face, size_px, rng)` draws one."""

    def number(rng: np.random.Generator) -> Draw:
        return partial(draw, faces[int(rng.integers(len(faces)))])

    def draw(face: object, digit: int, height: int, rng: np.random.Generator) -> Gray:
        ink = render(str(digit), face, round(height / 0.7), rng)
        x, y, width, rows = cv2.boundingRect((ink > 0).astype(np.uint8))
        return ink[y : y + rows, x : x + width]

    return Hand(number)


def handwriting(images: Gray, labels: NDArray[np.int64], writers: NDArray[np.int64] | None = None) -> Hand:
    """Digits of a data set, (n, 28, 28) uint8 ink, each of any writer, enlarged with a sharp outline."""
    by_digit = [np.flatnonzero(labels == digit) for digit in range(10)]

    def draw(digit: int, height: int, rng: np.random.Generator) -> Gray:
        image = images[rng.choice(by_digit[digit])]
        x, y, width, rows = cv2.boundingRect((image > 40).astype(np.uint8))
        cut = image[y : y + rows, x : x + width]
        scale = height / 20
        size = (max(2, round(width * scale)), max(2, round(rows * scale)))
        large = cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC)
        return cv2.convertScaleAbs(np.clip((large.astype(np.float32) - 110) * 2.5 + 128, 0, 255))

    return Hand(lambda _rng: draw)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A number's ink at its place: the digits' pictures with their top left corners, and the pitch of its cells."""

    text: str
    digits: tuple[tuple[int, int, Gray], ...]
    top: int
    height: int
    cell: int


def make_scene(kind: str, hand: Hand, rng: np.random.Generator) -> Scene:
    """One scene of a kind, with the truth."""
    numbers = _arrange(kind, hand, rng)
    ink = np.zeros(SIZE, np.float32)
    for number in numbers:
        _draw_number(ink, number)
    ink *= rng.uniform(0.5, 0.95)
    if kind == "boxes":
        _draw_boxes(ink, numbers[0], rng)
    if kind == "ruled":
        _draw_rules(ink, numbers[0], rng)
    if kind == "squared":
        _draw_squares(ink, numbers[0], rng)
    if kind == "clutter":
        _draw_clutter(ink, numbers[0], rng)
    paper = rng.uniform(150, 245)
    gray = _view(kind, paper * (1 - ink) * _light(kind, rng), paper, rng)
    middles = tuple(tuple(left + ink.shape[1] / 2 for left, _, ink in number.digits) for number in numbers)
    return Scene(kind, _sense(kind, gray, rng), tuple(number.text for number in numbers), middles)


def _arrange(kind: str, hand: Hand, rng: np.random.Generator) -> list[_Placed]:
    if kind == "columns":
        return _arrange_columns(hand, rng)
    lines = int(rng.integers(3, 6)) if kind == "multi-line" else 1
    height = int(rng.integers(16, 24) if kind == "small" else rng.integers(32, 52 if lines > 1 else 80))
    top = rng.uniform(0.05, 0.15) * SIZE[0] if lines > 1 else rng.uniform(0.3, 0.6) * SIZE[0]
    placed = []
    for _ in range(lines):
        text = "".join(str(digit) for digit in rng.integers(0, 10, rng.integers(3, 8)))
        placed.append(_place(kind, text, min(height, int(430 / len(text))), int(top), hand, rng))
        top += height * rng.uniform(1.5, 1.9)
    return placed


def _arrange_columns(hand: Hand, rng: np.random.Generator) -> list[_Placed]:
    """Two rows of two numbers each."""
    height, top = int(rng.integers(28, 44)), rng.uniform(0.2, 0.6) * SIZE[0]
    placed = []
    for _ in range(2):
        begin = None
        for _ in range(2):
            text = "".join(str(digit) for digit in rng.integers(0, 10, rng.integers(3, 5)))
            placed.append(_place("columns", text, height, int(top), hand, rng, begin))
            x, _, ink = placed[-1].digits[-1]
            begin = x + ink.shape[1] + int(height * rng.uniform(*COLUMN_GAPS))
        top += height * rng.uniform(1.5, 1.9)
    return placed


def _place(
    kind: str, text: str, height: int, top: int, hand: Hand, rng: np.random.Generator, begin: int | None = None
) -> _Placed:
    cell = int(height * rng.uniform(1.1, 1.3))
    x = int(rng.uniform(40, 110)) if begin is None else begin
    digits, draw = [], hand.number(rng)
    for index, character in enumerate(text):
        drawn = draw(int(character), int(height * rng.uniform(0.9, 1.05)), rng)
        rows, columns = drawn.shape
        if kind == "boxes":
            left, x = x + (cell - columns) // 2, x + cell
        elif kind == "touching" and index:
            left = x - int(rng.integers(0, max(2, int(0.1 * height))))
            x = left + columns
        else:
            left, x = x, x + columns + int(height * rng.uniform(0.12, 0.35)) * (kind != "touching")
        digits.append((left, top + (height - rows) // 2 + int(rng.integers(-2, 3)), drawn))
    return _Placed(text, tuple(digits), top, height, cell)


def _draw_number(ink: Ink, number: _Placed) -> None:
    for left, top, drawn in number.digits:
        area = ink[top : top + drawn.shape[0], left : left + drawn.shape[1]]
        np.maximum(area, drawn[: area.shape[0], : area.shape[1]] / np.float32(255), out=area)


def _draw_boxes(ink: Ink, number: _Placed, rng: np.random.Generator) -> None:
    """A row of cells with shared walls; the pen may reach into the walls."""
    left = number.digits[0][0] - (number.cell - number.digits[0][2].shape[1]) // 2
    top, bottom = number.top - int(0.2 * number.height), number.top + int(1.2 * number.height)
    strength, pen = float(rng.uniform(0.2, 0.8)), int(rng.integers(1, 3))
    frame = np.zeros_like(ink)
    for column in range(len(number.text) + 1):
        x = left + column * number.cell
        cv2.line(frame, (x, top), (x, bottom), strength, pen)
    for y in (top, bottom):
        cv2.line(frame, (left, y), (left + len(number.text) * number.cell, y), strength, pen)
    np.maximum(ink, frame, out=ink)


def _draw_rules(ink: Ink, number: _Placed, rng: np.random.Generator) -> None:
    """Printed lines across the page; one lies near the foot of the number and often runs through it."""
    pitch = int(number.height * rng.uniform(1.15, 1.5))
    foot = number.top + int(number.height * rng.uniform(0.97, 1.12))
    strength, pen = float(rng.uniform(0.15, 0.4)), int(rng.integers(1, 3))
    rules = np.zeros_like(ink)
    for y in range(foot % pitch, SIZE[0], pitch):
        cv2.line(rules, (0, y), (SIZE[1], y), strength, pen)
    np.maximum(ink, rules, out=ink)


def _draw_squares(ink: Ink, number: _Placed, rng: np.random.Generator) -> None:
    """Squared paper: lines both ways all over the page, from two to a digit's height to a little more than that."""
    pitch = int(number.height * rng.uniform(0.5, 1.15))
    strength, pen = float(rng.uniform(0.1, 0.35)), int(rng.integers(1, 3))
    squares = np.zeros_like(ink)
    for y in range(int(rng.integers(pitch)), SIZE[0], pitch):
        cv2.line(squares, (0, y), (SIZE[1], y), strength, pen)
    for x in range(int(rng.integers(pitch)), SIZE[1], pitch):
        cv2.line(squares, (x, 0), (x, SIZE[0]), strength, pen)
    np.maximum(ink, squares, out=ink)


def _draw_clutter(ink: Ink, number: _Placed, rng: np.random.Generator) -> None:
    """Specks, a smudge, a pen stroke and the edge of a dark thing, none of them on the number."""
    low, high = number.top - 25, number.top + number.height + 25
    rows = [y for y in range(10, SIZE[0] - 10) if not low < y < high]
    for _ in range(int(rng.integers(10, 40))):
        cv2.circle(ink, (int(rng.integers(SIZE[1])), int(rng.choice(rows))), int(rng.integers(0, 2)), 0.6, -1)
    y = low - 60 if low > 120 else high + 60
    points = np.array([[int(x), int(y + rng.integers(-18, 19))] for x in np.linspace(60, rng.uniform(150, 500), 9)])
    cv2.polylines(ink, [points], False, 0.7, int(rng.integers(1, 4)), cv2.LINE_AA)
    edge = int(rng.integers(8, 36))
    ink[:, -edge:] = np.maximum(ink[:, -edge:], 0.8)


def _light(kind: str, rng: np.random.Generator) -> Ink:
    """Share of the light that reaches each pixel: a mild gradient, or a shadow's soft edge across the number."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    direction = rng.uniform(0, 2 * np.pi)
    along = (columns / SIZE[1] - 0.5) * np.cos(direction) + (rows / SIZE[0] - 0.5) * np.sin(direction)
    light = 1 - np.float32(rng.uniform(0, 0.2)) * (along + 0.5)
    if kind == "shadow":
        position, width = rng.uniform(-0.2, 0.2), rng.uniform(0.01, 0.1)
        light *= 1 - np.float32(rng.uniform(0.4, 0.65)) / (1 + np.exp(-(along - position) / width))
    return light.astype(np.float32)


def _view(kind: str, gray: Ink, paper: float, rng: np.random.Generator) -> Ink:
    """The page turned by up to 15 degrees, or from up to 30 degrees off its axis."""
    if kind == "skew":
        turn = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), rng.uniform(-15, 15), 0.85)
        return cv2.warpAffine(gray, turn, SIZE[::-1], flags=cv2.INTER_CUBIC, borderValue=paper)
    if kind == "perspective":
        return cv2.warpPerspective(gray, _tilt(rng), SIZE[::-1], flags=cv2.INTER_CUBIC, borderValue=paper)
    return gray


def _tilt(rng: np.random.Generator) -> NDArray[np.float64]:
    """Homography of a camera that looks at the page from the side: a rotation about an axis in the page."""
    angle, axis = np.deg2rad(rng.uniform(10, 30)), rng.uniform(0, 2 * np.pi)
    rotation, _ = cv2.Rodrigues(np.array([np.cos(axis), np.sin(axis), 0.0]) * angle)
    focal, (rows, columns) = 700.0, SIZE
    camera = np.array([[focal, 0, columns / 2], [0, focal, rows / 2], [0, 0, 1]])
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], [0, 0, 1.1]]) @ np.diag([1 / focal, 1 / focal, 1])
    return camera @ plane @ np.array([[1, 0, -columns / 2], [0, 1, -rows / 2], [0, 0, 1.0]])


def _sense(kind: str, gray: Ink, rng: np.random.Generator) -> Gray:
    """Lens blur, noise, quantization and, as from most cameras, JPEG."""
    soft = cv2.GaussianBlur(gray, (0, 0), rng.uniform(0.4, 1.0 if kind in ("small", "noisy") else 1.4))
    if kind == "inverted":
        soft = 255 - soft
    noise = rng.uniform(8, 20) if kind == "noisy" else rng.uniform(0.5, 3)
    noisy = np.clip(np.round(soft + rng.normal(0, noise, SIZE)), 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
