"""The litres on photographs of fuel pumps, with nothing given: neither boxes nor which of a pump's numbers is wanted.

    nice -n 10 python -m tests.meters.pump --out tests/meters/pump.json

Measure only: `DIGITS_DATA/pump` has no licence, and nothing is chosen by it. The truth of a photograph is its litres,
rounded to a whole number; a pump shows an amount and a price beside them. It counts as right where a number that is
`ok` rounds to the litres, as wrong where numbers are `ok` and none does, else as silent. Two ways: the lines that
`edge read PICTURE` finds, with the point that it reads; and the rows that `edge setup` finds, each read as a display
of hundredths.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from edge.atomic import write_text
from edge.geometry import corners_of
from edge.inference.classifier import CellClassifier
from edge.meters.grids import Row, find_rows
from edge.meters.meter import MeterReader
from edge.nouns import Frame, Gray, Reading
from edge.paper.reader import Reader
from edge.pipeline import read_frame
from edge.schema import FieldTable
from train.run_folder import as_json

DECIMALS = 2
"""Pumps count hundredths of a litre."""

VERDICTS = ("right", "wrong", "silent")


def load_pumps(folder: Path) -> list[tuple[Gray, int]]:
    """Each photograph with its litres."""
    with np.load(folder / "pump.npz", allow_pickle=False) as archive:
        jpeg, off, values = (archive[name] for name in ("jpeg", "off", "value"))
    pictures = [cv2.imdecode(jpeg[off[k] : off[k + 1]], cv2.IMREAD_GRAYSCALE) for k in range(len(values))]
    return [(picture, int(value)) for picture, value in zip(pictures, values, strict=True)]


def read_lines(gray: Gray, reader: Reader) -> list[Reading]:
    """What `edge read` says of a picture."""
    return read_frame(Frame(gray, "pump"), reader)


def read_rows(gray: Gray, reader: MeterReader) -> list[Reading]:
    """What a configuration says whose fields are the rows that setup finds."""
    return [read_row(gray, row, reader) for row in find_rows(gray)]


def read_row(gray: Gray, row: Row, reader: MeterReader) -> Reading:
    """A row of cells read as a display."""
    table = FieldTable(name="row", kind="lcd", digits=list(row.cells), decimals=DECIMALS)
    return reader.read(gray, table, [corners_of(cell) for cell in row.cells], [])


def verdict(readings: Sequence[Reading], litres: int) -> str:
    """One of `VERDICTS`."""
    values = [reading.value for reading in readings if reading.value is not None]
    if not values:
        return "silent"
    return "right" if any(round(value) == litres for value in values) else "wrong"


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the counts here as well.")
def main(out: Path | None) -> None:
    """Count the photographs that are right, wrong and silent."""
    pumps = load_pumps(Path(os.environ["DIGITS_DATA"]) / "pump")
    paper = Reader.open(Path("models/paper"))
    network = CellClassifier.open(Path("models/meter"))
    meter = MeterReader(network, network.card.confidence.cutoff)
    counts = {
        "lines": Counter(verdict(read_lines(gray, paper), litres) for gray, litres in pumps),
        "rows": Counter(verdict(read_rows(gray, meter), litres) for gray, litres in pumps),
    }
    found = {way: {name: count[name] for name in VERDICTS} for way, count in counts.items()}
    for way, row in found.items():
        click.echo(f"{way}: of {len(pumps)} photographs {', '.join(f'{count} {name}' for name, count in row.items())}")
    if out:
        bundles = {"lines": paper.classifier.card.model_sha256, "rows": network.card.model_sha256}
        write_text(out, as_json({"photographs": len(pumps), "model_sha256": bundles, **found}))


if __name__ == "__main__":
    main()
