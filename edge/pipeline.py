"""The whole product in two functions: `read_frame`, pure, and `run`, the only loop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.assemble import assemble, doubt_among_letters, name_readings
from edge.binarize import binarize, polarity_evidence
from edge.classifier import Classifier
from edge.crop import glyph_of_crop
from edge.decode import decode_lines
from edge.layout import find_lines
from edge.nouns import Frame, Glyph, Gray, Prediction, Reading
from edge.reduce import reduce_frame, restore_boxes
from edge.segment import find_pieces
from edge.turn import read_any_way_up

CLEAR_EVIDENCE = 1.0
"""Skewness of the detail from which on one polarity is enough; below, both are read and the better is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What reads a frame: the classifier, the confidence below which a digit is not believed, and whether pages may
    lie on their side or upside down.
    """

    classifier: Classifier
    cutoff: float
    any_way_up: bool = False

    @classmethod
    def open(
        cls,
        folder: Path,
        cutoff: float | None = None,
        runtime: str | None = None,
        threads: int = 1,
        any_way_up: bool = False,
    ) -> Reader:
        """Load a bundle; its card's cutoff holds unless another is given.

        Raises
        ------
        BundleError, MissingRuntimeError
        """
        classifier = Classifier.open(folder, runtime, threads)
        return cls(classifier, classifier.card.confidence.cutoff if cutoff is None else cutoff, any_way_up)

    def read(self, gray: Gray) -> list[Reading]:
        """The numbers of a picture that is the right way up, without names; both polarities where one is not clear."""
        evidence = polarity_evidence(gray)
        readings = _read_polarity(gray, evidence > 0, self)
        if abs(evidence) < CLEAR_EVIDENCE or not readings:
            readings = max(readings, _read_polarity(gray, evidence <= 0, self), key=_evidence)
        return readings


class Sink(Protocol):
    """Where readings go."""

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """Take one frame's readings."""


def read_frame(frame: Frame, reader: Reader) -> list[Reading]:
    """The numbers in a frame, top to bottom, then left to right; one "empty" reading where there are none."""
    gray, factor = reduce_frame(frame.gray)
    readings = read_any_way_up(gray, reader.read) if reader.any_way_up else reader.read(gray)
    return name_readings(restore_boxes(readings, factor))


def classify_crop(gray: Gray, reader: Reader) -> tuple[Prediction | None, Glyph | None]:
    """Label and scores of a picture of one digit, with the glyph that the network saw; None without ink."""
    glyph = glyph_of_crop(gray)
    return (reader.classifier.predict([glyph])[0], glyph) if glyph else (None, None)


def run(source: Iterable[Frame], reader: Reader, sinks: Iterable[Sink]) -> None:
    """Read every frame of a source and hand its readings to the sinks, until the source ends."""
    sinks = tuple(sinks)
    for frame in source:
        start = time.perf_counter()
        readings = read_frame(frame, reader)
        latency_ms = (time.perf_counter() - start) * 1e3
        for sink in sinks:
            sink.write(frame, readings, latency_ms)


def _read_polarity(gray: Gray, is_light: bool, reader: Reader) -> list[Reading]:
    """The readings of one polarity, without names."""
    ink, pieces = find_pieces(binarize(gray, is_light))
    lines = find_lines(ink, pieces)
    marks = decode_lines(ink, lines, reader.classifier.predict)
    rows = [assemble(ink, line, row, reader.cutoff) for line, row in zip(lines, marks, strict=True)]
    writing = [line.box for line, readings in zip(lines, rows, strict=True) if not readings]
    return [doubt_among_letters(reading, writing) for readings in rows for reading in readings]


def _evidence(readings: Sequence[Reading]) -> float:
    """For a polarity: its digits' confidence above an even chance."""
    return sum(digit.confidence - 0.5 for reading in readings for digit in reading.digits)
