"""Whole numbers that our reader, Tesseract and RapidOCR read from the same scenes: `python -m tests.compare.run`.

Every scene is read by one engine after the other. Our reader runs in this environment, Tesseract and
RapidOCR in the one that `make compare` makes. An engine's texts are judged alike: spaces go, then a
number counts as exact when the digits of a text are its digits; a text of nothing but digits, points
and commas whose digits are no number of the scene is wrong. Scenes are those of `tests.scenes.measure`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from edge.atomic import write_text
from edge.board import board_name
from tests.scenes.arguments import add_scenes, parser_of
from tests.scenes.generator import KINDS, Scene, make_scene
from tests.scenes.measure import SEED, hands

PAGE_MODE = "6"
"""Tesseract's page segmentation mode, one block of text: of 126 numbers of validation scenes it read 20; mode 3 read
19, mode 11 18, mode 7 15 and mode 13 none."""

LEAST_CONFIDENCES = ("0", "60")
"""Tesseract is measured with everything that it says, and with what it is sure of: there 60 took the wrong numbers
from 107 to 9 and the exact ones from 20 to 12."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

BLANKS = 5
"""Empty pictures that are read first: a warm-up, and the least that a call costs."""


@dataclass(slots=True, eq=False)
class Worker:
    """A process that reads pictures by their paths."""

    process: subprocess.Popen[str]
    about: dict = field(default_factory=dict)

    def answer(self) -> dict:
        """The next line of its output.

        Raises
        ------
        SystemExit
            The process has ended; its own message stands on stderr.
        """
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit(f"{' '.join(map(str, self.process.args))}: ended with status {self.process.wait()}")
        return json.loads(line)

    def read(self, path: Path) -> tuple[list[str], float]:
        """The texts of a picture and the latency in ms."""
        print(path, file=self.process.stdin, flush=True)
        answer = self.answer()
        return answer["texts"], answer["latency_ms"]


@dataclass(frozen=True)
class Row:
    """An engine's result on one kind of scene."""

    kind: str
    engine: str
    numbers: int
    exact: int
    wrong: int
    median_ms: float


def main() -> None:
    """Print a line a kind and engine, and write the report."""
    parser = parser_of(__doc__)
    add_scenes(parser, 20, KINDS)
    parser.add_argument("--python", type=Path, default=Path(".venv-compare/bin/python"), help="that has the others")
    parser.add_argument("--page-mode", default=PAGE_MODE, help="of Tesseract (--psm)")
    arguments = parser.parse_args()
    commands = {
        "readout": [sys.executable, "readout", str(arguments.model)],
        **{
            f"tesseract {least}": [str(arguments.python), "tesseract", arguments.page_mode, least]
            for least in LEAST_CONFIDENCES
        },
        "rapidocr": [str(arguments.python), "rapidocr"],
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = {name: stack.enter_context(started(*command)) for name, command in commands.items()}
        least_ms = {name: read_blanks(worker, folder) for name, worker in workers.items()}
        rows = list(compare(arguments.kinds, arguments.split, arguments.count, workers, folder))
    total = sum_up(rows)
    print("\n".join(map(format_row, total)))
    if arguments.out:
        report = {
            "split": arguments.split,
            "seed": SEED,
            "scenes": arguments.count,
            "machine": f"{board_name()}, Python {platform.python_version()}, one thread an engine",
            "engines": {name: {**worker.about, "empty_picture_ms": least_ms[name]} for name, worker in workers.items()},
            "rows": [asdict(row) for row in [*rows, *total]],
        }
        write_text(arguments.out, json.dumps(report, indent=1) + "\n")


@contextmanager
def started(python: str, *arguments: str) -> Iterator[Worker]:
    """An engine's process, ready to read; it ends with the block."""
    command = [python, "-m", "tests.compare.engines", *arguments]
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONPATH": "."}
    if not Path(python).exists():
        raise SystemExit(f"{python}: no such program; run: make compare")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        worker = Worker(process)
        worker.about = worker.answer()
        yield worker
        if process.stdin:
            process.stdin.close()


def read_blanks(worker: Worker, folder: Path) -> float:
    """Median latency in ms of a small empty picture."""
    path = folder / "blank.png"
    cv2.imwrite(str(path), np.full((64, 64), 230, np.uint8))
    return round(statistics.median(worker.read(path)[1] for _ in range(BLANKS)), 2)


def compare(kinds: Sequence[str], split: str, count: int, workers: dict[str, Worker], folder: Path) -> Iterator[Row]:
    """Rows of each kind, an engine at a time on each scene, so that the machine's load falls on all alike."""
    written, in_print = hands(split)
    for kind in kinds:
        found: dict[str, list[tuple[int, int, int, float]]] = {name: [] for name in workers}
        for index in range(count):
            rng = np.random.default_rng([SEED, KINDS.index(kind), index])
            scene = make_scene(kind, in_print if kind == "printed" else written, rng)
            path = save(scene, folder)
            for name, worker in workers.items():
                texts, latency_ms = worker.read(path)
                found[name].append((len(scene.numbers), *judge(texts, scene.numbers), latency_ms))
        for name, results in found.items():
            row = row_of(kind, name, results)
            print(format_row(row), flush=True)
            yield row


def save(scene: Scene, folder: Path) -> Path:
    """The scene as a picture file without loss."""
    path = folder / "scene.png"
    cv2.imwrite(str(path), scene.gray)
    return path


def judge(texts: Sequence[str], numbers: Sequence[str]) -> tuple[int, int]:
    """How many of a scene's numbers were read exactly, and how many texts are numbers that are not there."""
    joined = ["".join(text.split()) for text in texts]
    digits = ["".join(re.findall(r"\d", text)) for text in joined]
    exact = (Counter(digits) & Counter(numbers)).total()
    wrong = sum(
        bool(re.fullmatch(r"[\d.,]*\d[\d.,]*", text)) and digit not in numbers
        for text, digit in zip(joined, digits, strict=True)
    )
    return exact, wrong


def row_of(kind: str, engine: str, results: Sequence[tuple[int, int, int, float]]) -> Row:
    """Sums of numbers, exact and wrong ones, and the median of the latencies."""
    numbers, exact, wrong = (sum(result[k] for result in results) for k in range(3))
    return Row(kind, engine, numbers, exact, wrong, round(statistics.median(result[3] for result in results), 2))


def sum_up(rows: Sequence[Row]) -> list[Row]:
    """A row an engine over all kinds; its latency is the median of the kinds' medians."""
    names = dict.fromkeys(row.engine for row in rows)
    return [
        row_of("all", name, [(r.numbers, r.exact, r.wrong, r.median_ms) for r in rows if r.engine == name])
        for name in names
    ]


def format_row(row: Row) -> str:
    """One line of the table."""
    return (
        f"{row.kind:12s} {row.engine:12s} exact {100 * row.exact / row.numbers:5.1f} %  "
        f"wrong {100 * row.wrong / row.numbers:5.1f} %  of {row.numbers:3d}  median {row.median_ms:7.1f} ms"
    )


if __name__ == "__main__":
    main()
