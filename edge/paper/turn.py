"""Pages that lie on their side or upside down: read all four ways, and kept the way that reads best by far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import cv2

from edge.nouns import Box, Gray, Reading

Turn = Literal[0, 90, 180, 270]

TURNS: dict[Turn, int | None] = {
    0: None,
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
"""Degrees clockwise that a picture is turned by, and OpenCV's code for it."""

WORST = -3.0
"""Bits that a mark which is no digit counts: one in a number is as bad as three sure digits are good."""

MIN_LEAD = 1.8
"""Bits that the best way is ahead by at the least: about two sure digits, which 69 and 96 do not give."""

MAX_RIVAL = 0.7
"""... and the next way has at most this share of its evidence."""


def read_any_way_up(gray: Gray, read: Callable[[Gray], list[Reading]]) -> list[Reading]:
    """The readings of a picture in the way up that reads best, with boxes in the picture as it is.

    Where two ways read about as well, as 1961 does, all readings are uncertain.

    Parameters
    ----------
    gray : (rows, columns) uint8
    read : callable
        Reads a picture that is the right way up.
    """
    ways = {turn: read(gray if code is None else cv2.rotate(gray, code)) for turn, code in TURNS.items()}
    evidence = {turn: evidence_of(readings) for turn, readings in ways.items()}
    best, rival = sorted(TURNS, key=lambda turn: -evidence[turn])[:2]
    if evidence[best] <= 0:
        return ways[0]
    readings = [turned_back(reading, best, gray.shape) for reading in ways[best]]
    if evidence[best] - evidence[rival] < MIN_LEAD or evidence[rival] > MAX_RIVAL * evidence[best]:
        return [_doubted(reading, rival, best) for reading in readings]
    return readings


def evidence_of(readings: Sequence[Reading]) -> float:
    """How well a way up reads, in bits: each digit's confidence over an even chance, in rows of at least two digits.

    A page on its side has its digits in columns, each on a row of its own. What is a digit for its company only counts
    for it where the page is the right way up, so a number's own confidence counts as well.
    """
    return sum(_evidence_of_row(reading) for reading in readings if len(reading.digits) > 1)


def _evidence_of_row(reading: Reading) -> float:
    bits = [_bits(digit.confidence) for digit in reading.digits]
    owed = _bits(reading.confidence) - 1.0 - sum(bit - 1.0 for bit in bits)
    return sum(max(bit, WORST) for bit in bits) + max(min(owed, 0.0), WORST)


def _bits(confidence: float) -> float:
    return 1.0 + math.log2(max(confidence, 1e-9))


def turned_back(reading: Reading, turn: Turn, shape: tuple[int, ...]) -> Reading:
    """A reading of a turned picture with its boxes in the picture before; `shape` is that picture's."""
    if turn == 0:
        return reading
    digits = tuple(replace(digit, box=_back(digit.box, turn, shape)) for digit in reading.digits)
    return replace(reading, box=_back(reading.box, turn, shape) if reading.box else None, digits=digits)


def _back(box: Box, turn: Turn, shape: tuple[int, ...]) -> Box:
    x, y, width, height = box
    rows, columns = shape[:2]
    if turn == 90:
        return y, rows - x - width, height, width
    if turn == 180:
        return columns - x - width, rows - y - height, width, height
    return columns - y - height, x, height, width


def _doubted(reading: Reading, rival: Turn, best: Turn) -> Reading:
    if reading.status != "ok":
        return reading
    reason = f"turned by {rival} degrees it reads about as well as by {best}"
    return replace(reading, value=None, status="uncertain", reason=reason)
