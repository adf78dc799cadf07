"""What a digit's region holds beside the digit once it was cut out of a page: slivers of a neighbour that touched it,
and stubs or gaps where a rule was taken away.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edge.nouns import Gray
from edge.paper.normalize import cut_to_ink
from train.seams import cut_off

Residue = Callable[[Gray, np.random.Generator], Gray]
"""Ink of one digit, dark on 0, to the same with what was left on it."""

MIN_KEPT = 0.85
"""A cut that leaves less ink than this, over the digit's, went through the digit; it is not made."""


def beside(ink: Gray, neighbour: Gray, rng: np.random.Generator) -> Gray:
    """The digit cut off a neighbour that touched it, a little beside the right place.

    Parameters
    ----------
    ink, neighbour : (rows, columns) uint8
        Coverage of two digits; the neighbour is scaled to the digit's height.
    """
    cut, other = cut_to_ink(ink), cut_to_ink(neighbour)
    if cut is None or other is None:
        return ink
    height = cut.shape[0]
    scale = height * rng.uniform(0.85, 1.15) / other.shape[0]
    size = (max(2, round(other.shape[1] * scale)), max(2, round(other.shape[0] * scale)))
    other = cv2.resize(other, size, interpolation=cv2.INTER_LINEAR)
    is_flipped = rng.random() < 0.5
    first, second = (other, cut) if is_flipped else (cut, other)
    overlap = int(rng.uniform(-0.02, 0.12) * height)
    contact = first.shape[1] - overlap
    pair = np.zeros((max(first.shape[0], second.shape[0]), max(contact + second.shape[1], first.shape[1])), np.uint8)
    for picture, left in ((first, 0), (second, max(0, contact))):
        top = (pair.shape[0] - picture.shape[0]) // 2
        area = pair[top : top + picture.shape[0], left : left + picture.shape[1]]
        np.maximum(area, picture[:, : area.shape[1]], out=area)
    rows = np.arange(pair.shape[0])
    slant = rng.uniform(-0.2, 0.2)
    cut_at = contact + overlap / 2 + rng.uniform(-0.05, 0.05) * height + slant * (rows - pair.shape[0] / 2)
    is_left = np.arange(pair.shape[1])[None, :] < cut_at[:, None]
    left_over = _largest(np.where(is_left != is_flipped, pair, 0).astype(np.uint8))
    return left_over if left_over.sum() > MIN_KEPT * cut.sum() else ink


def ruled(ink: Gray, rng: np.random.Generator) -> Gray:
    """The digit after a level rule through it was taken away: a thin gap in its level strokes, or stubs beside it, in
    the rule's own ink, which may be lighter than the digit's.
    """
    cut = cut_to_ink(ink)
    if cut is None:
        return ink
    height = cut.shape[0]
    reach = max(2, round(0.15 * height))
    picture = cv2.copyMakeBorder(cut, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    thickness = max(1, round(rng.uniform(0.02, 0.06) * height))
    row = reach + int(rng.uniform(0.5, 1.02) * height)
    if rng.random() < 0.4:
        gap = picture.copy()
        gap[row : row + thickness] = 0
        return cv2.morphologyEx(gap, cv2.MORPH_CLOSE, np.ones((2 * thickness + 1, 1), np.uint8))
    columns = np.flatnonzero(picture[min(row, reach + height - 1)] >= 96)
    if len(columns):
        start = int(columns[0] - rng.integers(0, reach + 1))
        end = int(columns[-1] + rng.integers(0, reach + 1))
        picture[row : row + thickness, max(start, 0) : end + 1] = int(rng.integers(120, 256))
    return picture


def residue_of(digits: Gray, share_beside: float, share_ruled: float, share_cut: float = 0.0) -> Residue:
    """What leaves a neighbour's sliver, a rule's trace or nothing on a digit, or cuts it off a neighbour as the device
    does; `digits` (n, rows, columns) lend ink.
    """

    def leave(ink: Gray, rng: np.random.Generator) -> Gray:
        draw = rng.random()
        if draw >= 1 - share_cut:
            left = cut_off(ink, digits[rng.integers(len(digits))], rng)
            return ink if left is None else left
        if draw < share_beside:
            return beside(ink, digits[rng.integers(len(digits))], rng)
        return ruled(ink, rng) if draw < share_beside + share_ruled else ink

    return leave


def _largest(ink: Gray) -> Gray:
    """Without the crumbs that a cut leaves lying apart: a piece with a tenth of the largest one's ink stays."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((ink >= 64).astype(np.uint8))
    if count <= 2:
        return ink
    area = stats[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    kept = np.flatnonzero(area >= 0.1 * area.max())
    return np.where(np.isin(labels, kept), ink, 0).astype(np.uint8)
