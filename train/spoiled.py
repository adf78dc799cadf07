"""Digits that somebody took back: struck out, overwritten or rubbed out in half, which are read as no digit; and the
bar of a 7, the slash of a 0 and the upstroke of a 1, which belong to the digit.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.nouns import Gray
from edge.paper.normalize import cut_to_ink

HEIGHT = 48
"""Digits are brought to this height, in pixels, before a pen goes over them."""

MARGIN = 14
"""A stroke that takes a digit back may reach this far beyond it."""

MIN_ADDED = 0.12
"""Strokes that add less ink than this, over the digit's, lie on the digit's own; others are drawn. Twice as much for
a 4, whose bar may be long."""

MIN_DOUBLED = 0.4
"""Two digits one over the other have at least this much more ink than the larger one: else they are that one."""

FOOTED = 0.25
"""Share of the 1s with an upstroke that stand on a foot as well."""

ATTEMPTS = 8
"""At strokes that can be seen."""

HALVES: dict[int, str] = {0: "lr", 2: "lb", 4: "lrtb", 5: "lr"}
"""Of which digits the left, right, top or bottom half is nobody's digit; a 0's is, if it bows, see `half`."""

KEPT = (0.2, 0.6)
"""Share of the ink that a half has; with more, a slanting digit would still be there."""


def struck(digit: Gray, label: int, rng: np.random.Generator) -> Gray:
    """A digit with one stroke or several through it; a 7 is not struck out by what may be its bar, nor a 0 by what
    may be its slash.
    """
    base = enlarged(digit)
    ink = int(np.count_nonzero(base > 96))
    for _ in range(ATTEMPTS):
        picture = base.copy()
        for first, last in strokes_over(base.shape, label, rng):
            cv2.line(picture, first, last, 255, int(rng.integers(2, 6)), cv2.LINE_AA)
        if np.count_nonzero(picture > 96) - ink >= MIN_ADDED * (1 + (label == 4)) * ink:
            return picture
    return picture


def strokes_over(
    shape: tuple[int, ...], label: int, rng: np.random.Generator
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where the pen goes, in (x, y) pixels."""
    rows, columns = shape
    left, right = int(rng.uniform(0, MARGIN)), int(columns - rng.uniform(0, MARGIN))
    top, foot = MARGIN + int(rng.uniform(0, 0.25) * HEIGHT), rows - MARGIN - int(rng.uniform(0, 0.25) * HEIGHT)
    level = int(MARGIN + rng.uniform(0.3, 0.7) * HEIGHT)
    tilt = int(rng.uniform(-0.15, 0.15) * HEIGHT)
    kinds = ["cross", "double"]
    if label != 7:
        kinds += ["level"] * 2 + ["falling"] + ["rising"] * (label != 0)
    kind = kinds[rng.integers(len(kinds))]
    rising, falling = ((left, foot), (right, top)), ((left, top), (right, foot))
    if kind == "cross":
        return [rising, falling]
    if kind == "double":
        apart = int(rng.uniform(0.12, 0.3) * HEIGHT)
        return [((left, level + tilt - apart // 2), (right, level - tilt - apart // 2)),
                ((left, level + tilt + apart // 2), (right, level - tilt + apart // 2))]  # fmt: skip
    return (
        [((left, level + tilt), (right, level - tilt))] if kind == "level" else [{"rising": rising}.get(kind, falling)]
    )


def overwritten(digit: Gray, other: Gray, rng: np.random.Generator) -> Gray | None:
    """One digit written over another; None where the one hides in the other."""
    first, second = enlarged(digit), enlarged(other)
    columns = max(first.shape[1], second.shape[1])
    picture = np.zeros((first.shape[0], columns), np.uint8)
    for ink in (first, second):
        slack = columns - ink.shape[1]
        start = min(slack, max(0, slack // 2 + int(rng.integers(-4, 5))))
        area = picture[:, start : start + ink.shape[1]]
        np.maximum(area, ink, out=area)
    one, two, both = (int(np.count_nonzero(ink > 96)) for ink in (first, second, picture))
    return picture if both - max(one, two) >= MIN_DOUBLED * max(one, two) else None


def half(digit: Gray, label: int, rng: np.random.Generator) -> Gray | None:
    """What is left of a digit that was rubbed out in half; None where that may be another digit.

    A half of a 0 is none if it is a third as wide as it is high or wider, for such an arc is no 1.
    """
    sides = HALVES.get(label, "")
    if not sides:
        return None
    base = enlarged(digit)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    side, kept = sides[rng.integers(len(sides))], rng.uniform(0.42, 0.55)
    rows, columns = (round(length * kept) for length in base.shape)
    if label == 0 and columns < base.shape[0] / 3:
        return None
    left = {"l": base[:, :columns], "r": base[:, -columns:], "t": base[:rows], "b": base[-rows:]}[side]
    return left if KEPT[0] <= left.sum() / base.sum() <= KEPT[1] else None


def adorned(digit: Gray, label: int, rng: np.random.Generator) -> Gray:
    """A 7 with a bar, a 0 with a slash; other digits as they are."""
    if label not in (0, 7):
        return digit
    base = enlarged(digit)
    x, y, width, height = cv2.boundingRect((base > 96).view(np.uint8))
    pen = int(rng.integers(2, 5))
    if label == 0:
        reach = rng.uniform(0.25, 0.62)
        middle, step = np.array([x + width / 2, y + height / 2]), np.array([width * reach, -height * reach])
    else:
        row = y + round(rng.uniform(0.42, 0.62) * height)
        inked = np.flatnonzero(base[row] > 96)
        middle = np.array([inked.mean() if len(inked) else x + width / 2, row])
        step = np.array([rng.uniform(0.22, 0.4) * width, -rng.uniform(-0.02, 0.1) * height])
    ends = [tuple(round(v) for v in middle + side * step) for side in (-1, 1)]
    return cv2.line(base, ends[0], ends[1], 255, pen, cv2.LINE_AA)


def flagged(digit: Gray, rng: np.random.Generator) -> Gray:
    """A 1 with a long upstroke, as most hands write it that are not North American, and at times with a foot."""
    base = cv2.copyMakeBorder(enlarged(digit), 0, 0, MARGIN, MARGIN, cv2.BORDER_CONSTANT, value=0)
    rows, columns = np.nonzero(base > 96)
    if not len(rows):
        return digit
    pen, angle, reach = int(rng.integers(2, 5)), np.deg2rad(rng.uniform(28, 68)), rng.uniform(0.22, 0.55) * HEIGHT
    at_top, at_foot = rows <= rows.min() + 2, rows >= rows.max() - 2
    top = int(columns[at_top].mean()), int(rows.min()) + pen // 2
    end = round(top[0] - reach * np.cos(angle)), round(top[1] + reach * np.sin(angle))
    cv2.line(base, top, end, 255, pen, cv2.LINE_AA)
    if rng.random() < FOOTED:
        middle, half_foot = int(columns[at_foot].mean()), rng.uniform(0.15, 0.35) * HEIGHT
        tilt = round(rng.uniform(-0.04, 0.04) * HEIGHT)
        foot = int(rows.max()) - pen // 2
        ends = (round(middle - half_foot), foot + tilt), (round(middle + half_foot), foot - tilt)
        cv2.line(base, *ends, 255, pen, cv2.LINE_AA)
    return base


def enlarged(digit: Gray) -> Gray:
    """The ink at `HEIGHT`, with `MARGIN` of paper around it."""
    cut = cut_to_ink(digit)
    if cut is None:
        return np.zeros((HEIGHT + 2 * MARGIN, HEIGHT + 2 * MARGIN), np.uint8)
    size = (max(2, round(cut.shape[1] * HEIGHT / cut.shape[0])), HEIGHT)
    large = cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC)
    return cv2.copyMakeBorder(large, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_CONSTANT, value=0)
