"""Boxes, quadrilaterals and the maps between pictures.

Points are x, y in pixels. (0, 0) is the outer corner of the first pixel, so a box (x, y, width, height) has its corners
at x and x + width.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Box, Gray

Area = Sequence[float] | Sequence[Sequence[float]]
"""A box (x, y, width, height), or four points (x, y) clockwise from the upper left."""

Matrix = NDArray[np.float64]
"""A perspective map, (3, 3)."""

Points = NDArray[np.float64]
"""(n, 2) x, y; of a quadrilateral four, clockwise from the upper left."""


def corners_of(area: Area) -> Points:
    """The corners of a box or quadrilateral, (4, 2) float64, clockwise from the upper left."""
    numbers = np.array(area, np.float64)
    if numbers.shape == (4, 2):
        return numbers
    x, y, width, height = numbers
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def mapped(points: Points, matrix: Matrix) -> Points:
    """(n, 2) points under a (3, 3) perspective map."""
    starts = np.ones((len(points), 3))
    starts[:, :2] = points
    x, y, depth = (starts @ matrix.T).T  # a column at a time: NumPy is slow along an axis of two
    ends = np.empty((len(points), 2))
    np.divide(x, depth, out=ends[:, 0])
    np.divide(y, depth, out=ends[:, 1])
    return ends


def quad_of(area: Area, matrix: Matrix) -> Points:
    """The corners of a box or quadrilateral under a perspective map, (4, 2) float64."""
    return mapped(corners_of(area), matrix)


def between(source: Points, target: Points) -> Matrix:
    """The perspective map that takes four points to four others."""
    return cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))


def vertex_of(before: float, peak: float, after: float) -> float:
    """Where the parabola through three equally spaced values is highest, from the middle one; 0 where none is."""
    bend = before - 2 * peak + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def box_around(points: Points) -> Box:
    """The smallest box of whole pixels around some points."""
    left, top = np.floor(points.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(points.max(axis=0)).astype(int).tolist()
    return left, top, right - left, bottom - top


def sides_of(quad: Points) -> tuple[float, float]:
    """Mean width and height of a quadrilateral in pixels; at least one each."""
    across = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    down = (np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    return max(float(across), 1.0), max(float(down), 1.0)


def cut_upright(gray: Gray, quad: Points, size: tuple[int, int], margin: int = 0) -> tuple[Gray, Matrix]:
    """What a quadrilateral shows as a rectangle of `size` (width, height) with a margin, and the map from it to `gray`.

    The map is of middles of pixels, which lie at whole numbers; a box of whole pixels is copied as it is.
    """
    width, height = size
    inner = np.array([(0, 0), (width, 0), (width, height), (0, height)]) + margin - 0.5
    matrix = between(inner, quad - 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = (width + 2 * margin, height + 2 * margin)
    return cv2.warpPerspective(gray, matrix, whole, flags=flags, borderMode=cv2.BORDER_REPLICATE), matrix
