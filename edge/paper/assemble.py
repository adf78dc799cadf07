"""From marks to readings: text, value, status and the reason for doubt. Digits are never altered to please a rule."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median, median_low

from edge.nouns import NOT_A_DIGIT, UNREADABLE, Box, Digit, Reading, Status
from edge.paper.binarize import Ink
from edge.paper.decode import Mark
from edge.paper.layout import Line
from edge.paper.pieces import Piece, union_box
from edge.paper.segment import depth_of, paper_level
from edge.paper.separators import WITHIN, Separated, is_percent_sign, runs_between, separate
from edge.paper.strokes import bow_of, lean_of, solidity_of

LEAST_DIGITS = 0.6
"""A line with marks that are no digits, and with a lesser share of sure ones, is writing and left out."""

APART = 0.8
"""What is no digit belongs to the number unless the gap to it is wider than this, over the digits' height."""

AMONG_LETTERS = 2.0
"""A lone digit this close to writing, over its height, may be a letter of it."""

SURELY_NONE = 0.9
"""Least confidence that a mark is no digit with which it is left out, where it stands apart."""

SOLID = 0.6
"""A separator, or a part of a digit, has at least this share of the digits' contrast to the paper."""

BOW = 0.14
"""Of 1,200 1s by validation writers 0.4 % bow by more of their height, of 1,200 halves of their 0s 91 %, and of the 22
halves that a network takes for a 1 all but 9.
"""

BRACKETS, BRACKETS_APART = 0.1, 0.8
"""Two 1s that bow apart by more of their height together, with less than so many heights from middle to middle, may be
the sides of a 0. Of pairs of 1s by validation writers 1.6 % bow apart by more.
"""

TOGETHER = 0.95
"""Least confidence of a number that is believed: each of its digits may be above the cutoff, and still one of them is
wrong. Of 4,797 numbers by validation writers 14 are wrong and believed with it: with 95 % confidence at most 0.49 % of
all numbers.
"""

AMONG_DIGITS = 0.19
"""How much less often a mark is no digit where others beside it are digits: one in fifty, where of the glyphs that
calibrate the network one in ten is none.
"""

COMPANY = 2
"""At least this many digits, and half of the others, are believed for themselves where a mark stands among digits."""

SHORT = 0.55
"""A 1 lower than this over the middle height of the digits may be what is left of a frame."""

SOLID_STROKE = 0.8
"""Share of its convex hull that a stroke fills at least which has neither flag nor foot. In 60 faces of the training
all but one 1 fill less, and all quotation marks and commas that read as a 1 more but one.
"""

FEW = 2
"""With no more marks than this, one doubt leaves no digit that could be believed: it may all be a sign or a letter."""

STROKES = ("1", "7", UNREADABLE)
"""What the legs of an m, a w or an R are taken for."""

LEAST_STEPS, HOLE, HOLE_GAP = 3, 1.75, 0.6
"""From this many steps from digit to digit on, one this many times longer than the usual one is a hole, if the gap in
it is this wide, over the digits' height.
"""

LEAST_GAPS, EVEN = 2, 0.2
"""From this many gaps on, and where steps differ by more than this over the usual one, ..."""

SPACE, SPACES, SPACE_MORE = 0.4, 1.6, 0.1
"""... a gap may be a space that is wider than this over the digits' height, and than so many usual gaps and this over
the height: between two numbers, or before thousands.
"""

WHOLE = 0.85
"""A digit at the upper or lower border is whole if it is at least this high, over the digits inside the frame."""

OVER_LINES = 2.0
"""Times that a number's ink is deeper than the lines that were lifted about it, for it to be believed: of validation
numbers with a 1 along a line none is wrong and believed from 1.6 times on; at 1.3 times the 1s are gone.
"""

FRAGMENT = 0.008
"""Left over ink leaves doubt when its box is larger than this, over the square of the digits' height."""


def assemble(ink: Ink, line: Line, marks: Sequence[Mark], cutoff: float) -> list[Reading]:
    """One line's readings, left to right, named by `name_readings` later: none where it is no number at all.

    A line is one number, unless colons or slashes part it. A mark at the frame's border may be cut
    off, and is not believed.

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
    marks = _trim(marks, line.height)
    if _is_writing(marks, cutoff) or is_percent_sign(marks):
        return []
    usual = _usual_height(marks, frame_size)
    characters = [
        _character(mark, cutoff, usual, frame_size, _has_company(marks, k, cutoff)) for k, mark in enumerate(marks)
    ]
    solid = _solid(ink, line, characters)
    separated = separate(marks, characters, line, solid)
    shared = _unexplained(line, [*(mark.region.box for mark in marks), *separated.signs], solid)
    with_faint = separated if len(solid) == len(line.small) else separate(marks, characters, line, line.small)
    shared = shared or separated.doubt or _doubt_of_faint(separated, with_faint) or _doubt_of_strokes(marks)
    shared = shared or _doubt_of_lifted(ink, line)
    readings = [
        _reading(
            number,
            _confidence(marks, number),
            _reason(marks, number, cutoff, usual, frame_size)
            or shared
            or _doubt_of_gaps(number, line.height)
            or _doubt_of_spaces(number, line.height),
        )
        for number in separated.numbers
    ]
    return [_unbelieved(reading) if _may_be_a_sign(reading, marks, cutoff) else reading for reading in readings]


def _doubt_of_lifted(ink: Ink, line: Line) -> str | None:
    """A reason where the lines that were lifted about a number were nearly as deep as its ink: a stroke along one of
    them may be gone with it.
    """
    if ink.lifted is None:
        return None
    left, top, width, height = line.box
    reach = round(line.height)
    deepest = float(ink.lifted[top : top + height, max(0, left - reach) : left + width + reach].max())
    depth = median(depth_of(ink, piece.box) * paper_level(ink, piece.box) for piece in line.pieces)
    return "printed lines are nearly as dark as its ink" if depth < OVER_LINES * deepest else None


def _is_writing(marks: Sequence[Mark], cutoff: float) -> bool:
    """Whether marks are no number at all: none is a digit, too few are sure ones, or the only one is not sure."""
    digits = sum(mark.prediction.is_digit for mark in marks)
    believed = sum(mark.confidence >= cutoff for mark in marks)
    has_few = digits < len(marks) and believed < LEAST_DIGITS * len(marks)
    return not digits or has_few or (len(marks) == 1 and not believed)


def _may_be_a_sign(reading: Reading, marks: Sequence[Mark], cutoff: float) -> bool:
    """Whether a number in doubt may be no number at all: few pieces, or one cut to strokes as an m has them."""
    if reading.status == "ok":
        return False
    is_cut = all(mark.odds < 1.0 for mark in marks) and reading.confidence < cutoff
    return len(marks) <= FEW or (is_cut and all(digit.text in STROKES for digit in reading.digits))


def _unbelieved(reading: Reading) -> Reading:
    """The reading with none of its digits believed."""
    digits = tuple(replace(digit, text=UNREADABLE) for digit in reading.digits)
    return replace(reading, text=UNREADABLE * len(digits), digits=digits)


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
    before exactly three last digits, part thousands unless a 0 leads; a colon or a slash is no number's.
    """
    match = re.fullmatch(r"(-?)(\d[\d.,]*)", text)
    if not match or not match[2][-1].isdigit() or re.search(r"[.,]{2}", match[2]):
        return None
    body = match[2]
    kinds = [character for character in body if character in ".,"]
    thousands = _thousands_separator(body, kinds)
    if thousands:
        decimal = "," if thousands == "." else "."
        if not re.fullmatch(rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(decimal)}\d+)?", body):
            return None
        body = body.replace(thousands, "")
    return float(match[1] + body.replace(",", "."))


def _thousands_separator(body: str, kinds: Sequence[str]) -> str | None:
    if len(set(kinds)) == 2:
        return kinds[0]
    if len(kinds) > 1:
        return kinds[0]
    return "," if re.fullmatch(r"[1-9]\d{0,2},\d{3}", body) else None


def _trim(marks: Sequence[Mark], height: float) -> list[Mark]:
    """Drop what is surely no digit before the first and after the last digit, when it stands apart: a unit, a label.

    What stands close stays: it may be a digit that the network takes for none, and then the rest is
    another number.
    """
    digits = [k for k, mark in enumerate(marks) if mark.prediction.is_digit]
    if not digits:
        return list(marks)
    first, last = digits[0], digits[-1]
    before, after = marks[:first], marks[last + 1 :]
    if before and _stands_apart(before, before[-1], marks[first], height):
        before = []
    if after and _stands_apart(after, marks[last], after[0], height):
        after = []
    return [*before, *marks[first : last + 1], *after]


def _stands_apart(others: Sequence[Mark], left: Mark, right: Mark, height: float) -> bool:
    """Whether `others`, none of them a digit, surely are none and end at a wide gap, that from `left` to `right`."""
    gap = right.region.box[0] - left.region.box[0] - left.region.box[2]
    return gap > APART * height and all(mark.prediction.confidence >= SURELY_NONE for mark in others)


def _has_company(marks: Sequence[Mark], index: int, cutoff: float) -> bool:
    """Whether enough of the other marks are digits to say that this one stands in a number."""
    others = len(marks) - 1
    believed = sum(mark.confidence >= cutoff for k, mark in enumerate(marks) if k != index)
    return believed >= COMPANY and 2 * believed >= others


def _character(mark: Mark, cutoff: float, usual: float, frame_size: tuple[int, int], has_company: bool) -> Digit:
    """What a mark is shown as: among digits, where it is one more likely, what it seems even if it may be none.

    Neither the cutoff nor the number's confidence knows of it: what is shown for its company is not believed.
    """
    label, confidence = _among_digits(mark) if has_company else (mark.prediction.label, mark.confidence)
    is_whole = not _is_cut_off(mark.region.box, usual, frame_size)
    is_shown = confidence >= cutoff and is_whole and not _is_bowed_one(mark)
    return Digit(label if is_shown else UNREADABLE, confidence, mark.region.box)


def _among_digits(mark: Mark) -> tuple[str, float]:
    """The likeliest digit that a mark is and its probability, given that it stands among digits."""
    scores = mark.prediction.scores
    label = max((label for label in scores if label != NOT_A_DIGIT), key=lambda label: scores[label])
    none = scores.get(NOT_A_DIGIT, 0.0)
    return label, mark.odds * scores[label] / (1.0 - none + AMONG_DIGITS * none)


def _is_cut_off(box: Box, usual: float, frame_size: tuple[int, int]) -> bool:
    """Whether the frame's border may hide a part of a digit: one as high as the others is whole from top to foot."""
    x, y, width, height = box
    if x <= 0 or x + width >= frame_size[0]:
        return True
    return (y <= 0 or y + height >= frame_size[1]) and height < WHOLE * usual


def _usual_height(marks: Sequence[Mark], frame_size: tuple[int, int]) -> float:
    """Middle height of the marks that end inside the frame; where there is none, more than the frame has rows."""
    boxes = [mark.region.box for mark in marks]
    inside = [height for _, y, _, height in boxes if y > 0 and y + height < frame_size[1]]
    return float(median(inside)) if inside else 2.0 * frame_size[1]


def _solid(ink: Ink, line: Line, characters: Sequence[Digit]) -> list[Piece]:
    """The small pieces of a line that are drawn as darkly as its digits; the others are specks of the paper."""
    if not line.small:
        return []
    depth = sorted(depth_of(ink, character.box) for character in characters)[len(characters) // 2]
    return [small for small in line.small if depth_of(ink, small.box) > SOLID * depth]


def _unexplained(line: Line, taken: Sequence[Box], solid: Sequence[Piece]) -> str | None:
    """A reason for doubt where ink as large as a part of a digit was left over, or None."""
    least = FRAGMENT * line.height**2
    left_over = [piece for piece in solid if piece.box[2] * piece.height > least and not _inside_any(piece.box, taken)]
    if left_over:
        return "ink between the digits was not understood"
    if line.beside:
        return "a mark close to the number is no part of it"
    return None


def _doubt_of_faint(separated: Separated, with_faint: Separated) -> str | None:
    """A reason where small ink too faint to be surely drawn would be a sign, and no speck, if it were."""
    if with_faint.doubt is None and _texts(with_faint) != _texts(separated):
        return "a faint mark may be a sign"
    return None


def _texts(separated: Separated) -> list[str]:
    return ["".join(character.text for character in number) for number in separated.numbers]


def _inside_any(box: Box, others: Sequence[Box]) -> bool:
    x, y, width, height = box
    return any(x >= o[0] and y >= o[1] and x + width <= o[0] + o[2] and y + height <= o[1] + o[3] for o in others)


def _doubt_of_gaps(number: Sequence[Digit], height: float) -> str | None:
    """A reason where the digits' even pitch has a hole as wide as one of them: glare may hide a digit."""
    steps, gaps = _steps(number), _gaps(number)
    if len(steps) < LEAST_STEPS:
        return None
    usual = median(steps)
    if any(step > HOLE * usual and gap > HOLE_GAP * height for step, gap in zip(steps, gaps, strict=True)):
        return "a digit may be hidden in a gap"
    return None


def _doubt_of_spaces(number: Sequence[Digit], height: float) -> str | None:
    """A reason where a gap between digits is much wider than usual, though narrower than between columns; digits at an
    even pitch have wide gaps beside a 1.
    """
    runs = runs_between(number, WITHIN)
    steps = [step for run in runs for step in _steps(run)]
    gaps = [gap for run in runs for gap in _gaps(run)]
    if len(gaps) < LEAST_GAPS or max(steps) - min(steps) <= EVEN * median(steps):
        return None
    is_wide = max(gaps) > max(SPACE * height, SPACES * median_low(gaps) + SPACE_MORE * height)
    return "a gap may part two numbers" if is_wide else None


def _steps(signs: Sequence[Digit]) -> list[float]:
    """Columns from the middle of each sign to that of the next."""
    middles = [sign.box[0] + sign.box[2] / 2 for sign in signs]
    return [right - left for left, right in pairwise(middles)]


def _gaps(signs: Sequence[Digit]) -> list[int]:
    """Columns between each sign and the next."""
    return [right.box[0] - left.box[0] - left.box[2] for left, right in pairwise(signs)]


def _doubt_of_strokes(marks: Sequence[Mark]) -> str | None:
    """A reason where a 1 is much shorter than the others, where two bow apart, or all there is are bare strokes, one or
    two of them, or cut from one piece: they may be an l, a quotation mark, or the legs of an m.
    """
    is_cut = any(mark.odds < 1.0 for mark in marks)
    usual = median(mark.region.box[3] for mark in marks)
    if any(mark.prediction.label == "1" and mark.region.box[3] < SHORT * usual for mark in marks):
        return "a short stroke may be a 1 or a bit of a line"
    if (len(marks) <= 2 or is_cut) and all(_is_bare_stroke(mark) for mark in marks):
        return "bare strokes may be ones, letters or marks"
    if any(_are_brackets(left, right) for left, right in pairwise(marks)):
        return "two strokes that bow apart may be the sides of a digit"
    return None


def _is_bowed_one(mark: Mark) -> bool:
    """Whether a mark is read as a 1 but bows as half a 0 does."""
    return mark.prediction.label == "1" and abs(bow_of(mark.region.coverage)) > BOW


def _are_brackets(left: Mark, right: Mark) -> bool:
    """Whether two 1s stand and bow as the sides of a 0 do that has lost its top and foot."""
    if left.prediction.label != "1" or right.prediction.label != "1":
        return False
    (x, _, width, height), (other_x, _, other_width, other_height) = left.region.box, right.region.box
    apart = other_x + other_width / 2 - x - width / 2
    is_close = apart < BRACKETS_APART * max(height, other_height)
    return is_close and bow_of(right.region.coverage) - bow_of(left.region.coverage) > BRACKETS


def _is_bare_stroke(mark: Mark) -> bool:
    ink = mark.region.coverage
    return mark.prediction.label == "1" and (lean_of(ink) is not None or solidity_of(ink) > SOLID_STROKE)


def _own(marks: Sequence[Mark], characters: Sequence[Digit]) -> list[Mark]:
    """The marks that a number's digits were made of."""
    boxes = {character.box for character in characters}
    return [mark for mark in marks if mark.region.box in boxes]


def _reason(
    marks: Sequence[Mark], characters: Sequence[Digit], cutoff: float, usual: float, frame_size: tuple[int, int]
) -> str | None:
    """Why a number is in doubt, or None."""
    own = _own(marks, characters)
    doubtful = [character for character in characters if character.text == UNREADABLE]
    if any(_is_cut_off(character.box, usual, frame_size) for character in doubtful):
        return "cut off at the frame's border"
    if any(_is_bowed_one(mark) for mark in own):
        return "a bowed stroke may be half a digit"
    others = sum(not mark.prediction.is_digit for mark in own)
    if others:
        return f"{others} of {len(own)} marks {'are not' if doubtful else 'may be no'} digits"
    below = sum(mark.confidence < cutoff for mark in own)
    return f"{below} of {len(own)} digits below the cutoff" if below else None


def _confidence(marks: Sequence[Mark], characters: Sequence[Digit]) -> float:
    """Probability that a number's marks are digits, these, and cut rightly."""
    return math.prod(mark.confidence for mark in _own(marks, characters))


def doubt_together(confidence: float) -> str | None:
    """Why a number with this confidence is in doubt though each digit is above the cutoff; None where it is not."""
    if confidence >= TOGETHER:
        return None
    return f"all digits together are right with {confidence:.2f} only, less than {TOGETHER}"


def _reading(characters: Sequence[Digit], confidence: float, reason: str | None) -> Reading:
    text = "".join(character.text for character in characters)
    value = value_of(text) if reason is None else None
    if reason is None and value is None:
        reason = "the separators make no number"
    if value is not None and (doubt := doubt_together(confidence)):
        reason, value = doubt, None
    status: Status = "ok" if value is not None else "uncertain"
    return Reading(
        "", text, value, status, confidence, union_box([c.box for c in characters]), reason, tuple(characters)
    )
