"""Digits as a camera sees them: a clean picture of ink is bent, written anew, photographed, and taken through
the device's own coverage and normalization.

The affine and elastic distortions are those of Simard, Steinkraus and Platt, Best practices for
convolutional neural networks (2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import GLYPH_SIDE, Gray
from edge.paper.binarize import INK_FRACTION
from edge.paper.normalize import cut_to_ink, normalize_glyph
from edge.paper.segment import coverage_of
from train.residue import Residue

MIN_SURVIVING = 0.6
"""A thinned digit that keeps less of its ink than this is left as thick as it was."""

JITTERED = 0.5
"""Share of a set's glyphs that an epoch moves."""

JITTER_DEG, JITTER_SCALE, JITTER_PX = 6.0, 0.06, 0.7
"""The most that it turns, slants or scales, and moves a glyph by."""


@dataclass(frozen=True)
class Distortion:
    """How far a digit is bent; each value is the largest, drawn evenly from either side."""

    rotation_deg: float = 10.0
    shear: float = 0.15
    stretch: float = 0.12
    elastic_px: float = 0.6
    min_height_px: float = 13
    max_height_px: float = 44


def photograph(
    ink: Gray, rng: np.random.Generator, distortion: Distortion | None = None, residue: Residue | None = None
) -> Gray:
    """A glyph of `ink` after writing, lens, sensor and the device's preprocessing.

    Parameters
    ----------
    ink : (rows, columns) uint8
        0 is paper, 255 full ink.
    residue : callable, optional
        What the page leaves on the digit, see `train.residue`.

    Returns
    -------
    (28, 28) uint8
    """
    distortion = distortion or Distortion()
    cut = cut_to_ink(ink)
    if cut is None:
        return normalize_glyph(ink)
    bent = bend(cut, rng, distortion)
    written = _thickness(bent, rng)
    if cv2.countNonZero(written) < MIN_SURVIVING * cv2.countNonZero(bent):
        written = bent
    if residue is not None:
        written = cv2.copyMakeBorder(residue(written, rng), 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    return normalize_glyph(expose(written, written.shape[0], rng))


def redraw(ink: Gray, rng: np.random.Generator, distortion: Distortion | None = None) -> Gray:
    """A glyph of `ink` bent at MNIST's own size, without the camera: (28, 28) uint8."""
    cut = cut_to_ink(ink)
    if cut is None:
        return normalize_glyph(ink)
    distortion = distortion or Distortion(min_height_px=20, max_height_px=24)
    return normalize_glyph(bend(cut, rng, distortion))


def jitter(glyphs: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The glyphs (n, 28, 28), every second one turned, slanted, scaled and moved a little, so that a set that is learnt
    from several times is never quite the same.
    """
    seen = glyphs.copy()
    middle = (GLYPH_SIDE - 1) / 2
    for k in np.flatnonzero(rng.random(len(glyphs)) < JITTERED):
        angle = np.deg2rad(rng.uniform(-1, 1) * JITTER_DEG)
        slant, across, down = rng.uniform(-1, 1, 3) * JITTER_SCALE
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.array([[1 + across, slant], [0.0, 1 + down]])
        offset = middle - matrix @ [middle, middle] + rng.uniform(-1, 1, 2) * JITTER_PX
        moved = np.column_stack([matrix, offset])
        seen[k] = cv2.warpAffine(glyphs[k], moved, (GLYPH_SIDE, GLYPH_SIDE), flags=cv2.INTER_CUBIC)
    return seen


def bend(cut: Gray, rng: np.random.Generator, distortion: Distortion) -> Gray:
    """Rotate, shear, stretch and ripple the ink, and bring it to a height that a camera might see it at."""
    rows, columns = cut.shape
    height = np.exp(rng.uniform(np.log(distortion.min_height_px), np.log(distortion.max_height_px)))
    scale = height / max(rows, columns)
    angle = np.deg2rad(rng.uniform(-1, 1) * distortion.rotation_deg)
    shear = rng.uniform(-1, 1) * distortion.shear
    stretch = 1 + rng.uniform(-1, 1) * distortion.stretch
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * turn @ np.array([[stretch, shear], [0.0, 1.0 / stretch]])
    side = int(np.ceil(np.abs(matrix @ np.array([[columns, columns], [rows, -rows]])).max())) + 6
    offset = np.array([side / 2, side / 2]) - matrix @ np.array([(columns - 1) / 2, (rows - 1) / 2])
    moved = cv2.warpAffine(cut, np.column_stack([matrix, offset]), (side, side), flags=cv2.INTER_LINEAR)
    return _ripple(moved, rng, distortion.elastic_px * scale) if rng.random() < 0.5 else moved


def _ripple(ink: Gray, rng: np.random.Generator, amplitude: float) -> Gray:
    """Elastic distortion: a smooth random field of 4 x 4 nodes moves every pixel."""
    side = ink.shape[0]
    grid = np.arange(side, dtype=np.float32)
    dx, dy = (
        cv2.resize(rng.normal(0, amplitude, (4, 4)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    )
    return cv2.remap(ink, grid[None, :] + dx, grid[:, None] + dy, cv2.INTER_LINEAR)


def _thickness(ink: Gray, rng: np.random.Generator) -> Gray:
    """The ink with a pen of any width."""
    return sharpened(ink, softness=rng.uniform(1.5, 5.0), threshold=rng.uniform(60, 140))


def sharpened(ink: Gray, softness: float, threshold: float) -> Gray:
    """Sharpen the enlarged outline again and move it out or in: pens differ."""
    levels = np.clip((np.arange(256) - threshold) * softness + 128, 0, 255).astype(np.uint8)
    return cv2.LUT(ink, levels)


def expose(written: Gray, height: float, rng: np.random.Generator) -> Gray:
    """Coverage of the ink as the device measures it on paper with blur and noise.

    The ink is found by the contrast of its darkest: a hair stroke at a small size is faint.

    Parameters
    ----------
    written : (rows, columns) uint8
    height : float
        Of the characters, in pixels; a lens blurs large ones by more of them.
    """
    paper = rng.uniform(110, 250)
    contrast = rng.uniform(0.35, 0.95) * paper
    blur = rng.uniform(0.0, 0.015) * height + rng.uniform(0.2, 0.6)
    soft = cv2.GaussianBlur(written, (7, 7), blur)
    noise = rng.uniform(0, 0.06) * contrast if rng.random() < 0.5 else 1.0
    level = rng.standard_normal(soft.shape, dtype=np.float32) * np.float32(noise) + np.float32(paper)
    gray = cv2.addWeighted(level, 1.0, soft, -contrast / 255.0, 0.0, dtype=cv2.CV_8U)
    darkest = contrast * float(soft.max()) / 255.0
    mask = cv2.compare(gray, float(paper - INK_FRACTION * darkest), cv2.CMP_LT)
    return coverage_of(gray, mask, paper)
