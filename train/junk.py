"""What is not a digit: letters, signs, scribbles, blots, frames, cut, merged and spoiled digits, and texture.

A network that has seen digits only calls everything a digit; these pictures teach the class "not a
digit" (outlier exposure, Hendrycks et al., Deep Anomaly Detection with Outlier Exposure, 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from train.data.fonts import Face, render_text
from train.seams import wrong_cut
from train.spoiled import half, overwritten, struck

LETTERS = "ACEFGHKLMNPQRTUVWXYacdefhkmnprtuvwxyz"
"""Without O o D I l i j J S s Z B b g q, and | / ! ( ) [ ] among the signs: in some face, or in somebody's hand, they
are digits to the pixel, and a network that calls them none calls odd digits none as well."""
DOUBLES = "BDGJQSZbgijqsz"
"""Letters that are near doubles of digits: a few of them keep the network from being sure of such."""
SHARES_OF_CHARACTERS = (0.69, 0.24, 0.07)
"""Of letters, signs and doubles."""
SIGNS = "+-=*%&@#?{}<>$€£,.:;~^_\"'"
SIDE = 48
TYPE_SIZE = 40
VARIANTS = 4
"""Renderings kept of each character and face."""


def scribble(rng: np.random.Generator) -> Gray:
    """A pen line that wanders: (48, 48) uint8 ink."""
    steps = rng.normal(0, 8, (rng.integers(4, 12), 2)).cumsum(axis=0)
    points = steps - steps.min(axis=0)
    points = points / max(points.max(), 1e-6) * (SIDE - 10) + 5
    return _line(points, int(rng.integers(1, 6)), rng.random() < 0.5)


def blot(rng: np.random.Generator) -> Gray:
    """A filled patch with a wavy outline, never as narrow as a thick 1."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 14 + sum(rng.normal(0, 4 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in (2, 3, 5))
    stretch = rng.uniform(0.85, 1.8)
    points = (
        np.column_stack([radius * np.cos(angles) * stretch**0.5, radius * np.sin(angles) / stretch**0.5]) + SIDE / 2
    )
    picture = np.zeros((SIDE, SIDE), np.uint8)
    return cv2.fillPoly(picture, [np.round(points).astype(np.int32)], 255, cv2.LINE_AA)


def figure(rng: np.random.Generator) -> Gray:
    """A frame, a cross or a grid turned by any angle, or a dash."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    pen, kind = int(rng.integers(1, 5)), rng.integers(4)
    a, b = rng.integers(6, 18, 2)
    if kind == 0:
        cv2.rectangle(picture, (24 - a, 24 - b), (24 + a, 24 + b), 255, pen)
    elif kind == 1:
        cv2.line(picture, (24 - a, 24), (24 + a, 24), 255, pen)
        cv2.line(picture, (24, 24 - b), (24, 24 + b), 255, pen)
    elif kind == 2:
        for offset in rng.integers(4, 44, rng.integers(2, 5)):
            cv2.line(picture, (4, int(offset)), (44, int(offset)), 255, pen)
        cv2.line(picture, (int(a), 4), (int(a), 44), 255, pen)
    else:
        cv2.line(picture, (24 - a, 24), (24 + a, int(24 + rng.integers(-4, 5))), 255, pen, cv2.LINE_AA)
    angle = rng.uniform(-20, 20) if kind == 3 else rng.uniform(0, 360)
    return cv2.warpAffine(picture, cv2.getRotationMatrix2D((SIDE // 2, SIDE // 2), angle, 1), (SIDE, SIDE))


def texture(rng: np.random.Generator) -> Gray:
    """A piece of thresholded noise, as cloth, wood or gravel give."""
    noise = cv2.GaussianBlur(
        rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), rng.uniform(0.8, 4), rng.uniform(0.8, 4)
    )
    grain = (noise > np.quantile(noise, rng.uniform(0.4, 0.8))).astype(np.uint8) * 255
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grain)
    if count < 2:
        return grain
    return (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8) * 255


def bubble(digit: Gray, rng: np.random.Generator) -> Gray:
    """A digit in a ring or in a box, or scribbled over."""
    large = cv2.resize(digit, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    picture = cv2.copyMakeBorder(large, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
    pen, middle, kind = int(rng.integers(1, 4)), 32, rng.integers(3)
    radius = int(rng.integers(24, 31))
    if kind == 0:
        cv2.circle(picture, (middle, middle), radius, 255, pen, cv2.LINE_AA)
    elif kind == 1:
        cv2.rectangle(picture, (middle - radius, middle - radius), (middle + radius, middle + radius), 255, pen)
    else:
        rows = np.linspace(16, 48, rng.integers(4, 8)) + rng.normal(0, 2, 1)
        zigzag = [[6 + 52 * (k % 2) + rng.integers(-4, 5), row] for k, row in enumerate(rows)]
        cv2.polylines(picture, [np.round(zigzag).astype(np.int32)], False, 255, pen, cv2.LINE_AA)
    return picture


def merged(first: Gray, second: Gray, rng: np.random.Generator) -> Gray:
    """Two digits side by side that touch, or overlap by a little."""
    gap = int(rng.integers(-2, 2))
    left, right = (digit[:, np.flatnonzero(digit.any(axis=0))] for digit in (first, second))
    right = np.roll(right, int(rng.integers(-2, 3)), axis=0)
    picture = np.zeros((first.shape[0], left.shape[1] + right.shape[1] + max(gap, 0)), np.uint8)
    picture[:, : left.shape[1]] = left
    start = left.shape[1] + gap
    area = picture[:, start : start + right.shape[1]]
    np.maximum(area, right, out=area)
    return picture


def piece(digit: Gray, rng: np.random.Generator) -> Gray:
    """The lesser part of a digit, as a wrong cut leaves it; what may pass for another digit is not made here."""
    columns = np.flatnonzero(digit.any(axis=0))
    width = columns[-1] - columns[0] + 1
    keep = max(2, round(width * rng.uniform(0.25, 0.45)))
    return (
        digit[:, columns[0] : columns[0] + keep]
        if rng.random() < 0.5
        else digit[:, columns[-1] - keep + 1 : columns[-1] + 1]
    )


PRINTED_SHARE = 0.3
"""Of the digits that are struck out, overwritten or rubbed out."""

CUTTABLE = (2, 3, 5)
"""Digits whose halves are nobody's digit as a rule; what is left of the others is often a 1 or a thin 0."""


def sign(faces: Sequence[Face], rng: np.random.Generator) -> Gray:
    """A letter or an arithmetic, punctuation or currency sign, rendered."""
    kinds = (LETTERS, SIGNS, DOUBLES)
    characters = kinds[rng.choice(len(kinds), p=SHARES_OF_CHARACTERS)]
    return printed(
        characters[rng.integers(len(characters))], faces[rng.integers(len(faces))], int(rng.integers(VARIANTS))
    )


@lru_cache(maxsize=20_000)
def printed(character: str, face: Face, variant: int) -> Gray:
    """A character rendered once and for all; Hershey's strokes differ in thickness from variant to variant."""
    return render_text(character, face, TYPE_SIZE, np.random.default_rng(variant))


def draw_junk(
    count: int,
    digits: NDArray[np.uint8],
    labels: NDArray[np.int64],
    faces: Sequence[Face],
    rng: np.random.Generator,
    with_seams: bool = True,
) -> list[Gray]:
    """`count` pictures of ink that is no digit; `digits` (n, rows, columns) uint8 lends ink to cut, merge and ring.

    Without seams there are none that digits are to a network that reads strings: digits that touch, or are cut.
    """
    cuttable = np.flatnonzero(np.isin(labels, CUTTABLE))
    not_ones = np.flatnonzero(labels != 1)

    def written() -> Gray:
        return digits[rng.integers(len(digits))]

    def any_digit() -> tuple[Gray, int]:
        if rng.random() < PRINTED_SHARE:
            label = int(rng.integers(10))
            return printed(str(label), faces[rng.integers(len(faces))], int(rng.integers(VARIANTS))), label
        index = rng.integers(len(digits))
        return digits[index], int(labels[index])

    def wide_digit() -> Gray:
        return digits[rng.choice(not_ones)]

    seams: list[tuple[float, Callable[[], Gray | None]]] = [
        (0.10, lambda: merged(written(), written(), rng)),
        (0.07, lambda: wrong_cut(wide_digit(), wide_digit(), rng)),
        (0.02, lambda: piece(digits[rng.choice(cuttable)], rng)),
    ]
    makers: list[tuple[float, Callable[[], Gray | None]]] = [
        (0.34, lambda: sign(faces, rng)),
        *(seams if with_seams else []),
        (0.13, lambda: struck(*any_digit(), rng)),
        (0.05, lambda: overwritten(any_digit()[0], any_digit()[0], rng)),
        (0.03, lambda: half(*any_digit(), rng)),
        (0.05, lambda: bubble(written(), rng)),
        (0.04, lambda: scribble(rng)),
        (0.03, lambda: blot(rng)),
        (0.05, lambda: figure(rng)),
        (0.03, lambda: texture(rng)),
    ]

    shares = np.array([share for share, _ in makers])
    return [_drawn(makers[kind][1]) for kind in rng.choice(len(makers), count, p=shares / shares.sum())]


def _drawn(make: Callable[[], Gray | None]) -> Gray:
    """What `make` gives, asked again where a chance has given nothing."""
    while (ink := make()) is None:
        pass
    return ink


def _line(points: NDArray[np.float64], pen: int, smooth: bool) -> Gray:
    if smooth:
        fine = np.linspace(0, len(points) - 1, 60)
        points = np.column_stack([np.interp(fine, np.arange(len(points)), axis) for axis in points.T])
        points = cv2.blur(points.astype(np.float32), (1, 9))
    picture = np.zeros((SIDE, SIDE), np.uint8)
    return cv2.polylines(picture, [np.round(points).astype(np.int32)], False, 255, pen, cv2.LINE_AA)
