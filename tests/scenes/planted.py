"""Faults planted into the shipped pictures, each into every digit: `python -m tests.scenes.planted`.

A digit is struck out by one stroke, crossed out, blotted, or half of it is rubbed out; the number may then be read as
uncertain only. A stroke through a 7 may be its bar and a rising one through a 0 its slash, so these are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.nouns import Box, Frame, Gray, Reading
from edge.paper.reader import Reader
from edge.pictures import load_picture
from edge.pipeline import read_frame
from tests.scenes.arguments import parser_of

SAMPLES = Path(__file__).parents[2] / "edge" / "samples"

PEN, REACH, SLACK = 5, 4, 3
"""Thickness of a stroke, how far it reaches beyond the digit's box, and what is rubbed out beyond it, in pixels."""

Fault = Callable[[Gray, Box], None]


def _stroke(from_height: float, to_height: float) -> Fault:
    """A stroke through a digit, from left to right, between two heights of its box (0 the top)."""

    def plant(gray: Gray, box: Box) -> None:
        x, y, width, height = box
        ends = (x - REACH, round(y + from_height * height)), (x + width + REACH, round(y + to_height * height))
        cv2.line(gray, *ends, _ink(gray, box), PEN, cv2.LINE_AA)

    return plant


def _crossed(gray: Gray, box: Box) -> None:
    _stroke(1.0, 0.0)(gray, box)
    _stroke(0.0, 1.0)(gray, box)


def _blotted(gray: Gray, box: Box) -> None:
    x, y, width, height = box
    cv2.circle(gray, (x + width // 2, y + height // 2), height // 2, _ink(gray, box), -1)


def _rubbed_out(left: float, top: float, right: float, bottom: float) -> Fault:
    """A share of a digit's box in the colour of the paper."""

    def plant(gray: Gray, box: Box) -> None:
        x, y, width, height = box
        rows = slice(round(y - SLACK + top * (height + SLACK)), round(y + bottom * (height + SLACK)))
        columns = slice(round(x - SLACK + left * (width + SLACK)), round(x + right * (width + SLACK)))
        gray[rows, columns] = np.median(gray)

    return plant


def _ink(gray: Gray, box: Box) -> int:
    x, y, width, height = box
    area = gray[y : y + height, x : x + width]
    median = float(np.median(gray))
    return int(area.flat[np.abs(area.astype(np.float32) - median).argmax()])


FAULTS: dict[str, tuple[Fault, str]] = {
    "rising stroke": (_stroke(1.0, 0.0), "07"),
    "falling stroke": (_stroke(0.0, 1.0), "7"),
    "level stroke": (_stroke(0.5, 0.5), "7"),
    "crossed out": (_crossed, ""),
    "blotted": (_blotted, ""),
    "right half gone": (_rubbed_out(0.5, 0.0, 1.0, 1.0), "1"),
    "left half gone": (_rubbed_out(0.0, 0.0, 0.5, 1.0), "1"),
    "upper half gone": (_rubbed_out(0.0, 0.0, 1.0, 0.5), "1"),
    "lower half gone": (_rubbed_out(0.0, 0.5, 1.0, 1.0), "1"),
}
"""By name; with the digits that each leaves a digit."""


def main() -> None:
    """Print, a fault, how many were believed, and as what."""
    reader = Reader.open(parser_of(__doc__).parse_args().model)
    for name, (plant, excepted) in FAULTS.items():
        planted, believed = count(plant, excepted, reader)
        seen = ", ".join(f"{was} as {now}" for was, now in believed)
        print(f"{name:16s} believed {len(believed):2d} of {planted}  {seen}")


def count(plant: Fault, excepted: str, reader: Reader) -> tuple[int, list[tuple[str, str]]]:
    """How many faults were planted, and the digits that were believed all the same, with what they were read as."""
    planted, believed = 0, []
    for path in sorted(SAMPLES.glob("*.png")):
        clean = load_picture(path)
        for number, others in _each(read_frame(Frame(clean, path.stem), reader)):
            for digit in number.digits:
                if digit.text.isdigit() and digit.text not in excepted:
                    gray = clean.copy()
                    plant(gray, digit.box)
                    planted += 1
                    found = Counter(r.text for r in read_frame(Frame(gray, path.stem), reader) if r.status == "ok")
                    believed += [(f"{digit.text} in {number.text}", text) for text in found - others]
    return planted, believed


def _each(readings: Sequence[Reading]) -> list[tuple[Reading, Counter[str]]]:
    """Each number that is believed, with the texts of the others."""
    sure = [reading for reading in readings if reading.status == "ok"]
    return [(one, Counter(other.text for other in sure if other is not one)) for one in sure]


if __name__ == "__main__":
    main()
