"""A folder to look through what is doubtful in a stack: a crop of each such field and cell, and one HTML sheet.

`forms/000012.json` says what there is of form 12, `crops/` has its pictures, and `index.html` is written anew from
them: no form is kept in memory, and the sheet works from any disk without a network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import cv2
import numpy as np

from edge.atomic import output_error, replacing, write_bytes, write_text
from edge.errors import OutputError
from edge.forms.review_sheet import form_section, is_for_review, sheet_foot, sheet_head
from edge.nouns import UNREADABLE, Box, Digit, Frame, Gray, Reading
from edge.pictures import PDF_SUFFIX
from edge.sinks import shown_confidence

SHEET = "index.html"
OWNER = "stack.json"
RECORDS, CROPS = "forms", "crops"

FIELD_MARGIN, CELL_MARGIN = 0.3, 0.25
"""What a crop shows around a field and a cell, over its height: the box lines, and ink that left the box."""

LARGEST_FIELD, LARGEST_CELL, LARGEST_PAGE = 1200, 160, 1000
"""Longer side of the crops in pixels; larger ones are reduced."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a stack: its number from 1, its file's name, its page there, its status and what to look at."""

    number: int
    source: str
    page: str
    status: str
    reason: str


class Review:
    """The review folder of a table. Use `Review.open`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sheet = folder / SHEET

    @classmethod
    def open(cls, folder: Path, table: Path) -> Self:
        """Begin a review folder, or go on with that of the table at `table`.

        Raises
        ------
        OutputError
            The folder cannot be written, or has something else in it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            owner = folder / OWNER
            is_new = all(entry.name.startswith(f".{owner.stem}-") for entry in folder.iterdir())  # its half-written one
            if not is_new and not owner.is_file():
                raise OutputError(f"{folder}: is not empty and holds no review; name a new folder")
            mine = str(table.resolve())
            theirs = mine if is_new else json.loads(owner.read_text(encoding="utf-8"))["table"]
            if theirs != mine:
                raise OutputError(f"{folder}: holds the review of {theirs}; name another folder")
            if is_new:
                write_text(owner, json.dumps({"table": mine}) + "\n")
            for name in (RECORDS, CROPS):
                (folder / name).mkdir(exist_ok=True)
        except OutputError:
            raise
        except OSError as error:
            raise output_error(folder, error) from error
        except (ValueError, KeyError, TypeError):
            raise OutputError(f"{folder}: its {OWNER} is damaged; name a new folder") from None
        return cls(folder)

    def has(self, number: int) -> bool:
        """Whether there is something of the form with that number."""
        return self._record(number).is_file()

    def forget_after(self, number: int) -> None:
        """Remove what is there of later forms and of half-written files.

        A stop came before those forms were in the table, and they are read again.
        """
        later = [record for record in self._records() if int(record.stem) > number]
        crops = [crop for crop in (self._folder / CROPS).glob("[0-9]*-*") if int(crop.name.split("-")[0]) > number]
        places = (self._folder, self._folder / RECORDS, self._folder / CROPS)
        halves = [half for place in places for half in place.glob(".*-*")]  # as `edge.atomic.replacing` names them
        for path in (*halves, *crops, *later):
            try:
                path.unlink()
            except OSError as error:
                raise output_error(path, error) from error

    def add(self, form: Form, frame: Frame | None = None, readings: Sequence[Reading] = ()) -> None:
        """Keep a form that is for review: its doubtful readings with their crops from the frame."""
        if not is_for_review(form.status):
            return
        doubtful = [reading for reading in readings if is_for_review(reading.status)]
        record = {
            "number": form.number,
            "source": form.source,
            "page": form.page,
            "link": _link(form, self._folder),
            "status": form.status,
            "reason": form.reason,
            "confidence": min((reading.confidence for reading in doubtful), default=0.0),
            "picture": None,
            "fields": [],
            "others": [[each.name, each.text] for each in readings if not is_for_review(each.status)],
        }
        if frame is not None:
            if any(_box_of(reading) is None for reading in doubtful):
                record["picture"] = self._save(form, "page.jpg", _reduced(frame.gray, LARGEST_PAGE))
            record["fields"] = [self._field(form, place, frame, each) for place, each in enumerate(doubtful, 1)]
        write_text(self._record(form.number), json.dumps(record) + "\n")

    def build(self, forms: int, summary: str, mended: Collection[int] = ()) -> None:
        """Write the sheet of the first so many forms.

        Parameters
        ----------
        forms : int
        summary : str
            What the stack holds, in words.
        mended : collection of int
            Numbers of forms to leave out: they failed and were read later.
        """
        with replacing(self.sheet) as beside, beside.open("w", encoding="utf-8", newline="\n") as sheet:
            sheet.write(sheet_head(summary))
            count = 0
            for record in self._records():
                if int(record.stem) <= forms and int(record.stem) not in mended:
                    sheet.write(form_section(self._load(record)))
                    count += 1
            sheet.write(sheet_foot(count))

    def _load(self, record: Path) -> dict[str, Any]:
        try:
            return json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{record}: damaged ({error}); read the stack into another table and review folder"
            ) from error

    def _record(self, number: int) -> Path:
        return self._folder / RECORDS / f"{number:06d}.json"

    def _records(self) -> list[Path]:
        """The records in the order of their forms."""
        found = [path for path in (self._folder / RECORDS).glob("*.json") if path.stem.isdecimal()]
        return sorted(found, key=lambda path: int(path.stem))

    def _field(self, form: Form, place: int, frame: Frame, reading: Reading) -> dict[str, Any]:
        """The record of a doubtful reading, its crops saved."""
        box, turns = _box_of(reading), quarter_turns(reading.digits)
        crop = None
        if box is not None:
            crop = self._save(form, f"{place:02d}.png", crop_of(frame.gray, box, FIELD_MARGIN, turns, LARGEST_FIELD))
        cells = [
            {
                "place": at,
                "confidence": shown_confidence(digit.confidence),
                "crop": self._save(
                    form, f"{place:02d}-{at:02d}.png", crop_of(frame.gray, digit.box, CELL_MARGIN, turns, LARGEST_CELL)
                ),
            }
            for at, digit in enumerate(reading.digits, 1)
            if digit.text == UNREADABLE
        ]
        return {
            "name": reading.name,
            "text": reading.text,
            "status": reading.status,
            "reason": reading.reason,
            "confidence": shown_confidence(reading.confidence),
            "crop": crop,
            "cells": cells,
        }

    def _save(self, form: Form, name: str, gray: Gray) -> dict[str, Any]:
        """Save a picture of a form; its address from the sheet and its size."""
        path = self._folder / CROPS / f"{form.number:06d}-{name}"
        is_encoded, data = cv2.imencode(path.suffix, gray)
        if not is_encoded:
            raise OutputError(f"{path}: OpenCV could not encode it; install opencv-python-headless again")
        write_bytes(path, data.tobytes())
        return {"address": f"{CROPS}/{path.name}", "width": gray.shape[1], "height": gray.shape[0]}


def crop_of(gray: Gray, box: Box, margin: float, turns: int, largest: int) -> Gray:
    """What lies in a box and around it, turned counterclockwise by quarters, and reduced where it is large.

    Parameters
    ----------
    gray : (rows, columns) uint8
    box : (x, y, width, height)
        May lie beyond the picture in part.
    margin : float
        Over the box's shorter side.
    """
    x, y, width, height = box
    by = max(4, round(margin * min(width, height)))
    top, left = (min(max(0, edge - by), size - 1) for edge, size in zip((y, x), gray.shape, strict=True))
    bottom, right = max(top + 1, y + height + by), max(left + 1, x + width + by)
    return _reduced(np.ascontiguousarray(np.rot90(gray[top:bottom, left:right], turns)), largest)


def quarter_turns(digits: Sequence[Digit]) -> int:
    """How many quarters counterclockwise bring digits upright that run in another direction than to the right."""
    if len(digits) < 2:
        return 0
    (x0, y0), (x1, y1) = (
        (digit.box[0] + digit.box[2] / 2, digit.box[1] + digit.box[3] / 2) for digit in (digits[0], digits[-1])
    )
    if abs(x1 - x0) >= abs(y1 - y0):
        return 0 if x1 >= x0 else 2
    return 1 if y1 > y0 else 3


def _link(form: Form, folder: Path) -> str | None:
    """The address of a form's file from the sheet, with the page of a PDF; None where it is no file."""
    path = Path(form.source)
    if not os.path.isfile(path):  # noqa: PTH113  # says no, where Path.is_file fails on a name that is no path
        return None
    address = quote(os.path.relpath(path.resolve(), folder.resolve()))
    is_pdf = path.suffix.lower() == PDF_SUFFIX
    return f"{address}#page={form.page}" if is_pdf and form.page else address


def _box_of(reading: Reading) -> Box | None:
    """A reading's box, or the one around its digits."""
    if reading.box is not None or not reading.digits:
        return reading.box
    edges = np.array([(x, y, x + width, y + height) for x, y, width, height in (each.box for each in reading.digits)])
    left, top = edges[:, :2].min(axis=0).tolist()
    right, bottom = edges[:, 2:].max(axis=0).tolist()
    return left, top, right - left, bottom - top


def _reduced(gray: Gray, largest: int) -> Gray:
    factor = largest / max(gray.shape)
    return gray if factor >= 1 else cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
