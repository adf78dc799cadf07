"""A meter's cell: the one way from its gray picture to the network's input, and what its scores mean.

A cell is the window of one drum, or the place of one character of a display. It is brought to 32 x 20 pixels as
it is, for where a drum's digits stand in their window says how far it has rolled; then its contrast is stretched.
Scaling uses INTER_AREA down and INTER_CUBIC up: OpenCV gives the same bits for both on x86 and ARM.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import NOT_A_DIGIT, POSITIONS, UNREADABLE, CellScores, Gray, Prediction, require_uint8

VERSION = 1
"""Raised when the code below changes its output with the same constants."""

CELL_ROWS, CELL_COLUMNS = 32, 20
"""Size of a cell as the network sees it; most cameras on meters give a digit about 20 x 40 pixels."""

LOW_QUANTILE, HIGH_QUANTILE = 0.02, 0.98
"""The gray levels below and above which so many pixels lie become 0 and 255; a thin 1 is 5 % of a cell."""

LEAST_RANGE = 20
"""Least gray levels between those two: a flat cell stays flat, whatever its noise."""

TENTHS = 10
"""Positions from one digit of a drum to the next."""

SETTLED_TENTHS = 1
"""Tenths by which a drum may be off a whole step and still count as settled: its label is no truer."""

MINUS = "-"

CELL_LABELS = (*(f"{k // TENTHS}.{k % TENTHS}" for k in range(POSITIONS)), NOT_A_DIGIT, MINUS, UNREADABLE)
"""What a meter's network answers, in its order: a drum's positions, a blank cell, a minus, what cannot be told."""

MODE_REACH = 4
"""Tenths to either side of a position that speak for it, the nearer the more, and over which its mean is taken.

A label is true to a tenth, so what a network says of one position is spread over its neighbours, and the highest score
alone is nearly a draw where two digits are. Of the recipe's validation crops 95.0 % come within a tenth with 4, 94.4 %
by the highest score and two tenths about it; 2 to 6 are as good as 4.
"""

Scores = NDArray[np.float64]
Indices = NDArray[np.int64]


def cell_constants() -> dict[str, float | int | str]:
    """Everything that decides what `normalize_cell` gives."""
    return {
        "version": VERSION,
        "cell_rows": CELL_ROWS,
        "cell_columns": CELL_COLUMNS,
        "low_quantile": LOW_QUANTILE,
        "high_quantile": HIGH_QUANTILE,
        "least_range": LEAST_RANGE,
        "interpolation": "area down, then cubic up",
    }


def normalize_cell(gray: Gray) -> Gray:
    """A cell as the network sees it: scaled as a whole, and its contrast stretched.

    Parameters
    ----------
    gray : (rows, columns) uint8
        The cell's box of a frame, dark on light or light on dark.

    Returns
    -------
    (32, 20) uint8
        Middle gray where the cell is flat.

    Raises
    ------
    TypeError
        `gray` is not a 2-d uint8 array with at least one pixel.
    """
    require_uint8("gray", gray, 2)
    return _stretch(_scale(gray))


def digit_masses(positions: Scores) -> Scores:
    """Probability (..., 10) of each digit to be the nearest, of those (..., 100) of positions; 3.5 is nearest to 4."""
    turned = np.roll(positions, TENTHS // 2, axis=-1)
    masses: Scores = turned.reshape(*positions.shape[:-1], POSITIONS // TENTHS, TENTHS).sum(axis=-1)
    return masses


def position_of(scores: CellScores) -> float:
    """The likeliest position of a drum, 0.0 to 9.9: the mean of those about the highest score, round the circle."""
    return float(_refined(scores.positions[None])[0][0]) / TENTHS


def scores_of(probabilities: Scores) -> CellScores:
    """The scores of one cell from the probabilities (103,) of `CELL_LABELS`."""
    blank, minus, unreadable = (float(value) for value in probabilities[POSITIONS:])
    return CellScores(probabilities[:POSITIONS], blank, minus, unreadable)


def prediction_of(scores: CellScores) -> Prediction:
    """What a cell shows if it is read for itself: the nearest digit, a minus, or `NOT_A_DIGIT`."""
    masses = {str(digit): float(mass) for digit, mass in enumerate(digit_masses(scores.positions))}
    shares = masses | {MINUS: scores.minus, NOT_A_DIGIT: scores.blank + scores.unreadable}
    label = max(shares, key=lambda each: shares[each])
    return Prediction(label, shares[label], shares)


def has_positions(labels: Sequence[str]) -> bool:
    """Whether a network with these labels answers with positions of a drum."""
    return tuple(labels) == CELL_LABELS


def read_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """What is left of labels where a cell is read for itself: digits, minus and `NOT_A_DIGIT`; other labels stay."""
    return (*map(str, range(TENTHS)), MINUS, NOT_A_DIGIT) if has_positions(labels) else tuple(labels)


def read_scores(probabilities: Scores, labels: Sequence[str]) -> Scores:
    """Probabilities (n, classes) as those (n, m) of `read_labels`."""
    if not has_positions(labels):
        return probabilities
    blank, minus, unreadable = (probabilities[:, POSITIONS + k] for k in range(3))
    return np.column_stack([digit_masses(probabilities[:, :POSITIONS]), minus, blank + unreadable])


def read_indices(indices: Indices, labels: Sequence[str]) -> Indices:
    """Where in `read_labels` each of some indices (n) into `labels` goes."""
    if not has_positions(labels):
        return indices
    digits = (np.arange(POSITIONS) + TENTHS // 2) // TENTHS % TENTHS
    return np.array([*digits, TENTHS + 1, TENTHS, TENTHS + 1], np.int64)[indices]


def answers(probabilities: Scores, labels: Sequence[str]) -> Indices:
    """What each row (n, classes) says, as an index into `labels`: the likeliest, and of positions the mean about it.

    A position counts with those that its mean is taken over.
    """
    if not has_positions(labels):
        return probabilities.argmax(axis=1).astype(np.int64)
    tenths, masses = _refined(probabilities[:, :POSITIONS])
    others = probabilities[:, POSITIONS:]
    return np.where(masses >= others.max(axis=1), tenths, POSITIONS + others.argmax(axis=1))


def is_near(first: Indices, second: Indices, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Whether answers (n) are the same label, or positions one tenth apart at most, round the circle."""
    equal: NDArray[np.bool_] = first == second
    if not has_positions(labels):
        return equal
    apart = np.abs(first - second)
    are_positions = (first < POSITIONS) & (second < POSITIONS)
    return equal | (are_positions & (np.minimum(apart, POSITIONS - apart) <= 1))


def is_same(first: Indices, second: Indices, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Whether answers (n) are read as the same digit, or are positions one tenth apart at most: 3.4 and 3.5."""
    return is_near(first, second, labels) | (read_indices(first, labels) == read_indices(second, labels))


def is_clear(indices: Indices, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Whether labels (n) can be read for themselves: not of a drum that is on its way from one digit to the next."""
    if not has_positions(labels):
        return np.ones(len(indices), np.bool_)
    tenth = indices % TENTHS
    return (indices >= POSITIONS) | (tenth <= SETTLED_TENTHS) | (tenth >= TENTHS - SETTLED_TENTHS)


def _refined(positions: Scores) -> tuple[Indices, Scores]:
    """The tenth (n) that each row (n, 100) says, and the probability (n) of what its mean is taken over.

    The mean is that of the scores about the position for which they speak most, round the circle.
    """
    steps = np.arange(-MODE_REACH, MODE_REACH + 1)
    near = (np.arange(POSITIONS)[:, None] + steps) % POSITIONS
    support = positions[:, near] @ (MODE_REACH + 1.0 - np.abs(steps))
    mode = support.argmax(axis=1)
    weights = np.take_along_axis(positions, near[mode], axis=1)
    masses = weights.sum(axis=1)
    offset = weights @ steps / np.maximum(masses, np.finfo(np.float64).tiny)
    return np.rint(mode + offset).astype(np.int64) % POSITIONS, masses


def _scale(gray: Gray) -> Gray:
    """Shrink first along whatever is too long, then enlarge what is too short."""
    rows, columns = min(gray.shape[0], CELL_ROWS), min(gray.shape[1], CELL_COLUMNS)
    if gray.shape != (rows, columns):
        gray = cv2.resize(gray, (columns, rows), interpolation=cv2.INTER_AREA)
    if (rows, columns) != (CELL_ROWS, CELL_COLUMNS):
        gray = cv2.resize(gray, (CELL_COLUMNS, CELL_ROWS), interpolation=cv2.INTER_CUBIC)
    return gray


def _stretch(gray: Gray) -> Gray:
    """Spread the gray levels between the two quantiles over 0 to 255."""
    counts = np.bincount(gray.ravel(), minlength=256).cumsum()
    low, high = (int(np.searchsorted(counts, share * gray.size)) for share in (LOW_QUANTILE, HIGH_QUANTILE))
    slope = 255.0 / max(high - low, LEAST_RANGE)
    levels = (np.arange(256) - (low + high) / 2) * slope + 127.5
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)[gray]
