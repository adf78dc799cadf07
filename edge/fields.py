"""A configuration's fields: their bundles and reference picture opened, and each read by its kind, in a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from pathlib import Path

import numpy as np

from edge.errors import ConfigError
from edge.forms.form import BoxField, read_boxes
from edge.forms.page import Sheet, locate
from edge.forms.region import read_region
from edge.geometry import Area, Matrix, Points, corners_of, mapped, quad_of, sides_of
from edge.inference.classifier import CellClassifier, Classifier, open_network
from edge.meters.judge import FrameTraits, traits_of
from edge.meters.marker import Marker, doubt_of
from edge.meters.meter import MeterReader
from edge.meters.register import Alignment, Reference, is_within
from edge.nouns import Colour, Gray, Reading
from edge.paper.reader import Reader, strips_beside
from edge.pictures import load_picture
from edge.schema import Config, FieldTable

OUTSIDE = 0.12
"""A box may leave the frame by this much, over its height: a sheet that fills its scan is found to within that."""


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
    traits : FrameTraits, optional
        Of the reference picture with the cells of its meters, which frames are held against.
    markers : dict of str to Marker
        Of the fields on a display whose screens take turns, by the field's name.
    """

    fields: tuple[BoxField, ...]
    readers: dict[str, Reader]
    meters: dict[str, MeterReader]
    place: Sheet | Reference | None = None
    min_score: float = 0.0
    traits: FrameTraits | None = None
    markers: dict[str, Marker] = dataclass_field(default_factory=dict)

    def read(self, gray: Gray, colour: Colour | None = None) -> list[Reading]:
        """A reading a field, in their order; all are "rejected" in a frame that does not show the reference picture."""
        found = self.locate(gray)
        return self.refuse(str(found.reason)) if found.matrix is None else self.read_at(gray, colour, found.matrix)

    def locate(self, gray: Gray, near: Alignment | None = None) -> Alignment:
        """How a frame lies to the reference picture; without one, as it is.

        Parameters
        ----------
        gray : (rows, columns) uint8
        near : Alignment, optional
            Of the last frame of the same camera that was not refused: a meter is then looked for there first.
        """
        if self.place is None:
            return Alignment(np.eye(3), 1.0, is_anchored=False)
        if isinstance(self.place, Reference):
            return self.place.locate(gray, near)
        sheet = locate(self.place, gray)
        if sheet.score < self.min_score:
            lack = f"{sheet.score:.2f} of it is found, {self.min_score:g} is wanted; is it this form, flat and whole?"
            return Alignment(None, sheet.score, is_anchored=False, reason=f"the page is not in view: {lack}")
        return Alignment(sheet.matrix, sheet.score, is_anchored=False)

    def refuse(self, reason: str) -> list[Reading]:
        """What is said of a frame that is not read: a "rejected" reading a field."""
        return [Reading(field.table.name, "", None, "rejected", 0.0, None, reason) for field in self.fields]

    def read_at(self, gray: Gray, colour: Colour | None, matrix: Matrix) -> list[Reading]:
        """A reading a field, in a frame that the reference picture is mapped to by `matrix`.

        A field of which a box lies outside of the frame is "rejected": what is cut off is not blank.
        """
        readings = {}
        for field in self.fields:
            outside = _outside(field.table, matrix, gray.shape)
            if outside:
                readings[field.table.name] = Reading(field.table.name, "", None, "rejected", 0.0, None, outside)
        inside = [field for field in self.fields if field.table.name not in readings]
        for name, reader in self.readers.items():
            boxed = [field for field in inside if field.quads and field.table.bundle == name]
            placed = [(field, [mapped(quad, matrix) for quad in field.quads]) for field in boxed]
            for reading in read_boxes(gray, placed, reader.classifier, reader.cutoff, reader.transcribe):
                readings[reading.name] = reading
        others = [field for field in self.fields if field.table.name not in readings]
        readings |= {field.table.name: self._read_alone(gray, colour, field, matrix) for field in others}
        return [readings[field.table.name] for field in self.fields]

    def _read_alone(self, gray: Gray, colour: Colour | None, field: BoxField, matrix: Matrix) -> Reading:
        """The reading of a meter's field, or of a region."""
        table = field.table
        if table.region is not None:
            return read_region(
                gray, table, quad_of(table.region, matrix), field.print_, self.readers[table.bundle].read
            )
        doubt = self._doubt_screen(gray, table, matrix)
        if doubt and doubt[0]:
            return Reading(table.name, "", None, "rejected", 0.0, None, doubt[1])
        digits = [mapped(quad, matrix) for quad in field.quads]
        dials = [quad_of(box, matrix) for box in table.dials]
        reading = self.meters[table.bundle].read(gray, table, digits, dials, colour)
        if doubt is None or reading.status == "rejected":
            return reading
        return replace(reading, value=None, status="uncertain", reason=doubt[1], candidates=())

    def _doubt_screen(self, gray: Gray, table: FieldTable, matrix: Matrix) -> tuple[bool, str] | None:
        """Whether a display shows another screen than the field's for sure, and the reason not to believe it."""
        if table.name not in self.markers or table.marker is None:
            return None
        quad, *cells = (quad_of(area, matrix) for area in (table.marker, *table.digits))
        return doubt_of(self.markers[table.name].likeness(gray, quad, cells))


def _outside(table: FieldTable, matrix: Matrix, shape: Sequence[int]) -> str | None:
    """Why a field cannot be read in a frame that shows only a part of it; None where all of it is in view."""
    for number, area in enumerate(_areas(table), 1):
        quad = quad_of(area, matrix)
        if not is_within(quad, shape, OUTSIDE * sides_of(quad)[1]):
            which = "the region" if table.region is not None else f"box {number}"
            which = "the marker" if area is table.marker else which
            return f"{which} lies outside of the frame of {shape[1]} x {shape[0]}; show all of it"
    return None


def _areas(table: FieldTable) -> list[Area]:
    """All that a field looks at: its digits and dials, or its region, and its marker."""
    return [*table.digits, *table.dials, *(each for each in (table.region, table.marker) if each is not None)]


def open_fields(config: Config, models: Path, threads: int = 1, picture: Gray | None = None) -> FieldReader:
    """Load what a configuration's fields need.

    Parameters
    ----------
    config : Config
        With at least one field.
    models : Path
        The folder that the bundles lie in.
    threads : int
        Of the runtime.
    picture : (rows, columns) uint8, optional
        The reference picture; that of the configuration if absent.

    Raises
    ------
    BundleError, ConfigError, MissingRuntimeError, PictureError
    """
    readers, meters = _open_bundles(config, models, threads)
    if config.reference is None:
        _check_markers(config)
        return FieldReader(tuple(BoxField.of(field, None) for field in config.field), readers, meters)
    reference = load_picture(config.reference.image) if picture is None else picture
    _check_boxes(config, reference)
    fields = tuple(BoxField.of(field, reference) for field in config.field)
    place = _place_of(config, reference)
    traits = traits_of(reference, meter_cells(config.field), _dial_numbers(config.field))
    reader = FieldReader(fields, readers, meters, place, config.reference.min_score, traits)
    markers = {field.name: _marker_of(field, reference, reader) for field in config.field if field.marker is not None}
    return replace(reader, markers=markers)


def _open_bundles(config: Config, models: Path, threads: int) -> tuple[dict[str, Reader], dict[str, MeterReader]]:
    """What reads a field's region or boxes, and what reads a meter's cells, by the name of the bundle."""
    names = dict.fromkeys(field.bundle for field in config.field)
    networks = {name: open_network(models / name, threads=threads) for name in names}
    for field in config.field:
        _check_bundle(field, networks[field.bundle])
    readers, meters = dict[str, Reader](), dict[str, MeterReader]()
    for name, network in networks.items():
        cutoff = config.read.cutoff or network.card.confidence.cutoff
        if isinstance(network, CellClassifier):
            meters[name] = MeterReader(network, cutoff)
        else:
            readers[name] = Reader(network, cutoff, strips=strips_beside(network, models / name, threads=threads))
    return readers, meters


def _check_markers(config: Config) -> None:
    """Raise ConfigError where a marker has no picture to be held against."""
    for field in config.field:
        if field.marker is not None:
            raise ConfigError(f"field {field.name}: marker needs the picture it was drawn in: [reference] image = …")


def _marker_of(table: FieldTable, reference: Gray, reader: FieldReader) -> Marker:
    """A field's marker, from its own picture or the reference.

    Raises
    ------
    ConfigError
        Its place is blank there, or the picture does not show what the reference shows.
    PictureError
        The picture cannot be read.
    """
    assert table.marker is not None
    name, gray, matrix = "the reference picture", reference, np.eye(3)
    if table.marker_image is not None:
        name, gray = table.marker_image, load_picture(table.marker_image)
        found = reader.locate(gray)
        if found.matrix is None:
            raise ConfigError(f"field {table.name}: {name} does not show the meter of the reference picture")
        matrix = found.matrix
    quad, *cells = (quad_of(area, matrix) for area in (table.marker, *table.digits))
    marker = Marker.of(gray, quad, cells)
    if marker.is_blank:
        raise ConfigError(f"field {table.name}: nothing stands in the marker {list(table.marker)} of {name}; move it")
    return marker


def meter_cells(tables: Iterable[FieldTable]) -> list[Points]:
    """Corners of the cells of all meters, digits and dials, in the reference picture."""
    return [corners_of(area) for table in tables if table.is_meter for area in (*table.digits, *table.dials)]


def _dial_numbers(tables: Iterable[FieldTable]) -> list[int]:
    """Which of `meter_cells` are dials."""
    meters = [table for table in tables if table.is_meter]
    is_dial = [each for table in meters for each in [False] * len(table.digits) + [True] * len(table.dials)]
    return [number for number, each in enumerate(is_dial) if each]


def _place_of(config: Config, reference: Gray) -> Sheet | Reference:
    """What the reference picture is known by: a meter by landmarks beside its boxes, a sheet of paper by all its print.

    Raises
    ------
    PictureError
        It shows too little to be known again.
    """
    assert config.reference is not None
    boxes = [area for field in config.field for area in _areas(field) if area is not field.region]
    if config.page is None and all(field.is_meter for field in config.field):
        return Reference.of(reference, boxes, config.reference.min_score)
    corners = config.page.corners if config.page else None
    return Sheet.of(reference, np.array(corners, np.float64) if corners else None, [corners_of(box) for box in boxes])


def _check_boxes(config: Config, reference: Gray) -> None:
    """Raise ConfigError where a box leaves the reference picture that it was drawn in."""
    rows, columns = reference.shape
    for field in config.field:
        for area in _areas(field):
            if not is_within(corners_of(area), reference.shape, 1.0):
                size = f"the reference picture of {columns} x {rows}"
                raise ConfigError(f"field {field.name}: {list(area)} leaves {size}; draw it inside")


def _check_bundle(field: FieldTable, network: Classifier | CellClassifier) -> None:
    """Raise ConfigError where a field's bundle cannot read what the field has."""
    if isinstance(network, CellClassifier) and not field.digits:
        raise ConfigError(f"field {field.name}: {field.bundle} reads single cells; add digits = … instead of region")
    if isinstance(network, Classifier) and field.dials:
        raise ConfigError(f"field {field.name}: dials need a model of meters; leave model = {field.bundle!r} out")
