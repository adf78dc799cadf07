"""A second look at a doubtful glyph: the same ink turned and stretched a little, and what the network says on average.

Averaging over transformed copies of a test picture goes back to Krizhevsky, Sutskever and Hinton, ImageNet
classification with deep convolutional neural networks (2012).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import GLYPH_SIDE, Glyph, Prediction

TURN_DEG = 8.0
NARROWER, LOWER = 0.88, 0.9
"""How far a view is turned to either side, and how much narrower or lower it is made."""

OWN_WEIGHT = 2.0
"""The glyph as it is counts as much as two views."""

LEAST_SCORE = 1e-9


def _map(turn_deg: float, across: float, down: float) -> NDArray[np.float64]:
    angle, middle = np.deg2rad(turn_deg), np.array([(GLYPH_SIDE - 1) / 2] * 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([across, down])
    return np.column_stack([turn, middle - turn @ middle])


MAPS = tuple(_map(*view) for view in ((TURN_DEG, 1, 1), (-TURN_DEG, 1, 1), (0, NARROWER, 1), (0, 1, LOWER)))
"""The affine maps of the views."""


def views_of(glyph: Glyph) -> list[Glyph]:
    """The glyph seen in other ways, `len(MAPS)` of them."""
    return [Glyph(cv2.warpAffine(glyph.pixels, view, (GLYPH_SIDE, GLYPH_SIDE))) for view in MAPS]


def agreed(own: Prediction, others: Sequence[Prediction]) -> Prediction:
    """What a network says of a glyph and of its views: the geometric mean of the scores."""
    weights = np.array([OWN_WEIGHT, *([1.0] * len(others))])
    logs = np.log(np.maximum([list(each.scores.values()) for each in (own, *others)], LEAST_SCORE))
    mean = np.exp(weights @ logs / weights.sum())
    scores = dict(zip(own.scores, (mean / mean.sum()).tolist(), strict=True))
    label = max(scores, key=lambda each: scores[each])
    return Prediction(label, scores[label], scores)
