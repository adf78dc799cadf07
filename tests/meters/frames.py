"""What the frame checks and the registration make of frames whose truth is known: `python -m tests.meters.frames`.

Meter faces are drawn, with digits in boxes, and the water meter's photograph joins them where DIGITS_DATA is set.
Frames show them in other light, with other digits, moved, or spoilt; all from one seed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.atomic import write_text
from edge.board import board_name
from edge.geometry import Points, corners_of, mapped
from edge.meters.judge import judge_frame, seen_again, traits_of
from edge.meters.register import Alignment, Reference, is_within
from edge.nouns import Gray
from edge.pictures import load_picture

SEED = 20261121
SIZE = (480, 640)
"""Rows and columns of a frame."""

CELL = (42, 66)
"""Width and height of a drawn face's cells."""

ASKEW = 0.1
"""Error of a cell's corner over its width from which on a reading would suffer."""

REPEATS = 5
"""Of each step on each frame; the shortest counts, for other programs take the caches."""

THRESHOLD = (cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 31, 10)
"""What speed is held against; 0.4 ms at 640 x 480 where nothing else runs."""

Matrix = NDArray[np.float64]
Change = Callable[[Gray, np.random.Generator], Gray]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A picture of a meter and the corners of its cells, (n, 4, 2)."""

    name: str
    gray: Gray
    cells: Points


@dataclass(frozen=True)
class Judged:
    """How many frames of a kind were given each reason."""

    kind: str
    frames: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class Located:
    """Where frames of a kind were found; errors are those of the worst corner of any cell, in pixels."""

    kind: str
    frames: int
    used: int
    lost: int
    askew: int
    anchored: int
    median_error: float | None
    largest_error: float | None
    least_score: float | None
    greatest_score_refused: float | None
    median_cpu_ms: float


def main() -> None:
    """Print both tables and the time that each step takes, and write them where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=8)
    parser.add_argument("--frames", type=int, default=8, help="of each kind and face")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    faces = [*drawn_faces(arguments.faces), *photographed_faces()]
    judged = [measure_judgement(kind, faces, arguments.frames) for kind in (*HARMLESS, *SPOILT, *WITH_CELLS)]
    located = [measure_location(kind, faces, arguments.frames) for kind in (*VIEWS, *STRANGE)]
    speed = measure_speed(faces)
    print("\n".join([*judged_lines(judged), "", *located_lines(located), "", *speed_lines(speed)]))
    if arguments.out:
        record = {
            "seed": SEED,
            "faces": [face.name for face in faces],
            "judged": [asdict(row) for row in judged],
            "located": [asdict(row) for row in located],
            "speed": speed,
        }
        write_text(arguments.out, json.dumps(record, indent=1) + "\n")


def drawn_faces(count: int, seed: int = SEED) -> list[Face]:
    """Meters that are drawn, each with its own face."""
    return [draw_face(np.random.default_rng([seed, index]), f"face {index}") for index in range(count)]


def photographed_faces() -> list[Face]:
    """The water meter of the real data, where that is there."""
    folder = Path(os.environ.get("DIGITS_DATA", "")) / "scenes"
    if not (folder / "labels.json").is_file():
        return []
    (row,) = (row for row in json.loads((folder / "labels.json").read_text()) if row["file"] == "watermeter.jpg")
    gray = load_picture(folder / row["file"])
    scale = SIZE[1] / gray.shape[1]
    cells = np.array([corners_of(box) for box in row["drums_xywh"]]) * scale
    return [Face("watermeter.jpg", cv2.resize(gray, SIZE[::-1], interpolation=cv2.INTER_AREA), cells)]


def draw_face(rng: np.random.Generator, name: str = "face") -> Face:
    """A round meter on a wall: rim, marks, words, screws, and a row of cells with digits."""
    gray = rough(rng, 60, 25)
    middle = (int(rng.integers(290, 350)), int(rng.integers(220, 260)))
    radius = int(rng.integers(190, 215))
    cv2.circle(gray, middle, radius, int(rng.integers(190, 235)), -1, cv2.LINE_AA)
    cv2.circle(gray, middle, radius, int(rng.integers(80, 140)), 10, cv2.LINE_AA)
    for _ in range(int(rng.integers(8, 14))):
        word = "".join(rng.choice(list("ABCDEHKLMNQRTVXYZ0123456789.-=")) for _ in range(rng.integers(2, 8)))
        place = (middle[0] + int(rng.integers(-140, 70)), middle[1] + int(rng.choice([-120, -90, 40, 70, 100, 130])))
        cv2.putText(gray, word, place, int(rng.integers(0, 5)), float(rng.uniform(0.4, 0.9)), 60, 1, cv2.LINE_AA)
    for angle in np.arange(0, 2 * np.pi, 2 * np.pi / rng.integers(3, 7)):
        screw = (int(middle[0] + radius * np.cos(angle)), int(middle[1] + radius * np.sin(angle)))
        cv2.circle(gray, screw, 7, 40, -1, cv2.LINE_AA)
    count = int(rng.integers(4, 8))
    left, top = middle[0] - count * (CELL[0] + 8) // 2, middle[1] - 50
    cells = np.array([corners_of((left + k * (CELL[0] + 8), top, *CELL)) for k in range(count)])
    return Face(name, with_digits(gray, cells, rng), cells)


def rough(rng: np.random.Generator, level: float, depth: float) -> Gray:
    """A wall: patches of all sizes."""
    wall = np.full(SIZE, level, np.float32)
    for side in (6, 24, 96):
        patches = rng.normal(0, depth / 2, (side, side * 4 // 3)).astype(np.float32)
        wall += cv2.resize(patches, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(wall, 0, 255).astype(np.uint8)


def with_digits(gray: Gray, cells: Points, rng: np.random.Generator) -> Gray:
    """The picture with a digit drawn into each cell, dark on light or light on dark."""
    gray = gray.copy()
    paper, ink = (225, 30) if rng.random() < 0.5 else (35, 230)
    for cell in cells:
        x, y = np.round(cell[0]).astype(int).tolist()
        width, height = np.round(cell[2] - cell[0]).astype(int).tolist()
        cv2.rectangle(gray, (x, y), (x + width, y + height), paper, -1)
        foot = (x + round(0.14 * width), y + round(0.82 * height))
        digit = str(rng.integers(10))
        cv2.putText(gray, digit, foot, cv2.FONT_HERSHEY_SIMPLEX, height / 34, ink, 3, cv2.LINE_AA)
    return gray


def noisy(gray: Gray, rng: np.random.Generator, deviation: float) -> Gray:
    """The picture with a sensor's noise."""
    return np.clip(gray + rng.normal(0, deviation, gray.shape), 0, 255).astype(np.uint8)


def as_it_is(gray: Gray, _: np.random.Generator) -> Gray:
    """No change at all."""
    return gray


def gamma(gray: Gray, rng: np.random.Generator) -> Gray:
    """Another exposure: middle gray twice as bright, or half."""
    exponent = np.exp(rng.uniform(-0.7, 0.7))
    return cv2.LUT(gray, np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8))


def falling_light(gray: Gray, rng: np.random.Generator) -> Gray:
    """Light from one side: up to five times as bright as on the other."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : SIZE[0] * 1j, -1 : 1 : SIZE[1] * 1j]
    light = 0.6 + rng.uniform(0, 0.28) * (x * np.cos(angle) + y * np.sin(angle))
    return np.clip(gray * light, 0, 255).astype(np.uint8)


def shadow(gray: Gray, rng: np.random.Generator) -> Gray:
    """A shadow with an edge, a third to two thirds as bright."""
    mask = np.zeros(SIZE, np.float32)
    points = rng.uniform(0, 1, (4, 2)) * SIZE[::-1]
    cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(2, 12)))
    return (gray * (1 - mask * rng.uniform(0.33, 0.66))).astype(np.uint8)


def low_contrast(gray: Gray, rng: np.random.Generator) -> Gray:
    """A fifth to a half of the contrast, at any brightness, with a little noise."""
    share = rng.uniform(0.2, 0.5)
    return noisy((gray * share + rng.uniform(0, 1 - share) * 255).astype(np.uint8), rng, 1.5)


def compressed(gray: Gray, rng: np.random.Generator) -> Gray:
    """Through JPEG at a low quality."""
    _, data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 40))])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def dark(gray: Gray, rng: np.random.Generator) -> Gray:
    """The lamp is out: the sensor's noise and hardly more."""
    return noisy((gray * rng.uniform(0, 0.04)).astype(np.uint8), rng, 2.0)


def overexposed(gray: Gray, rng: np.random.Generator) -> Gray:
    """All but white."""
    return np.clip(gray * 0.15 + rng.uniform(225, 250), 0, 255).astype(np.uint8)


def out_of_focus(gray: Gray, rng: np.random.Generator) -> Gray:
    """Blurred by an eighth to a fifth of a cell's height, with a sensor's noise."""
    return noisy(cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.125, 0.2)) * CELL[1]), rng, 2.0)


def shaken(gray: Gray, rng: np.random.Generator) -> Gray:
    """The camera moved by half a cell while it looked."""
    length = int(rng.integers(28, 44))
    kernel = np.zeros((length, length), np.float32)
    end = (length - 1) * np.array([(1, 1), (1, 0), (0, 1)])[rng.integers(3)]
    cv2.line(kernel, (0, 0), (int(end[0]), int(end[1])), 1.0, 2)
    return noisy(cv2.filter2D(gray, -1, kernel / kernel.sum()), rng, 2.0)


def torn_aside(gray: Gray, rng: np.random.Generator, rows: tuple[int, int] = (100, 380)) -> Gray:
    """The part below one of `rows` stands beside what is above."""
    row, shift = int(rng.integers(*rows)), int(rng.choice([-1, 1]) * rng.integers(20, 120))
    return noisy(np.vstack([gray[:row], np.roll(gray[row:], shift, axis=1)]), rng, 2.0)


def torn_off(gray: Gray, rng: np.random.Generator) -> Gray:
    """The rest of a JPEG never came."""
    gray = noisy(gray, rng, 2.0)
    gray[int(rng.integers(100, 440)) :] = 128
    return gray


HARMLESS: dict[str, Change] = {
    "as it is": as_it_is,
    "gamma": gamma,
    "light from one side": falling_light,
    "shadow": shadow,
    "noise": lambda gray, rng: noisy(gray, rng, float(rng.uniform(3, 14))),
    "low contrast": low_contrast,
    "JPEG": compressed,
}

SPOILT: dict[str, Change] = {
    "dark": dark,
    "overexposed": overexposed,
    "blurred, out of focus": out_of_focus,
    "blurred, shaken": shaken,
    "torn, beside": torn_aside,
    "torn, foot missing": torn_off,
}

WITH_CELLS = ("frozen", "glare on a cell")
"""Kinds of spoilt frames that take more than the picture."""


def any_light(gray: Gray, rng: np.random.Generator) -> Gray:
    """Two harmless changes, one after the other."""
    for kind in rng.choice(list(HARMLESS), 2):
        gray = HARMLESS[kind](gray, rng)
    return gray


def glare(gray: Gray, place: Sequence[float], radius: float, rng: np.random.Generator) -> Gray:
    """A lamp's reflection."""
    spot = np.zeros(gray.shape, np.float32)
    axes = (round(radius), round(radius * rng.uniform(0.5, 1.0)))
    cv2.ellipse(spot, (round(place[0]), round(place[1])), axes, float(rng.uniform(0, 180)), 0, 360, 400.0, -1)
    return np.clip(gray + cv2.GaussianBlur(spot, (0, 0), 5), 0, 255).astype(np.uint8)


def view_of(gray: Gray, matrix: Matrix, rng: np.random.Generator) -> Gray:
    """What a camera sees under a map of points; a wall where the picture ends."""
    half = np.array([(1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)])
    centred = half @ matrix @ np.linalg.inv(half)
    wall = rough(rng, 60, 25)
    return cv2.warpPerspective(gray, centred, SIZE[::-1], wall, cv2.INTER_CUBIC, cv2.BORDER_TRANSPARENT)


def bump(rng: np.random.Generator, strength: float) -> Matrix:
    """A camera that was knocked; at strength 1 by up to a fifth of the picture, 10 degrees, 10 % scale, and tilted."""
    angle = np.deg2rad(rng.uniform(-10, 10)) * strength
    scale = 1 + rng.uniform(-0.1, 0.1) * strength
    turn = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    move = rng.uniform(-0.2, 0.2, 2) * SIZE[::-1] * strength
    rigid, tilt, centre = np.eye(3), np.eye(3), np.eye(3)
    rigid[:2, :2], rigid[:2, 2] = turn, move
    tilt[2, :2] = rng.uniform(-1.5e-4, 1.5e-4, 2) * strength
    centre[:2, 2] = (-SIZE[1] / 2, -SIZE[0] / 2)
    return np.linalg.inv(centre) @ rigid @ tilt @ centre


VIEWS = {"still": 0.0, "trembling": 0.01, "sagging": 0.05, "bumped": 1.0, "bumped, glare": 1.0}
"""Strength of the bump of each kind of view."""

STRANGE = ("another meter", "a page", "a wall", "a blank wall", "a hand", "out of view", "torn through the cells")


def strange_view(kind: str, face: Face, other: Face, rng: np.random.Generator) -> Gray:
    """A frame that does not show the meter, or not enough of it."""
    if kind == "another meter":
        return other.gray
    if kind == "a page":
        page = np.full(SIZE, 225, np.uint8)
        for line in range(40, 470, 26):
            text = "".join(rng.choice(list("abcdefghi 0123456789"), 40))
            cv2.putText(page, text, (20, line), 0, 0.7, 40, 1, cv2.LINE_AA)
        return page
    if kind == "a wall":
        return rough(rng, 120, 40)
    if kind == "a blank wall":
        return noisy(np.full(SIZE, int(rng.integers(40, 220)), np.uint8), rng, float(rng.uniform(0, 4)))
    if kind == "a hand":
        gray = face.gray.copy()
        middle = np.median(face.cells.reshape(-1, 2), axis=0)
        cv2.ellipse(gray, np.round(middle).astype(int).tolist(), (230, 190), 20, 0, 360, 140, -1)
        return noisy(cv2.GaussianBlur(gray, (0, 0), 1.0), rng, 2.0)
    if kind == "torn through the cells":
        return torn_aside(face.gray, rng, (int(face.cells[:, 0, 1].max()) + 10, int(face.cells[:, 2, 1].min()) - 10))
    move = np.eye(3)
    move[:2, 2] = rng.choice([-1, 1], 2) * rng.uniform(0.45, 0.8, 2) * SIZE[::-1]
    return view_of(face.gray, move, rng)


def measure_judgement(kind: str, faces: Sequence[Face], frames: int) -> Judged:
    """What the checks say of frames of a kind, held against each face's own picture."""
    reasons: dict[str, int] = {}
    for face, rng in _repeated(kind, faces, frames):
        gray = with_digits(face.gray, face.cells, rng)
        seen = None
        if kind == "frozen":
            for _ in range(3):
                seen = seen_again(gray, seen)
        elif kind == "glare on a cell":
            gray = glare(gray, face.cells[rng.integers(len(face.cells))].mean(axis=0), CELL[0] * 0.6, rng)
        else:
            gray = {**HARMLESS, **SPOILT}[kind](gray, rng)
        found = judge_frame(gray, list(face.cells), traits_of(face.gray, list(face.cells)), seen)
        reason = (found or "fit").partition(":")[0].partition(" on")[0]
        reasons[reason] = reasons.get(reason, 0) + 1
    return Judged(kind, sum(reasons.values()), dict(sorted(reasons.items())))


def measure_location(kind: str, faces: Sequence[Face], frames: int) -> Located:
    """Where frames of a kind are found, after a frame that lay to its reference as it was drawn."""
    errors, scores, refused, times, anchored, lost, askew = [], [], [], [], 0, 0, 0
    references = {face.name: Reference.of(face.gray, list(face.cells)) for face in faces}
    others = dict(zip([face.name for face in faces], [*faces[1:], faces[0]], strict=True))
    for face, rng in _repeated(kind, faces, frames):
        reference = references[face.name]
        first = Alignment(np.eye(3), 1.0, True)
        truth, gray = _frame_of(kind, face, others[face.name], rng)
        start = time.thread_time()
        found = reference.locate(gray, first)
        times.append((time.thread_time() - start) * 1e3)
        error = _error(found, truth, face)
        lost += found.matrix is None and truth is not None
        askew += found.matrix is not None and (error is None or error > ASKEW * CELL[0])
        anchored += found.matrix is not None and found.is_anchored
        (refused if found.matrix is None else scores).append(found.score)
        errors += [error] if error is not None else []
    return Located(
        kind, len(times), len(scores), lost, askew, anchored,
        _rounded(np.median(errors)) if errors else None, _rounded(max(errors)) if errors else None,
        _rounded(min(scores)) if scores else None, _rounded(max(refused)) if refused else None,
        _rounded(np.median(times)),
    )  # fmt: skip


def measure_speed(faces: Sequence[Face]) -> dict[str, object]:
    """Milliseconds of one core that each step takes on frames of a still camera, the best of `REPEATS` each, and of
    OpenCV's adaptive threshold on the same frames: how busy the machine is.
    """
    spent: dict[str, list[float]] = {"judge_frame": [], "locate": [], "adaptiveThreshold": []}
    for face, rng in _repeated("speed", faces, 20):
        for name, work in _steps_of(face, any_light(view_of(face.gray, bump(rng, 0.003), rng), rng)).items():
            spent[name].append(min(_cpu_ms(work) for _ in range(REPEATS)))
    spread = {name: {f"p{p}": _rounded(np.percentile(times, p)) for p in (10, 50, 95)} for name, times in spent.items()}
    return {"board": board_name(), "opencv": cv2.__version__, "threads": 1, "cpu_ms": spread}


def _steps_of(face: Face, gray: Gray) -> dict[str, Callable[[], object]]:
    """What is timed on a frame."""
    reference, cells = Reference.of(face.gray, list(face.cells)), list(face.cells)
    first, traits = reference.locate(face.gray), traits_of(face.gray, cells)
    return {
        "judge_frame": lambda: judge_frame(gray, cells, traits, seen_again(gray, None)),
        "locate": lambda: reference.locate(gray, first),
        "adaptiveThreshold": lambda: cv2.adaptiveThreshold(gray, 255, *THRESHOLD),
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return 1e3 * (time.thread_time() - start)


def judged_lines(rows: Sequence[Judged]) -> list[str]:
    """A line a kind of frame."""
    lines = [f"{'frames':24s}  reasons"]
    for row in rows:
        lines.append(f"{row.kind:24s}  " + ", ".join(f"{reason} {count}" for reason, count in row.reasons.items()))
    return lines


def located_lines(rows: Sequence[Located]) -> list[str]:
    """A line a kind of view."""
    heads = ("frames", "used", "lost", "askew", "anchored", "median px", "max px", "score from", "refused to", "CPU ms")
    lines = [f"{'views':22s} " + " ".join(f"{head:>11s}" for head in heads)]
    for row in rows:
        cells = ["-" if value is None else f"{value:g}" for value in list(asdict(row).values())[1:]]
        lines.append(f"{row.kind:22s} " + " ".join(f"{cell:>11s}" for cell in cells))
    return lines


def speed_lines(speed: dict[str, object]) -> list[str]:
    """The machine, and a line a step."""
    return [f"{name}: {value}" for name, value in speed.items()]


def _repeated(kind: str, faces: Sequence[Face], frames: int) -> Iterator[tuple[Face, np.random.Generator]]:
    for number, face in enumerate(faces):
        for index in range(frames):
            yield face, np.random.default_rng([SEED, *kind.encode(), number, index])


def _frame_of(kind: str, face: Face, other: Face, rng: np.random.Generator) -> tuple[Matrix | None, Gray]:
    """A frame and its true map; None where there is none, or a cell is out of view."""
    if kind in STRANGE:
        return None, strange_view(kind, face, other, rng)
    matrix = bump(rng, VIEWS[kind])
    while not is_within(mapped(face.cells.reshape(-1, 2), matrix), SIZE):
        matrix = bump(rng, VIEWS[kind])
    gray = view_of(with_digits(face.gray, face.cells, rng), matrix, rng)
    if kind == "bumped, glare":
        gray = glare(gray, rng.uniform(0.2, 0.8, 2) * SIZE[::-1], float(rng.uniform(40, 100)), rng)
    return matrix, any_light(gray, rng)


def _error(found: Alignment, truth: Matrix | None, face: Face) -> float | None:
    if found.matrix is None or truth is None:
        return None
    corners = face.cells.reshape(-1, 2)
    return float(np.linalg.norm(mapped(corners, found.matrix) - mapped(corners, truth), axis=1).max())


def _rounded(value: float) -> float:
    return round(float(value), 3)


if __name__ == "__main__":
    main()
