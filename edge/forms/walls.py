"""The straight lines that a form is printed with: thin or thick, faint, dotted or coloured, level and upright.

A line is dark along a run of pixels. The darkness below the paper is opened along the run, so that writing goes and
lines stay however faint they are, and a line is what stands out from its two sides. Grayscale morphology as in Serra,
Image Analysis and Mathematical Morphology (1982).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.nouns import Gray
from edge.paper.binarize import NOISE_FACTOR, noise_level

LENGTH = 15
"""Pixels that a line is straight for at the least: 2 mm at 200 dpi, where the lowest cells are 3 mm high."""

LONG = 85
"""Pixels that no stroke of a digit is straight for, 11 mm at 200 dpi: a table's walls through several rows are."""

STRAY = 3
"""Pixels that it may stray by across that length: a slope of 8 degrees, and of 2 across a long one."""

THICK = 13
"""Pixels across which a faint line stands out from its sides: 1.5 mm at 200 dpi; a thicker one is as dark as ink."""

DARK = 0.4
"""Share of the picture's contrast from which on a run is a line whatever lies beside it, as at a black band's edge."""

LEAST_DARK = 60.0
"""... and gray levels: a shaded area is paler."""

PAPER_WINDOW = 61
"""Pixels that the paper is the lightest of, 7 mm: more than a band or a shaded cell is wide."""

LIT_WINDOW, LIT_STEP = 248, 8
"""Pixels within which some paper is bare, 31 mm at 200 dpi, and between which its light is measured."""

FAINT = 9
"""Gray levels that a faint line differs from its sides by at the least: opened along its run, noise stays below."""


SHADE, SHADE_SIDE = 6.0, 11
"""Gray levels that shade differs from the paper by, and the least side of a shaded area in pixels: pens are thinner."""


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """The lines of a picture.

    Parameters
    ----------
    level, upright : (rows, columns) uint8
        Gray levels by which a pixel stands out as one of a line from side to side, and from top to bottom.
    depth : (rows, columns) uint8
        Gray levels that a pixel is darker than the paper around it.
    faint, dark : float
        Gray levels from which on a pixel is more than noise, and as dark as ink.
    is_long : bool
        Whether only long lines count.
    """

    level: Gray
    upright: Gray
    depth: Gray
    faint: float
    dark: float
    is_long: bool = False


def find_walls(gray: Gray, gap: int = 0, is_long: bool = False) -> Walls:
    """The lines of an upright picture; the long ones alone are solid from side to side.

    Writing parts a short line where it touches it, for there the line stands out from nothing; along `LONG` pixels
    writing is gone before that is asked.

    Parameters
    ----------
    gray : (rows, columns) uint8
        Dark lines on light paper.
    gap : int
        Pixels at the most between the dots of a line.
    """
    depth = depth_of(gray)
    dark = max(LEAST_DARK, DARK * float(np.percentile(depth[::4, ::4], 99.5)))
    faint = max(float(FAINT), NOISE_FACTOR * noise_level(gray) / 2)
    length = LONG if is_long else LENGTH
    level = _standing_out(depth, dark, 0 if is_long else gap, length)
    upright = cv2.transpose(_standing_out(cv2.transpose(depth), dark, gap, length))
    return Walls(level, upright, depth, faint, dark, is_long)


def with_shades(walls: Walls) -> Walls:
    """The walls and the straight borders of shaded areas, which part cells that no line does."""
    soft = cv2.blur(walls.depth, (5, 5))
    shade = cv2.morphologyEx(soft, cv2.MORPH_OPEN, np.ones((SHADE_SIDE, SHADE_SIDE), np.uint8))
    mask = cv2.compare(shade, max(SHADE, walls.faint / 2), cv2.CMP_GT)
    borders = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    borders = cv2.min(borders, int(min(255.0, walls.dark + 1)))
    lines = cv2.bitwise_and(walls.depth, cv2.compare(walls.depth, walls.dark, cv2.CMP_GT))
    level = cv2.max(walls.level, _standing_out(borders, walls.dark))
    upright = cv2.max(walls.upright, cv2.transpose(_standing_out(cv2.transpose(borders), walls.dark)))
    return replace(walls, level=level, upright=upright, depth=cv2.max(borders, lines))


def evened(gray: Gray) -> Gray:
    """A picture of paper as if it were evenly lit: all its paper white, (rows, columns) uint8."""
    small = cv2.resize(gray, None, fx=1 / LIT_STEP, fy=1 / LIT_STEP, interpolation=cv2.INTER_AREA)
    side = LIT_WINDOW // LIT_STEP
    lightest = cv2.morphologyEx(
        small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    light = cv2.resize(cv2.blur(lightest, (side, side)), gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.divide(gray, cv2.max(light, 1), scale=255)


def depth_of(gray: Gray) -> Gray:
    """How much darker than the paper each pixel is, (rows, columns) uint8."""
    small = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    window = np.ones((PAPER_WINDOW // 4, PAPER_WINDOW // 4), np.uint8)
    paper = cv2.blur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, window, borderType=cv2.BORDER_REPLICATE), (5, 5))
    return cv2.subtract(cv2.resize(paper, gray.shape[::-1], interpolation=cv2.INTER_LINEAR), gray)


def _standing_out(depth: Gray, dark: float, gap: int = 0, length: int = LENGTH) -> Gray:
    """By how many gray levels level runs stand out: from their sides, or from the paper where they are dark."""
    joined = cv2.morphologyEx(depth, cv2.MORPH_CLOSE, np.ones((1, gap + 1), np.uint8)) if gap else depth
    wider = cv2.dilate(joined, np.ones((STRAY, 1), np.uint8))
    opened = cv2.min(cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)), joined)
    thin = cv2.morphologyEx(opened, cv2.MORPH_TOPHAT, np.ones((THICK, 1), np.uint8))
    return cv2.max(thin, cv2.bitwise_and(opened, cv2.compare(opened, dark, cv2.CMP_GT)))
