"""Reads the numbers on a picture of anything, without being told where they are: from ink to lines of digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.inference.classifier import Classifier, StripNetwork, open_strips
from edge.nouns import Gray, Reading
from edge.paper.assemble import assemble, doubt_among_letters
from edge.paper.binarize import binarize, polarity_evidence
from edge.paper.decode import Transcribe, decode_lines
from edge.paper.layout import find_lines
from edge.paper.segment import find_pieces
from edge.paper.strings import STRING_LABELS
from edge.paper.whole import read_wholes

CLEAR_EVIDENCE = 1.0
"""Skewness of the detail from which on one polarity is enough; below, both are read and the better is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What reads a frame: the classifier, the confidence below which a digit is not believed, whether pages may lie on
    their side or upside down, and the network that reads touching digits, where the bundle has one.
    """

    classifier: Classifier
    cutoff: float
    any_way_up: bool = False
    strips: StripNetwork | None = None

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
        strips = strips_beside(classifier, folder, runtime, threads)
        return cls(classifier, classifier.card.confidence.cutoff if cutoff is None else cutoff, any_way_up, strips)

    @property
    def transcribe(self) -> Transcribe | None:
        """What says which strings stand on pieces of ink; None without a network for it."""
        return self.strips.read if self.strips else None

    def read(self, gray: Gray) -> list[Reading]:
        """The numbers of a picture that is the right way up, without names; both polarities where one is not clear."""
        evidence = polarity_evidence(gray)
        readings = _read_polarity(gray, evidence > 0, self)
        if abs(evidence) < CLEAR_EVIDENCE or not readings:
            readings = max(readings, _read_polarity(gray, evidence <= 0, self), key=_evidence)
        return readings


def strips_beside(
    classifier: Classifier, folder: Path, runtime: str | None = None, threads: int = 1
) -> StripNetwork | None:
    """The network for strings in the folder of a bundle that reads digits only; None where there is none.

    Raises
    ------
    BundleError, MissingRuntimeError
    """
    return open_strips(folder, runtime, threads) if set(classifier.labels) <= set(STRING_LABELS) else None


def _read_polarity(gray: Gray, is_light: bool, reader: Reader) -> list[Reading]:
    """The readings of one polarity, without names."""
    ink, pieces = find_pieces(binarize(gray, is_light))
    lines = find_lines(ink, pieces)
    marks = decode_lines(ink, lines, reader.classifier.predict, reader.transcribe)
    if reader.transcribe is not None:
        marks = read_wholes(marks, reader.transcribe)
    rows = [assemble(ink, line, row, reader.cutoff) for line, row in zip(lines, marks, strict=True)]
    writing = [line.box for line, readings in zip(lines, rows, strict=True) if not readings]
    return [doubt_among_letters(reading, writing) for readings in rows for reading in readings]


def _evidence(readings: Sequence[Reading]) -> float:
    """For a polarity: its digits' confidence above an even chance."""
    return sum(digit.confidence - 0.5 for reading in readings for digit in reading.digits)
