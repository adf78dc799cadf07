"""Boxes that `edge template` finds on generated forms without help: `python -m tests.forms.boxes`.

Each look shows ten forms of a kind. A box is found where one proposed covers it with an IoU of 0.7; a box proposed that
covers none is false. A field is found whole where one proposed has exactly its boxes; a line to write on is a field of
one box, and a line for a name or a signature is false where it is proposed. Thresholds are chosen on
`--seeds tuning`; the figures reported are those of `--seeds report`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.atomic import write_text
from edge.errors import PictureError
from edge.forms.template import FieldBoxes, propose_template
from edge.schema import BoxArea, FieldTable, Quad
from tests.forms.capture import photograph, scan
from tests.forms.filling import fill
from tests.forms.layout import KINDS, make_form
from tests.forms.nouns import Form, Picture, quad_of

SEEDS = {"tuning": 5000, "report": 9000}
"""First seed of the forms that thresholds were chosen on, and of those that are reported."""

IOU = 0.7

Capture = Callable[[Form, np.random.Generator], Picture]


def _blank(form: Form, rng: np.random.Generator) -> Picture:
    return Picture(form.gray, np.eye(3))


def _scanned(dpi: int, is_filled: bool) -> Capture:
    def capture(form: Form, rng: np.random.Generator) -> Picture:
        page = fill(form, "validation", rng).colour if is_filled else form.colour
        return scan(page, rng, dpi=dpi, is_upside_down=False)

    return capture


def _photographed(form: Form, rng: np.random.Generator) -> Picture:
    return photograph(form.colour, rng, is_upside_down=False)


LOOKS: dict[str, Capture] = {
    "as printed, 300 dpi": _blank,
    "scan, 200 dpi": _scanned(200, is_filled=False),
    "scan, 100 dpi": _scanned(100, is_filled=False),
    "scan, 600 dpi": _scanned(600, is_filled=False),
    "filled, 300 dpi": _scanned(300, is_filled=True),
    "photograph": _photographed,
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Boxes there are, found and false, fields there are and found whole, and the CPU seconds that it took."""

    forms: int = 0
    boxes: int = 0
    found: int = 0
    false: int = 0
    fields: int = 0
    whole: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))


def count_form(form: Form, picture: Picture) -> Counts:
    """What is proposed for a picture of a form against the form's own boxes."""
    start = time.process_time()
    proposed = _proposed(picture)
    seconds = time.process_time() - start
    truth = [_quads(field, picture.matrix) for field in form.fields]
    matches = [_matches(quads, proposed) for quads in truth]
    hit = {place for places in matches for place in places if place is not None}
    total = sum(len(field.quads) for field in proposed)
    whole = sum(_is_whole(places, proposed) for places in matches)
    found = sum(place is not None for places in matches for place in places)
    return Counts(1, sum(map(len, truth)), found, total - len(hit), len(truth), whole, seconds)


def _proposed(picture: Picture) -> Sequence[FieldBoxes]:
    try:
        return propose_template(picture.gray).fields
    except PictureError:
        return ()


def _quads(field: FieldTable, matrix: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    """A field's boxes in the picture, or its region, (4, 2) each."""
    boxes = field.digits or [field.region]
    return [cv2.perspectiveTransform(_corners(box)[None], matrix)[0].astype(np.float32) for box in boxes if box]


def _corners(box: BoxArea | Quad) -> NDArray[np.float64]:
    return quad_of((box[0], box[1], box[2], box[3])) if len(np.shape(box)) == 1 else np.array(box, np.float64)


def _matches(quads: Sequence[NDArray[np.float32]], proposed: Sequence[FieldBoxes]) -> list[tuple[int, int] | None]:
    """For each box the field and the box proposed that cover it best, or None where none does by `IOU`."""
    places: list[tuple[int, int] | None] = []
    for quad in quads:
        middle = quad.mean(axis=0)
        near = [
            (overlap_of(quad, box.astype(np.float32)), (index, k))
            for index, field in enumerate(proposed)
            for k, box in enumerate(field.quads)
            if np.abs(box.mean(axis=0) - middle).max() < np.ptp(quad, axis=0).max()
        ]
        best = max(near, default=(0.0, (0, 0)))
        places.append(best[1] if best[0] >= IOU else None)
    return places


def overlap_of(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union of two convex quadrilaterals."""
    shared, _ = cv2.intersectConvexConvex(one, other)
    return float(shared / (cv2.contourArea(one) + cv2.contourArea(other) - shared))


def _is_whole(places: Sequence[tuple[int, int] | None], proposed: Sequence[FieldBoxes]) -> bool:
    """Whether the boxes of one field proposed are just these."""
    owners = {place[0] for place in places if place is not None}
    return None not in places and len(owners) == 1 and len(proposed[owners.pop()].quads) == len(places)


def table(rows: dict[tuple[str, str], Counts]) -> str:
    """The counts a kind and look, as a Markdown table."""
    lines = [
        "| form | seen as | boxes found | false boxes | fields whole | CPU s a page |",
        "|---|---|---|---|---|---|",
    ]
    for (kind, look), counts in rows.items():
        found = f"{counts.found} of {counts.boxes}" if counts.boxes else "none there"
        whole = f"{counts.whole} of {counts.fields}" if counts.fields else "none there"
        lines.append(f"| {kind} | {look} | {found} | {counts.false} | {whole} | {counts.seconds / counts.forms:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write it where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", choices=SEEDS, default="report")
    parser.add_argument("--count", type=int, default=10, help="forms a kind and look")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--looks", nargs="*", choices=list(LOOKS), default=list(LOOKS))
    parser.add_argument("--out", type=Path, help="file for the counts, as JSON")
    parser.add_argument("--faults", type=Path, help="folder for the pictures with a box missed or false")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rows: dict[tuple[str, str], Counts] = {}
    for kind in arguments.kinds:
        forms = [make_form(kind, SEEDS[arguments.seeds] + index) for index in range(arguments.count)]
        for look in arguments.looks:
            rows[kind, look] = _count_look(forms, look, arguments.faults)
    print(table(rows))
    if arguments.out:
        records = [{"kind": kind, "look": look, **_record(counts)} for (kind, look), counts in rows.items()]
        write_text(arguments.out, json.dumps({"seeds": arguments.seeds, "rows": records}, indent=1) + "\n")


def _record(counts: Counts) -> dict[str, float]:
    return {each.name: round(getattr(counts, each.name), 2) for each in fields(Counts)}


def _count_look(forms: Sequence[Form], look: str, faults: Path | None) -> Counts:
    total = Counts()
    for form in forms:
        picture = LOOKS[look](form, np.random.default_rng([form.seed, list(LOOKS).index(look)]))
        counts = count_form(form, picture)
        total += counts
        if faults and (counts.found < counts.boxes or counts.false):
            _draw_faults(
                form, picture, faults / f"{form.kind}-{form.seed}-{look.replace(', ', '-').replace(' ', '')}.png"
            )
    return total


def _draw_faults(form: Form, picture: Picture, path: Path) -> None:
    """The true boxes in green, those proposed in red."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = cv2.cvtColor(picture.gray, cv2.COLOR_GRAY2BGR)
    truth = [quad for field in form.fields for quad in _quads(field, picture.matrix)]
    proposed = [quad for field in _proposed(picture) for quad in field.quads]
    for quads, line, width in ((truth, (0, 160, 0), 5), (proposed, (0, 0, 255), 2)):
        cv2.polylines(colour, [np.round(quad).astype(np.int32) for quad in quads], True, line, width)
    cv2.imwrite(str(path), colour)


if __name__ == "__main__":
    main()
