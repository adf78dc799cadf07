"""Forms filled in by hand: `fill(form, split, rng)` writes a number into each field, as one writer of MNIST would.

The writers are those that training never saw: of split "validation" to choose by, of split "test" to report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

import cv2
import numpy as np

from edge.nouns import Gray
from edge.schema import BoxArea, FieldTable
from tests.forms.checks import is_valid
from tests.forms.draw import Bgr, stain
from tests.forms.layout import COST_CENTRE, DATE, POSTCODE
from tests.forms.nouns import TROUBLES, Broken, Cell, Colour, Filled, FilledField, Form, Trouble
from train.data.dataset import Digits
from train.data.mnist import load_mnist
from train.data.split import split_validation

Split = Literal["validation", "test"]

MNIST_DIGIT = 20
"""Side of the box that MNIST's digits were scaled to."""

INK_LEVEL = 40
"""A pixel of MNIST above this is the digit's."""

NOT_ONE = (0, 2, 3, 4, 5, 6, 7, 8, 9)
"""Digits that are overwritten by each other; a 1 is part of most of them, so that the other one would be read."""

SPECK = 5
"""Side in MNIST's pixels that a dot beside a digit has at the most."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many fields are left blank, hold a cell that cannot be told, and break their rule; of digits, how many
    touch or cross a line.
    """

    blank: float = 0.1
    trouble: float = 0.05
    broken: float = 0.05
    touching: float = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Writer:
    """One writer's digits and pen on a sheet.

    Parameters
    ----------
    digits : tuple of ten (n, 28, 28) uint8
        By label.
    size : float
        Height of a digit over that of its cell.
    slant : float
        Shear added to the writer's own.
    level, gain : float
        Gray level of MNIST's ink at which the stroke ends, and how sharply; a low level makes a broad stroke.
    colour : (blue, green, red)
    grain : float
        How much the paper shows through, as under a pencil.
    """

    digits: tuple[Gray, ...]
    size: float
    slant: float
    level: float
    gain: float
    colour: Bgr
    grain: float


def fill(form: Form, split: Split, rng: np.random.Generator, shares: Shares | None = None) -> Filled:
    """The form as one writer of a split fills it in, with the truth."""
    shares = shares or Shares()
    writer = draw_writer(split, rng)
    page = form.colour.copy()
    return Filled(form, page, tuple(_fill_field(page, field, writer, shares, rng) for field in form.fields))


def draw_writer(split: Split, rng: np.random.Generator) -> Writer:
    """One of the split's writers, with a pen."""
    pens: list[tuple[Bgr, float]] = [
        ((40, 35, 35), 0.05),
        ((25, 25, 25), 0),
        ((150, 60, 25), 0.05),
        ((105, 40, 25), 0.05),
    ]
    pens += [((105, 105, 105), 0.35)]
    colour, grain = pens[int(rng.integers(len(pens)))]
    writers = _writers(split)
    return Writer(
        writers[int(rng.integers(len(writers)))],
        size=rng.uniform(0.55, 0.78),
        slant=rng.normal(0, 0.05),
        level=rng.uniform(100, 140),
        gain=rng.uniform(2, 4),
        colour=colour,
        grain=grain,
    )


@lru_cache(maxsize=2)
def _writers(split: Split) -> list[tuple[Gray, ...]]:
    """The digits, by label, of each writer who wrote all ten."""
    digits = _held_out(split)
    found = []
    for name in np.unique(digits.writers):
        mine = digits.writers == name
        by_label = [digits.images[mine & (digits.labels == label)] for label in range(10)]
        if all(map(len, by_label)):
            found.append(tuple(np.stack([without_specks(image) for image in images]) for images in by_label))
    return found


def without_specks(image: Gray) -> Gray:
    """An MNIST picture without the dots beside its digit, which on a line would be read as points, rightly."""
    _, marks, stats, _ = cv2.connectedComponentsWithStats((image > INK_LEVEL).astype(np.uint8), connectivity=8)
    ink = stats[1:, cv2.CC_STAT_AREA]
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    specks = 1 + np.flatnonzero((sides <= SPECK) & (ink < 0.2 * ink.sum()))
    return np.where(cv2.dilate(np.isin(marks, specks).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, 0, image)


def _held_out(split: Split) -> Digits:
    """The digits of writers that training never saw."""
    mnist = load_mnist()
    if split == "test":
        return mnist.test
    from train.card import Settings  # brings TensorFlow, which those who only want forms do without

    return mnist.train.take(split_validation(mnist.train, seed=Settings().seed).validation)


def _fill_field(
    page: Colour, field: FieldTable, writer: Writer, shares: Shares, rng: np.random.Generator
) -> FilledField:
    count = len(field.digits) or _line_count(field)
    if rng.random() < shares.blank:
        return FilledField(field.name, (Cell(""),) * len(field.digits))
    broken = _breakable(field) if rng.random() < shares.broken else ""
    text = draw_number(field, count, rng) if not broken else draw_broken(field, count, rng)
    if not field.digits:
        return FilledField(field.name, _write_on_line(page, field, text, writer, rng), broken)
    texts = _aligned(text, count, field)
    doubtful = int(rng.choice(np.flatnonzero(texts))) if rng.random() < shares.trouble else None
    cells = []
    for index, (box, character) in enumerate(zip(field.digits, texts, strict=True)):
        if index == doubtful:
            trouble = TROUBLES[int(rng.integers(len(TROUBLES)))]
            _write_trouble(page, box, character, trouble, writer, rng)
            cells.append(Cell("", trouble))
        else:
            touches = bool(character) and _write_digit(page, box, int(character), writer, shares.touching, rng)
            cells.append(Cell(character, "", touches))
    return FilledField(field.name, tuple(cells), broken)


def _line_count(field: FieldTable) -> int:
    """How many digits go on a line to write on: those that its rule asks for, else six."""
    if field.pattern:
        return {DATE: 8, POSTCODE: 5, COST_CENTRE: 4}[field.pattern]
    if field.maximum:
        return len(f"{field.maximum:.0f}")
    return len(field.weights) or field.length or 6


def draw_number(field: FieldTable, count: int, rng: np.random.Generator) -> str:
    """A number of at most `count` digits that keeps a field's rules."""
    if field.pattern:
        return _draw_by_pattern(field.pattern, rng)
    if field.maximum is not None:
        return str(rng.integers(int(field.minimum or 0), int(field.maximum) + 1))
    if field.check:
        while not is_valid(text := _draw_digits(count, rng), field):
            pass
        return text
    if field.align:
        shortest = field.decimals + 1
        return f"{rng.integers(0, 10 ** int(rng.integers(shortest, count + 1))):0{shortest}d}"
    return _draw_digits(count, rng)


def draw_broken(field: FieldTable, count: int, rng: np.random.Generator) -> str:
    """A number as long as the field that breaks its rule: by one digit where that is a check digit."""
    if field.check:
        text, place = draw_number(field, count, rng), int(rng.integers(count))
        return f"{text[:place]}{(int(text[place]) + int(rng.integers(1, 10))) % 10}{text[place + 1 :]}"
    while keeps_rules(text := _draw_digits(count, rng), field):
        pass
    return text


def keeps_rules(text: str, field: FieldTable) -> bool:
    """Whether digits that stand in a field keep its check digit, range and pattern."""
    value = int(text) / 10**field.decimals
    is_within = (field.minimum is None or value >= field.minimum) and (field.maximum is None or value <= field.maximum)
    return is_within and is_valid(text, field) and (field.pattern is None or bool(re.fullmatch(field.pattern, text)))


def _breakable(field: FieldTable) -> Broken:
    """The rule of a field that can be broken."""
    if field.check:
        return "check"
    if field.pattern:
        return "pattern"
    return "range" if field.maximum is not None else ""


def _draw_digits(count: int, rng: np.random.Generator) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


def _draw_by_pattern(pattern: str, rng: np.random.Generator) -> str:
    if pattern == DATE:
        return f"{rng.integers(1, 32):02d}{rng.integers(1, 13):02d}{rng.integers(1930, 2027)}"
    return str(rng.integers(10000, 100000) if pattern == POSTCODE else rng.integers(1000, 5000))


def _aligned(text: str, count: int, field: FieldTable) -> list[str]:
    """A character a cell, the blank ones on the side that the field leaves them."""
    blanks = [""] * (count - len(text))
    return [*text, *blanks] if field.align == "left" else [*blanks, *text]


def _write_digit(
    page: Colour, box: BoxArea, digit: int, writer: Writer, touching: float, rng: np.random.Generator
) -> bool:
    """A digit near the middle of its cell, or pushed onto a wall; whether it touches one."""
    x, y, width, height = box
    ink = digit_ink(digit, _digit_height(box, writer), writer, rng)
    middle = np.array([x + width / 2, y + height / 2]) + rng.normal(0, 0.04, 2) * (width, height)
    if rng.random() < touching:
        middle = np.array([x + width / 2, y + height / 2]) + _push(ink, box, rng)
    left, top, columns, rows = cv2.boundingRect((ink > 128).astype(np.uint8))
    corner = np.floor(middle - np.array(ink.shape[::-1]) / 2).astype(int)
    _put(page, ink, corner, writer, rng)
    first = corner + np.array([left, top])
    last = first + np.array([columns, rows])
    return bool((first <= (x + 2, y + 2)).any() or (last >= (x + width - 2, y + height - 2)).any())


def _digit_height(box: BoxArea, writer: Writer) -> float:
    """A digit is as high as the writer writes, and no wider than its cell even where it is as wide as high."""
    return min(writer.size * box[3], 1.02 * box[2])


def _push(ink: Gray, box: BoxArea, rng: np.random.Generator) -> np.ndarray:
    """A move that makes ink in the middle of a cell reach over one of its walls.

    It reaches by up to a tenth of the cell, and by no more than a third of itself: a 1 on the wall is in neither cell.
    """
    _, _, columns, rows = cv2.boundingRect((ink > 128).astype(np.uint8))
    _, _, width, height = box
    over = rng.uniform(0, np.minimum([0.1 * width, 0.1 * height], [columns / 3, rows / 3]))
    move = (np.array([width, height]) - (columns, rows)) / 2 + over
    return move * (rng.permutation([1, 0]) * rng.choice([-1, 1]))


def digit_ink(digit: int, height: float, writer: Writer, rng: np.random.Generator) -> Gray:
    """One of the writer's digits, (rows, columns) uint8 coverage, its middle in that of the picture within a pixel.

    Parameters
    ----------
    digit : int
    height : float
        Pixels that MNIST's 20 are enlarged to.
    writer : Writer
    rng : numpy Generator
        Draws which digit, its size, slant and place within the pixel.
    """
    images = writer.digits[digit]
    image = images[int(rng.integers(len(images)))]
    x, y, columns, rows = cv2.boundingRect((image > INK_LEVEL).astype(np.uint8))
    scale = height / MNIST_DIGIT * rng.uniform(0.92, 1.08)
    side = int(1.3 * scale * max(columns, rows)) + 6
    turn = scale * np.array([[1, -writer.slant + rng.normal(0, 0.02)], [rng.normal(0, 0.02), 1]])
    middle = np.array([x + (columns - 1) / 2, y + (rows - 1) / 2])
    shift = (side - 1) / 2 + rng.uniform(0, 1, 2) - turn @ middle
    large = cv2.warpAffine(image, np.column_stack([turn, shift]), (side, side), flags=cv2.INTER_CUBIC)
    return cv2.convertScaleAbs(np.clip((large.astype(np.float32) - writer.level) * writer.gain + 128, 0, 255))


def _put(page: Colour, ink: Gray, corner: np.ndarray, writer: Writer, rng: np.random.Generator) -> None:
    """Ink on the page, in the writer's pen."""
    if writer.grain:
        ink = (ink * (1 - writer.grain * rng.random(ink.shape, np.float32))).astype(np.uint8)
    stain(page, ink, int(corner[0]), int(corner[1]), writer.colour)


def _write_trouble(
    page: Colour, box: BoxArea, character: str, trouble: Trouble, writer: Writer, rng: np.random.Generator
) -> None:
    """A cell that nobody can tell."""
    x, y, width, height = box
    middle, size = np.array([x + width / 2, y + height / 2]), _digit_height(box, writer)
    other = (int(character) + int(rng.integers(1, 10))) % 10
    if trouble == "struck":
        _put_middle(page, digit_ink(int(character), size, writer, rng), middle, writer, rng)
    if trouble == "overwritten":
        inks = [digit_ink(int(digit), size, writer, rng) for digit in rng.choice(NOT_ONE, 6, replace=False)]
        for ink in max(combinations(inks, 2), key=_both_show):
            _put_middle(page, ink, middle, writer, rng)
    if trouble == "double":
        for digit, side in ((int(character), -0.22), (other, 0.22)):
            _put_middle(
                page, digit_ink(digit, 0.68 * size, writer, rng), middle + np.array([side * width, 0]), writer, rng
            )
    if trouble in ("struck", "scribble"):
        _put_middle(page, _strokes(box, trouble, rng), middle, writer, rng)


def _both_show(pair: tuple[Gray, Gray]) -> float:
    """Of two digits one over the other, the share of ink that the other leaves bare; where little is, one is read."""
    return min(_left_bare(*pair), _left_bare(*reversed(pair)))


def _left_bare(under: Gray, over: Gray) -> float:
    down, right = (np.array(under.shape) - over.shape) / 2
    cover = cv2.warpAffine(over, np.array([[1, 0, right], [0, 1, down]]), under.shape[::-1])
    return float((cover < 128)[under > 128].mean())


def _put_middle(page: Colour, ink: Gray, middle: np.ndarray, writer: Writer, rng: np.random.Generator) -> None:
    _put(page, ink, np.floor(middle - np.array(ink.shape[::-1]) / 2).astype(int), writer, rng)


def _strokes(box: BoxArea, trouble: Trouble, rng: np.random.Generator) -> Gray:
    """Pen strokes as large as a cell: across a digit, or a zigzag, a cross or a tangle of their own.

    A digit has two strokes through it at the least: with one, a 7 is still a 7.
    """
    _, _, width, height = box
    ink = np.zeros((height, width), np.uint8)
    pen = max(3, height // 20)
    if trouble == "struck":
        heights = np.linspace(0.32, 0.68, int(rng.integers(2, 4))) + rng.normal(0, 0.02)
        lines = [[(0.05, y), (0.95, y + rng.uniform(-0.2, 0.2))] for y in heights]
    elif rng.random() < 0.3:
        lines = [[(0.15, 0.2), (0.85, 0.8)], [(0.85, 0.2), (0.15, 0.8)]]
    elif rng.random() < 0.5:
        lines = [[(x, 0.25 + 0.5 * (index % 2)) for index, x in enumerate(np.linspace(0.1, 0.9, 9))]]
    else:
        lines = [rng.uniform(0.15, 0.85, (20, 2)).tolist()]
    for line in lines:
        points = (np.array(line) * (width, height) * 16).astype(np.int32)
        cv2.polylines(ink, [points[:, None]], False, 255, pen, cv2.LINE_AA, shift=4)
    return ink


def _write_on_line(
    page: Colour, field: FieldTable, text: str, writer: Writer, rng: np.random.Generator
) -> tuple[Cell, ...]:
    """Digits one after the other on a line."""
    left, top, width, height = field.region
    size = min(0.6 * height, 0.9 * width / len(text)) * rng.uniform(0.85, 1.05)
    gap = size * rng.uniform(0.12, 0.35)
    x, foot = left + size * rng.uniform(0.2, 0.6), top + 0.84 * height
    for character in text:
        ink = digit_ink(int(character), size, writer, rng)
        first, low, columns, rows = cv2.boundingRect((ink > 128).astype(np.uint8))
        _put(page, ink, np.array([x - first, foot - low - rows + rng.normal(0, 0.04) * size]).astype(int), writer, rng)
        x += columns + gap * rng.uniform(0.7, 1.3)
    return tuple(Cell(character) for character in text)
