"""What stands between the digits of a line: points, commas, a minus before them, and colons and slashes that part
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from edge.nouns import NOT_A_DIGIT, UNREADABLE, Box, Digit
from edge.paper.decode import Mark
from edge.paper.layout import MINUS_OVERLAP, MINUS_REACH, Line
from edge.paper.normalize import stroke_width
from edge.paper.pieces import Piece
from edge.paper.points import POINT_HEIGHT, point_or_comma
from edge.paper.strokes import lean_of

COLON_DOT = 0.07
"""Least width and height of a colon's dot, over the digits' height."""

POINT_GAP = 1.25
"""The gap that a point stands in is this many times wider than the line's others, or it may be a speck."""

POINT_ROOM = 1.5
"""... and, where the line has no other gap, this many times wider than the point."""

POINT_OVER_PEN, BROAD_PEN = 0.9, 3.0
"""A point is at least this large over the digits' stroke width, where that is this many pixels or more: of 520 in the
faces of training and validation the smallest had 1.07, at widths of less than 3.5 pixels."""

HUGGING, LOPSIDED = 0.1, 0.35
"""A point or colon closer to one of its digits than this, over their height, and than this over its distance to the
other, may be bits of that digit.
"""

SLASH_HEIGHT, MAYBE_SLASH = 1.45, 1.2
"""A slash is this many times higher than the digits beside it; from the lesser on, a leaning stroke may be one."""

SLASH_REACH = 0.06
"""... and reaches out both above and below them by this, over their height."""

SLASH_LEAN = 0.15
"""Columns a row that a slash leans by at least."""

TYPESET, PRINTED_LEAN = 0.06, 0.2
"""Digits whose heights differ by less than this are typeset, and no typeset 1 is a bare stroke that leans so far."""

SHARP, BLUNT = 0.0, 1.0
"""Pixels that they may differ by beside: by the lesser they are typeset, by the greater they may be."""

SLASH_IN_PRINT = 0.1
"""... and a slash is higher than typeset digits by this, over their height: by less it may be a 1 among handwritten
ones that happen to be of one height.
"""

LEANS_ALIKE = 0.7
"""... and leans farther than the 1s of a slanting hand: beside a stroke that is no higher than the digits and leans by
this over its own, it may be one of them.
"""

PERCENT = 1.5
"""A stroke this many times higher than the rings on both sides of it makes a per cent sign with them."""

PERCENT_STEP = 0.25
"""... that on its left stands higher than the other one, by this over the stroke's height."""

MANY = 5
"""With fewer marks than this, three digits of one height may be handwriting by chance."""

LIKE_A_SLASH = ("1", "7", NOT_A_DIGIT)
"""What a network that knows digits only takes a slash for."""

PARTS = (":", "/")
"""Signs that end one number and begin another."""

WITHIN = (".", ",", "-")
"""Signs in a number that are no digits."""


@dataclass(frozen=True, slots=True)
class Separated:
    """The numbers of a line, each a run of characters; all signs found; why a separator is in doubt, or None."""

    numbers: tuple[tuple[Digit, ...], ...]
    signs: tuple[Box, ...]
    doubt: str | None


def separate(marks: Sequence[Mark], characters: Sequence[Digit], line: Line, solid: Sequence[Piece]) -> Separated:
    """Put a line's separators among its characters, and part it at colons and slashes.

    Parameters
    ----------
    marks, characters : sequences of equal length
        Each mark with the character it was taken for.
    line : Line
    solid : sequence of Piece
        The line's small pieces that are drawn as darkly as its digits.
    """
    leans = [lean_of(mark.region.coverage) or 0.0 if mark.prediction.label in LIKE_A_SLASH else 0.0 for mark in marks]
    upright = [character for character, lean in zip(characters, leans, strict=True) if lean < SLASH_LEAN]
    slack = next((slack for slack in (SHARP, BLUNT) if _is_typeset(upright, slack)), None)
    slashes = [_slash_likeness(k, leans, characters, slack) for k in range(len(marks))]
    signs = [
        Digit("/", character.confidence, character.box) if slash == "surely" else character
        for character, slash in zip(characters, slashes, strict=True)
    ]
    digits = [sign for sign in signs if sign.text != "/"]
    if not digits:
        return Separated((), (), None)
    small, boxes = _small_signs(solid, line, digits)
    merged = sorted([*signs, *small], key=lambda sign: sign.box[0] + sign.box[2] / 2)
    numbers = tuple(number for run in runs_between(merged, PARTS) for number in [_number(run)] if number)
    doubt = "a stroke may be a 1 or a slash" if "maybe" in slashes else None
    doubt = doubt or _doubt_of_points(merged) or _doubt_of_size(marks, small) or _doubt_of_hugging(merged, line.height)
    return Separated(numbers, boxes, doubt)


def is_percent_sign(marks: Sequence[Mark]) -> bool:
    """Whether all there is are two rings, one above the other, and a leaning stroke between them, higher than both."""
    if len(marks) != 3 or marks[0].prediction.label != "0" or marks[2].prediction.label != "0":
        return False
    first, stroke, last = (mark.region.box for mark in marks)
    step = last[1] + last[3] / 2 - first[1] - first[3] / 2
    is_high = stroke[3] > PERCENT * max(first[3], last[3]) and step > PERCENT_STEP * stroke[3]
    return is_high and (lean_of(marks[1].region.coverage) or 0.0) > SLASH_LEAN


def _small_signs(solid: Sequence[Piece], line: Line, digits: Sequence[Digit]) -> tuple[list[Digit], tuple[Box, ...]]:
    """Points, commas, minus signs and colons among small pieces of ink, and the boxes of all these pieces."""
    colons = _colons(solid, line, digits)
    dots = {id(dot) for pair in colons for dot in pair}
    signs = [Digit(":", 1.0, upper.box) for upper, _ in colons]
    for piece in solid:
        text = None if id(piece) in dots else _separator(piece, line, digits)
        if text:
            signs.append(Digit(text, 1.0, piece.box))
    return signs, (*(sign.box for sign in signs), *(dot.box for pair in colons for dot in pair))


def _colons(solid: Sequence[Piece], line: Line, digits: Sequence[Digit]) -> list[tuple[Piece, Piece]]:
    """Pairs of dots, one above the other, at the foot and at the middle of the digits."""
    dots = [piece for piece in solid if _is_dot(piece, line.height) and not _overlaps_a_digit(piece, digits)]
    return [
        (upper, lower)
        for upper in dots
        for lower in dots
        if abs(upper.box[0] + upper.box[2] / 2 - lower.box[0] - lower.box[2] / 2) < 0.12 * line.height
        and 0.2 * line.height < lower.middle - upper.middle < 0.8 * line.height
        and 0.5 < upper.size / lower.size < 2.0
    ]


def _is_dot(piece: Piece, height: float) -> bool:
    """Whether a piece may be one of a colon's dots: they are as large as the pen is broad."""
    _, _, columns, rows = piece.box
    return max(columns, rows) <= POINT_HEIGHT * height and min(columns, rows) > COLON_DOT * height


def _separator(small: Piece, line: Line, digits: Sequence[Digit]) -> str | None:
    """What a small piece is: "." or "," at the digits' foot, "-" before the first digit, or nothing."""
    x, _, width, _ = small.box
    scale = line.height
    if _overlaps_a_digit(small, digits):
        return None
    if point := point_or_comma(small, _foot(x + width / 2, digits), scale):
        return point
    return "-" if _is_minus(small, scale, digits) else None


def _is_minus(small: Piece, height: float, digits: Sequence[Digit]) -> bool:
    """Whether a small piece is a level stroke before the first digit, half-way up; `height` is the digits', in rows."""
    _, _, columns, rows = small.box
    first = min(digits, key=lambda digit: digit.box[0])
    is_level = columns > 1.8 * rows and 0.18 * height < columns < height
    is_before = -MINUS_OVERLAP * height <= first.box[0] - small.right < MINUS_REACH * height
    return is_level and is_before and abs(small.middle - first.box[1] - first.box[3] / 2) < 0.25 * height


def _overlaps_a_digit(small: Piece, digits: Sequence[Digit]) -> bool:
    """Whether most of a small piece lies above, in or below a digit: a part of it, a speck, or the dot of a "?"."""
    return any(
        min(small.right, digit.box[0] + digit.box[2]) - max(small.box[0], digit.box[0]) > 0.5 * small.box[2]
        for digit in digits
    )


def _foot(x: float, digits: Sequence[Digit]) -> float:
    """Row of the digits' foot at a column, from the two nearest digits: a line may slant."""
    nearest = sorted(digits, key=lambda digit: abs(digit.box[0] + digit.box[2] / 2 - x))[:2]
    return sum(digit.box[1] + digit.box[3] for digit in nearest) / len(nearest)


def runs_between(signs: Sequence[Digit], ends: Sequence[str]) -> list[list[Digit]]:
    """The characters between those that are one of `ends`."""
    runs: list[list[Digit]] = [[]]
    for sign in signs:
        if sign.text in ends:
            runs.append([])
        else:
            runs[-1].append(sign)
    return runs


def _number(run: Sequence[Digit]) -> tuple[Digit, ...]:
    """One number's characters: a minus before the first digit, no separator after the last."""
    digits = [k for k, sign in enumerate(run) if sign.text not in WITHIN]
    if not digits:
        return ()
    lead = [sign for sign in run[: digits[0]] if sign.text == "-"][-1:]
    return (*lead, *(sign for sign in run[digits[0] : digits[-1] + 1] if sign.text != "-"))


def _doubt_of_points(merged: Sequence[Digit]) -> str | None:
    """A reason where a point stands in a gap like any other: then it may be a speck."""
    gaps, with_point = [], []
    for left, right in pairwise(k for k, sign in enumerate(merged) if sign.text not in (".", ",", "-", ":")):
        gap = merged[right].box[0] - merged[left].box[0] - merged[left].box[2]
        points = [sign for sign in merged[left + 1 : right] if sign.text in (".", ",", ":")]
        if points:
            with_point.append((gap, max(point.box[2] for point in points)))
        else:
            gaps.append(gap)
    usual = median(gaps) if gaps else None
    for gap, width in with_point:
        if gap < POINT_ROOM * width or (usual is not None and gap < POINT_GAP * usual + 0.5 * width):
            return "a speck between the digits may be a point"
    return None


def _doubt_of_size(marks: Sequence[Mark], small: Sequence[Digit]) -> str | None:
    """A reason where a point is smaller than the pen that drew the digits: then it may be a speck."""
    points = [max(sign.box[2:]) for sign in small if sign.text in (".", ",")]
    if not points:
        return None
    pen = median(
        stroke_width(mark.region.coverage) * mark.region.box[3] / len(mark.region.coverage)
        for mark in marks
        if mark.prediction.is_digit
    )
    if pen >= BROAD_PEN and min(points) < POINT_OVER_PEN * pen:
        return "a speck between the digits may be a point"
    return None


def _doubt_of_hugging(merged: Sequence[Digit], height: float) -> str | None:
    """A reason where a colon's dots lie close to one digit and away from the other, or a point does so to the one on
    its right: the ends of a 2, 3, 5 and 9 lie on their left. On its left a point may stand below the bar of a 7.
    """
    for left, sign, right in zip(merged, merged[1:], merged[2:], strict=False):
        before, after = sign.box[0] - left.box[0] - left.box[2], right.box[0] - sign.box[0] - sign.box[2]
        near, far = (after, before) if sign.text in (".", ",") else sorted((before, after))
        if sign.text in (".", ",", ":") and near < min(HUGGING * height, LOPSIDED * far):
            return "dots beside a digit may be bits of it"
    return None


def _is_typeset(digits: Sequence[Digit], slack: float) -> bool:
    """Whether digits stand on one row and are all of one height but for so many pixels, as handwriting hardly does."""
    tolerance = TYPESET if len(digits) > 2 else TYPESET / 2
    extents = [digit.box[3] for digit in digits], [digit.box[1] + digit.box[3] for digit in digits]
    return len(digits) > 1 and all(
        max(extent) - min(extent) <= max(1.0, slack + tolerance * max(extents[0])) for extent in extents
    )


def _slants(index: int, leans: Sequence[float], characters: Sequence[Digit], usual: float) -> bool:
    """Whether another stroke, no higher than the digits usually are, leans nearly as far: then the hand slants."""
    return any(
        lean > LEANS_ALIKE * leans[index] and character.box[3] <= (1 + SLASH_IN_PRINT) * usual
        for k, (lean, character) in enumerate(zip(leans, characters, strict=True))
        if k != index
    )


def _stands_out(height: int, upright: Sequence[Digit]) -> bool:
    """Whether a stroke is higher than each of several digits beside it, not only than a low one among them."""
    return len(upright) > 1 and all(height > MAYBE_SLASH * digit.box[3] for digit in upright)


def _slash_likeness(
    index: int, leans: Sequence[float], characters: Sequence[Digit], slack: float | None
) -> Literal["surely", "maybe"] | None:
    """How like a slash a leaning stroke is: among typeset digits by its lean, else where it stands out both ways.

    At the end of a handwritten number it is a 1: nobody begins or ends one with a slash. With `slack` the digits are
    typeset; None if they are not.
    """
    is_at_end = index in (0, len(leans) - 1)
    if leans[index] < SLASH_LEAN or characters[index].text not in ("1", "7", UNREADABLE):
        return None
    others = range(max(0, index - 2), min(len(leans), index + 3))
    upright = [characters[k] for k in others if leans[k] < SLASH_LEAN]
    neighbours = upright or [characters[k] for k in others if k != index]
    if not neighbours:
        return None
    _, top, _, height = characters[index].box
    usual = median(digit.box[3] for digit in neighbours)
    above = (median(digit.box[1] for digit in neighbours) - top) / usual
    below = height / usual - 1 - above
    leans_in_print = slack is not None and leans[index] > PRINTED_LEAN and min(above, below) > -TYPESET
    if is_at_end:
        return "maybe" if leans_in_print else None
    is_percent = height > PERCENT * usual and all(characters[k].text == "0" for k in (index - 1, index + 1))
    if leans_in_print:
        is_high = above + below > SLASH_IN_PRINT and not is_percent
        is_sure = slack == SHARP and is_high and len(leans) >= MANY and not _slants(index, leans, characters, usual)
        return "surely" if is_sure else "maybe"
    if min(above, below) < SLASH_REACH:
        return None
    if height > SLASH_HEIGHT * usual and not is_percent:
        return "surely" if _stands_out(height, upright) else "maybe"
    return "maybe" if height > MAYBE_SLASH * usual else None
