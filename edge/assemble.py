"""From marks to readings: text, value, status and the reason for doubt. Digits are never altered to please a rule."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from edge.binarize import Ink
from edge.decode import Mark
from edge.layout import Line
from edge.nouns import UNREADABLE, Box, Digit, Reading, Status
from edge.pieces import Piece, union_box
from edge.segment import depth_of

LEAST_DIGITS = 0.5
"""A line with marks that are no digits, and with a lesser share of sure ones, is writing and left out."""

APART = 0.8
"""What is no digit belongs to the number unless the gap to it is wider than this, over the digits' height."""

AMONG_LETTERS = 2.0
"""A lone digit this close to writing, over its height, may be a letter of it."""

POINT_HEIGHT = 0.3
"""A decimal point is at most this high over the digits' height; a comma half as much again."""

POINT_AREA = 0.04
"""... and its box has at least the area of a square with this side, over the height: smaller is a speck."""

BASELINE = 0.25
"""The middle of a point lies no higher above the digits' foot than this, over their height."""

SOLID = 0.6
"""A separator, or a part of a digit, has at least this share of the digits' contrast to the paper."""

FRAGMENT = 0.03
"""Left over ink leaves doubt when its box is larger than this, over the square of the digits' height."""

MINUS_REACH = 0.9
"""A minus sign ends this far before the first digit at the most, over the height."""


def assemble(ink: Ink, line: Line, marks: Sequence[Mark], cutoff: float) -> Reading | None:
    """One line's reading, named by `name_readings` later; None where it is no number at all.

    A mark at the frame's border may be cut off, and is not believed.

    Parameters
    ----------
    ink : Ink
    line : Line
    marks : sequence of Mark
        Left to right.
    cutoff : float
        Least confidence of a digit that is believed.
    """
    frame_size = (ink.mask.shape[1], ink.mask.shape[0])
    marks = _trim(marks, cutoff, line.height)
    digits = [mark for mark in marks if mark.prediction.is_digit]
    believed = sum(mark.confidence >= cutoff for mark in marks)
    if not digits or (len(digits) < len(marks) and believed < LEAST_DIGITS * len(marks)):
        return None
    if len(marks) == 1 and not believed:
        return None
    characters = [_character(mark, cutoff, frame_size) for mark in marks]
    solid = _solid(ink, line, characters)
    characters = _with_separators(characters, line, solid)
    reason = _reason(marks, characters, frame_size) or _unexplained(line, marks, characters, solid)
    return _reading(characters, reason)


def doubt_among_letters(reading: Reading, writing: Sequence[Box]) -> Reading:
    """The reading, in doubt if it is a lone digit in a row of writing: an l, an I or an O of some word.

    Parameters
    ----------
    writing : sequence of boxes
        Lines that are no numbers.
    """
    if reading.status != "ok" or len(reading.digits) > 1 or reading.box is None:
        return reading
    x, y, width, height = reading.box
    reach = AMONG_LETTERS * height
    if any(
        ox < x + width + reach and x - reach < ox + ow and min(y + height, oy + oh) - max(y, oy) > 0.4 * min(height, oh)
        for ox, oy, ow, oh in writing
    ):
        return replace(reading, value=None, status="uncertain", reason="a lone digit among letters")
    return reading


def name_readings(readings: Sequence[Reading]) -> list[Reading]:
    """The readings as line-1, line-2, … in their order; one reading that says so where there are none."""
    if not readings:
        return [empty_reading("no digits found")]
    return [
        Reading(f"line-{number}", r.text, r.value, r.status, r.confidence, r.box, r.reason, r.digits)
        for number, r in enumerate(readings, start=1)
    ]


def empty_reading(reason: str, name: str = "frame") -> Reading:
    """The reading of a picture without digits."""
    return Reading(name, "", None, "empty", 0.0, None, reason)


def value_of(text: str) -> float | None:
    """The number that a text of digits, points, commas and a minus sign stands for; None where it is none.

    The last of two different separators is the decimal one; a separator that comes twice, and a comma
    before exactly three last digits, part thousands; a colon or a slash is no number's.
    """
    match = re.fullmatch(r"(-?)(\d[\d.,]*)", text)
    if not match or not match[2][-1].isdigit() or re.search(r"[.,]{2}", match[2]):
        return None
    body = match[2]
    kinds = [character for character in body if character in ".,"]
    thousands = _thousands_separator(body, kinds)
    if thousands:
        if not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:[.,]\d+)?", body):
            return None
        body = body.replace(thousands, "")
    return float(match[1] + body.replace(",", "."))


def _thousands_separator(body: str, kinds: Sequence[str]) -> str | None:
    if len(set(kinds)) == 2:
        return kinds[0]
    if len(kinds) > 1:
        return kinds[0]
    return "," if re.fullmatch(r"\d{1,3},\d{3}", body) else None


def _trim(marks: Sequence[Mark], cutoff: float, height: float) -> list[Mark]:
    """Drop what is surely no digit before the first and after the last digit, when it stands apart: a unit, a label.

    What stands close stays: it may be a digit that the network takes for none, and then the rest is
    another number.
    """
    digits = [k for k, mark in enumerate(marks) if mark.prediction.is_digit]
    if not digits:
        return list(marks)
    first, last = digits[0], digits[-1]
    before, after = marks[:first], marks[last + 1 :]
    if before and _stands_apart(before, before[-1], marks[first], cutoff, height):
        before = []
    if after and _stands_apart(after, marks[last], after[0], cutoff, height):
        after = []
    return [*before, *marks[first : last + 1], *after]


def _stands_apart(others: Sequence[Mark], left: Mark, right: Mark, cutoff: float, height: float) -> bool:
    """Whether `others`, none of them a digit, surely are none and end at a wide gap, that from `left` to `right`."""
    gap = right.region.box[0] - left.region.box[0] - left.region.box[2]
    return gap > APART * height and all(mark.prediction.confidence >= cutoff for mark in others)


def _character(mark: Mark, cutoff: float, frame_size: tuple[int, int]) -> Digit:
    believed = mark.confidence >= cutoff and not _is_cut_off(mark.region.box, frame_size)
    return Digit(mark.prediction.label if believed else UNREADABLE, mark.confidence, mark.region.box)


def _is_cut_off(box: Box, frame_size: tuple[int, int]) -> bool:
    x, y, width, height = box
    return x <= 0 or y <= 0 or x + width >= frame_size[0] or y + height >= frame_size[1]


def _solid(ink: Ink, line: Line, characters: Sequence[Digit]) -> list[Piece]:
    """The small pieces of a line that are drawn as darkly as its digits; the others are specks of the paper."""
    if not line.small:
        return []
    depth = sorted(depth_of(ink, character.box) for character in characters)[len(characters) // 2]
    return [small for small in line.small if depth_of(ink, small.box) > SOLID * depth]


def _unexplained(line: Line, marks: Sequence[Mark], characters: Sequence[Digit], solid: Sequence[Piece]) -> str | None:
    """A reason for doubt where ink as large as a part of a digit was left over, or None."""
    taken = [mark.region.box for mark in marks] + [character.box for character in characters]
    least = FRAGMENT * line.height**2
    left_over = [piece for piece in solid if piece.box[2] * piece.height > least and not _inside_any(piece.box, taken)]
    if left_over:
        return "ink between the digits was not understood"
    if line.beside:
        return "a mark close to the number is no part of it"
    return None


def _inside_any(box: Box, others: Sequence[Box]) -> bool:
    x, y, width, height = box
    return any(x >= o[0] and y >= o[1] and x + width <= o[0] + o[2] and y + height <= o[1] + o[3] for o in others)


def _with_separators(characters: list[Digit], line: Line, solid: Sequence[Piece]) -> list[Digit]:
    """The characters with decimal points, commas and a minus sign among them, left to right."""
    found = [Digit(text, 1.0, small.box) for small in solid for text in [_separator(small, line, characters)] if text]
    merged = sorted([*characters, *found], key=lambda character: character.box[0] + character.box[2] / 2)
    first_digit = next(k for k, character in enumerate(merged) if character not in found)
    lead = [character for character in merged[:first_digit] if character.text == "-"][-1:]
    body = merged[first_digit:]
    while body and body[-1].text in (".", ",", "-"):
        body.pop()
    return lead + [character for character in body if character.text != "-"]


def _separator(small: Piece, line: Line, characters: Sequence[Digit]) -> str | None:
    """What a small piece is: "." or "," at the digits' foot, "-" before the first digit, or nothing."""
    x, y, width, height = small.box
    scale = line.height
    if _overlaps_a_digit(small, characters):
        return None
    foot = _foot(x + width / 2, characters)
    if y + height / 2 > foot - BASELINE * scale and width * height > (POINT_AREA * scale) ** 2:
        if max(width, height) <= POINT_HEIGHT * scale:
            return "," if height > 1.7 * width and y + height > foot + 0.06 * scale else "."
        if width <= POINT_HEIGHT * scale and height <= 1.5 * POINT_HEIGHT * scale and y + height > foot + 0.06 * scale:
            return ","
    first = min(characters, key=lambda character: character.box[0])
    is_level = width > 1.8 * height and 0.25 * scale < width < scale
    middle = first.box[1] + first.box[3] / 2
    if (
        is_level
        and abs(y + height / 2 - middle) < 0.25 * scale
        and 0 <= first.box[0] - small.right < MINUS_REACH * scale
    ):
        return "-"
    return None


def _overlaps_a_digit(small: Piece, characters: Sequence[Digit]) -> bool:
    """Whether most of a small piece lies above, in or below a digit: a part of it, or a speck."""
    return any(
        min(small.right, c.box[0] + c.box[2]) - max(small.box[0], c.box[0]) > 0.5 * small.box[2]
        and small.box[1] < c.box[1] + c.box[3]
        for c in characters
    )


def _foot(x: float, characters: Sequence[Digit]) -> float:
    """Row of the digits' foot at a column, from the two nearest digits: a line may slant."""
    nearest = sorted(characters, key=lambda character: abs(character.box[0] + character.box[2] / 2 - x))[:2]
    return sum(character.box[1] + character.box[3] for character in nearest) / len(nearest)


def _reason(marks: Sequence[Mark], characters: Sequence[Digit], frame_size: tuple[int, int]) -> str | None:
    """Why a line is in doubt, or None."""
    doubtful = [character for character in characters if character.text == UNREADABLE]
    if not doubtful:
        return None
    if any(_is_cut_off(character.box, frame_size) for character in doubtful):
        return "cut off at the frame's border"
    others = sum(not mark.prediction.is_digit for mark in marks)
    if others:
        return f"{others} of {len(marks)} marks are not digits"
    return f"{len(doubtful)} of {len(marks)} digits below the cutoff"


def _reading(characters: Sequence[Digit], reason: str | None) -> Reading:
    text = "".join(character.text for character in characters)
    value = value_of(text) if reason is None else None
    if reason is None and value is None:
        reason = "the separators make no number"
    status: Status = "ok" if value is not None else "uncertain"
    confidence = math.prod(character.confidence for character in characters)
    return Reading(
        "", text, value, status, confidence, union_box([c.box for c in characters]), reason, tuple(characters)
    )
