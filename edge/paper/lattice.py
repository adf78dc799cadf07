"""Squared paper, tables and margins: lines both ways across the page are lifted from the gray picture, and the writing
over them stays.

What is as thin as a line is what closing takes away; of that, straight lines across much of the picture are found by
the Hough transform, each by itself, for in perspective they are not parallel. A lattice has several either way. Along
each of its lines the depth is much the same, and where there is more of it, ink crosses the line: all else is set to
what the closing leaves, which is the paper beside it.

References
----------
R. O. Duda, P. E. Hart, Use of the Hough transformation to detect lines and curves in pictures, Communications of the
ACM 15(1), 1972.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from edge.paper.binarize import Ink, ink_in, paper_of

THIN, NEAR, REACH, APART = 9, 3, 4, 5
"""Pixels in a picture of 1280 by 960 or less, in a larger one so many times more: a line is thinner than this; what is
so near to it is its own while it is fitted; so far to either side its thickness is looked at; and so far it is from the
next, wherever they are in the picture.
"""

USUAL_SIDE = 1280

LEAST_DEPTH = 0.5
"""Of a line, over the least depth of ink: along a line noise averages out."""

SPAN, GAPS, MOST_THIN = 0.5, 3, 0.6
"""Share of the picture's sides that what hangs together by thin lines spans at the least, both ways; pixels of it that
may be missing; and share of the area that is thin at the most: more is a texture.
"""

LONG, LONG_PX, COVERED = 0.25, 120, 0.5
"""Share of a side, and pixels, that the votes for a line make up at the least, for digits have straight strokes too;
and share of what it crosses of the picture that it covers.
"""

MAX_LEAN, STEP = np.deg2rad(17), np.deg2rad(0.5)
"""Of a line from level or upright, at the most, and the steps in which it is looked for."""

CANDIDATES, TRIED = 5000, 1.5
"""Lines with the most votes that are looked at, and pixels about one that was, within which no other is."""

FITS = 2
"""Times that a line is fitted to the pixels near it."""

LEAST_LINES, MOST_LINES = 3, 120
"""Of a lattice, both ways together, and either way: lined paper may have a margin, and a texture has more."""

EDGE = 0.25
"""Share of its depth up to which a line is one."""

DEEPER, CROSSING = 1.6, 0.4
"""Times a line's usual depth from which on it is crossed by ink, if it is deeper by the least depth of ink as well; and
the share of the shallower one's that two lines are deeper where they cross.
"""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Line:
    """y = slope * x + start; of an upright one x and y change places."""

    slope: float
    start: float

    def at(self, x: Array) -> Array:
        """Where the line is."""
        return self.slope * x + self.start


def without_lattice(ink: Ink) -> Ink | None:
    """The ink of a page without the lattice that is printed on it; None where there is none."""
    scale = max(1.0, max(ink.gray.shape) / USUAL_SIDE)
    window = round(THIN * scale) | 1
    smooth = cv2.blur(ink.gray, (3, 3))
    beside = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8))
    thin = np.where(cv2.subtract(beside, smooth) >= LEAST_DEPTH * ink.least_depth, np.uint8(255), np.uint8(0))
    if cv2.countNonZero(thin) > MOST_THIN * thin.size or not _is_spanned(thin):
        return None
    level, upright = _lines(thin, scale), _lines(np.ascontiguousarray(thin.T), scale)
    counts = len(level), len(upright)
    if min(counts) == 0 or sum(counts) < LEAST_LINES or max(counts) > MOST_LINES:
        return None
    depth = cv2.subtract(paper_of(ink), smooth)
    depths = _depths(depth, level, scale), _depths(np.ascontiguousarray(depth.T), upright, scale).T
    usual = np.maximum(*depths) + CROSSING * np.minimum(*depths)
    is_crossed = (usual > 0) & (depth > np.maximum(DEEPER * usual, usual + np.float32(ink.least_depth)))
    kept = cv2.dilate(is_crossed.view(np.uint8), np.ones((3, 3), np.uint8))
    cleared = ink_in(np.where((usual > 0) & (kept == 0), beside, ink.gray), ink.least_depth, ink.is_light)
    return replace(cleared, lifted=np.clip(np.rint(usual), 0, 255).astype(np.uint8))


def _is_spanned(thin: Gray) -> bool:
    """Whether thin lines that hang together span much of the picture both ways."""
    closed = cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((GAPS, GAPS), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    rows, columns = thin.shape
    spans = (stats[1:, cv2.CC_STAT_WIDTH] >= SPAN * columns) & (stats[1:, cv2.CC_STAT_HEIGHT] >= SPAN * rows)
    return bool(spans.any())


def _lines(thin: Gray, scale: float) -> list[_Line]:
    """The nearly level lines across a mask of what is thin; one more than `MOST_LINES` where there are so many."""
    slopes, starts = _voted(thin, scale)
    ends = np.linspace(0.0, thin.shape[1], 3)
    places = starts[:, None] + slopes[:, None] * ends
    is_left, found = np.ones(len(starts), np.bool_), list[_Line]()
    taken = np.empty((0, len(ends)))
    while is_left.any() and len(found) <= MOST_LINES:
        first = int(is_left.argmax())
        is_left &= (np.abs(places - places[first]) > TRIED * scale).any(axis=1)
        line = _fitted(_Line(slopes[first], starts[first]), thin, scale)
        if line is not None and _are_apart(taken, line.at(ends), scale).all():
            found.append(line)
            taken = np.vstack([taken, line.at(ends)])
            is_left &= _are_apart(places, taken[-1], scale)
    return found


def _are_apart(places: Array, others: Array, scale: float) -> NDArray[np.bool_]:
    """Which lines (n) do not come near another, by where they are at the picture's ends and in its middle, (n, 3)."""
    gaps = places - others
    return np.asarray((gaps >= APART * scale).all(axis=1) | (gaps <= -APART * scale).all(axis=1))


def _voted(thin: Gray, scale: float) -> tuple[Array, Array]:
    """Slopes (n) and starts (n) of nearly level lines that many pixels of a mask vote for, most votes first."""
    small = thin
    if scale > 1:
        size = (round(thin.shape[1] / scale), round(thin.shape[0] / scale))
        small = cv2.compare(cv2.resize(thin, size, interpolation=cv2.INTER_AREA), 96, cv2.CMP_GT)
    least, most = np.pi / 2 - MAX_LEAN, np.pi / 2 + MAX_LEAN
    votes = max(int(LONG * small.shape[1]), LONG_PX)
    voted = cv2.HoughLines(small, 1, STEP, votes, min_theta=least, max_theta=most)
    if voted is None:
        return np.zeros(0), np.zeros(0)
    rho, theta = voted[:CANDIDATES, 0].astype(np.float64).T
    return -1.0 / np.tan(theta), rho / np.sin(theta) * scale


def _fitted(line: _Line, thin: Gray, scale: float) -> _Line | None:
    """The line through the thin pixels near it; None where they do not cover enough of its columns."""
    for _ in range(FITS):
        y, is_inside = _band(line, thin.shape, round(NEAR * scale))
        offsets, x = np.nonzero(is_inside & (_values(thin, y) > 0))
        if len(x) == 0:
            return None
        line = _regression(x.astype(np.float64), y[offsets, x].astype(np.float64))
    y, is_inside = _band(line, thin.shape, round(NEAR * scale) // 2)
    is_covered = (is_inside & (_values(thin, y) > 0)).any(axis=0)
    is_long = is_covered.sum() >= max(LONG * thin.shape[1], LONG_PX * scale)
    return line if is_long and is_covered.sum() >= COVERED * is_inside.any(axis=0).sum() else None


def _regression(x: Array, y: Array) -> _Line:
    """The line with the least squares."""
    middle = x.mean()
    slope = float((x - middle).dot(y) / max((x - middle).dot(x - middle), 1.0))
    return _Line(slope, float(y.mean() - slope * middle))


def _depths(depth: Gray, lines: Sequence[_Line], scale: float) -> NDArray[np.float32]:
    """How deep nearly level lines are where nothing crosses them, (rows, columns); 0 beside them."""
    usual = np.zeros(depth.shape, np.float32)
    for line in lines:
        y, is_inside = _band(line, depth.shape, round(REACH * scale))
        own = _values(depth, y)
        profile = np.array(
            [np.median(row[seen]) if seen.any() else 0.0 for row, seen in zip(own, is_inside, strict=True)]
        )
        is_deep = profile >= max(EDGE * profile.max(), 1.0)
        is_line = np.convolve(is_deep, np.ones(3), "same") > 0  # with its soft edge
        offsets, x = np.nonzero(is_inside & is_line[:, None])
        usual[y[offsets, x], x] = profile.max()
    return usual


def _band(line: _Line, shape: tuple[int, ...], reach: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The rows (2 * reach + 1, columns) on and beside a line, and which of them are in the picture."""
    middle = np.rint(line.at(np.arange(shape[1], dtype=np.float64))).astype(np.int64)
    y = middle + np.arange(-reach, reach + 1)[:, None]
    return y, (y >= 0) & (y < shape[0])


def _values(picture: Gray, y: NDArray[np.int64]) -> Gray:
    """What a picture has in some rows (n, columns) of its columns."""
    values: Gray = picture[np.clip(y, 0, len(picture) - 1), np.arange(picture.shape[1])]
    return values
