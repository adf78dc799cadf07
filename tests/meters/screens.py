"""How well a display's screens are told apart by their markers, drawn and taken by a careless camera.

    python -m tests.meters.screens --count 4000             # the report
    python -m tests.meters.screens --count 4000 --choose    # what chose `edge.meters.marker.SAME` and `OTHER`

A marker is drawn once as the reference shows it and once as a frame does: found a few hundredths of its height beside,
in other light, blurred, noisy, compressed, at times with a shadow of the screen before. Its box is as wide as the wider
of the two. Half of the frames show the same marker, the others another one or nothing. Those that choose and those that
report have other seeds, other markers and other strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click
import cv2
import numpy as np

from edge.geometry import corners_of
from edge.meters.marker import Marker, doubt_of
from edge.nouns import Box, Gray

CHOOSING = ("kW", "kWh", "A", "V", "m3", "m3/h", "1.8.0", "2.8.0", "T1", "T2", "h", "<", ">", "l")
REPORTING = (
    "MWh",
    "MW",
    "Wh",
    "W",
    "Hz",
    "bar",
    "C",
    "F",
    "GJ",
    "l/h",
    "1.7.0",
    "2.7.0",
    "1.6.0",
    "L1",
    "L2",
    "L3",
    "^",
)
FACES = {True: cv2.FONT_HERSHEY_SIMPLEX, False: cv2.FONT_HERSHEY_DUPLEX}
ZOOM, DIGITS = 4, 4


@dataclass(frozen=True, slots=True)
class Display:
    """How a display draws its markers: height in pixels of the frame, levels, and the weight of strokes."""

    height: int
    ground: float
    lit: float
    weight: float
    face: int

    def box(self, *markers: str) -> Box:
        """The box that a user draws around the place of some markers, in a scene of `draw`."""
        sizes = [cv2.getTextSize(marker, self.face, 1.0, 1)[0] for marker in markers]
        width = max(width * self.height / height for width, height in sizes)
        return self.height, self.height, max(self.height // 2, round(1.1 * width)), self.height

    def cells(self, box: Box) -> list[Box]:
        """The boxes of its digits, to the right of its marker's box and as high."""
        width = round(0.9 * self.height)
        return [(box[0] + box[2] + self.height // 2 + k * width, box[1], width, self.height) for k in range(DIGITS)]


def any_display(rng: np.random.Generator, face: int) -> Display:
    """Dark on light or light on dark, ten to forty pixels high."""
    ground = rng.uniform(90, 220)
    lit = ground - rng.uniform(35, ground - 10) if rng.random() < 0.7 else min(250, ground + rng.uniform(35, 120))
    return Display(int(rng.integers(10, 40)), ground, lit, rng.uniform(0.07, 0.15), face)


def draw(display: Display, box: Box, screens: Sequence[tuple[str, str, float]]) -> Gray:
    """A scene with screens over each other, each a marker, its digits, and how strong it is."""
    rows, columns = 3 * display.height, box[2] + (DIGITS + 3) * display.height
    ink = np.zeros((rows * ZOOM, columns * ZOOM), np.float32)
    for marker, digits, strength in screens:
        layer = np.zeros(ink.shape, np.uint8)
        for text, place in ((marker, box), *zip(digits, display.cells(box), strict=True)):
            size = 0.86 * display.height * ZOOM / cv2.getTextSize(text or "0", display.face, 1.0, 1)[0][1]
            start = round((place[0] + 0.05 * place[3]) * ZOOM), round((place[1] + 0.93 * place[3]) * ZOOM)
            weight = max(1, round(display.weight * display.height * ZOOM))
            cv2.putText(layer, text, start, display.face, size, 255, weight, cv2.LINE_AA)
        ink = np.maximum(ink, layer.astype(np.float32) / 255 * strength)
    levels = display.ground + (display.lit - display.ground) * ink
    return np.round(cv2.resize(levels, (columns, rows), interpolation=cv2.INTER_AREA)).astype(np.uint8)


def take(scene: Gray, display: Display, rng: np.random.Generator) -> Gray:
    """The scene as a frame shows it once it is registered."""
    rows, columns = scene.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), rng.normal(0, 0.5), 1 + rng.normal(0, 0.008))
    turn[:, 2] += rng.normal(0, 0.03, 2) * display.height
    flags = cv2.INTER_LINEAR
    moved = cv2.warpAffine(scene, turn, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    levels = moved / 255 * (1 + rng.uniform(-0.25, 0.25) * x + rng.uniform(-0.25, 0.25) * y)
    levels = np.clip(levels, 0, 1) ** rng.uniform(0.6, 1.6) * rng.uniform(0.6, 1.0) + rng.uniform(0, 0.15)
    levels = cv2.GaussianBlur(levels, (0, 0), 0.3 + rng.uniform(0, 0.07) * display.height)
    noisy = np.clip(255 * levels + rng.normal(0, rng.uniform(1, 6), levels.shape), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])[1]
    return cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)


def number_of(rng: np.random.Generator) -> str:
    """What the digits show."""
    return "".join(map(str, rng.integers(0, 10, DIGITS)))


def likenesses(count: int, is_choosing: bool) -> tuple[np.ndarray, np.ndarray]:
    """The likeness of frames with the same marker, (count / 2), and of those with another or none, (count / 2)."""
    rng = np.random.default_rng([2 if is_choosing else 3, count])
    markers = CHOOSING if is_choosing else REPORTING
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(count):
        display = any_display(rng, FACES[is_choosing])
        wanted, other = (markers[k] for k in rng.choice(len(markers), 2, replace=False))
        box = display.box(wanted, other)
        places = corners_of(box), [corners_of(cell) for cell in display.cells(box)]
        drawn = draw(display, box, [(wanted, number_of(rng), 1.0)])
        reference = Marker.of(take(drawn, display, rng), *places)
        is_same = number % 2 == 0
        shown, before = (wanted, other) if is_same else (other if rng.random() < 0.7 else "", wanted)
        screens = [(shown, number_of(rng), 1.0)]
        if rng.random() < 0.3:
            screens.insert(0, (before, number_of(rng), rng.uniform(0, 0.3)))
        frame = take(draw(display, box, screens), display, rng)
        found[0 if is_same else 1].append(reference.likeness(frame, *places))
    return np.array(found[0]), np.array(found[1])


def verdicts(values: np.ndarray) -> dict[str, int]:
    """How many are taken for the wanted screen, are in doubt, and are taken for another."""
    doubts = [doubt_of(float(value)) for value in values]
    wanted, rejected = sum(each is None for each in doubts), sum(bool(each and each[0]) for each in doubts)
    return {"read": wanted, "in doubt": len(values) - wanted - rejected, "rejected": rejected}


@click.command()
@click.option("--count", type=click.IntRange(10), default=4000, show_default=True)
@click.option("--choose", is_flag=True, help="The markers and seeds that chose the thresholds.")
def main(count: int, choose: bool) -> None:
    """Tell screens apart."""
    same, other = likenesses(count, choose)
    shares = (0.0, 0.001, 0.01, 0.05, 0.5)
    click.echo(f"same marker:    {verdicts(same)}; lowest {np.quantile(same, shares).round(2).tolist()}")
    click.echo(
        f"other or none:  {verdicts(other)}; highest {np.quantile(other, 1 - np.array(shares)).round(2).tolist()}"
    )


if __name__ == "__main__":
    main()
