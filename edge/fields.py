"""A configuration's fields: their bundles and reference picture opened, and each read by its kind, in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.boxes import corners_of
from edge.form import BoxField, read_boxes, read_region
from edge.nouns import Gray, Reading
from edge.page import Alignment, Sheet, locate
from edge.pictures import load_picture
from edge.reader import Reader
from edge.schema import Config, FieldTable

IN_PLACE = Alignment(np.eye(3), 1.0)
"""Without a reference picture, boxes are in pixels of the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldReader:
    """What reads a configuration's fields in a frame; use `open_fields`.

    Parameters
    ----------
    fields : tuple of BoxField
        In the order of the configuration; one with a region has no quads.
    readers : dict of str to Reader
        By the bundle's name.
    sheet : Sheet, optional
        The reference picture; without it, boxes are in pixels of the frame.
    min_score : float
        Least score of a frame that is read.
    """

    fields: tuple[BoxField, ...]
    readers: dict[str, Reader]
    sheet: Sheet | None = None
    min_score: float = 0.0

    def read(self, gray: Gray) -> list[Reading]:
        """A reading a field, in their order; all are "rejected" in a frame that does not show the reference picture."""
        alignment = locate(self.sheet, gray) if self.sheet else IN_PLACE
        if alignment.score < self.min_score:
            return [_refused(field.table, alignment.score, self.min_score) for field in self.fields]
        readings = {}
        for name, reader in self.readers.items():
            boxed = [field for field in self.fields if field.quads and field.table.bundle == name]
            placed = [(field, [alignment.quad(quad) for quad in field.quads]) for field in boxed]
            for reading in read_boxes(gray, placed, reader.classifier, reader.cutoff):
                readings[reading.name] = reading
        for field in self.fields:
            if field.table.region is not None:
                quad = alignment.quad(corners_of(field.table.region))
                readings[field.table.name] = read_region(gray, field.table, quad, self.readers[field.table.bundle].read)
        return [readings[field.table.name] for field in self.fields]


def open_fields(config: Config, models: Path, threads: int = 1) -> FieldReader:
    """Load what a configuration's fields need.

    Parameters
    ----------
    config : Config
        With at least one field.
    models : Path
        The folder that the bundles lie in.
    threads : int
        Of the runtime.

    Raises
    ------
    BundleError, MissingRuntimeError, PictureError
    """
    names = dict.fromkeys(field.bundle for field in config.field)
    readers = {name: Reader.open(models / name, config.read.cutoff, threads=threads) for name in names}
    if config.reference is None:
        return FieldReader(tuple(BoxField.of(field, None) for field in config.field), readers)
    reference = load_picture(config.reference.image)
    fields = tuple(BoxField.of(field, reference) for field in config.field)
    corners = config.page.corners if config.page else None
    boxes = [quad for field in fields for quad in field.quads]
    sheet = Sheet.of(reference, np.array(corners, np.float64) if corners else None, boxes)
    return FieldReader(fields, readers, sheet, config.reference.min_score)


def _refused(field: FieldTable, score: float, min_score: float) -> Reading:
    reason = f"the page of the reference picture is not in view (score {score:.2f}, {min_score:g} is wanted)"
    return Reading(field.name, "", None, "rejected", 0.0, None, reason)
