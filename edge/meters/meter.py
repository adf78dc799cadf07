"""A meter's fields: from the windows of drums, the places of a display and the faces of dials to one value each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.forms.checks import broken_rule
from edge.geometry import Points, box_around, corners_of, cut_upright, sides_of
from edge.inference.classifier import CellClassifier
from edge.meters.cell import normalize_cell
from edge.meters.drums import (
    DIAL,
    DIGITS,
    DRUM,
    DRUM_OVER_DIAL,
    LOWEST_DRUM,
    Decoded,
    Wheel,
    WheelTraits,
    decode_cells,
    decode_wheels,
    drum_wheels,
    position_of,
)
from edge.meters.needle import SIDE as DIAL_SIDE
from edge.meters.needle import read_dial
from edge.meters.register import cut_quad
from edge.meters.segments import SegmentScores, confirmed, contradicts, read_display
from edge.nouns import POSITIONS, UNREADABLE, Box, Candidate, CellScores, Colour, Digit, Gray, Reading, Sight
from edge.schema import FieldTable
from edge.text import with_point

UNSEEN = 0.5
"""A drum or a dial is read only if its likeliest positions, two steps together, have this probability: the others must
not guess for it.
"""

LEAST_TOLD = 0.001
"""Of a value beside the two likeliest, to be told of: less is the chance of a reading that says nothing of its drum."""

LEAST_LIT = 3
"""Cells of a display that all show an 8 from which on that is no number: one of a thousand is lost."""

STEP = POSITIONS // DIGITS
"""Tenths from one digit to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class MeterReader:
    """What reads the fields of a meter: its network, and the least probability of what is believed.

    Of drums and dials, that is the probability of the value to be right to one unit of the last place; of a display,
    where no digit explains another, that of each digit.
    """

    classifier: CellClassifier
    cutoff: float

    def read(
        self,
        gray: Gray,
        table: FieldTable,
        digits: Sequence[Points],
        dials: Sequence[Points],
        colour: Colour | None = None,
    ) -> Reading:
        """The value of a field, all of its cells explained together.

        Parameters
        ----------
        gray : (rows, columns) uint8
        table : FieldTable
        digits, dials : sequence of (4, 2) float64
            Corners in the frame, most significant first.
        colour : (rows / 2, columns / 2, 3) uint8 BGR, optional
            What dials are read in; else `gray`, where a red needle may not be told from the face.
        """
        pictures = [cut_cell(gray, quad) for quad in digits]
        normalized = [normalize_cell(picture) for picture in pictures]
        cells = self.classifier.predict(normalized)
        boxes = [box_around(quad) for quad in (*digits, *dials)]
        if table.kind != "drum":
            segments = read_display(pictures)
            decoded = decode_cells(confirmed(pictures, segments, cells))
            reading = _reading(table, decoded, boxes, [None] * len(boxes), self.cutoff)
            return _unless_all_lit(_checked_by_segments(reading, segments, cells))
        pointers = [
            read_dial(cut_dial(gray, colour, quad), clockwise=number not in table.counterclockwise)
            for number, quad in enumerate(dials, 1)
        ]
        wheels = [
            *drum_wheels(cells, traits_of(table, is_lowest=True), traits_of(table, is_lowest=False)),
            *(Wheel(pointer.positions, pointer.unreadable, DIAL) for pointer in pointers),
        ]
        positions = [_shown_position(wheel) for wheel in wheels]
        reading = _reading(table, decode_wheels(wheels), boxes, positions, self.cutoff)
        return _with_sights(reading, [Sight(*each) for each in zip(normalized, cells, strict=True)])


def _checked_by_segments(reading: Reading, segments: Sequence[SegmentScores], cells: Sequence[CellScores]) -> Reading:
    """The reading of a display, in doubt where the segments of a cell show another digit than the network says."""
    if not reading.candidates:
        return reading
    number = next((k for k, pair in enumerate(zip(segments, cells, strict=True), 1) if contradicts(*pair)), None)
    if number is None:
        return reading
    reason = reading.reason or f"the segments of cell {number} show another digit"
    return replace(reading, value=None, status="uncertain", reason=reason, candidates=())


def _unless_all_lit(reading: Reading) -> Reading:
    """The reading of a display, in doubt where every segment of it is lit: a test, or the shadow of one that is off."""
    symbols = [digit.text for digit in reading.digits]
    if reading.value is None or len(symbols) < LEAST_LIT or set(symbols) != {"8"}:
        return reading
    reason = "every segment is lit: a test of the display, or its shadow while it is off"
    return replace(reading, value=None, status="uncertain", reason=reason, candidates=())


def _with_sights(reading: Reading, sights: Sequence[Sight]) -> Reading:
    """The reading with what was seen of each drum, most significant first; dials come after the drums."""
    drums = [replace(digit, sight=sight) for digit, sight in zip(reading.digits, sights, strict=False)]
    return replace(reading, digits=(*drums, *reading.digits[len(drums) :]))


def _shown_position(wheel: Wheel) -> float | None:
    """Where a wheel stands, 0.0 to 9.9; None where it shows nothing, or could stand anywhere."""
    likeliest = np.sort(wheel.positions)[-2 * STEP :].sum()
    return round(position_of(wheel.positions), 1) % 10 if likeliest > UNSEEN else None


def cut_cell(gray: Gray, quad: Points) -> Gray:
    """What a quadrilateral shows, upright, at the frame's own scale; a box of whole pixels is copied as it is."""
    width, height = sides_of(quad)
    return cut_quad(gray, quad, (round(width), round(height)))


def cut_dial(gray: Gray, colour: Colour | None, quad: Points) -> NDArray[np.uint8]:
    """The dial in a quadrilateral, upright, from the colour planes where there are any, as large as it is looked at."""
    picture = gray if colour is None else colour
    scaled = quad * (np.array(picture.shape[1::-1]) / gray.shape[::-1])
    width, height = (max(DIAL_SIDE, round(side)) for side in sides_of(scaled))
    return cut_upright(picture, scaled, (width, height))[0]


def traits_of(table: FieldTable, *, is_lowest: bool) -> WheelTraits:
    """How the drums of a field turn: each while the wheel below goes from 9 to 0, the lowest of all wheels evenly."""
    lowest = DRUM_OVER_DIAL if table.dials else LOWEST_DRUM
    plain = replace(
        lowest if is_lowest else DRUM,
        direction=-1 if table.backward else 1,
        slack=table.slack if table.slack is not None else DRUM.slack,
        hang=table.hang,
    )
    return replace(plain, engages_at=DIGITS - 0.5, span=0.0, even=0.0) if table.jumps else plain


def _reading(
    table: FieldTable, decoded: Decoded, boxes: Sequence[Box], positions: Sequence[float | None], cutoff: float
) -> Reading:
    is_seen = [position is not None or table.kind != "drum" for position in positions]
    is_sure = (decoded.near if table.kind == "drum" else min(decoded.confidences)) >= cutoff
    rivals = set() if is_sure else _rivalled(decoded)
    believed = [
        symbol if seen and k not in rivals and (confidence >= cutoff or is_sure) else UNREADABLE
        for k, (symbol, confidence, seen) in enumerate(zip(decoded.symbols, decoded.confidences, is_seen, strict=True))
    ]
    digits = tuple(
        Digit(symbol or " ", confidence, box, position)
        for symbol, confidence, box, position in zip(believed, decoded.confidences, boxes, positions, strict=True)
    )
    points = np.concatenate([corners_of(box) for box in boxes])
    reading = Reading(
        table.name, "".join(believed), None, "uncertain", decoded.confidence, box_around(points), None, digits
    )
    if not decoded.text and is_sure:
        return replace(reading, status="empty", reason="blank")
    if not all(is_seen):
        unseen = next(number for number, seen in enumerate(is_seen, 1) if not seen)
        text = with_point(reading.text, table.decimals)
        return replace(reading, reason=f"cell {unseen} shows no digit", text=text)
    reading = replace(reading, candidates=_candidates(table, decoded, is_sure=is_sure))
    if not is_sure:
        likely, other = (with_point(text, table.decimals) or "blank" for text in (decoded.text, decoded.runner_up))
        return replace(reading, reason=f"{likely} or {other}", text=with_point(_doubted(reading), table.decimals))
    text = with_point(decoded.text, table.decimals)
    broken = broken_rule(table, text, float(text))
    if broken:
        return replace(reading, text=text, status="rejected", reason=broken, candidates=())
    return replace(reading, text=text, value=float(text), status="ok")


def _candidates(table: FieldTable, decoded: Decoded, *, is_sure: bool) -> tuple[Candidate, ...]:
    """The values that a field may show and its rules allow, most likely first: the decoded one and the others.

    Each has the probability of what is within a unit of it: where the last drum is in doubt between 6.4 and 8.4, what
    is right to a unit is 7. Those that hardly count are left out but for the runner-up.
    """
    shares: dict[float, float] = {}
    told = ((decoded.text, decoded.near), *decoded.others) if is_sure or not decoded.middle else decoded.middle
    total = max(sum(probability for _, probability in told), 1.0)
    for rank, (digits, probability) in enumerate(told):
        is_told = probability >= LEAST_TOLD or (rank < 2 and probability > 0)
        if is_told and any(symbol.isdigit() for symbol in digits):
            text = with_point(digits, table.decimals)
            if broken_rule(table, text, float(text)) is None:
                shares[float(text)] = shares.get(float(text), 0.0) + probability / total
    return tuple(Candidate(*each) for each in sorted(shares.items(), key=lambda each: -each[1]))


def _rivalled(decoded: Decoded) -> set[int]:
    """Which symbols the runner-up has otherwise."""
    if len(decoded.runner_up) != len(decoded.symbols):
        return set()
    return {k for k, (one, other) in enumerate(zip(decoded.symbols, decoded.runner_up, strict=True)) if one != other}


def _doubted(reading: Reading) -> str:
    """The text with at least one "?": the least sure digit's, where each for itself is sure enough."""
    if UNREADABLE in reading.text:
        return reading.text
    least = min(range(len(reading.digits)), key=lambda k: reading.digits[k].confidence)
    return "".join(UNREADABLE if k == least else digit.text.strip() for k, digit in enumerate(reading.digits))
