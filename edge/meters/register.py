"""Where a frame shows what the reference picture showed: a perspective map with its score, or why there is none.

A reference holds landmarks, small patches with corners spread over the picture outside the digits. In a frame each is
looked for near where the last frame's map puts it, and the map is fitted to those found: the tracking step. Where it
fails, features of the whole picture give a new start: the frame is anchored again. Either way the score is the share
of the landmarks in view that are found where the map puts them: light, noise and glare cost it little, digits that
changed nothing, another scene everything.

Points are x, y in pixels; (0, 0) is the outer corner of the first pixel, so a box (x, y, width, height) has its
corners at x and x + width, and a picture reduced by a factor has its points divided by it.

References
----------
E. Rublee et al., ORB: an efficient alternative to SIFT or SURF, ICCV 2011: the features.
D. G. Lowe, Distinctive image features from scale-invariant keypoints, IJCV 60(2), 2004: the ratio of distances.
M. A. Fischler and R. C. Bolles, Random sample consensus, CACM 24(6), 1981: the start of a fit.
P. W. Holland and R. E. Welsch, Robust regression using iteratively reweighted least-squares, Communications in
Statistics A6, 1977: the fit, with Tukey's biweight.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError
from edge.geometry import Area, Matrix, Points, corners_of, mapped, vertex_of
from edge.nouns import Gray, require_uint8
from edge.pictures import load_picture
from edge.reduce import reduce_frame

MIN_SCORE = 0.6
"""Share of the landmarks below which a frame is refused: the default of `[reference] min_score`."""

TRACK_SIDE = 320
"""Longer side in pixels of the picture in which landmarks are looked for; they are found to a tenth of its pixels."""

ANCHOR_SIDE = 640
"""... and of that in which features are."""

PATCH, REACH = 17, 6
"""Side of a landmark, and how far it is looked for to each side, in pixels of the tracked picture."""

GRID = (8, 6)
"""Columns and rows of the cells with a landmark each, where they hold a corner."""

MIN_LANDMARKS = 10
"""Of a reference, and in view of a frame: a map has eight unknowns, a landmark tells two, and a third may be wrong."""

MIN_IN_VIEW = 1 / 3
"""Share of the landmarks in view at the least: a bump by a fifth of both sides leaves 0.64."""

MIN_CORNER = 4.0
"""Gray levels a pixel that a landmark changes by in its flattest direction: twice what noise of 5 levels does."""

SIDE_LANDMARKS, MIN_ON_A_SIDE = 3, 0.3
"""Landmarks that a side of the boxes has before it counts, and the share of them that is found on each: a frame torn
through the boxes shows all of one side elsewhere.
"""

FAR = 0.15
"""Share of the longer side at which a landmark counts half: what hides the boxes hides those around them."""

MAX_TWIN, TWIN_FROM = 0.85, 3
"""Correlation of a landmark with what lies this many pixels beside it: above, it may be found beside itself."""

MIN_CORRELATION = 0.5
"""... and with the frame where it is found: chance reaches it, but not at the place where the map puts it."""

NEAR = 1.25
"""Pixels of the tracked picture that a landmark may be found away from where the map puts it."""

NOISE = 0.15
"""... that one strays by at the least: a fit through few landmarks is not to look perfect."""

PRIOR = np.array([1, 1, 1, 1, 1, 1, 400, 400], np.float64)
"""How firmly a fit keeps to the similarity it starts from: the inverse variances of its eight numbers, lengths being in
halves of the picture. A view tilts by 0.05 between two fits, and the landmarks nearly always know better.
"""

FIT_ROUNDS = 3
"""Of reweighting: what strays is known after the first, and its pull is gone after the second."""

LOOK_AGAIN = 3.0
"""Tracked pixels that a first look moves the map by, from which on the landmarks are looked for once more."""

MAX_DOUBT = 0.05
"""Standard deviation of a box's corner over the box's shorter side: misplaced by four times that, digits are lost."""

OUTSIDE = 1.0
"""Pixels by which a box may leave the frame: one drawn to the picture's border does, by the error of the map."""

FEATURES, MAX_RATIO, MIN_MATCHES = 1200, 0.8, 8
"""Of a picture; distance of the best match over that of the next; and matches that make a start."""

MIN_SIDE = 64
"""Of a picture that has features: ORB looks at 31 pixels around a corner."""

ANCHOR_NEAR = 4.0
"""Pixels of the picture with features that a match may stray by; landmarks find the rest."""

MAX_SCALE, MAX_STRETCH = 2.0, 1.5
"""By which a frame shows the reference larger or smaller than its size says, and one direction more than the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How a frame lies to its reference.

    Parameters
    ----------
    matrix : (3, 3) float64 or None
        Maps points of the reference to the frame; None where the frame is refused.
    score : float
        Share of the landmarks in view that are where the map puts them, 0..1; those near the boxes count more.
    is_anchored : bool
        Whether the last frame was of no help: there was none, or the camera has been moved.
    shift : float
        Pixels of the frame that a corner of the reference has moved by since the last frame; 0 without one.
    reason : str or None
        Why the frame is refused; None where it is not.
    """

    matrix: Matrix | None
    score: float
    is_anchored: bool
    shift: float = 0.0
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.matrix is None) == (self.reason is None):
            raise ValueError(f"an Alignment has a matrix or a reason, got {self.matrix} and {self.reason}")


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Corners of a picture: (n, 2) points, and their (n, 32) uint8 descriptors."""

    points: Points
    descriptors: Gray


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The picture in which the boxes were drawn, and what it is known by.

    Parameters
    ----------
    shape : (rows, columns)
    quads : (n, 4, 2) float64
        Corners of the areas that hold digits.
    min_score : float
    tracked : (rows, columns) uint8
        The reduced picture.
    landmarks : (n, 2) int
        Upper left pixels (x, y) of the patches in `tracked`.
    weights : (n,) float64
        What each landmark counts: 1 at a box, less away from all of them.
    features : Features
        Of the picture itself.
    """

    shape: tuple[int, int]
    quads: Points
    min_score: float
    tracked: Gray
    landmarks: NDArray[np.int64]
    weights: NDArray[np.float64]
    features: Features

    @classmethod
    def open(cls, path: Path | str, areas: Sequence[Area] = (), min_score: float = MIN_SCORE) -> Reference:
        """The reference in a picture file; see `of`.

        Raises
        ------
        PictureError
        """
        gray = load_picture(path)
        try:
            return cls.of(gray, areas, min_score)
        except PictureError as error:
            raise PictureError(f"{path}: {error}") from None

    @classmethod
    def of(cls, gray: Gray, areas: Sequence[Area] = (), min_score: float = MIN_SCORE) -> Reference:
        """The reference of a picture whose digits stand in `areas`: those change, so they are no landmarks.

        Raises
        ------
        PictureError
            An area leaves the picture, or the rest of it has too few corners.
        """
        require_uint8("gray", gray, 2)
        quads = np.array([corners_of(area) for area in areas]).reshape(-1, 4, 2)
        for area, quad in zip(areas, quads, strict=True):
            if not is_within(quad, gray.shape):
                size = f"{gray.shape[1]} x {gray.shape[0]}"
                raise PictureError(f"the box {list(area)} leaves the reference picture of {size}; draw it inside")
        tracked = reduce_frame(gray, TRACK_SIDE)[0]
        landmarks = _find_landmarks(tracked, _free_of(quads, gray.shape, tracked.shape, PATCH // 2 + 1))
        if len(landmarks) < MIN_LANDMARKS:
            found = f"{len(landmarks)} corners outside the boxes to hold to, and needs {MIN_LANDMARKS}"
            raise PictureError(f"the reference picture has {found}; take one that shows more of the meter's face")
        features = _find_features(gray, _free_of(quads, gray.shape, gray.shape, 1))
        weights = _weights(landmarks + PATCH / 2, quads * (tracked.shape[1] / gray.shape[1]), tracked.shape)
        return cls((gray.shape[0], gray.shape[1]), quads, min_score, tracked, landmarks, weights, features)

    def locate(self, gray: Gray, near: Alignment | None = None) -> Alignment:
        """How a frame lies to the reference; refused where it cannot be told.

        Parameters
        ----------
        gray : (rows, columns) uint8
        near : Alignment, optional
            Of the last frame that was not refused.
        """
        require_uint8("gray", gray, 2)
        last = near.matrix if near else None
        found = _track(self, gray, _as_drawn(self.shape, gray.shape) if last is None else last, last is None)
        if found.matrix is None and (start := _anchor(self, gray)) is not None:
            again = _track(self, gray, start, is_anchored=True)
            found = max(again, found, key=lambda each: (each.matrix is not None, each.score))
        if last is None or found.matrix is None:
            return found
        shift = _largest_shift(last, found.matrix, self.shape)
        return Alignment(found.matrix, found.score, found.is_anchored, shift)


def is_within(quad: Points, shape: Sequence[int], margin: float = 0.0) -> bool:
    """Whether all corners lie in a picture of (rows, columns), or at most `margin` pixels outside."""
    return bool((quad >= -margin).all() and (quad <= np.array((shape[1], shape[0])) + margin).all())


def cut_quad(gray: Gray, quad: Points, size: tuple[int, int]) -> Gray:
    """The upright picture of a quadrilateral, (height, width) uint8, cut from the frame in one step.

    Each pixel is the mean over its area where the cell is larger than `size`. The arithmetic is on whole numbers, for
    OpenCV's own interpolation gives other bits on other machines. What lies outside the frame is its border.

    Parameters
    ----------
    gray : (rows, columns) uint8
    quad : (4, 2)
        Clockwise from what is the upper left once upright.
    size : (width, height)
    """
    width, height = size
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    across = width * max(1, math.ceil(max(sides[0], sides[2]) / width))
    down = height * max(1, math.ceil(max(sides[1], sides[3]) / height))
    samples = _sampled(gray, _grid(quad, across, down)).reshape(down, across)
    return samples if samples.shape == (height, width) else cv2.resize(samples, size, interpolation=cv2.INTER_AREA)


def _grid(quad: Points, columns: int, rows: int) -> Points:
    """The middles of `columns` x `rows` equal parts of a quadrilateral, row after row."""
    ends = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
    matrix = cv2.getPerspectiveTransform(ends, quad.astype(np.float32))
    return mapped(_middles(columns, rows), matrix)


@functools.lru_cache(maxsize=64)
def _middles(columns: int, rows: int) -> Points:
    """The middles of the squares of a grid, row after row."""
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    return np.column_stack([x.ravel(), y.ravel()])


def _sampled(gray: Gray, points: Points) -> Gray:
    """The gray level at each of (n, 2) points, between the four pixels around it, to a 256th of a pixel."""
    rows, columns = gray.shape
    fixed = np.round((points - 0.5) * 256).astype(np.int64)
    x = np.clip(fixed[:, 0], 0, (columns - 1) * 256).astype(np.int32)
    y = np.clip(fixed[:, 1], 0, (rows - 1) * 256).astype(np.int32)
    left, top, along, below = x >> 8, y >> 8, x & 255, y & 255
    right, under = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    pixels, top, under = gray.ravel(), top * columns, under * columns
    upper = pixels.take(top + left) * (256 - along) + pixels.take(top + right) * along
    lower = pixels.take(under + left) * (256 - along) + pixels.take(under + right) * along
    return ((upper * (256 - below) + lower * below + (1 << 15)) >> 16).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A map of tracked pixels to those of the reduced frame, its score, the share of the landmarks found on the side of
    the boxes where it is the least, and how sure the map's eight numbers are.
    """

    matrix: Matrix
    score: float
    least_side: float
    covariance: Matrix


def _track(reference: Reference, gray: Gray, start: Matrix, is_anchored: bool) -> Alignment:
    """The alignment near `start`; where the map moves much, it is looked for again from there."""
    reduced = reduce_frame(gray, TRACK_SIDE)[0]
    down, up = _scaling(reference.shape, reference.tracked.shape), _scaling(reduced.shape, gray.shape)
    start = np.linalg.inv(up) @ start @ np.linalg.inv(down)
    fit = _fit(reference, reduced, start)
    if fit and _largest_shift(start, fit.matrix, reference.tracked.shape) > LOOK_AGAIN:
        fit = _fit(reference, reduced, fit.matrix)
    if fit is None or fit.score < reference.min_score:
        score = fit.score if fit else 0.0
        lack = f"score {score:.2f}, at least {reference.min_score:.2f} is asked"
        return Alignment(None, score, is_anchored, 0.0, f"does not match the reference picture: {lack}")
    matrix = up @ fit.matrix @ down
    matrix /= matrix[2, 2]
    reason = _doubt(reference, fit, matrix, gray.shape)
    return Alignment(None if reason else matrix, fit.score, is_anchored, 0.0, reason)


def _doubt(reference: Reference, fit: _Fit, matrix: Matrix, shape: Sequence[int]) -> str | None:
    """Why a map with a good score is not to be used all the same."""
    if not _is_possible(matrix, reference.shape, shape):
        return "matches the reference picture only in an impossible view"
    if not is_within(mapped(reference.quads.reshape(-1, 2), matrix), shape, OUTSIDE):
        return "a box lies outside the frame; point the camera back at it"
    if fit.least_side < MIN_ON_A_SIDE:
        return "one side of the reference picture is hidden, or torn off"
    if _spread(reference, fit) > MAX_DOUBT:
        return "too little of the reference picture is in view to place the boxes"
    return None


def _anchor(reference: Reference, gray: Gray) -> Matrix | None:
    """A map from features of the whole picture; None where they agree on none, or on an impossible one."""
    features = _find_features(gray)
    pairs = _matches(reference.features.descriptors, features.descriptors)
    if len(pairs) < MIN_MATCHES:
        return None
    sources, targets = reference.features.points[pairs[:, 0]], features.points[pairs[:, 1]]
    near = ANCHOR_NEAR * max(1.0, max(gray.shape) / ANCHOR_SIDE)
    matrix, _ = cv2.findHomography(sources, targets, cv2.RANSAC, near)
    return matrix if matrix is not None and _is_possible(matrix, reference.shape, gray.shape) else None


def _fit(reference: Reference, reduced: Gray, start: Matrix) -> _Fit | None:
    """The map that the landmarks found near `start` agree on; None where too few are in view or agree."""
    middles = reference.landmarks + PATCH / 2
    chosen = np.flatnonzero(_in_view(middles, start, reduced.shape))
    if len(chosen) < max(MIN_LANDMARKS, MIN_IN_VIEW * len(middles)):
        return None
    offsets, correlations = _find_offsets(reference, reduced, start, chosen)
    is_found = correlations >= MIN_CORRELATION
    places = middles[chosen][is_found]
    solved = _solve(places, places + offsets[is_found], reference.tracked.shape)
    if solved is None:
        return None
    matrix, covariance, agrees = solved
    is_found[is_found] = agrees
    weights = reference.weights[chosen]
    score = float(weights[is_found].sum() / weights.sum())
    return _Fit(start @ matrix, score, _least_side(reference, middles[chosen], is_found), covariance)


def _least_side(reference: Reference, middles: Points, is_found: NDArray[np.bool_]) -> float:
    """Share of the landmarks found left, right, above or below the boxes' middle, where it is the least."""
    scale = reference.tracked.shape[1] / reference.shape[1]
    corners = reference.quads.reshape(-1, 2) if len(reference.quads) else np.array([reference.shape[::-1]]) / 2
    beyond = middles > corners.mean(axis=0) * scale
    sides = [is_found[side] for side in (*beyond.T, *~beyond.T)]
    return min((float(side.mean()) for side in sides if len(side) >= SIDE_LANDMARKS), default=1.0)


def _in_view(middles: Points, matrix: Matrix, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Which landmarks a map puts wholly into a picture of (rows, columns), however they are turned."""
    ends = np.column_stack([middles, np.ones(len(middles))]) @ matrix.T
    places = ends[:, :2] / ends[:, 2:]
    return ((places >= PATCH) & (places <= (shape[1] - PATCH, shape[0] - PATCH))).all(axis=1) & (ends[:, 2] > 0)


def _find_offsets(
    reference: Reference, reduced: Gray, start: Matrix, chosen: NDArray[np.int64]
) -> tuple[Points, NDArray[np.float64]]:
    """How far each chosen landmark lies from where `start` puts it, in tracked pixels, and its correlation there."""
    rows, columns = reference.tracked.shape
    half = np.array([(1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)])  # OpenCV has (0, 0) in the middle of the first pixel
    centred = half @ start @ np.linalg.inv(half)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(reduced, centred, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    found = [_find_patch(reference.tracked, seen, x, y) for x, y in reference.landmarks[chosen].tolist()]
    return np.array([(x, y) for x, y, _ in found]), np.array([correlation for _, _, correlation in found])


def _find_patch(tracked: Gray, seen: Gray, x: int, y: int) -> tuple[float, float, float]:
    """Offset (x, y) of a landmark between two pictures, to a part of a pixel, and the correlation there."""
    window = seen[y - REACH : y + PATCH + REACH, x - REACH : x + PATCH + REACH]
    scores = cv2.matchTemplate(window, tracked[y : y + PATCH, x : x + PATCH], cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(scores)
    if not (0 < column < 2 * REACH and 0 < row < 2 * REACH):
        return 0.0, 0.0, 0.0  # the peak may lie beyond the window
    left, right = float(scores[row, column - 1]), float(scores[row, column + 1])
    above, below = float(scores[row - 1, column]), float(scores[row + 1, column])
    return column - REACH + vertex_of(left, best, right), row - REACH + vertex_of(above, best, below), best


def _solve(sources: Points, targets: Points, shape: Sequence[int]) -> tuple[Matrix, Matrix, NDArray[np.bool_]] | None:
    """The perspective map of tracked pixels that most pairs agree on, its covariance, and which agree.

    The map is linear in eight numbers once its denominator is multiplied out. They start from a similarity, and stay
    near it where nothing speaks against it; a pair that strays by twice `NEAR` has no weight.
    """
    if len(sources) < MIN_LANDMARKS // 2:
        return None
    similarity, _ = cv2.estimateAffinePartial2D(sources, targets, method=cv2.RANSAC, ransacReprojThreshold=2 * NEAR)
    if similarity is None:
        return None
    unit, back = _unit(shape), np.linalg.inv(_unit(shape))
    u, v = mapped(sources, unit), mapped(targets, unit)
    guess = (unit @ np.vstack([similarity, (0, 0, 1)]) @ back).ravel()[:8]
    answer, covariance, design = guess, np.eye(8), _design(u, v).reshape(-1, 2, 8)
    for _ in range(FIT_ROUNDS):
        strays = np.linalg.norm(mapped(u, _as_map(answer)) - v, axis=1) / unit[0, 0]
        weights = np.clip(1 - (strays / (2 * NEAR)) ** 2, 0, None) ** 2
        noise = max(NOISE, _deviation(strays, weights)) * unit[0, 0]
        weighted = (design * (weights / noise**2)[:, None, None]).reshape(-1, 8).T
        covariance = np.linalg.inv(weighted @ design.reshape(-1, 8) + np.diag(PRIOR))
        answer = covariance @ (weighted @ v.ravel() + PRIOR * guess)
    strays = np.linalg.norm(mapped(u, _as_map(answer)) - v, axis=1) / unit[0, 0]
    return back @ _as_map(answer) @ unit, covariance, strays <= NEAR


def _unit(shape: Sequence[int]) -> Matrix:
    """Brings the middle of a picture to 0 and its longer side to -1..1."""
    scale = 2 / max(shape)
    return np.array([(scale, 0, -scale * shape[1] / 2), (0, scale, -scale * shape[0] / 2), (0, 0, 1)])


def _as_map(answer: NDArray[np.float64]) -> Matrix:
    return np.append(answer, 1.0).reshape(3, 3)


def _design(u: Points, v: Points) -> Matrix:
    """Two equations a pair: (2n, 8)."""
    ones, zeros = np.ones(len(u)), np.zeros((len(u), 3))
    across = np.column_stack([u, ones, zeros, -u * v[:, :1]])
    down = np.column_stack([zeros, u, ones, -u * v[:, 1:]])
    return np.stack([across, down], axis=1).reshape(-1, 8)


def _deviation(strays: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Standard deviation of one coordinate, eight numbers being fitted."""
    freedom = 2 * float(weights.sum()) - 8
    return math.sqrt(float((weights * strays**2).sum()) / freedom) if freedom > 1 else NEAR


def _spread(reference: Reference, fit: _Fit) -> float:
    """Standard deviation of a box's corner over the box's shortest side, of the worst one."""
    corners = reference.quads.reshape(-1, 2)
    if not len(corners):
        return 0.0
    u = mapped(corners, _unit(reference.shape))
    slopes = _design(u, u).reshape(-1, 2, 8)
    deviations = np.sqrt(((slopes @ fit.covariance) * slopes).sum(axis=(1, 2))).reshape(-1, 4)
    sides = np.linalg.norm(reference.quads - np.roll(reference.quads, -1, axis=1), axis=2)
    return float((deviations.max(axis=1) / sides.min(axis=1)).max() * max(reference.shape) / 2)


def _find_landmarks(tracked: Gray, free: Gray) -> NDArray[np.int64]:
    """Upper left pixels (x, y) of the strongest patch in each cell of the grid that is like nothing beside it."""
    margin = PATCH // 2 + REACH + 1
    inner = np.zeros_like(free)
    inner[margin:-margin, margin:-margin] = free[margin:-margin, margin:-margin]
    strength = cv2.cornerMinEigenVal(tracked, PATCH, ksize=3)
    strength[strength < (2 * MIN_CORNER / 255) ** 2] = 0  # OpenCV's slopes are twice ours, of gray levels 0..1
    chosen: dict[tuple[int, int], tuple[int, int]] = {}
    for x, y in _peaks(np.where(inner > 0, strength, 0)):
        cell = x * GRID[0] // tracked.shape[1], y * GRID[1] // tracked.shape[0]
        corner = x - PATCH // 2, y - PATCH // 2
        if cell not in chosen and _is_distinct(tracked, *corner):
            chosen[cell] = corner
    return np.array(sorted(chosen.values()), np.int64).reshape(-1, 2)


def _weights(middles: Points, quads: Points, shape: Sequence[int]) -> NDArray[np.float64]:
    """What each landmark counts: half as much at a distance of `FAR` from the boxes."""
    if not len(quads):
        return np.ones(len(middles))
    outlines = quads.astype(np.float32)
    distances = [[-cv2.pointPolygonTest(quad, tuple(middle), True) for quad in outlines] for middle in middles.tolist()]
    nearest = np.clip(np.min(distances, axis=1), 0, None)
    return 1 / (1 + (nearest / (FAR * max(shape))) ** 2)


def _peaks(strength: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pixels (x, y) that are the highest for half a patch around, the highest first."""
    around = np.ones((PATCH // 2, PATCH // 2), np.uint8)
    rows, columns = np.nonzero((strength == cv2.dilate(strength, around)) & (strength > 0))
    order = np.argsort(-strength[rows, columns], kind="stable")
    return list(zip(columns[order].tolist(), rows[order].tolist(), strict=True))


def _is_distinct(tracked: Gray, x: int, y: int) -> bool:
    """Whether a patch is found in its own picture, and not beside itself."""
    window = tracked[y - REACH : y + PATCH + REACH, x - REACH : x + PATCH + REACH]
    scores = cv2.matchTemplate(window, tracked[y : y + PATCH, x : x + PATCH], cv2.TM_CCOEFF_NORMED)
    own = slice(REACH - TWIN_FROM + 1, REACH + TWIN_FROM)
    scores[own, own] = -1
    return float(scores.max()) < MAX_TWIN


def _find_features(gray: Gray, free: Gray | None = None) -> Features:
    """The corners of a picture with their descriptors, from its local contrast; only where `free` is not 0."""
    reduced = reduce_frame(gray, ANCHOR_SIDE)[0]
    if min(reduced.shape) < MIN_SIDE:
        return Features(np.zeros((0, 2)), np.zeros((0, 32), np.uint8))
    if free is not None:
        free = cv2.resize(free, reduced.shape[::-1], interpolation=cv2.INTER_NEAREST)
    even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8)).apply(reduced)
    orb = cv2.ORB_create(FEATURES, fastThreshold=10)  # type: ignore[attr-defined]  # lacks in the stubs
    found, descriptors = orb.detectAndCompute(even, free)
    points = np.array([each.pt for each in found], np.float64).reshape(-1, 2) + 0.5
    if descriptors is None:
        descriptors = np.zeros((0, 32), np.uint8)
    return Features(mapped(points, _scaling(reduced.shape, gray.shape)), descriptors)


def _matches(sources: Gray, targets: Gray) -> NDArray[np.int64]:
    """(n, 2) indices of descriptors that are alike, and like no other."""
    if len(targets) < 2:
        return np.zeros((0, 2), np.int64)
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(sources, targets, k=2)
    kept = [(a.queryIdx, a.trainIdx) for a, b in pairs if a.distance < MAX_RATIO * b.distance]
    return np.array(kept, np.int64).reshape(-1, 2)


def _free_of(quads: Points, shape: Sequence[int], size: Sequence[int], margin: int) -> Gray:
    """255 in a picture of `size` (rows, columns) outside the areas of one of `shape`, and `margin` pixels off them."""
    mask = np.zeros((size[0], size[1]), np.uint8)
    for quad in quads:
        cv2.fillConvexPoly(mask, np.round(mapped(quad, _scaling(shape, size))).astype(np.int32), 255)
    return cv2.bitwise_not(cv2.dilate(mask, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)))


def _scaling(shape: Sequence[int], size: Sequence[int]) -> Matrix:
    """Maps points of a picture of `shape` (rows, columns) to the same one of `size`."""
    return np.diag([size[1] / shape[1], size[0] / shape[0], 1.0])


def _as_drawn(shape: Sequence[int], size: Sequence[int]) -> Matrix:
    """The reference of `shape` in the middle of a frame of `size`, as large as it fits: where a first look is worth."""
    scale = min(size[0] / shape[0], size[1] / shape[1])
    return np.array(
        [(scale, 0, (size[1] - scale * shape[1]) / 2), (0, scale, (size[0] - scale * shape[0]) / 2), (0, 0, 1)]
    )


def _is_possible(matrix: Matrix, shape: Sequence[int], size: Sequence[int]) -> bool:
    """Whether a map of a reference of `shape` to a frame of `size` is one that a camera gives: not mirrored, not
    folded, and not much larger, smaller or longer than the sizes say.
    """
    corners = corners_of((0, 0, shape[1], shape[0]))
    if (np.column_stack([corners, np.ones(4)]) @ matrix[2] <= 0).any():
        return False
    ends = mapped(corners, matrix)
    edges = np.roll(ends, -1, axis=0) - ends
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    if (turns <= 0).any():
        return False
    usual = min(size[0] / shape[0], size[1] / shape[1]) * np.array([shape[1], shape[0], shape[1], shape[0]])
    scales = np.linalg.norm(edges, axis=1) / usual
    return bool(
        scales.max() < MAX_STRETCH * scales.min() and 1 / MAX_SCALE < math.sqrt(scales.prod() ** 0.5) < MAX_SCALE
    )


def _largest_shift(last: Matrix, now: Matrix, shape: Sequence[int]) -> float:
    """Pixels of the frame by which the corners of a reference of `shape` differ between two maps, at the most."""
    corners = corners_of((0, 0, shape[1], shape[0]))
    return float(np.linalg.norm(mapped(corners, last) - mapped(corners, now), axis=1).max())
