"""A configuration's fields: their bundles and reference picture opened, and each read by its kind, in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.classifier import CellClassifier, Classifier, open_network
from edge.errors import ConfigError
from edge.form import BoxField, read_boxes
from edge.geometry import Matrix, corners_of, mapped, quad_of
from edge.meter import MeterReader
from edge.nouns import Colour, Gray, Reading
from edge.page import Sheet, locate
from edge.pictures import load_picture
from edge.reader import Reader
from edge.region import read_region
from edge.register import Reference
from edge.schema import Config, FieldTable


@dataclass(frozen=True, slots=True, eq=False)
class FieldReader:
    """What reads a configuration's fields in a frame; use `open_fields`.

    Parameters
    ----------
    fields : tuple of BoxField
        In the order of the configuration; one with a region has no quads.
    readers : dict of str to Reader
        Of the fields that are written or printed, by the bundle's name.
    meters : dict of str to MeterReader
        Of the fields whose bundle knows the cells of meters.
    place : Sheet or Reference, optional
        The reference picture, of a form or of a meter; without it, boxes are in pixels of the frame.
    min_score : float
        Least score of a frame that is read.
    """

    fields: tuple[BoxField, ...]
    readers: dict[str, Reader]
    meters: dict[str, MeterReader]
    place: Sheet | Reference | None = None
    min_score: float = 0.0

    def read(self, gray: Gray, colour: Colour | None = None) -> list[Reading]:
        """A reading a field, in their order; all are "rejected" in a frame that does not show the reference picture."""
        matrix, reason = self._locate(gray)
        if matrix is None:
            return [Reading(field.table.name, "", None, "rejected", 0.0, None, reason) for field in self.fields]
        readings = {}
        for name, reader in self.readers.items():
            boxed = [field for field in self.fields if field.quads and field.table.bundle == name]
            placed = [(field, [mapped(quad, matrix) for quad in field.quads]) for field in boxed]
            for reading in read_boxes(gray, placed, reader.classifier, reader.cutoff):
                readings[reading.name] = reading
        others = [field for field in self.fields if field.table.name not in readings]
        readings |= {field.table.name: self._read_alone(gray, colour, field, matrix) for field in others}
        return [readings[field.table.name] for field in self.fields]

    def _locate(self, gray: Gray) -> tuple[Matrix | None, str | None]:
        """The map from the reference picture to a frame, or None and why there is none."""
        if self.place is None:
            return np.eye(3), None
        if isinstance(self.place, Reference):
            found = self.place.locate(gray)
            return found.matrix, found.reason
        sheet = locate(self.place, gray)
        if sheet.score < self.min_score:
            return None, f"the page is not in view: {sheet.score:.2f} of it is found, {self.min_score:g} is wanted"
        return sheet.matrix, None

    def _read_alone(self, gray: Gray, colour: Colour | None, field: BoxField, matrix: Matrix) -> Reading:
        """The reading of a meter's field, or of a region."""
        table = field.table
        if table.region is not None:
            return read_region(
                gray, table, quad_of(table.region, matrix), field.print_, self.readers[table.bundle].read
            )
        digits = [mapped(quad, matrix) for quad in field.quads]
        dials = [quad_of(box, matrix) for box in table.dials]
        return self.meters[table.bundle].read(gray, table, digits, dials, colour)


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
    BundleError, ConfigError, MissingRuntimeError, PictureError
    """
    names = dict.fromkeys(field.bundle for field in config.field)
    networks = {name: open_network(models / name, threads=threads) for name in names}
    for field in config.field:
        _check_bundle(field, networks[field.bundle])
    cutoffs = {name: config.read.cutoff or network.card.confidence.cutoff for name, network in networks.items()}
    readers = {name: Reader(net, cutoffs[name]) for name, net in networks.items() if isinstance(net, Classifier)}
    meters = {
        name: MeterReader(net, cutoffs[name]) for name, net in networks.items() if isinstance(net, CellClassifier)
    }
    if config.reference is None:
        return FieldReader(tuple(BoxField.of(field, None) for field in config.field), readers, meters)
    reference = load_picture(config.reference.image)
    fields = tuple(BoxField.of(field, reference) for field in config.field)
    return FieldReader(fields, readers, meters, _place_of(config, reference), config.reference.min_score)


def _place_of(config: Config, reference: Gray) -> Sheet | Reference:
    """What the reference picture is known by: a meter by landmarks beside its boxes, a sheet of paper by all its print.

    Raises
    ------
    PictureError
        It shows too little to be known again.
    """
    assert config.reference is not None
    boxes = [area for field in config.field for area in (*field.digits, *field.dials)]
    if config.page is None and all(field.is_meter for field in config.field):
        return Reference.of(reference, boxes, config.reference.min_score)
    corners = config.page.corners if config.page else None
    return Sheet.of(reference, np.array(corners, np.float64) if corners else None, [corners_of(box) for box in boxes])


def _check_bundle(field: FieldTable, network: Classifier | CellClassifier) -> None:
    """Raise ConfigError where a field's bundle cannot read what the field has."""
    if isinstance(network, CellClassifier) and not field.digits:
        raise ConfigError(f"field {field.name}: {field.bundle} reads single cells; add digits = … instead of region")
    if isinstance(network, Classifier) and field.dials:
        raise ConfigError(f"field {field.name}: dials need a model of meters; leave model = {field.bundle!r} out")
