"""The shape of a single stroke: how far it leans, how far it bows, and how much of its hull it fills."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray
from edge.paper.pieces import MIN_HEIGHT

STROKE_SPREAD = 0.07
"""How far a straight stroke's ink strays from a line, over its height."""

EDGE = 128
"""Coverage from which on a pixel is the stroke's."""

THIRDS_TO_BOW = 9 / 4
"""In a parabola the middle third's mean lies 4/9 of its bow aside of the mean of the outer thirds'."""


def lean_of(coverage: Gray) -> float | None:
    """Columns a row by which ink (rows, columns) leans to the right; None where it is not one straight stroke."""
    moments = cv2.moments(coverage)
    if moments["mu02"] <= 0:
        return None
    stray = (moments["mu20"] - moments["mu11"] ** 2 / moments["mu02"]) / moments["m00"]
    is_straight = max(stray, 0.0) ** 0.5 < STROKE_SPREAD * coverage.shape[0]
    return -moments["mu11"] / moments["mu02"] if is_straight else None


def bow_of(coverage: Gray) -> float:
    """How far both edges of ink (rows, columns) bow to the right of the line from its top to its foot, over its height.

    Negative to the left. Each edge is taken for a parabola, whose bow is that of the means of its thirds; the lesser
    counts, for the flag of a 1 bows its left edge only. 0 where the edges bow to different sides.
    """
    inked = coverage >= EDGE
    rows = np.flatnonzero(inked.any(axis=1))
    if len(rows) < MIN_HEIGHT:
        return 0.0
    last = coverage.shape[1] - 1
    left, right = (_bow(edge) for edge in (inked[rows].argmax(axis=1), last - inked[rows, ::-1].argmax(axis=1)))
    return min(left, right, key=abs) if left * right > 0 else 0.0


def solidity_of(coverage: Gray) -> float:
    """Share of the convex hull of ink (rows, columns) that is inked; 0 without ink."""
    points = cv2.findNonZero((coverage >= EDGE).view(np.uint8))
    if points is None:
        return 0.0
    hull = np.zeros_like(coverage)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return len(points) / int(hull.sum())


def _bow(places: NDArray[np.int64]) -> float:
    """Of one edge, given by its column in each row."""
    third = len(places) // 3
    outer = (places[:third].mean() + places[-third:].mean()) / 2
    return THIRDS_TO_BOW * float(places[third:-third].mean() - outer) / len(places)
