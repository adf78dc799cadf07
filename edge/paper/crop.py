"""A picture of one digit from anywhere, of any size and polarity: the glyph or the meter's cell that a network sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference.classifier import CellClassifier
from edge.meters.cell import MINUS, normalize_cell, position_of, prediction_of
from edge.nouns import Glyph, Gray, Prediction, require_uint8
from edge.paper.binarize import MIN_CONTRAST
from edge.paper.normalize import normalize_glyph
from edge.paper.segment import coverage_of

BORDER_SHARE = 0.06
"""Width of the border that shows the paper, over the shorter side."""

LEAST_PIECE = 0.06
"""Pieces with a lesser share of the largest one's ink are specks."""

FRAME_SIDE = 160
"""Crops are brought down to this side first: a digit's form is in less."""


@dataclass(frozen=True, slots=True, eq=False)
class Classified:
    """What a picture of one digit shows: the pixels that the network saw, or None where there was no ink; its answer,
    and the position of a drum.
    """

    seen: Gray | None
    prediction: Prediction | None
    position: float | None = None


def classify_cell(gray: Gray, classifier: CellClassifier) -> Classified:
    """What a picture of a meter's cell shows; its position where that is a digit."""
    cell = normalize_cell(gray)
    scores = classifier.predict([cell])[0]
    prediction = prediction_of(scores)
    position = position_of(scores) if prediction.is_digit and prediction.label != MINUS else None
    return Classified(cell, prediction, position)


def glyph_of_crop(gray: Gray) -> Glyph | None:
    """The digit in a crop as the network sees it, or None where nothing stands out from the paper.

    Parameters
    ----------
    gray : (rows, columns) uint8
        One digit, dark on light or light on dark, with or without a margin.
    """
    require_uint8("gray", gray, 2)
    dark = _dark_on_light(_reduced(gray))
    paper = _paper(dark)
    depth: Gray = np.clip(paper - dark.astype(np.float32), 0, 255).astype(np.uint8)
    _, mask = cv2.threshold(depth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if depth[mask > 0].size == 0 or _contrast(depth, mask) < MIN_CONTRAST:
        return None
    mask = _main_pieces(mask)
    coverage = coverage_of(_levelled(dark, paper), mask, 255.0)
    pixels = normalize_glyph(coverage)
    return Glyph(pixels) if pixels.any() else None


def _reduced(gray: Gray) -> Gray:
    factor = max(gray.shape) / FRAME_SIDE
    if factor <= 1:
        return gray
    size = (max(1, round(gray.shape[1] / factor)), max(1, round(gray.shape[0] / factor)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def _dark_on_light(gray: Gray) -> Gray:
    """Inverted where the border is darker than what Otsu's threshold calls light."""
    threshold, _ = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return cv2.bitwise_not(gray) if np.median(_border(gray)) <= threshold else gray


def _border(gray: Gray) -> Gray:
    width = max(1, round(BORDER_SHARE * min(gray.shape)))
    return np.concatenate(
        [gray[:width].ravel(), gray[-width:].ravel(), gray[:, :width].ravel(), gray[:, -width:].ravel()]
    )


def _paper(dark: Gray) -> NDArray[np.float32]:
    """The paper's gray level at each pixel: a plane through the light pixels, for light falls off across a crop."""
    rows, columns = np.mgrid[0 : dark.shape[0], 0 : dark.shape[1]].astype(np.float32)
    threshold, _ = cv2.threshold(dark, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    light = dark > threshold
    if light.sum() < 8:
        return np.full(dark.shape, float(np.median(dark)), np.float32)
    design = np.column_stack([np.ones(light.sum()), rows[light], columns[light]])
    plane, *_ = np.linalg.lstsq(design, dark[light].astype(np.float64), rcond=None)
    return (plane[0] + plane[1] * rows + plane[2] * columns).astype(np.float32)


def _levelled(dark: Gray, paper: NDArray[np.float32]) -> Gray:
    """The crop with its paper brought to 255."""
    return np.clip(np.round(dark + (255.0 - paper)), 0, 255).astype(np.uint8)


def _contrast(depth: Gray, mask: Gray) -> float:
    return float(np.median(depth[mask > 0])) - float(np.median(depth[mask == 0]) if (mask == 0).any() else 0.0)


def _main_pieces(mask: Gray) -> Gray:
    """The ink without specks, and without what only enters from the border: a frame, a neighbour, a shadow."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count <= 2:
        return mask
    order = sorted(range(1, count), key=lambda k: -stats[k, cv2.CC_STAT_AREA])
    inner = [k for k in order if not _enters(stats[k], mask.shape)] or order[:1]
    if stats[inner[0], cv2.CC_STAT_AREA] < LEAST_PIECE * stats[order[0], cv2.CC_STAT_AREA]:
        inner = order
    least = LEAST_PIECE * stats[inner[0], cv2.CC_STAT_AREA]
    kept = [k for k in inner if stats[k, cv2.CC_STAT_AREA] >= least]
    return np.where(np.isin(labels, kept), np.uint8(255), np.uint8(0))


def _enters(stat: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a piece touches the crop's border."""
    x, y, width, height = (
        int(stat[k]) for k in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT)
    )
    return x <= 0 or y <= 0 or x + width >= shape[1] or y + height >= shape[0]
