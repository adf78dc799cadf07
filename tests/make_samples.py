"""Makes the shipped sample pictures again: `python -m tests.make_samples`. Each is named by what it reads.

Drawn from faces and a plotter script, seeded; "_" parts numbers, "none" has none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.atomic import write_bytes
from train.data.fonts import digit_faces, render_text

FOLDER = Path(__file__).parents[1] / "edge" / "samples"
SIZE = (360, 480)
Ink = np.ndarray


def main() -> None:
    """Write every sample."""
    rng = np.random.default_rng(7)
    for name, draw in SAMPLES.items():
        coded = cv2.imencode(".png", draw(rng))[1]
        write_bytes(FOLDER / f"{name}.png", coded.tobytes())


def put(ink: Ink, text: str, face: str, size: int, at: tuple[int, int], rng: np.random.Generator) -> None:
    """Write `text` with its top left corner at (x, y); `face` is a Hershey name or the start of a file name."""
    found = next((path for path in digit_faces() if path.stem == face), face)
    word = render_text(text, found, size, rng)
    x, y = at
    area = ink[y : y + word.shape[0], x : x + word.shape[1]]
    np.maximum(area, word[: area.shape[0], : area.shape[1]] / 255.0, out=area)


def photographed(
    ink: Ink, rng: np.random.Generator, paper: float = 225, shadow: float = 0.25, turn: float = 0
) -> np.ndarray:
    """Gray picture of the ink under a soft shadow, turned by some degrees."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]] / np.array(SIZE)[:, None, None]
    light = 1 - shadow / (1 + np.exp(-(columns + rows - 1) * 9))
    matrix = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), turn, 1)
    ink = cv2.warpAffine(ink, matrix, SIZE[::-1])
    gray = cv2.GaussianBlur(paper * (1 - 0.85 * ink) * light, (0, 0), 0.8)
    return np.clip(gray + rng.normal(0, 2, SIZE), 0, 255).astype(np.uint8)


def printed(rng: np.random.Generator) -> np.ndarray:
    ink = np.zeros(SIZE)
    put(ink, "00427", "DejaVuSans-Bold", 90, (70, 130), rng)
    return photographed(ink, rng, shadow=0.5)


def scrawled(rng: np.random.Generator) -> np.ndarray:
    ink = np.zeros(SIZE)
    put(ink, "58203", "scripts", 110, (50, 130), rng)
    return photographed(ink, rng, turn=7)


def light_on_dark(rng: np.random.Generator) -> np.ndarray:
    ink = np.zeros(SIZE)
    put(ink, "90210", "Roboto-Medium", 80, (110, 140), rng)
    return 255 - photographed(ink, rng, paper=210)


def several(rng: np.random.Generator) -> np.ndarray:
    ink = np.zeros(SIZE)
    for index, text in enumerate(("1637", "20485", "916")):
        put(ink, text, "SourceSansPro-Regular", 60, (60 + 20 * index, 50 + 90 * index), rng)
    return photographed(ink, rng)


def decimal(rng: np.random.Generator) -> np.ndarray:
    ink = np.zeros(SIZE)
    put(ink, "128.75", "Caladea-Regular", 90, (80, 120), rng)
    return photographed(ink, rng, turn=-4)


def none(rng: np.random.Generator) -> np.ndarray:
    ink = np.zeros(SIZE)
    put(ink, "Nemo & Kai", "SourceSerifPro-Regular", 70, (40, 120), rng)
    return photographed(ink, rng)


SAMPLES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "00427": printed,
    "58203": scrawled,
    "90210": light_on_dark,
    "1637_20485_916": several,
    "128.75": decimal,
    "none": none,
}

if __name__ == "__main__":
    main()
