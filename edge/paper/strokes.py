"""The shape of a single stroke: how far it leans, and how far it bows."""

from __future__ import annotations

import cv2
import numpy as np

from edge.nouns import Gray
from edge.paper.pieces import MIN_HEIGHT

STROKE_SPREAD = 0.07
"""How far a straight stroke's ink strays from a line, over its height."""

MIN_ROW = 0.15
"""A row with less ink than this, over the middle row's, is the soft end of a stroke."""

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
    """How far ink (rows, columns) bows to one side of the line from its top to its foot, over its height.

    The middles of the rows are taken for a parabola, and its bow is that of the means of their thirds.
    """
    ink = coverage.astype(np.float32)
    mass = ink.sum(axis=1)
    inked = np.sort(mass[mass > 0])
    rows = np.flatnonzero(mass > MIN_ROW * inked[len(inked) // 2]) if len(inked) else inked
    if len(rows) < MIN_HEIGHT:
        return 0.0
    middles = (ink @ np.arange(ink.shape[1], dtype=np.float32))[rows] / mass[rows]
    third = len(rows) // 3
    outer = (middles[:third].mean() + middles[-third:].mean()) / 2
    return THIRDS_TO_BOW * abs(float(middles[third:-third].mean() - outer)) / len(rows)
