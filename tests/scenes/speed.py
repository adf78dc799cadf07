"""How long a frame takes, beside the least that any reader would do: `python -m tests.scenes.speed`.

The floor is OpenCV's adaptive threshold, external contours and one inference of six glyphs, measured in
turn with `read_frame` on the same pictures. Touching digits show what the search over cuts costs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import numpy as np

from edge.atomic import write_text
from edge.nouns import Frame, Gray
from edge.paper.reader import Reader
from edge.pipeline import read_frame
from tests.scenes.arguments import parser_of
from tests.scenes.generator import Hand, make_scene
from tests.scenes.measure import SEED, hands

PICTURES, REPEATS = 30, 3

SIX = 6
"""Digits of the numbers that are timed."""


@dataclass(frozen=True)
class Timing:
    """Medians in milliseconds over pictures of one kind and size, and the median of their ratios."""

    name: str
    floor_ms: float
    read_ms: float
    ratio: float
    worst_ms: float


def main() -> None:
    """Print a line a kind and size, and write them where `--out` says."""
    arguments = parser_of(__doc__).parse_args()
    cv2.setNumThreads(1)
    reader = Reader.open(arguments.model)
    hand, _ = hands("validation")
    clean, touching = (numbers_of_six(kind, hand) for kind in ("clean", "touching"))
    rows = [
        time_pictures("640×480, six digits", clean, reader),
        time_pictures("1920×1080, six digits three times as large", [enlarged(gray) for gray in clean], reader),
        time_pictures("640×480, six digits that touch", touching, reader),
    ]
    for row in rows:
        print(
            f"{row.name:44s} floor {row.floor_ms:6.2f} ms  read_frame {row.read_ms:6.2f} ms  "
            f"ratio {row.ratio:5.2f}  slowest {row.worst_ms:.1f} ms"
        )
    if arguments.out:
        write_text(arguments.out, json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n")


def numbers_of_six(kind: str, hand: Hand) -> list[Gray]:
    """The first scenes of a kind whose number has six digits."""
    found: list[Gray] = []
    index = 0
    while len(found) < PICTURES:
        scene = make_scene(kind, hand, np.random.default_rng([SEED, 1000, index]))
        index += 1
        if len(scene.numbers[0]) == SIX:
            found.append(scene.gray)
    return found


def enlarged(gray: Gray) -> Gray:
    """The middle of a 640 x 480 picture, three times as large, 1920 x 1080."""
    return cv2.resize(gray, (1920, 1440), interpolation=cv2.INTER_CUBIC)[180:1260]


def time_pictures(name: str, pictures: Sequence[Gray], reader: Reader) -> Timing:
    """Floor and `read_frame`, one after the other on each picture."""
    glyphs = np.random.default_rng(0).integers(0, 256, (SIX, 28, 28)).astype(np.uint8)
    rounds = [
        (_timed(partial(_floor, gray, glyphs, reader)), _timed(partial(read_frame, Frame(gray, name), reader)))
        for _ in range(REPEATS)
        for gray in pictures
    ]
    floor, read = np.array(rounds[len(pictures) :]).T  # the first round warms up
    return Timing(
        name,
        round(float(np.median(floor)), 3),
        round(float(np.median(read)), 3),
        round(float(np.median(read / floor)), 2),
        round(float(read.max()), 1),
    )


def _floor(gray: Gray, glyphs: np.ndarray, reader: Reader) -> None:
    mask = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 10)
    cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    reader.classifier.quantized(glyphs)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()
