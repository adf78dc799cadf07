"""Readings drawn onto the frame they were read from, and a classified digit with its scores."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import Box, Frame, Gray, Prediction, Reading

Colour = tuple[int, int, int]
Picture = NDArray[np.uint8]

FONT = cv2.FONT_HERSHEY_SIMPLEX
STATUS_COLOURS: dict[str, Colour] = {
    "ok": (60, 160, 0),
    "uncertain": (0, 140, 255),
    "rejected": (40, 40, 220),
    "empty": (130, 130, 130),
}
"""Blue, green, red; told apart by colour-blind eyes too, and the status is written beside them."""

FIELD_COLOURS: tuple[Colour, ...] = (
    (180, 90, 0), (0, 110, 220), (90, 140, 0), (150, 60, 160), (40, 40, 200), (130, 120, 0),
)  # fmt: skip
"""Of a template's fields in turn, so that neighbours differ; all dark enough for white letters."""

TINT, NAME_SCALES = 0.18, (0.35, 1.2)
"""How much of a field's colour lies over its boxes, and the scale of its name at the least and the most."""

LABEL_SHARE = 60
"""Height in pixels of a reading whose label is written at scale 1, some 22 pixels high."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (20, 20, 20)
PANEL = 280
"""Side of the input and of the glyph in a plot: ten times the glyph's."""
MARGIN = 12
BARS_WIDTH = 320


def annotate(frame: Frame, readings: Sequence[Reading]) -> Picture:
    """The frame in colour, (rows, columns, 3) uint8 BGR, with each reading's boxes, text and status."""
    picture = cv2.cvtColor(frame.gray, cv2.COLOR_GRAY2BGR)
    largest = max(0.5, min(frame.gray.shape) / 700)
    for reading in readings:
        height = reading.box[3] if reading.box else min(frame.gray.shape)
        _draw_reading(picture, reading, min(largest, max(0.4, height / LABEL_SHARE)))
    return picture


def plot_prediction(gray: Gray, seen: Gray | None, prediction: Prediction | None) -> Picture:
    """The input, the glyph or cell as the network sees it and a bar for each class, side by side, (rows, columns, 3)
    uint8.
    """
    panels = [_fit(gray), _fit(np.zeros((28, 28), np.uint8) if seen is None else seen), _bars(prediction)]
    titles = ["input", "no ink found" if seen is None else "glyph", "scores" if prediction else "not classified"]
    framed = [_titled(panel, title) for panel, title in zip(panels, titles, strict=True)]
    return cv2.hconcat(framed)


def draw_fields(gray: Gray, fields: Sequence[tuple[str, NDArray[np.float64]]]) -> Picture:
    """The picture, paled, with the boxes of each field in a colour of its own and its name in the first, (rows,
    columns, 3) uint8 BGR.

    Parameters
    ----------
    gray : (rows, columns) uint8
    fields : sequence of (name, (n, 4, 2) float64)
        Corners of the boxes, x, y, from the upper left clockwise.
    """
    picture = cv2.cvtColor((gray // 2 + 127).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    outlines = [[np.round(quad).astype(np.int32) for quad in quads] for _, quads in fields]
    tinted = picture.copy()
    for index, quads in enumerate(outlines):
        cv2.fillPoly(tinted, quads, FIELD_COLOURS[index % len(FIELD_COLOURS)])
    picture = cv2.addWeighted(picture, 1 - TINT, tinted, TINT, 0)
    for index, ((name, _), quads) in enumerate(zip(fields, outlines, strict=True)):
        colour = FIELD_COLOURS[index % len(FIELD_COLOURS)]
        height = float(np.linalg.norm(quads[0][3] - quads[0][0]))
        cv2.polylines(picture, quads, True, colour, max(1, round(height / 30)), cv2.LINE_AA)
        corner = (int(quads[0][3][0]), int(quads[0][3][1] - height / 8))
        _label(picture, _ascii(name), corner, colour, max(NAME_SCALES[0], min(NAME_SCALES[1], height / 80)))
    return picture


def _draw_reading(picture: Picture, reading: Reading, scale: float) -> None:
    colour = STATUS_COLOURS[reading.status]
    thickness = max(1, round(2 * scale))
    for digit in reading.digits:
        _rectangle(picture, digit.box, colour, thickness)
    if reading.box is not None:
        _rectangle(picture, _grown(reading.box, 2 * thickness), colour, thickness)
    x, y = reading.box[:2] if reading.box is not None else (0, 0)
    _label(picture, _caption(reading), (x, y - 3 * thickness), colour, scale)


def _caption(reading: Reading) -> str:
    parts = [reading.name, reading.text, reading.status]
    if reading.status != "empty":
        parts.append(f"{reading.confidence:.3f}")
    return _ascii(" ".join(part for part in parts if part))


def _ascii(text: str) -> str:
    """Hershey fonts have no other characters."""
    return text.encode("ascii", "replace").decode()


def _rectangle(picture: Picture, box: Box, colour: Colour, thickness: int) -> None:
    x, y, width, height = box
    cv2.rectangle(picture, (x, y), (x + width - 1, y + height - 1), colour, thickness)


def _grown(box: Box, by: int) -> Box:
    x, y, width, height = box
    return x - by, y - by, width + 2 * by, height + 2 * by


def _label(picture: Picture, text: str, corner: tuple[int, int], colour: Colour, scale: float) -> None:
    """Text on a plate of the colour, its lower left at `corner`, moved to lie inside the picture."""
    (width, height), base = cv2.getTextSize(text, FONT, scale, max(1, round(1.5 * scale)))
    x = max(0, min(corner[0], picture.shape[1] - width))
    y = max(height + base, min(corner[1], picture.shape[0] - base))
    cv2.rectangle(picture, (x, y - height - base), (x + width, y + base), colour, cv2.FILLED)
    cv2.putText(picture, text, (x, y), FONT, scale, WHITE, max(1, round(1.5 * scale)), cv2.LINE_AA)


def _fit(gray: Gray) -> Picture:
    """The picture, enlarged or reduced into a square panel."""
    rows, columns = gray.shape
    factor = PANEL / max(rows, columns)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    scaled = cv2.resize(gray, size, interpolation=cv2.INTER_NEAREST if factor > 1 else cv2.INTER_AREA)
    panel = np.full((PANEL, PANEL), 128, np.uint8)
    top, left = (PANEL - scaled.shape[0]) // 2, (PANEL - scaled.shape[1]) // 2
    panel[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return cv2.cvtColor(panel, cv2.COLOR_GRAY2BGR)


def _titled(panel: Picture, title: str) -> Picture:
    framed = cv2.copyMakeBorder(panel, 3 * MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_CONSTANT, value=WHITE)
    cv2.putText(framed, title, (MARGIN, 2 * MARGIN), FONT, 0.5, BLACK, 1, cv2.LINE_AA)
    return framed


def _bars(prediction: Prediction | None) -> Picture:
    """A bar for each class, as long as its score; those of an alphabet are small, but all there."""
    panel = np.full((PANEL, BARS_WIDTH, 3), 255, np.uint8)
    scores = prediction.scores if prediction else {}
    step = PANEL / max(1, len(scores))
    for row, (label, score) in enumerate(scores.items()):
        top, bottom = round(row * step), max(round(row * step) + 1, round((row + 0.8) * step))
        colour = STATUS_COLOURS["ok"] if prediction and label == prediction.label else STATUS_COLOURS["empty"]
        cv2.rectangle(panel, (50, top), (50 + round(score * 200), bottom), colour, cv2.FILLED)
        _bar_text(panel, label or "none", f"{score:.3f}", bottom, min(0.5, step / 28))
    return panel


def _bar_text(panel: Picture, label: str, score: str, baseline: int, scale: float) -> None:
    cv2.putText(panel, _ascii(label), (2, baseline), FONT, scale, BLACK, 1, cv2.LINE_AA)
    cv2.putText(panel, score, (260, baseline), FONT, scale, BLACK, 1, cv2.LINE_AA)
