"""Amounts, times and dates in print: what stands between digits decides what they are worth.

`python -m tests.scenes.amounts [--model DIR] [--split validation]`; `tests.scenes.elsewhere` reports the split `test`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.nouns import Frame, Reading
from edge.paper.assemble import value_of
from edge.paper.reader import Reader
from edge.pipeline import read_frame
from tests.scenes.arguments import parser_of
from tests.scenes.page import draw_page, spread
from train.data.fonts import Face, faces_of

AMOUNTS = (
    "-0.5", "7.5", "26,9", "47,11", "0,07", "407.35", "3.14159", "-12", "1.234,56", "1,234.50", "12:45", "21/11/2026",
)  # fmt: skip

PAGE = (160, 480)
"""Rows and columns of the pages."""

REPEATS = 4
"""Pictures of each amount in each face."""

Outcome = Literal["exact", "same", "wrong", "in doubt"]


@dataclass(frozen=True)
class AmountRow:
    """Amounts by what a user gets of them: all believed and to the letter, all believed and worth the same, one
    believed that is worth something else, or doubt. `shown` are exact to the letter, believed or not; `believed` are
    the first three together.
    """

    pictures: int
    shown: int
    exact: int
    same: int
    wrong: int
    believed: int


def main() -> None:
    """Print what became of all, and each that was wrong."""
    parser = parser_of(__doc__)
    parser.add_argument("--split", choices=("train", "validation", "test"), default="validation")
    arguments = parser.parse_args()
    row = measure_amounts(faces_of(arguments.split), Reader.open(arguments.model), is_loud=True)
    print(format_amounts(row))


def measure_amounts(
    faces: Sequence[Face], reader: Reader, limit: int | None = None, is_loud: bool = False
) -> AmountRow:
    """Read each amount in each face, at most `limit` of the pictures, evenly spaced; `is_loud` prints wrong ones."""
    plan = [(text, face) for text in AMOUNTS for face in faces for _ in range(REPEATS)]
    chosen = spread(len(plan), limit)
    shown = 0
    outcomes: list[Outcome] = []
    for index in chosen:
        text, face = plan[index]
        readings = read_frame(Frame(draw_page(text, face, PAGE, index), text), reader)
        shown += [reading.text for reading in readings] == parts_of(text)
        outcomes.append(outcome(readings, text))
        if is_loud and outcomes[-1] == "wrong":
            print(f"{text} in {face if isinstance(face, str) else face.stem}: {[(r.text, r.status) for r in readings]}")
    counts = [outcomes.count(name) for name in ("exact", "same", "wrong")]
    return AmountRow(len(chosen), shown, *counts, believed=sum(counts))


def parts_of(text: str) -> list[str]:
    """The numbers of a text, which colons and slashes part."""
    return re.split("[:/]", text)


def outcome(readings: Sequence[Reading], text: str) -> Outcome:
    """What a user gets of a text; wrong as soon as one believed reading is worth what no part of it is."""
    parts = parts_of(text)
    values = {value_of(part) for part in parts}
    if any(reading.status == "ok" and reading.value not in values for reading in readings):
        return "wrong"
    if any(reading.status != "ok" for reading in readings) or len(readings) != len(parts):
        return "in doubt"
    return "exact" if [reading.text for reading in readings] == parts else "same"


def format_amounts(row: AmountRow) -> str:
    """One line."""
    return (
        f"{'amounts':12s} exact {row.shown} of {row.pictures}; ok and exact {row.exact}, ok and worth the same "
        f"{row.same}, ok and wrong {row.wrong}"
    )


if __name__ == "__main__":
    main()
