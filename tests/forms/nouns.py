"""What a generated form is made of: the blank sheet with its fields, a sheet filled in, and a picture of one.

Pixels are counted by their centres, as OpenCV's warps count them: the middle of the upper left pixel is (0, 0).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.atomic import write_text
from edge.nouns import Gray
from edge.schema import BoxArea, FieldTable, Point

Colour = NDArray[np.uint8]
Matrix = NDArray[np.float64]

Trouble = Literal["", "struck", "double", "scribble", "overwritten"]
"""Why nobody can say which digit stands in a cell; empty where one can."""

Broken = Literal["", "check", "range", "pattern"]
"""The rule that what stands in a field breaks."""

TROUBLES: tuple[Trouble, ...] = ("struck", "double", "scribble", "overwritten")


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A blank sheet at 300 dpi and the fields on it.

    Parameters
    ----------
    kind : str
    seed : int
    colour : (rows, columns, 3) uint8, BGR
    gray : (rows, columns) uint8
        The same sheet.
    fields : tuple of FieldTable
        With the exact boxes: a cell reaches from the middle of one wall to the middle of the next.
    fiducials : tuple of (x, y)
        Centres of the marks printed to find the sheet by.
    has_corners : bool
        Whether the template names the sheet's corners, which are the picture's own, or leaves them out.
    """

    kind: str
    seed: int
    colour: Colour
    gray: Gray
    fields: tuple[FieldTable, ...]
    fiducials: tuple[Point, ...] = ()
    has_corners: bool = False

    @property
    def corners(self) -> NDArray[np.float64]:
        """The sheet's corners, (4, 2) float64 x, y, from the upper left clockwise."""
        rows, columns = self.gray.shape
        return np.array([[0, 0], [columns - 1, 0], [columns - 1, rows - 1], [0, rows - 1]], np.float64)

    def config(self, image: str = "blank.png") -> str:
        """The form's template, a TOML text whose reference picture is `image`."""
        page = {}
        if self.has_corners:
            page["corners"] = self.corners.tolist()
        if self.fiducials:
            page["fiducials"] = [list(point) for point in self.fiducials]
        tables = [("[reference]", {"image": image}), *([("[page]", page)] if page else [])]
        tables += [("[[field]]", field.model_dump(mode="json", exclude_defaults=True)) for field in self.fields]
        return "\n".join(f"{name}\n{_toml_keys(keys)}" for name, keys in tables)


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: a digit, or "" where it is blank; nothing is known where there is trouble.

    `touches` says that the pen reached a wall of the cell.
    """

    text: str
    trouble: Trouble = ""
    touches: bool = False


@dataclass(frozen=True, slots=True)
class FilledField:
    """What stands in a field, a cell a box; on a line to write on, a cell a digit."""

    name: str
    cells: tuple[Cell, ...]
    broken: Broken = ""

    @property
    def text(self) -> str:
        """The digits without the blanks."""
        return "".join(cell.text for cell in self.cells)

    @property
    def is_doubtful(self) -> bool:
        """Whether some cell of it cannot be told."""
        return any(cell.trouble for cell in self.cells)


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A form filled in by one writer: the sheet at 300 dpi, (rows, columns, 3) uint8 BGR, and what stands in its
    fields.
    """

    form: Form
    colour: Colour
    fields: tuple[FilledField, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A sheet scanned or photographed.

    Parameters
    ----------
    pixels : (rows, columns) or (rows, columns, 3) uint8
        Gray, or BGR.
    matrix : (3, 3) float64
        Takes a point of the sheet at 300 dpi to its place in the picture.
    """

    pixels: NDArray[np.uint8]
    matrix: Matrix

    @property
    def gray(self) -> Gray:
        """The picture as a source hands it on."""
        return self.pixels if self.pixels.ndim == 2 else cv2.cvtColor(self.pixels, cv2.COLOR_BGR2GRAY)


def save_template(form: Form, folder: Path) -> Path:
    """Write `form.toml` and the blank sheet that it refers to; returns the former's path."""
    cv2.imwrite(str(folder / "blank.png"), form.gray, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    write_text(folder / "form.toml", form.config())
    return folder / "form.toml"


def quad_of(box: BoxArea) -> NDArray[np.float64]:
    """Corners of a box, (4, 2) float64 x, y, from the upper left clockwise."""
    x, y, width, height = box
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)


def _toml_keys(keys: dict[str, object]) -> str:
    """Lines of a TOML table; JSON's texts, numbers and lists are TOML's."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
