"""Strips of digits, as the device sees a piece of ink or a whole number: composed, photographed, and normalized by its
own function. The digits keep no box of their own: what is taught is the string that stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from edge.paper.normalize import cut_to_ink
from edge.paper.strip import STRIP_COLUMNS, STRIP_ROWS, close_gaps, normalize_strip
from train.augment import MIN_SURVIVING, Distortion, bend, expose, sharpened
from train.data.dataset import Digits
from train.data.fonts import Face
from train.junk import LETTERS, VARIANTS, draw_junk, printed
from train.spoiled import adorned, flagged

LENGTHS = (0.13, 0.40, 0.22, 0.12, 0.07, 0.04, 0.02)
"""Shares of pieces with one, two, … digits: two is what touches most, and one is what a piece may be as well."""

WHOLE, WHOLE_LENGTHS = 0.4, (0.02, 0.14, 0.20, 0.22, 0.20, 0.13, 0.09)
"""Share of strips that are a whole number, and how many digits it has: most stand apart, some touch."""

LONGEST = len(LENGTHS)

APART, GAPS = 0.8, (0.01, 0.3)
"""Share of a whole number's neighbours that stand apart, and by how much, over their height."""

WORDS, WORD_LENGTHS = 0.07, (0.35, 0.3, 0.2, 0.15)
"""Share of strips that are letters or begin or end with some, and how many letters."""

LEGS = "mnwuhMNHWU"
"""Letters whose legs are 1s where nobody says that they are none."""

LOW, LOW_HEIGHT = "acemnrsuvwxz", 0.72
"""Letters that are lower than digits, and how high they are, over digits of the same face."""

ADORNED = 0.15
"""Share of handwritten 0s, 1s and 7s that have the slash, the upstroke or the bar of other countries' hands."""

HEIGHTS_PX = (14.0, 64.0)
"""Of the digits in the camera's picture."""

PRINTED, ONE_HAND, STRANGE = 0.12, 0.3, 0.025
"""Shares of strips in print and of those by one writer, and of characters that are no digit."""

ODD_HEIGHT, ODD_HEIGHTS = 0.12, (0.65, 1.15)
"""Share of digits that are lower or higher than their neighbours, and by how much."""

SIDE_BY_SIDE = 0.5
"""Share of neighbours whose boxes overlap a little; the others are pushed together until their ink meets."""

SLANTED, SLANT, STRETCH = 0.5, 0.35, 0.3
"""Share of strips that are slanted and stretched as a whole; by how much at the most, and by which logarithm."""

GAPPED = 0.06
"""Share of strips with a thin level gap, where a rule was taken away."""

INK = 110
"""Coverage from which on a digit's pixel meets another's."""

STRANGERS = 400
"""Pictures of what is no digit that a set draws its own from."""


@dataclass(frozen=True, eq=False)
class Source:
    """Whose digits strips are made of: handwriting with its labels, and faces; `seed` draws what is no digit."""

    digits: Digits
    faces: Sequence[Face]
    seed: int
    by_digit: list[NDArray[np.int64]] = field(init=False)

    def __post_init__(self) -> None:
        by_digit = [np.flatnonzero(self.digits.labels == digit) for digit in range(10)]
        object.__setattr__(self, "by_digit", [those for those in by_digit if len(those)])

    @cached_property
    def by_writer(self) -> list[NDArray[np.int64]]:
        """Which pictures are by each writer; of all where none is known."""
        writers = self.digits.writers
        if writers is None:
            return [np.arange(len(self.digits))]
        return [np.flatnonzero(writers == writer) for writer in np.unique(writers)]

    @cached_property
    def strangers(self) -> list[Gray]:
        """Ink that is no digit."""
        rng = np.random.default_rng([self.seed, STRANGERS])
        return draw_junk(STRANGERS, self.digits.images, self.digits.labels, self.faces, rng, with_seams=False)


def strip_set(source: Source, count: int, rng: np.random.Generator) -> tuple[Gray, NDArray[np.int64]]:
    """Strips (count, 32, 160) uint8 and what stands on each, (count, 7) int64: digits as 1 to 10, what is no digit as
    11, and 0 after the last.
    """
    strips = np.zeros((count, STRIP_ROWS, STRIP_COLUMNS), np.uint8)
    labels = np.zeros((count, LONGEST), np.int64)
    for strip, string in zip(strips, labels, strict=True):
        drawn, written = draw_strip(source, rng)
        strip[:] = drawn
        string[: len(written)] = written
    return strips, labels


def draw_strip(source: Source, rng: np.random.Generator) -> tuple[Gray, list[int]]:
    """One strip (32, 160) uint8 and its string."""
    height = float(np.exp(rng.uniform(*np.log(HEIGHTS_PX))))
    is_whole = rng.random() < WHOLE
    pen = rng.uniform(1.5, 5.0), rng.uniform(60, 140)
    draw = _chooser(source, rng)
    inks, string = [], []
    for is_letter in _letters(WHOLE_LENGTHS if is_whole else LENGTHS, rng):
        written = None
        while written is None:
            ink, label, own = _letter(source, rng) if is_letter else (*draw(), 1.0)
            written = _written(ink, own * height, *pen, rng)
        inks.append(written)
        string.append(label)
    together = _slanted(push_together(inks, height, rng, APART if is_whole else 0.0), rng)
    if rng.random() < GAPPED:
        row = int(rng.uniform(0.45, 0.99) * len(together))
        together[row : row + max(1, round(0.04 * height))] = 0
    framed = cv2.copyMakeBorder(together, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=0)
    return normalize_strip(expose(framed, height, rng)), string


def _letters(lengths: Sequence[float], rng: np.random.Generator) -> list[bool]:
    """Which characters of a strip are letters: none as a rule, or all, or the first or last ones."""
    wanted = 1 + int(rng.choice(LONGEST, p=np.array(lengths) / sum(lengths)))
    if rng.random() >= WORDS:
        return [False] * wanted
    letters = 1 + int(rng.choice(len(WORD_LENGTHS), p=WORD_LENGTHS))
    digits = int(rng.integers(0, 4)) if rng.random() < 0.5 else 0
    row = [False] * digits + [True] * letters
    return row if rng.random() < 0.7 else row[::-1]


def _letter(source: Source, rng: np.random.Generator) -> tuple[Gray, int, float]:
    """A printed letter, often one that has legs; its ink, label and height over that of digits."""
    letters = LEGS if rng.random() < 0.5 else LETTERS
    letter, face = letters[rng.integers(len(letters))], source.faces[rng.integers(len(source.faces))]
    return printed(letter, face, int(rng.integers(VARIANTS))), 11, LOW_HEIGHT if letter in LOW else 1.0


def _chooser(source: Source, rng: np.random.Generator) -> Callable[[], tuple[Gray, int]]:
    """What draws one character of a strip, its ink and label: of any hand, of one hand or in one face."""
    kind = rng.random()
    face = source.faces[rng.integers(len(source.faces))] if kind < PRINTED else None
    hand = source.by_writer[rng.integers(len(source.by_writer))] if PRINTED <= kind < PRINTED + ONE_HAND else None

    def draw() -> tuple[Gray, int]:
        if rng.random() < STRANGE:
            return source.strangers[rng.integers(len(source.strangers))], 11
        if face is not None:
            digit = int(rng.integers(10))
            return printed(str(digit), face, int(rng.integers(VARIANTS))), 1 + digit
        index = rng.choice(hand if hand is not None else source.by_digit[rng.integers(len(source.by_digit))])
        ink, digit = source.digits.images[index], int(source.digits.labels[index])
        if rng.random() < ADORNED:
            ink = flagged(ink, rng) if digit == 1 else adorned(ink, digit, rng)
        return ink, 1 + digit

    return draw


def _written(ink: Gray, height: float, softness: float, threshold: float, rng: np.random.Generator) -> Gray | None:
    """A character bent, at about the strip's height, by the strip's pen; None where nothing is left of it."""
    cut = cut_to_ink(ink)
    if cut is None:
        return None
    own = height * rng.uniform(0.86, 1.06) * (rng.uniform(*ODD_HEIGHTS) if rng.random() < ODD_HEIGHT else 1.0)
    longer = own * min(1.4, max(1.0, cut.shape[1] / cut.shape[0]))
    bent = bend(cut, rng, Distortion(9.0, 0.14, 0.14, 0.6, longer, longer))
    thick = sharpened(bent, softness, threshold)
    return cut_to_ink(thick if cv2.countNonZero(thick) >= MIN_SURVIVING * cv2.countNonZero(bent) else bent)


def push_together(inks: Sequence[Gray], height: float, rng: np.random.Generator, apart: float = 0.0) -> Gray:
    """The characters in a row, cut to its ink: each overlaps the one before in its box, or is pushed up to its ink, or,
    `apart` says how often, stands beside it; the gaps are closed as the device does it. Lower ones stand on the line
    of the higher ones, or as much as half up.
    """
    canvas = np.zeros((round(3 * height) + 8, sum(ink.shape[1] for ink in inks) + round(height * len(inks))), np.uint8)
    climb, right, level = rng.uniform(-0.06, 0.06), 8, rng.uniform(0.5, 1.0)
    for k, ink in enumerate(inks):
        rows, columns = ink.shape
        high = canvas.shape[0] / 2 - height / 2 + level * (height - rows)
        top = round(high + rng.normal(0, 0.03) * height + climb * right)
        top = min(max(top, 1), max(canvas.shape[0] - rows - 1, 0))
        left = right
        if k and rng.random() < apart:
            left += round(rng.uniform(*GAPS) * height)
        elif k and rng.random() < SIDE_BY_SIDE:
            left -= round(rng.uniform(0.0, 0.13) * height)
        elif k:
            left += _room(canvas[top : top + rows], ink, right) - round(rng.uniform(-0.02, 0.12) * height)
            left = min(max(left, right - round(0.45 * height)), right + round(0.1 * height))
        left = max(left, 2)
        area = canvas[top : top + rows, left : left + columns]
        np.maximum(area, ink[: area.shape[0], : area.shape[1]], out=area)
        right = left + columns
    cut = cut_to_ink(canvas)
    assert cut is not None, "characters have ink"
    return close_gaps(cut, height)


def _room(before: Gray, ink: Gray, right: int) -> int:
    """How far a character that starts at `right` may move (less than 0: to the left) until its ink meets the ink of
    those before it, (rows, columns) of its own rows; 0 where no row has ink of both.
    """
    first, second = before[: len(ink)] >= INK, ink[: len(before)] >= INK
    both = first.any(axis=1) & second.any(axis=1)
    if not both.any():
        return 0
    ends = first.shape[1] - first[both, ::-1].argmax(axis=1)
    starts = right + second[both].argmax(axis=1)
    return -int((starts - ends).min())


def _slanted(ink: Gray, rng: np.random.Generator) -> Gray:
    """The whole strip leaning to one side and wider or narrower, as a hand writes, or as it is."""
    if rng.random() >= SLANTED:
        return ink.copy()
    slant, wide = rng.uniform(-SLANT, SLANT), float(np.exp(rng.uniform(-STRETCH, STRETCH)))
    rows, columns = ink.shape
    pad = int(abs(slant) * rows) + 2
    lean = np.array([[wide, slant, pad - slant * rows / 2], [0.0, 1.0, 2.0]])
    size = round(wide * columns) + 2 * pad, rows + 4
    return cv2.warpAffine(ink, lean, size, flags=cv2.INTER_LINEAR)
