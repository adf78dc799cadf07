"""Very large pictures are worked on at a smaller size: digits that matter in them are large as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2

from edge.nouns import Box, Gray, Reading

MAX_SIDE = 2600
"""Longer side, in pixels, of the picture that is worked on: a page of A4 at 220 dpi, 8 point digits 17 px high."""


def reduce_frame(gray: Gray, side: int = MAX_SIDE) -> tuple[Gray, float]:
    """The picture at most `side` long, and how many of its own pixels one of the result's stands for."""
    factor = max(gray.shape) / side
    if factor <= 1:
        return gray, 1.0
    size = (max(1, round(gray.shape[1] / factor)), max(1, round(gray.shape[0] / factor)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA), factor


def restore_boxes(readings: Sequence[Reading], factor: float) -> list[Reading]:
    """The readings with their boxes in the frame's own pixels."""
    if factor == 1.0:
        return list(readings)
    return [
        replace(
            r,
            box=_scaled(r.box, factor) if r.box else None,
            digits=tuple(replace(d, box=_scaled(d.box, factor)) for d in r.digits),
        )
        for r in readings
    ]


def _scaled(box: Box, factor: float) -> Box:
    x, y, width, height = (round(value * factor) for value in box)
    return x, y, width, height
