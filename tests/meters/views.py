"""What it is worth to look at a cell several times, its box moved, turned and scaled a little each time.

`python -m tests.meters.views` reads settled drums and displays: crops of the groups that validate, and simulated meters
of the seeds 1 to 9 that choose thresholds. The scores of so many views are averaged, plainly and as logarithms. More
views do not help where the network is sure of a wrong digit: it is so in all of them, so the device looks once.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Points, corners_of, mapped
from edge.inference.classifier import CellClassifier
from edge.meters.cell import CELL_LABELS, normalize_cell, read_scores
from edge.meters.meter import cut_cell
from edge.nouns import Gray
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.meter import SimulatedMeter
from train.data.meter import HELD_OUT, decode, find_meter

CUTOFFS = (0.9, 0.95, 0.99, 0.995, 0.999)
COUNTS = (1, 3, 5, 9)
BATCH = 512

SETTLED = 0.15
"""Steps that a drum may be off its digit."""

CALM = frozenset({"tremble", "light"})
"""What happens before the simulated cameras: no frame is spoilt."""


@dataclass(frozen=True, slots=True)
class View:
    """How a cell is looked at: moved by shares of its sides, scaled, turned, and its gray levels bent."""

    across: float = 0.0
    down: float = 0.0
    width: float = 1.0
    height: float = 1.0
    turn_deg: float = 0.0
    gamma: float = 1.0


VIEWS = (
    View(),
    View(0.05, 0.0, turn_deg=1.5),
    View(-0.05, 0.0, turn_deg=-1.5),
    View(0.0, 0.03, 1.06, 1.04),
    View(0.0, -0.03, 0.94, 0.96),
    View(0.05, 0.02, 0.96, 1.0, -1.5, 0.8),
    View(-0.05, -0.02, 1.04, 1.0, 1.5, 0.8),
    View(0.05, -0.02, 1.0, 1.05, 2.0, 1.25),
    View(-0.05, 0.02, 1.0, 0.95, -2.0, 1.25),
)

Scores = NDArray[np.float64]


def main() -> None:
    """Print a line for each number of views."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models/meter"))
    parser.add_argument("--seeds", type=int, default=9)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    classifier = CellClassifier.open(arguments.model)
    for name, looks in (("crops that validate", held_out()), ("simulated", simulated(arguments.seeds))):
        cells, digits = zip(*looks, strict=True)
        scores = scores_of(np.concatenate(cells), classifier).reshape(len(digits), len(VIEWS), -1)
        print("\n".join([f"{name}: {len(digits)} settled cells", *lines_of(scores, np.array(digits))]), flush=True)


def held_out() -> Iterator[tuple[NDArray[np.uint8], int]]:
    """The views of each crop that validates, and its digit."""
    with np.load(find_meter(), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in ("jpeg", "off", "label", "group", "split")}
    label = arrays["label"]
    is_settled = np.abs(label - np.round(label)) < SETTLED
    for k in np.flatnonzero((arrays["split"] == "train") & np.isin(arrays["group"], HELD_OUT) & is_settled):
        gray = cv2.cvtColor(decode(arrays, int(k)), cv2.COLOR_BGR2GRAY)
        yield views_of(gray, corners_of((0, 0, *gray.shape[::-1]))), round(float(label[k])) % 10


def simulated(seeds: int, times: Sequence[int] = (500, 597, 694, 791, 888, 985)) -> Iterator[tuple[Gray, int]]:
    """The views of each settled drum of simulated meters at some minutes, and its digit."""
    for kind in (kind for kind in KINDS if kind.counter == "drum"):
        for seed in range(1, seeds + 1):
            meter = SimulatedMeter.of(kind, seed, happens=CALM)
            for minute in times:
                gray, matrix = meter.frame(60.0 * minute), meter.view(60.0 * minute)
                places = meter.train.places(meter.amount(60.0 * minute))
                for box, place in zip(meter.face.digits, places[: kind.digits], strict=True):
                    if abs(place - round(place)) < SETTLED:
                        yield views_of(gray, mapped(corners_of(box), matrix)), round(place) % 10


def views_of(gray: Gray, quad: Points) -> NDArray[np.uint8]:
    """A cell in every view, (views, 32, 20) uint8, as the network sees it."""
    return np.stack([normalize_cell(_bent(cut_cell(gray, _moved(quad, view)), view.gamma)) for view in VIEWS])


def scores_of(cells: NDArray[np.uint8], classifier: CellClassifier) -> Scores:
    """What the network says of each cell."""
    return np.concatenate([classifier.probabilities(cells[k : k + BATCH]) for k in range(0, len(cells), BATCH)])


def averaged(scores: Scores, count: int, *, as_logarithms: bool) -> Scores:
    """Of (n, views, classes) the mean of the first views, (n, classes)."""
    if not as_logarithms:
        return np.asarray(scores[:, :count].mean(axis=1))
    raised = np.exp(np.log(np.maximum(scores[:, :count], 1e-7)).mean(axis=1))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def lines_of(scores: Scores, digits: NDArray[np.int64]) -> list[str]:
    """A line for each number of views and mean: the share right, and at each cutoff the share given and the wrong."""
    lines = []
    for as_logarithms in (False, True):
        for count in COUNTS:
            found = read_scores(averaged(scores, count, as_logarithms=as_logarithms), CELL_LABELS)
            is_right, confidence = found.argmax(axis=1) == digits, found.max(axis=1)
            given = [confidence >= cutoff for cutoff in CUTOFFS]
            cells = [
                f"{cutoff:g}: {each.mean():6.1%}, {int((each & ~is_right).sum()):3d} wrong"
                for cutoff, each in zip(CUTOFFS, given, strict=True)
            ]
            name = "logarithms" if as_logarithms else "plain"
            lines.append(f"  {count} views, {name:10s} right {is_right.mean():.2%}   " + "   ".join(cells))
    return lines


def _moved(quad: Points, view: View) -> Points:
    """The corners that a cell is cut at in a view."""
    middle = quad.mean(axis=0)
    across, down = (quad[1] - quad[0] + quad[2] - quad[3]) / 2, (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    sides = np.column_stack([across, down])
    shares = (quad - middle) @ np.linalg.inv(sides).T * (view.width, view.height)
    cos, sin = math.cos(math.radians(view.turn_deg)), math.sin(math.radians(view.turn_deg))
    turned = shares @ sides.T @ np.array([(cos, sin), (-sin, cos)])
    return np.asarray(turned + middle + view.across * across + view.down * down)


def _bent(gray: Gray, gamma: float) -> Gray:
    return gray if gamma == 1 else cv2.LUT(gray, np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))


if __name__ == "__main__":
    main()
