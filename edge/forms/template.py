"""A form's template proposed from a picture of it: the sheet, its box rows, the TOML for the user to name them in, and
the picture with them drawn.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.atomic import write_bytes, write_text
from edge.config import parse_config
from edge.draw import draw_fields
from edge.errors import OutputError, PictureError
from edge.forms.boxrows import BoxRow, Kind, find_cells, find_rows, masks_of, overlap, with_white_cells
from edge.forms.combs import find_combs
from edge.forms.frames import find_frames
from edge.forms.sheet import Sheet, find_fiducials, find_sheet
from edge.forms.sides import on_walls
from edge.forms.walls import evened, find_walls, with_shades
from edge.forms.writing_lines import find_writing_lines
from edge.geometry import Points
from edge.nouns import Gray
from edge.pictures import load_picture

DOTS = 9
"""Pixels at the most between the dots of a dotted wall, 1.1 mm at 200 dpi."""

LEVEL = 0.025
"""Share of a box's height, and a pixel, by which its corners may stray from a level rectangle's that stands for it."""

REGIONS = {"frame": "a frame without cells", "line": "a line to write on"}
"""Kinds of boxes that take a whole number, in words."""

MIN_PICTURE = 600
"""Longer side in pixels below which a sheet's boxes are lost: half of A4 at 100 dpi."""

SHARP = 0.12
"""Share of its contrast by which a sharp picture's finest detail stands out; text out of focus by a stroke has less."""

FINE = 1.5
"""Standard deviation in pixels of the blur that takes the finest detail away."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldBoxes:
    """The places that one number is written in.

    Parameters
    ----------
    name : str
    quads : (n, 4, 2) float64
        Corners of each box in the picture, x, y, from the upper left clockwise, left to right.
    kind : "cells", "comb", "frame" or "line"
    """

    name: str
    quads: NDArray[np.float64]
    kind: Kind

    @property
    def is_region(self) -> bool:
        """Whether the one box takes the whole number."""
        return self.kind in REGIONS


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What is proposed for a form: its sheet's corners, (4, 2) float64, its fiducials and its fields."""

    corners: Points
    fiducials: tuple[tuple[float, float], ...]
    fields: tuple[FieldBoxes, ...]

    @property
    def cells(self) -> int:
        """How many boxes take one digit each."""
        return sum(len(field.quads) for field in self.fields if not field.is_region)


def write_template(picture: Path, out: Path, preview: Path) -> str:
    """Write the template of the form in a picture to `out`, and the picture with its fields to `preview`; returns what
    was found, in a line.

    Raises
    ------
    PictureError
        Not a picture, or no boxes in it.
    OutputError
        `out` is there already, or a file cannot be written.
    """
    if out.exists():
        raise OutputError(f"{out}: is there already, and may hold names that you gave; move it, or write to another")
    gray = load_picture(picture)
    found = propose_template(gray, str(picture))
    drawn = draw_fields(gray, [(field.name, field.quads) for field in found.fields])
    write_bytes(preview, cv2.imencode(".png", drawn)[1].tobytes())
    write_text(out, template_toml(found, image_path(picture, out), gray.shape))
    return f"{out}: {' and '.join(_told(found))}; look at {preview}, then name the fields"


def _told(template: Template) -> list[str]:
    """What was found, each sort in words."""
    frames, lines = (sum(field.kind == kind for field in template.fields) for kind in ("frame", "line"))
    rows = len(template.fields) - frames - lines
    told = [f"{_counted(rows, 'row')} of {_counted(template.cells, 'box')}"] if rows else []
    told += [f"{_counted(frames, 'frame')} without cells"] if frames else []
    return [*told, f"{_counted(lines, 'line')} to write on"] if lines else told


def _counted(count: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("x") else "s")
    return f"{count} {noun if count == 1 else plural}"


def propose_template(gray: Gray, name: str = "picture") -> Template:
    """The template of the form in a picture, its fields named field-1 and on, top to bottom, then left to right.

    Parameters
    ----------
    gray : (rows, columns) uint8
        A form, blank or filled in, the right way up.
    name : str
        Stands in the errors.

    Raises
    ------
    PictureError
        No boxes are found; it says so where the picture is too small or blurred.
    """
    sheet = find_sheet(gray)
    rows = find_box_rows(sheet.gray)
    if not rows:
        raise PictureError(f"{name}: {_why_none(gray, sheet)}")
    fields = tuple(_field(index, row, sheet) for index, row in enumerate(rows, 1))
    marks = find_fiducials(sheet.gray)
    centres = sheet.in_picture(np.array(marks)) if marks else np.zeros((0, 2))
    return Template(sheet.corners, tuple((float(x), float(y)) for x, y in centres), fields)


def find_box_rows(gray: Gray) -> list[BoxRow]:
    """Rows of cells, combs, frames and lines of a sheet seen straight, top to bottom, then left to right."""
    gray = evened(gray)
    solid, dotted = (find_walls(gray, gap) for gap in (0, DOTS))
    long = find_walls(gray, DOTS, is_long=True)
    masks = [*masks_of(solid), *masks_of(dotted), *masks_of(long)]
    cells = find_cells(masks, gray, solid.depth)
    found = find_rows(masks, cells, gray, solid.depth)
    combs = find_combs(solid)
    combs = [comb for comb in combs if len(comb.boxes) > sum(len(row.boxes) for row in found if _overlaps(comb, [row]))]
    found = combs + [row for row in found if not _overlaps(row, combs)]
    shaded = with_shades(solid)
    parts = [*masks_of(shaded), *masks_of(long)]
    shades = find_rows(parts, find_cells(parts, gray, shaded.depth), gray, shaded.depth)
    found += [row for row in shades if not _overlaps(row, found)]
    found = [on_walls(with_white_cells(row, gray), solid.depth) for row in found]
    lines = find_writing_lines(long, solid, cells, found)
    found += [frame for frame in find_frames(solid, cells, found) if not _overlaps(frame, lines)] + lines
    return _reading_order(found)


def template_toml(template: Template, image: str, shape: Sequence[int]) -> str:
    """The template as a TOML text whose reference picture is `image`, of `shape` rows and columns; checked against the
    schema.
    """
    lines = [
        "# A form's template, proposed by `readout template`. Look at the preview, then edit this file:",
        "# give each field a name, delete those that hold no number, and add what is known of it, such as",
        '# length = 7, align = "right", decimals = 2, minimum, maximum, pattern, check = "luhn" or required = true.',
        "",
        "[reference]",
        f"image = {json.dumps(image, ensure_ascii=False)}",
        "",
        "[page]",
        f"corners = {_points(template.corners)}",
    ]
    if template.fiducials:
        lines.append(f"fiducials = {_points(template.fiducials)}")
    for field in template.fields:
        lines += ["", "[[field]]", *_field_lines(field, shape)]
    text = "\n".join(lines) + "\n"
    parse_config(text, "template")
    return text


def image_path(picture: Path, out: Path) -> str:
    """A picture's path relative to the folder of the TOML `out`, with forward slashes."""
    return Path(os.path.relpath(picture.resolve(), out.resolve().parent)).as_posix()


def _field_lines(field: FieldBoxes, shape: Sequence[int]) -> list[str]:
    boxes = _boxes(field.quads, shape)
    lines = [f'name = "{field.name}"', 'kind = "handwriting"']
    if field.is_region:
        return [*lines, f"region = {boxes[0]}  # {REGIONS[field.kind]}"]
    return [*lines, f"digits = [  # {len(boxes)} cells", *(f"    {box}," for box in boxes), "]"]


def _boxes(quads: NDArray[np.float64], shape: Sequence[int]) -> list[str]:
    """A row's boxes as TOML: x, y, width, height where all are level, else four points."""
    low, high = np.round(quads.min(axis=1) + 0.5), np.round(quads.max(axis=1) + 0.5)
    level = np.stack([quads.min(axis=1), quads.max(axis=1)], axis=1)[:, [[0, 0], [1, 0], [1, 1], [0, 1]], [0, 1]]
    slack = np.maximum(1.0, LEVEL * (high - low)[:, 1])
    if (np.abs(level - quads).max(axis=(1, 2)) > slack).any():
        return [_points(quad) for quad in quads]
    low, high = np.maximum(low, 0), np.minimum(high, shape[1::-1])
    return [str([int(value) for value in (*first, *(last - first))]) for first, last in zip(low, high, strict=True)]


def _points(points: NDArray[np.float64] | Sequence[tuple[float, float]]) -> str:
    return str([[round(float(x), 1), round(float(y), 1)] for x, y in points])


def _overlaps(row: BoxRow, others: Sequence[BoxRow]) -> bool:
    return any(overlap(row.box, other.box) > 0 for other in others)


def _reading_order(rows: Sequence[BoxRow]) -> list[BoxRow]:
    """Top to bottom, then left to right; what overlaps by half of its height stands side by side."""
    lines: list[list[BoxRow]] = []
    for row in sorted(rows, key=lambda each: each.box[1] + each.box[3] / 2):
        middle = row.box[1] + row.box[3] / 2
        if lines and middle <= lines[-1][0].box[1] + lines[-1][0].box[3]:
            lines[-1].append(row)
        else:
            lines.append([row])
    return [row for line in lines for row in sorted(line, key=lambda each: each.box[0])]


def _field(index: int, row: BoxRow, sheet: Sheet) -> FieldBoxes:
    corners = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in row.boxes]
    points = np.array(corners, np.float64) - 0.5  # pixels are counted by their middles
    quads = sheet.in_picture(points.reshape(-1, 2)).reshape(-1, 4, 2)
    return FieldBoxes(f"field-{index}", quads, row.kind)


def _why_none(gray: Gray, sheet: Sheet) -> str:
    size = f"{gray.shape[1]} x {gray.shape[0]} pixels"
    if max(gray.shape) < MIN_PICTURE:
        return f"no rows of boxes found, and {size} are few for a form; scan it at 200 dpi or more"
    if sharpness(sheet.gray) < SHARP:
        return "no rows of boxes found, and the picture is blurred; take it again in focus, or scan it at 200 dpi"
    return "no rows of boxes found; give a picture of the form with its boxes, upright, or draw them by hand in a TOML"


def sharpness(gray: Gray) -> float:
    """How much of a picture's contrast is in its finest detail, 0 to about 1."""
    fine = cv2.absdiff(gray, cv2.GaussianBlur(gray, (0, 0), FINE))
    low, high = np.percentile(gray[::2, ::2], (0.5, 99.5))
    return float(np.percentile(fine[::2, ::2], 99.5)) / max(float(high - low), 1.0)
