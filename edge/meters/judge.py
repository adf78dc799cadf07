"""Whether a frame is worth reading, before anything looks for digits: the reason why not, or None.

What a camera does wrong is told from the picture alone where it can be, and better beside the reference picture: how
sharp that is, how much of each cell shines in it. A frame that is dim, low in contrast or noisy is none of these.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Points
from edge.meters.register import Alignment
from edge.nouns import Gray, require_uint8
from edge.paper.binarize import MIN_CONTRAST
from edge.reduce import reduce_frame

SMALL_SIDE, WHOLE_SIDE, CELL_HEIGHT = 80, 320, 32
"""Longer side of the picture whose brightness is judged, of that whose sharpness is where no cells are given, and the
height that cells are brought to: the network's 28 pixels and a margin.
"""

AROUND = 1 / 8
"""Of a cell's height that its surroundings reach: the edges of its window stay when its digit changes."""

RIM = 2
"""Pixels at the rim of a picture whose slopes are its neighbour's."""

WHITE = 250
"""Gray level from which on a pixel shines: the sensor's top, less what JPEG takes."""

FILL = 128
"""Gray level that a JPEG decoder gives to what is missing."""

CANDIDATES, STEP = 24, 2.5
"""So many rows are looked at that differ the most from the one above, by this many times what rows do on the whole."""

DETAIL = 31
"""Columns over whose mean the detail of a row stands out."""

TEAR_MATCH, TEAR_MISMATCH, TEAR_REST = 0.5, 0.3, 0.45
"""Correlation of the detail at a tear, shifted and as it stands; and how much rows differ there once shifted, over how
much they do as they stand.
"""

TEAR_REACH, TEAR_EDGE = 0.25, 0.04
"""Share of the width that a part is shifted by at the most; and of the height at head and foot that is left alone."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """From where on a frame is not read.

    Parameters
    ----------
    dark : int
        Gray level below which all but the brightest hundredth of a picture lies.
    bright : int
        ... above which all but the darkest hundredth does.
    blur : float
        Steepness over that of the reference at the least. On drawn faces of another seed than `tests.meters.frames`
        reports, other light left 0.79 and more, a blur by an eighth of a cell's height 0.59 and less.
    cell_steepness, whole_steepness : float
        Steepness without a reference, of cells and of whole pictures.
    glare : float
        Share of a digit's cell that shines, above that of the least shining cell and of the reference: a fifth of an 8
        is what tells it from a 9. Dials have no such limit: they tell by themselves whether their needle is seen, and
        a white face shines at noon.
    fill : int
        Rows at the foot that are one gray level, in parts of 1000 of the height.
    same : int
        Frames with the very same bytes, one after the other, that make a frozen camera.
    """

    dark: int = 24
    bright: int = 208
    blur: float = 0.65
    cell_steepness: float = 0.13
    whole_steepness: float = 0.045
    glare: float = 0.2
    fill: int = 30
    same: int = 3


@dataclass(frozen=True, slots=True)
class FrameTraits:
    """What a frame is held against: the reference's sharpness, how much of each cell shines, and its plain foot.

    Parameters
    ----------
    steepness : float or None
        Of its edges, over its contrast; None without contrast.
    shines : tuple of float
        Share of each cell, in the order of the cells.
    fill : int
        Rows at its foot that are one gray level.
    dials : frozenset of int
        Which of the cells are dials.
    """

    steepness: float | None
    shines: tuple[float, ...]
    fill: int
    dials: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """The last frame's bytes as a checksum, and how often they came in a row."""

    checksum: int
    times: int = 1


def seen_again(gray: Gray, last: Seen | None) -> Seen:
    """The frame's checksum, and how often in a row it was seen with `last`."""
    checksum = zlib.crc32(np.ascontiguousarray(gray).data)
    return Seen(checksum, last.times + 1 if last and last.checksum == checksum else 1)


def traits_of(gray: Gray, cells: Sequence[Points] = (), dials: Iterable[int] = ()) -> FrameTraits:
    """What frames are held against, from the reference picture and the corners of its cells, (4, 2) each; `dials` says
    which of them are none of digits.
    """
    return FrameTraits(_steepness(gray, cells), tuple(_shining(gray, cells)), _plain_rows(gray)[0], frozenset(dials))


def judge_frame(
    gray: Gray,
    cells: Sequence[Points] = (),
    reference: FrameTraits | None = None,
    seen: Seen | None = None,
    limits: FrameLimits | None = None,
) -> str | None:
    """Why a frame is not to be read; None where nothing speaks against it. The reason starts with its kind.

    Parameters
    ----------
    gray : (rows, columns) uint8
    cells : sequence of (4, 2)
        Corners of the cells in this frame, as far as they are known.
    reference : FrameTraits, optional
        Of the reference picture with the same cells.
    seen : Seen, optional
        Of this frame.
    """
    require_uint8("gray", gray, 2)
    limits = limits or FrameLimits()
    return (
        _frozen(seen, limits)
        or _torn(gray, reference, limits)
        or _ill_lit(gray, limits)
        or _glaring(gray, cells, reference, limits)
        or _blurred(gray, cells, reference, limits)
    )


def judge_alignment(alignment: Alignment) -> str | None:
    """Why a frame that was looked at beside its reference is not to be read."""
    return f"moved: {alignment.reason}" if alignment.reason else None


def _frozen(seen: Seen | None, limits: FrameLimits) -> str | None:
    if seen is None or seen.times < limits.same:
        return None
    return f"frozen: the same {seen.times} times in a row, to the byte; see to the camera"


def _torn(gray: Gray, reference: FrameTraits | None, limits: FrameLimits) -> str | None:
    """Whether the foot of the picture never came, or a part of it stands beside the rest."""
    rows, level = _plain_rows(gray)
    usual = reference.fill * 1000 / len(gray) if reference else 0.0
    if rows * 1000 / len(gray) >= usual + limits.fill and (reference or abs(level - FILL) <= 2):
        return f"torn: the last {rows} rows are one gray"
    row = _find_tear(gray)
    return f"torn: what is below row {row} stands beside what is above" if row else None


def _plain_rows(gray: Gray) -> tuple[int, int]:
    """How many rows at the foot are wholly the gray level of the last pixel, and that level."""
    level = int(gray[-1, -1])
    if (gray[-1] != level).any():
        return 0, level
    differs = (gray[::-1, :: max(1, gray.shape[1] // 64)] != level).any(axis=1)
    rows = int(differs.argmax()) if differs.any() else len(gray)
    return (rows, level) if (gray[len(gray) - rows :] == level).all() else (0, level)


def _find_tear(gray: Gray) -> int | None:
    """The row from which on the picture is shifted sideways; None where none is.

    A row is like the one above. At a tear it is not, until it is shifted; at the edge of a thing it never is.
    """
    middle = gray[:, gray.shape[1] // 4 : 1 - gray.shape[1] // 4]
    edge = max(2, round(TEAR_EDGE * len(gray)))
    if len(gray) <= 2 * edge + 1 or middle.shape[1] < DETAIL:
        return None
    steps = cv2.resize(cv2.absdiff(middle[1:], middle[:-1]), (1, len(gray) - 1), interpolation=cv2.INTER_AREA).ravel()
    usual = max(float(np.median(steps)), 1.0)
    rows = edge + np.argsort(-steps[edge:-edge].astype(np.int16), kind="stable")[:CANDIDATES]
    return _first_tear(gray, rows[steps[rows] >= STEP * usual], steps)


def _first_tear(gray: Gray, rows: NDArray[np.int64], steps: Gray) -> int | None:
    """The first of some rows below which a picture is shifted: the two rows below are the two above and with it,
    shifted, and differ far less so than by `steps`, as they stand.
    """
    if not len(rows):
        return None
    above, below = (cv2.addWeighted(gray[rows + k], 0.5, gray[rows + k + 1], 0.5, 0, dtype=cv2.CV_32F) for k in (-1, 1))
    one, other = (pair - cv2.blur(pair, (DETAIL, 1)) for pair in (above, below))
    for k in np.flatnonzero(_correlations(one, other) <= TEAR_MISMATCH).tolist():
        offset, match = _best_shift(one[k], other[k])
        reach = round(TEAR_REACH * gray.shape[1])
        middle = below[k, reach : gray.shape[1] - reach]
        rest = float(np.abs(above[k, offset : offset + len(middle)] - middle).mean())
        if match > TEAR_MATCH and rest < TEAR_REST * steps[rows[k]]:
            return int(rows[k]) + 1
    return None


def _best_shift(above: NDArray[np.float32], below: NDArray[np.float32]) -> tuple[int, float]:
    """Where the middle of the row below is found in the one above, and the correlation there."""
    reach = round(TEAR_REACH * len(above))
    scores = cv2.matchTemplate(above[None], below[None, reach : len(below) - reach], cv2.TM_CCOEFF_NORMED)[0]
    return int(scores.argmax()), float(scores.max())


def _correlations(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of pairs of rows whose means are about 0, (n,)."""
    across = np.einsum("ij,ij->i", one, other)
    lengths = np.einsum("ij,ij->i", one, one) * np.einsum("ij,ij->i", other, other)
    return np.asarray(across / np.maximum(np.sqrt(lengths), 1.0), np.float32)


def _ill_lit(gray: Gray, limits: FrameLimits) -> str | None:
    thin = max(1, max(gray.shape) // SMALL_SIDE)
    low, high = _levels(np.ascontiguousarray(gray[::thin, ::thin]), 0.01, 0.99)
    if high < limits.dark:
        return f"dark: nothing is brighter than {high} of 255; light the meter or expose longer"
    if low > limits.bright:
        return f"overexposed: nothing is darker than {low} of 255; expose less"
    if high - low < MIN_CONTRAST:
        kind = "dark" if high < 128 else "overexposed"
        return f"{kind}: all is between {low} and {high} of 255; nothing stands out"
    return None


def _glaring(gray: Gray, cells: Sequence[Points], reference: FrameTraits | None, limits: FrameLimits) -> str | None:
    """Glare is local: a digit's cell that shines more than the others do and than it does in the reference."""
    usual = reference.shines if reference and len(reference.shines) == len(cells) else (0.0,) * len(cells)
    dials = reference.dials if reference else frozenset()
    shines = dict(enumerate(_shining(gray, cells)))
    extra = {number: share - usual[number] for number, share in shines.items() if number not in dials}
    if not extra:
        return None
    worst = max(extra, key=lambda number: extra[number])
    least = min(extra.values()) if len(extra) > 1 else 0.0
    if extra[worst] - max(least, 0.0) < limits.glare:
        return None
    return f"glare on cell {worst + 1}: {shines[worst]:.0%} of it shines"


def _shining(gray: Gray, cells: Sequence[Points]) -> list[float]:
    """Share of the box around each cell that is white."""
    parts = [gray[y:below, x:right] for x, y, right, below in _bounds(cells, gray.shape, 0.0)]
    return [np.count_nonzero(part >= WHITE) / max(part.size, 1) for part in parts]


def _blurred(gray: Gray, cells: Sequence[Points], reference: FrameTraits | None, limits: FrameLimits) -> str | None:
    steepness = _steepness(gray, cells)
    if steepness is None:
        return None
    if reference and reference.steepness:
        share = steepness / reference.steepness
        return f"blurred: {share:.0%} as sharp as the reference picture" if share < limits.blur else None
    least = limits.cell_steepness if len(cells) else limits.whole_steepness
    return f"blurred: its edges are {steepness / least:.0%} as steep as they must be" if steepness < least else None


def _steepness(gray: Gray, cells: Sequence[Points]) -> float | None:
    """How steep edges are, per pixel and over the contrast, in the direction where they are the least; None without
    contrast. Of the steepest cell, at the size that the network sees it, or of the picture where there are none.

    Noise takes part in the contrast as much as in the slopes, so it changes this little.
    """
    boxes = _bounds(cells, gray.shape, AROUND)
    parts = [gray[y:below, x:right] for x, y, right, below in boxes if right > x and below > y]
    if len(cells) and not parts:
        return None
    parts = parts or [reduce_frame(gray, WHOLE_SIDE)[0]]
    rows = min(CELL_HEIGHT, len(parts[0])) if len(cells) else len(parts[0])
    columns = max(1, round(parts[0].shape[1] * rows / len(parts[0])))
    if min(rows, columns) < 2 * RIM + 1:
        return None
    strip = [cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA) for part in parts]
    return _steepest(cv2.GaussianBlur(np.concatenate(strip), (3, 3), 0), len(strip))


def _steepest(smooth: Gray, count: int) -> float | None:
    """Of `count` pictures one below the other: of the steepest fiftieth in each direction the least, of the best."""
    across, down = (cv2.Sobel(smooth, cv2.CV_16S, *axes) for axes in ((1, 0), (0, 1)))
    every = np.stack([smooth, across, down, across + down, across - down]).reshape(5, count, -1, smooth.shape[1])
    inner = every[:, :, RIM:-RIM, RIM:-RIM].reshape(5, count, -1).astype(np.int32)  # partition is twice as fast
    last = inner.shape[2] - 1
    rank = round(0.98 * last)
    levels = np.partition(inner[0], (last - rank, rank), axis=1)
    contrast = (levels[:, rank] - levels[:, last - rank]).astype(np.float64)
    steep = np.partition(np.abs(inner[1:]), rank, axis=2)[:, :, rank] / np.array([[8], [8], [8 * 2**0.5], [8 * 2**0.5]])
    clear = contrast >= MIN_CONTRAST
    return float((steep.min(axis=0)[clear] / contrast[clear]).max()) if clear.any() else None


def _bounds(cells: Sequence[Points], shape: Sequence[int], margin: float) -> list[tuple[int, int, int, int]]:
    """The box around each cell, and a share of its height around that, inside the picture: x, y, and the column and row
    after it.
    """
    rows, columns = shape[:2]
    boxes = []
    for corners in cells:
        xs, ys = np.asarray(corners, np.float64).T.tolist()
        around = round(margin * (max(ys) - min(ys)))
        x, right = (min(max(k, 0), columns) for k in (math.floor(min(xs)) - around, math.ceil(max(xs)) + around))
        y, below = (min(max(k, 0), rows) for k in (math.floor(min(ys)) - around, math.ceil(max(ys)) + around))
        boxes.append((x, y, right, below))
    return boxes


def _levels(gray: Gray, *shares: float) -> tuple[int, ...]:
    """The gray levels that these shares of a picture's pixels lie at or below."""
    counts: NDArray[np.float32] = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()
    below = np.cumsum(counts, dtype=np.float64)
    return tuple(int(np.searchsorted(below, share * below[-1])) for share in shares)
