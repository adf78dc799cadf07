"""Whole numbers read from generated scenes, kind by kind: `python -m tests.scenes.measure`.

The final figure is on `--split test`: MNIST's test writers and faces that nothing was chosen on. All
tuning is done on `--split validation`.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge.atomic import write_text
from edge.inference.bundle import sha256_file
from edge.nouns import Frame, Reading
from edge.paper.reader import Reader
from edge.pipeline import read_frame
from tests.scenes.arguments import add_scenes, parser_of
from tests.scenes.generator import KINDS, Hand, Scene, handwriting, make_scene, print_of
from train.card import Settings
from train.data.fonts import faces_of, render_text
from train.data.mnist import load_mnist
from train.data.split import split_validation

SEED = 20261121

LEVELS = (0.0, 0.8, 0.9, 0.95, 0.99)
"""Confidences of readings from which on they are counted together."""


@dataclass(frozen=True)
class Row:
    """One kind's result: counts of numbers, exact ones, wrong ones called ok, and character errors."""

    kind: str
    numbers: int
    exact: int
    wrong_ok: int
    characters: int
    errors: int
    median_ms: float


@dataclass(frozen=True)
class Level:
    """Readings given as "ok" with at least this confidence, and less than the next level's; how many are right."""

    least: float
    given: int
    right: int


def main() -> None:
    """Print a row a kind, and write them where `--out` says."""
    parser = parser_of(__doc__)
    add_scenes(parser, 300, KINDS)
    parser.add_argument("--show-mistakes", type=Path, help="folder for the pictures that were misread")
    arguments = parser.parse_args()
    reader = Reader.open(arguments.model)
    written, in_print = hands(arguments.split)
    rows, given = [], []
    for kind in arguments.kinds:
        hand = in_print if kind == "printed" else written
        rows.append(measure_kind(kind, hand, reader, arguments.count, arguments.show_mistakes, given))
        print(format_row(rows[-1]), flush=True)
    levels = reliability(given)
    for level in levels:
        print(f"given as ok from {level.least:.2f} on: {level.right} of {level.given} right")
    if arguments.out:
        report = {
            "split": arguments.split,
            "seed": SEED,
            "scenes": arguments.count,
            "rows": [asdict(row) for row in rows],
            "reliability": [asdict(level) for level in levels],
        }
        report["model_sha256"] = sha256_file(arguments.model / "model.tflite")
        write_text(arguments.out, json.dumps(report, indent=1) + "\n")


def hands(split: str) -> tuple[Hand, Hand]:
    """Handwriting and print of a split that the training never saw."""
    mnist = load_mnist()
    digits = (
        mnist.test
        if split == "test"
        else mnist.train.take(split_validation(mnist.train, seed=Settings().seed).validation)
    )
    return handwriting(digits.images, digits.labels), print_of(faces_of(split), render_text)


def reliability(given: Sequence[tuple[float, bool]]) -> list[Level]:
    """How many of the readings given as "ok" are right, by their confidence; `given` has both for each."""
    bounds = [*LEVELS, 2.0]
    return [
        Level(
            least,
            sum(least <= confidence < bound for confidence, _ in given),
            sum(least <= confidence < bound and is_right for confidence, is_right in given),
        )
        for least, bound in pairwise(bounds)
    ]


def measure_kind(
    kind: str,
    hand: Hand,
    reader: Reader,
    count: int,
    mistakes: Path | None,
    given: list[tuple[float, bool]] | None = None,
) -> Row:
    """Read `count` scenes of a kind and count what is right; `given` takes each "ok" reading's confidence and truth."""
    numbers = exact = wrong = characters = errors = 0
    times = []
    for index in range(count):
        scene = make_scene(kind, hand, np.random.default_rng([SEED, KINDS.index(kind), index]))
        start = time.perf_counter()
        readings = read_frame(Frame(scene.gray, f"{kind}-{index}"), reader)
        times.append((time.perf_counter() - start) * 1e3)
        right = [reading.text for reading in readings if reading.text in scene.numbers]
        numbers += len(scene.numbers)
        exact += min(len(right), len(scene.numbers))
        wrong += sum(reading.status == "ok" and reading.text not in scene.numbers for reading in readings)
        if given is not None:
            given += [(r.confidence, r.text in scene.numbers) for r in readings if r.status == "ok"]
        characters += sum(map(len, scene.numbers))
        errors += scene_distance(scene, readings)
        if mistakes and (len(right) < len(scene.numbers) or any(r.text not in scene.numbers for r in readings)):
            _show(mistakes, scene, readings, index)
    return Row(kind, numbers, exact, wrong, characters, errors, round(statistics.median(times), 2))


def scene_distance(scene: Scene, readings: Sequence[Reading]) -> int:
    """Character errors over a scene: numbers are joined by a space, so a number too many or too few counts whole."""
    return edit_distance(" ".join(scene.numbers), " ".join(reading.text for reading in readings))


def edit_distance(first: str, second: str) -> int:
    """Least number of insertions, deletions and substitutions (Levenshtein, 1966)."""
    previous = list(range(len(second) + 1))
    for row, a in enumerate(first, start=1):
        current = [row]
        for column, b in enumerate(second, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (a != b)))
        previous = current
    return previous[-1]


def format_row(row: Row) -> str:
    """One line of the table."""
    return (
        f"{row.kind:12s} exact {100 * row.exact / row.numbers:5.1f} %  "
        f"character errors {100 * row.errors / row.characters:5.2f} %  "
        f"wrong and ok {row.wrong_ok:3d} of {row.numbers}  median {row.median_ms:.2f} ms"
    )


def _show(folder: Path, scene: Scene, readings: Sequence[Reading], index: int) -> None:
    import cv2

    from edge.draw import annotate

    folder.mkdir(parents=True, exist_ok=True)
    truth = "_".join(scene.numbers)
    cv2.imwrite(str(folder / f"{scene.kind}-{index}-{truth}.png"), annotate(Frame(scene.gray, scene.kind), readings))


if __name__ == "__main__":
    main()
