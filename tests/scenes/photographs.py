"""Reads the six photographs of `DIGITS_DATA/scenes` and sets what was read beside the truth.

`python -m tests.scenes.photographs [--out FILE]`. Measure only: nothing is chosen by them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from edge.atomic import write_text
from edge.nouns import Frame
from edge.paper.reader import Reader
from edge.pictures import load_picture
from edge.pipeline import read_frame
from tests.scenes.arguments import parser_of


def main() -> None:
    """Print a line a photograph."""
    arguments = parser_of(__doc__).parse_args()
    reader = Reader.open(arguments.model)
    folder = Path(os.environ["DIGITS_DATA"]) / "scenes"
    rows = [read_one(folder, truth, reader) for truth in json.loads((folder / "labels.json").read_text())]
    for row in rows:
        pairs = ", ".join(f"{text} ({status})" for text, status in zip(row["read"], row["status"], strict=True))
        print(f"{row['file']:15s} is {' '.join(row['truth'])}\n{'':15s} read {pairs}")
    if arguments.out:
        write_text(arguments.out, json.dumps(rows, indent=1) + "\n")


def read_one(folder: Path, truth: dict, reader: Reader) -> dict:
    """One photograph's truth and what was read, readings of status empty left out."""
    frame = Frame(load_picture(folder / truth["file"]), truth["file"])
    readings = [reading for reading in read_frame(frame, reader) if reading.status != "empty"]
    return {
        "file": truth["file"],
        "truth": truth["text"],
        "read": [reading.text for reading in readings],
        "status": [reading.status for reading in readings],
    }


if __name__ == "__main__":
    main()
