"""From gray to ink: paper is estimated on a small picture, and a pixel is ink where it lies nearer to
the darkest pixel around than to the paper.

Closing the small picture with a window wider than any stroke removes the writing and keeps shadows
and gradients (morphological background estimation, as in Gonzalez and Woods, Digital Image
Processing, 9.6). The threshold half-way between paper and local ink is Bernsen's (1986), taken
against the estimated paper instead of the local maximum. All steps give the same bits on x86 and
ARM: area and cubic resizing, morphology, comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Gray, require_uint8

CELL = 8
"""Side of a cell of the small picture, in pixels."""

WINDOW = 7
"""Cells that the paper is estimated over: strokes up to about 50 pixels wide are removed."""

INK_FRACTION = 0.45
"""A pixel is ink from this share of the local contrast on; below half, so that thin strokes hold together."""

NEAR = 3
"""Cells around a pixel that hold the ink it is compared with: a faint digit beside a dark one is measured by itself."""

FAR_FRACTION = 0.3
"""... but a pixel must have this share of the contrast in the whole window: faint marks amid dark ones are no ink."""

FAINT_FRACTION = 0.18
"""Share of the contrast in the window from which on a pixel may belong to a rule or a frame."""

MIN_CONTRAST = 14
"""Gray levels that ink differs from paper at the least: the texture of paper and JPEG stay below."""

NOISE_FACTOR = 3.5
"""Ink differs from paper by this many standard deviations of the sensor's noise."""

NOISY = 5.0
"""Standard deviation of noise, in gray levels, from which on the picture is smoothed first."""


DETAIL_SCALE, DETAIL = 4, 15
"""Reduction of the picture and window of its local mean in the polarity's evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """A frame's ink in one polarity.

    Parameters
    ----------
    gray : (rows, columns) uint8
        Dark ink on light paper; inverted and smoothed already where that was needed.
    mask : (rows, columns) uint8
        255 where there is ink.
    paper : (rows / 8, columns / 8) uint8
        Gray level of the paper a cell.
    darkest : (rows / 8, columns / 8) uint8
        Gray level of the darkest pixel in the window around a cell.
    least_depth : float
        Gray levels below the paper from which on a pixel is more than noise.
    is_light : bool
        Whether the frame shows light ink on dark.
    lifted : (rows, columns) uint8, optional
        How many gray levels deep the printed lines were that were lifted from `gray`; 0 beside them.
    """

    gray: Gray
    mask: Gray
    paper: Gray
    darkest: Gray
    least_depth: float
    is_light: bool
    lifted: Gray | None = None


def binarize(gray: Gray, is_light: bool = False) -> Ink:
    """Separate ink from paper under any lighting.

    Parameters
    ----------
    gray : (rows, columns) uint8
    is_light : bool
        Look for light ink on dark instead of dark on light.
    """
    require_uint8("gray", gray, 2)
    dark = cv2.bitwise_not(gray) if is_light else gray
    noise = noise_level(gray)
    if noise > NOISY:
        dark = cv2.GaussianBlur(dark, (3, 3), 0)
        noise *= 0.4
    return ink_in(dark, max(MIN_CONTRAST, NOISE_FACTOR * noise), is_light)


def ink_in(dark: Gray, least_depth: float, is_light: bool) -> Ink:
    """The ink of a picture (rows, columns) uint8 that is dark on light and not noisy, from so many gray levels on."""
    paper, near, far = _paper_and_darkest(dark)
    depth = np.maximum(INK_FRACTION * cv2.subtract(paper, near), FAR_FRACTION * cv2.subtract(paper, far))
    return Ink(dark, _below(dark, paper, np.maximum(depth, least_depth)), paper, far, least_depth, is_light)


def faint_mask(ink: Ink) -> Gray:
    """255 where there is at least faint ink, such as rules and frames are printed with: (rows, columns) uint8."""
    depth = FAINT_FRACTION * cv2.subtract(ink.paper, ink.darkest)
    return _below(ink.gray, ink.paper, np.maximum(depth, ink.least_depth))


def paper_of(ink: Ink) -> Gray:
    """Gray level of the paper at each pixel, (rows, columns) uint8."""
    return _enlarge(ink.paper, ink.gray.shape)


def _below(dark: Gray, paper: Gray, depth: NDArray[np.float64]) -> Gray:
    """255 where a picture is darker than its paper by `depth`, given a cell."""
    level = np.clip(paper - depth, 0, 255).astype(np.uint8)
    return cv2.compare(dark, _enlarge(level, dark.shape), cv2.CMP_LT)


def noise_level(gray: Gray) -> float:
    """Standard deviation of the sensor's noise in gray levels, from the median difference of neighbours.

    The median ignores edges as long as less than half of the picture is texture.
    """
    sample = gray[::6, : gray.shape[1] // 2 * 2]
    if sample.shape[1] < 2:
        return 0.0
    difference = cv2.absdiff(np.ascontiguousarray(sample[:, ::2]), np.ascontiguousarray(sample[:, 1::2]))
    histogram = cv2.calcHist([difference], [0], None, [256], [0, 256]).ravel().cumsum()
    half = histogram[-1] / 2
    median = int(np.searchsorted(histogram, half))
    below = histogram[median - 1] if median else 0.0
    within = (half - below) / max(histogram[median] - below, 1.0)
    return max(0.0, median - 0.5 + float(within)) / 0.954  # median |a - b| is 0.954 sigma for normal a, b


def polarity_evidence(gray: Gray) -> float:
    """Skewness of the detail in the picture: negative for dark writing on light, positive for light on dark.

    Writing covers the lesser part of its surroundings, so it is the longer tail of what is left when
    the local mean is taken away; an edge between light and dark areas has no skew.
    """
    small = _shrink(_shrink(gray, 2), DETAIL_SCALE // 2).astype(np.float32)  # twice by 2 is faster than once by 4
    detail = (small - cv2.blur(small, (DETAIL, DETAIL))).ravel()
    square = detail * detail
    spread = float(square.sum()) / detail.size
    return float(square.dot(detail)) / detail.size / spread**1.5 if spread > 0 else 0.0


def _paper_and_darkest(dark: Gray) -> tuple[Gray, Gray, Gray]:
    """Gray level of the paper, of the darkest pixel near and of the darkest in the window, a cell.

    The border is repeated outwards first: otherwise the closing takes its level from the inside, and
    the dark end of a gradient counts as ink.
    """
    half = _shrink(dark, 2)
    small = _shrink(half, CELL // 2)
    kernel = _kernel(small)
    margin = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = cv2.copyMakeBorder(small, margin[0], margin[0], margin[1], margin[1], cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)
    paper = closed[margin[0] : margin[0] + small.shape[0], margin[1] : margin[1] + small.shape[1]]
    minimum = cv2.erode(half, np.ones((CELL // 2 + 1, CELL // 2 + 1), np.uint8))
    cells = cv2.resize(minimum, small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    near = cv2.erode(cells, np.ones((NEAR, NEAR), np.uint8))
    return cv2.blur(paper, (3, 3)), near, cv2.erode(cells, kernel)


def _shrink(gray: Gray, factor: int) -> Gray:
    rows, columns = gray.shape
    size = (max(1, round(columns / factor)), max(1, round(rows / factor)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def _enlarge(cells: Gray, shape: tuple[int, ...]) -> Gray:
    return cv2.resize(cells, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _kernel(small: Gray) -> Gray:
    """The window, at most half as wide as the picture: a crop of one digit is paper for the greater part."""
    return np.ones((min(WINDOW, small.shape[0] // 2 * 2 + 1), min(WINDOW, small.shape[1] // 2 * 2 + 1)), np.uint8)
