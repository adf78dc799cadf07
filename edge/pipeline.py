"""The whole product in two functions: `read_frame`, pure, and `run`, the only loop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from edge.fields import FieldReader
from edge.nouns import Frame, Glyph, Gray, Prediction, Reading
from edge.paper.assemble import name_readings
from edge.paper.crop import glyph_of_crop
from edge.paper.reader import Reader
from edge.paper.turn import read_any_way_up
from edge.reduce import reduce_frame, restore_boxes

FrameReader = Reader | FieldReader
"""What reads a frame: without a configuration's fields, or with them."""


class Sink(Protocol):
    """Where readings go."""

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """Take one frame's readings."""


def read_frame(frame: Frame, reader: FrameReader) -> list[Reading]:
    """The numbers in a frame: those of the configuration's fields in their order, or without any every line of digits.

    Lines are read top to bottom, then left to right; there is one "empty" reading where none is found.
    """
    if isinstance(reader, FieldReader):
        return reader.read(frame.gray, frame.colour)
    gray, factor = reduce_frame(frame.gray)
    readings = read_any_way_up(gray, reader.read) if reader.any_way_up else reader.read(gray)
    return name_readings(restore_boxes(readings, factor))


def classify_crop(gray: Gray, reader: Reader) -> tuple[Prediction | None, Glyph | None]:
    """Label and scores of a picture of one digit, with the glyph that the network saw; None without ink."""
    glyph = glyph_of_crop(gray)
    return (reader.classifier.predict([glyph])[0], glyph) if glyph else (None, None)


def run(source: Iterable[Frame], reader: FrameReader, sinks: Iterable[Sink]) -> None:
    """Read every frame of a source and hand its readings to the sinks, until the source ends."""
    sinks = tuple(sinks)
    for frame in source:
        start = time.perf_counter()
        readings = read_frame(frame, reader)
        latency_ms = (time.perf_counter() - start) * 1e3
        for sink in sinks:
            sink.write(frame, readings, latency_ms)
