"""Where the sheet of a template lies in a frame: its outline gives first guesses, its print settles them.

A guess is a homography from the reference picture to the frame: the sheet fills the frame, or it is a bright
quadrilateral on a desk, either of them four ways round; where none holds, its sides are looked for in the shade, and
then features are matched (ORB, Rublee et al., 2011, with RANSAC, Fischler and Bolles, 1981). Each guess is then settled
by small patches of the print, each looked for around its place by normalized correlation (Lewis, Fast normalized
cross-correlation, 1995), coarse to fine. The share of the patches that are found where they should be is the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.sheet import corners_on_desk
from edge.geometry import Matrix, Points, between, mapped, vertex_of
from edge.nouns import Gray, require_uint8

WORK_SIDE = 1100
"""Longer side of the reference picture as it is looked for: 10 point print is still print."""

FRAME_SIDE = 1600
"""Longer side at the most of the frame that it is looked for in: a sheet may fill two thirds of it."""

PATCH = 12
"""Half the side of a patch."""

PATCHES, PATCH_DISTANCE = 60, 28
"""Patches of a reference picture at the most, and how far they lie apart at the least."""

CLEAR_PATCHES = 45
"""Patches at the most that lie clear of the boxes: with writing over all others the score is still above 0.6."""

COARSE, FINE = ((0.5, 22), (0.5, 9)), ((1.0, 8), (1.0, 4))
"""Scale of the work picture and search radius of each step, in its pixels; 3 degrees move a corner by 22."""

FOUND, NEAR = 0.45, 2.0
"""A patch is found if it correlates by this much at this distance from its place, in pixels."""

STILL = 1.0
"""Pixels that a step moves the sheet's corners by at the least for the next one to be worth while."""

LEAST_FOUND = 8
"""Patches that must be found for a homography; four would fit any."""

THUMB = 176
"""Longer side of the picture that guesses are ranked by."""

GUESSES = 4
"""Guesses that are settled at the most, before features are tried."""

LIKELY = 0.5
"""A guess is settled if it looks this much like the sheet from afar, over the one that looks most like it."""

GOOD = 0.5
"""A score from which on a coarse guess holds: a page reaches 0.25 under the forms of others."""

RIVAL = 0.8
"""A way round that scores this share of the best makes both doubtful."""

LEAST_SIDE = 64
"""Pixels that a frame has on its shorter side at the least."""

LEAST_SHEET = 0.12
"""Share of the frame that a sheet covers at the least."""

HALF_PIXEL = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
"""From middles of pixels at whole numbers to points: a turned page would else lie a pixel beside itself."""

FEATURES, RATIO, RANSAC_PX = 1500, 0.8, 4.0
"""Features of a picture, the ratio test of their matches (Lowe, 2004), and RANSAC's tolerance in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where a reference picture lies in a frame.

    Parameters
    ----------
    matrix : (3, 3) float64
        Homography from points of the reference picture to points of the frame.
    score : float
        Share of the reference's patches that are where they should be, 0..1.
    """

    matrix: Matrix
    score: float

    def quad(self, corners: Points) -> Points:
        """Points (n, 2) of the reference picture in the frame."""
        return mapped(corners, self.matrix)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A template's picture, prepared for being looked for.

    Parameters
    ----------
    work : (rows, columns) uint8
        The reference picture, `WORK_SIDE` long at the most.
    scale : float
        Pixels of `work` a pixel of the reference picture.
    corners : (4, 2) float64
        The sheet's corners in `work`.
    patches : (n, 2) int
        Where distinctive print is in `work`.
    """

    work: Gray
    scale: float
    corners: Points
    patches: NDArray[np.int64]

    @classmethod
    def of(cls, gray: Gray, corners: Points | None = None, boxes: Sequence[Points] = ()) -> Sheet:
        """The sheet in a reference picture.

        Parameters
        ----------
        gray : (rows, columns) uint8
        corners : (4, 2) float64, optional
            Of the sheet; the picture's own by default.
        boxes : sequence of (4, 2) float64
            What is written in these changes from sheet to sheet.
        """
        require_uint8("gray", gray, 2)
        scale = min(WORK_SIDE / max(gray.shape), 1.0)
        work = _shrunk(gray, scale)
        corners = _corners(gray.shape) if corners is None else corners
        return cls(work, scale, corners * scale, _patches(work, corners * scale, [box * scale for box in boxes]))


def locate(sheet: Sheet, gray: Gray) -> Alignment:
    """Where a sheet lies in a frame; a score of 0 where it is not found at all.

    Parameters
    ----------
    sheet : Sheet
    gray : (rows, columns) uint8
    """
    require_uint8("gray", gray, 2)
    if min(gray.shape) < LEAST_SIDE:
        return Alignment(np.eye(3), 0.0)
    frame_scale = min(FRAME_SIDE / max(gray.shape), 1.0)
    frame = _shrunk(gray, frame_scale)
    settled: list[Alignment] = []
    for guesses in (_outlines, _shaded_outlines, _features):  # each takes longer than the one before
        settled += _settled(sheet, frame, _likely(sheet, frame, list(guesses(sheet, frame))))
        if max((each.score for each in settled), default=0.0) >= GOOD:
            break
    best = max(settled, key=lambda each: each.score, default=Alignment(np.eye(3), 0.0))
    if best.score == 0.0 or _is_disputed(best, settled, sheet):
        return Alignment(best.matrix, 0.0)
    fine = _settle(sheet, frame, best.matrix, FINE)
    middles = scaling(1 / frame_scale) @ fine.matrix @ scaling(sheet.scale)
    return Alignment(HALF_PIXEL @ middles @ np.linalg.inv(HALF_PIXEL), fine.score)


def scaling(factor: float) -> Matrix:
    """The map from a picture's pixels to those of the same picture resized: middles of pixels lie at whole numbers."""
    offset = (factor - 1) / 2
    return np.array([[factor, 0, offset], [0, factor, offset], [0, 0, 1.0]])


def _settled(sheet: Sheet, frame: Gray, guesses: Sequence[Matrix]) -> list[Alignment]:
    """The guesses made exact; once one of them holds, only those that are another way round."""
    settled: list[Alignment] = []
    for guess in guesses:
        way = _direction(guess, sheet)
        if not any(each.score >= GOOD and float(way @ _direction(each.matrix, sheet)) > 0.5 for each in settled):
            settled.append(_settle(sheet, frame, guess, COARSE))
    return settled


def _is_disputed(best: Alignment, settled: Sequence[Alignment], sheet: Sheet) -> bool:
    """Whether the sheet fits another way round about as well."""
    up = _direction(best.matrix, sheet)
    turned = [each.score for each in settled if float(up @ _direction(each.matrix, sheet)) < 0.5]
    return max(turned, default=0.0) > RIVAL * best.score


def _direction(matrix: Matrix, sheet: Sheet) -> Points:
    """Unit vector in the frame along the sheet's upper edge."""
    first, second = mapped(sheet.corners[:2], matrix)
    return np.asarray((second - first) / max(float(np.linalg.norm(second - first)), 1e-9))


def _shrunk(gray: Gray, scale: float) -> Gray:
    """The picture made smaller: by area to less than twice the size, which is fast by whole factors only, then by
    lines between its pixels.
    """
    if scale >= 1.0:
        return gray
    factor = int(1 / scale)
    rows, columns = max(gray.shape[0] // factor, 1), max(gray.shape[1] // factor, 1)
    whole = cv2.resize(gray[: rows * factor, : columns * factor], (columns, rows), interpolation=cv2.INTER_AREA)
    size = (max(1, round(columns * factor * scale)), max(1, round(rows * factor * scale)))
    return cv2.resize(whole, size, interpolation=cv2.INTER_LINEAR)


def _corners(shape: tuple[int, ...]) -> Points:
    rows, columns = shape[:2]
    return np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float64)


def _patches(work: Gray, corners: Points, boxes: Sequence[Points]) -> NDArray[np.int64]:
    """Middles (n, 2) of patches with corners of print in them: most of them clear of what is written into the boxes,
    and some at the boxes themselves, for a form's middle may show nothing else.
    """
    sheet = np.zeros_like(work)
    cv2.fillConvexPoly(sheet, np.round(corners).astype(np.int32), (255,))
    border = PATCH + 1
    sheet[:border], sheet[-border:], sheet[:, :border], sheet[:, -border:] = 0, 0, 0, 0
    boxed, cores = np.zeros_like(work), np.zeros_like(work)
    for box in boxes:
        middle = box.mean(axis=0)
        cv2.fillConvexPoly(boxed, np.round(box).astype(np.int32), (255,))
        cv2.fillConvexPoly(cores, np.round(middle + 0.7 * (box - middle)).astype(np.int32), (255,))
    clear = cv2.subtract(sheet, cv2.dilate(boxed, np.ones((2 * PATCH + 1, 2 * PATCH + 1), np.uint8)))
    smooth = cv2.GaussianBlur(work, (5, 5), 0)
    first = _corners_in(smooth, clear, CLEAR_PATCHES)
    rest = cv2.subtract(sheet, cores)
    for x, y in first:
        cv2.circle(rest, (int(x), int(y)), PATCH_DISTANCE, (0,), -1)
    return np.concatenate([first, _corners_in(smooth, rest, PATCHES - len(first))])


def _corners_in(gray: Gray, mask: Gray, count: int) -> NDArray[np.int64]:
    """The strongest corners (n, 2) in a mask, `PATCH_DISTANCE` apart."""
    found = cv2.goodFeaturesToTrack(gray, count, 0.02, PATCH_DISTANCE, mask=mask, blockSize=9)
    return np.zeros((0, 2), np.int64) if found is None else np.round(found[:, 0]).astype(np.int64)


def _outlines(sheet: Sheet, frame: Gray) -> Iterator[Matrix]:
    """Guesses: the sheet fills the frame, or a bright quadrilateral in it, four ways round."""
    for quad in (_corners(frame.shape), _bright_quad(frame)):
        if quad is not None:
            for turn in range(4):
                yield between(sheet.corners, np.roll(quad, -turn, axis=0))


def _shaded_outlines(sheet: Sheet, frame: Gray) -> Iterator[Matrix]:
    """Guesses: a sheet that is darker at one end than the desk at the other, four ways round."""
    quad = corners_on_desk(frame)
    if quad is not None:
        yield from (between(sheet.corners, np.roll(quad, -turn, axis=0)) for turn in range(4))


def _bright_quad(frame: Gray) -> Points | None:
    """Corners of the largest bright shape with four sides, from the upper left clockwise; None without one."""
    scale = min(400 / max(frame.shape), 1.0)
    small = cv2.medianBlur(_shrunk(frame, scale), 5)
    _, mask = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    if cv2.contourArea(hull) < LEAST_SHEET * mask.size:
        return None
    for tolerance in (0.02, 0.03, 0.05, 0.08):
        sides = cv2.approxPolyDP(hull, tolerance * cv2.arcLength(hull, True), True)
        if len(sides) == 4:
            return _ordered(sides[:, 0].astype(np.float64) / scale)
    return None


def _ordered(quad: Points) -> Points:
    """The corners clockwise from the upper left."""
    middle = quad.mean(axis=0)
    order = np.argsort(np.arctan2(quad[:, 1] - middle[1], quad[:, 0] - middle[0]))
    quad = quad[order]
    return np.asarray(np.roll(quad, -int(np.argmin(quad.sum(axis=1))), axis=0))


def _likely(sheet: Sheet, frame: Gray, guesses: Sequence[Matrix]) -> list[Matrix]:
    """The guesses under which the frame looks most like the sheet from afar."""
    scale = THUMB / max(sheet.work.shape)
    thumb = _detail(_shrunk(sheet.work, scale))
    frame_scale = min(2 * THUMB / max(frame.shape), 1.0)
    small = _shrunk(frame, frame_scale)

    def likeness(guess: Matrix) -> float:
        matrix = scaling(frame_scale) @ guess @ scaling(1 / scale)
        seen = _detail(_unwarped(small, matrix, thumb.shape))
        return float((seen * thumb).sum() / max(np.linalg.norm(seen) * np.linalg.norm(thumb), 1e-9))

    ranked = sorted(((likeness(guess), k) for k, guess in enumerate(guesses)), reverse=True)
    return [guesses[k] for value, k in ranked[:GUESSES] if value >= LIKELY * max(ranked[0][0], 0.0)]


def _detail(gray: Gray) -> NDArray[np.float32]:
    """The picture without its slow changes of light."""
    soft = cv2.GaussianBlur(gray, (0, 0), 1.5).astype(np.float32)
    return soft - cv2.GaussianBlur(soft, (0, 0), 8)


def _unwarped(frame: Gray, matrix: Matrix, shape: tuple[int, ...]) -> Gray:
    """What of the frame lies where the sheet is, in the sheet's shape."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(frame, matrix, shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _settle(sheet: Sheet, frame: Gray, guess: Matrix, levels: Sequence[tuple[float, int]]) -> Alignment:
    """A guess made exact by the sheet's patches, with the share of them that it explains."""
    matrix, score = guess, 0.0
    for scale, radius in levels:
        found = _shifts(sheet, frame, matrix, scale, radius)
        places, target, strength = sheet.patches.astype(np.float64), found[:, :2], found[:, 2]
        sure = strength > FOUND
        if sure.sum() < LEAST_FOUND:
            return Alignment(matrix, 0.0)
        correction, _ = cv2.findHomography(places[sure], target[sure], cv2.RANSAC, max(2.0, radius / 4) / scale)
        if correction is None:
            return Alignment(matrix, 0.0)
        apart = np.linalg.norm(mapped(places, correction) - target, axis=1)
        score = float(np.mean(sure & (apart < NEAR / scale)))
        matrix = matrix @ correction
        if np.abs(mapped(sheet.corners, correction) - sheet.corners).max() < STILL:
            break
    return Alignment(matrix, score)


def _shifts(sheet: Sheet, frame: Gray, matrix: Matrix, scale: float, radius: int) -> NDArray[np.float64]:
    """Where each patch is found in the frame as it looks through `matrix`, (n, 3): x, y in `work`, and correlation."""
    work = cv2.GaussianBlur(_shrunk(sheet.work, scale), (3, 3), 0)
    rows, columns = work.shape
    through = matrix @ scaling(1 / scale)
    size = 2 * (PATCH + radius) + 1
    found = np.zeros((len(sheet.patches), 3))
    for row, (x, y) in zip(found, np.round(sheet.patches * scale).astype(int), strict=True):
        left, top = min(max(x - PATCH, 0), columns - 2 * PATCH - 1), min(max(y - PATCH, 0), rows - 2 * PATCH - 1)
        patch = work[top : top + 2 * PATCH + 1, left : left + 2 * PATCH + 1]
        around = np.array([[1, 0, left - radius], [0, 1, top - radius], [0, 0, 1.0]])
        window = cv2.GaussianBlur(_unwarped(frame, through @ around, (size, size)), (3, 3), 0)
        row[:] = _match(window, patch)
        row[:2] = (row[:2] - radius + (x, y) + 0.5) / scale - 0.5
    return found


def _match(window: Gray, patch: Gray) -> tuple[float, float, float]:
    """Column and row of the best match to a fraction of a pixel, and its correlation."""
    if any(lightest == darkest for darkest, lightest, _, _ in map(cv2.minMaxLoc, (window, patch))):
        return 0.0, 0.0, 0.0
    likeness = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
    _, strength, _, (x, y) = cv2.minMaxLoc(likeness)
    return x + _peak(likeness[y], x), y + _peak(likeness[:, x], y), strength


def _peak(values: NDArray[np.float32], k: int) -> float:
    """Offset of a maximum from sample `k`; none where that is the first or the last."""
    if not 0 < k < len(values) - 1:
        return 0.0
    return vertex_of(*values[k - 1 : k + 2].tolist())


def _features(sheet: Sheet, frame: Gray) -> Iterator[Matrix]:
    """A guess by matching features, where enough of them agree."""
    detector = cv2.ORB.create(FEATURES)
    places, descriptions = detector.detectAndCompute(sheet.work, None)
    seen, seen_descriptions = detector.detectAndCompute(frame, None)
    if descriptions is None or seen_descriptions is None or len(seen) < 2:
        return
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(descriptions, seen_descriptions, k=2)
    good = [first for first, second in pairs if first.distance < RATIO * second.distance]
    if len(good) < LEAST_FOUND:
        return
    source = np.array([places[match.queryIdx].pt for match in good])
    target = np.array([seen[match.trainIdx].pt for match in good])
    matrix, agreeing = cv2.findHomography(source, target, cv2.RANSAC, RANSAC_PX)
    if matrix is not None and int(agreeing.sum()) >= LEAST_FOUND:
        yield matrix
