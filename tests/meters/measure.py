"""How well a bundle for meters reads the cells of meters that it has not seen.

    python -m tests.meters.measure --model models/meter --out tests/meters/report.json

Of the published val split of the crops (DIGITS_DATA/meter): nothing was trained or chosen on it. Every share stands
with its n and its 95 % Wilson interval.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from edge.atomic import write_text
from edge.inference.classifier import CellClassifier
from edge.meters.cell import normalize_cell, position_of, prediction_of
from edge.nouns import CellScores, Gray
from tests.meters.conditions import conditions
from tests.meters.nothing import KINDS
from train.data.meter import decode, find_meter

DISPLAYS = (1, 7, 8, 13, 25, 29, 33, 35, 36, 45, 59, 70, 80, 86, 92, 105, 107, 109, 110, 112)
"""Groups whose crops are of displays, as one sees; the others are drums and counters."""

SETTLED_TENTHS = 1.01
"""A drum counts as settled when its label lies a tenth or less off a whole step."""

NOTHINGS = 2000
"""Cells of each kind without a digit."""

BATCH = 512
BINS = 10
CUTOFFS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Crops as their cameras cut them, in gray, with label in tenths, group, and whether they are of displays."""

    grays: list[Gray]
    tenths: NDArray[np.int64]
    groups: NDArray[np.int64]

    @property
    def is_display(self) -> NDArray[np.bool_]:
        return np.isin(self.groups, DISPLAYS)

    @property
    def is_settled(self) -> NDArray[np.bool_]:
        off = self.tenths % 10
        return np.minimum(off, 10 - off) <= SETTLED_TENTHS


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a bundle says of each crop: its position in tenths, its digit or -1 where it sees none, its confidence."""

    tenths: NDArray[np.int64]
    digits: NDArray[np.int64]
    confidence: NDArray[np.float64]


def load_sample(split: str = "val") -> Sample:
    """The crops of a split, from DIGITS_DATA."""
    with np.load(find_meter(), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in ("jpeg", "off", "label", "group", "split")}
    chosen = np.flatnonzero(arrays["split"] == split)
    grays = [cv2.cvtColor(decode(arrays, k), cv2.COLOR_BGR2GRAY) for k in chosen]
    tenths = np.round(arrays["label"][chosen].astype(np.float64) * 10).astype(np.int64)
    return Sample(grays, tenths, arrays["group"][chosen].astype(np.int64))


def answer(grays: Sequence[Gray], classifier: CellClassifier) -> Answers:
    """What the bundle says of each picture of a cell."""
    cells = [normalize_cell(gray) for gray in grays]
    scores = [one for start in range(0, len(cells), BATCH) for one in classifier.predict(cells[start : start + BATCH])]
    return answers_of(scores)


def answers_of(scores: Sequence[CellScores]) -> Answers:
    """The answers in scores."""
    predictions = [prediction_of(one) for one in scores]
    digits = [int(each.label) if each.label.isdigit() else -1 for each in predictions]
    return Answers(
        np.array([round(position_of(one) * 10) % 100 for one in scores]),
        np.array(digits),
        np.array([each.confidence for each in predictions]),
    )


def share(is_right: NDArray[np.bool_]) -> dict[str, Any] | None:
    """How many of n, with the interval."""
    n, right = len(is_right), int(is_right.sum())
    if n == 0:
        return None
    low, high = binomtest(right, n).proportion_ci(method="wilson")
    interval = [round(float(low), 4), round(float(high), 4)]
    return {"share": round(right / n, 4), "n": n, "wrong": n - right, "interval": interval}


def verdicts(sample: Sample, found: Answers) -> dict[str, NDArray[np.bool_]]:
    """For each crop whether the tenth, the tenth within one, and the nearest digit are right."""
    apart = np.abs(sample.tenths - found.tenths)
    apart = np.where(found.digits >= 0, np.minimum(apart, 100 - apart), 100)
    nearest = (sample.tenths + 5) // 10 % 10
    return {"exact tenth": apart == 0, "within 0.1": apart <= 1, "digit": found.digits == nearest}


def accuracy(sample: Sample, found: Answers) -> dict[str, Any]:
    """The figures pooled, of drums and of displays, and of each group."""
    right = verdicts(sample, found)
    display, settled = sample.is_display, sample.is_settled
    by_group = {
        str(group): {
            "display": bool(display[sample.groups == group][0]),
            "within 0.1": share(right["within 0.1"][sample.groups == group]),
            "settled digit": share(right["digit"][(sample.groups == group) & settled]),
        }
        for group in np.unique(sample.groups)
    }
    return {
        "pooled": {name: share(values) for name, values in right.items() if name != "digit"},
        "drums": {
            "within 0.1": share(right["within 0.1"][~display]),
            "settled digit": share(right["digit"][~display & settled]),
        },
        "displays": {"within 0.1": share(right["within 0.1"][display]), "digit": share(right["digit"][display])},
        "by group": by_group,
        "mean over groups of 10 and more, within 0.1": _mean_of_groups(by_group),
    }


def _mean_of_groups(by_group: dict[str, Any]) -> float | None:
    shares = [row["within 0.1"]["share"] for row in by_group.values() if row["within 0.1"]["n"] >= 10]
    return round(float(np.mean(shares)), 4) if shares else None


def robustness(sample: Sample, classifier: CellClassifier) -> dict[str, Any]:
    """For each condition the digits of settled drums and of displays, and the tenths."""
    display, settled, cutoff = sample.is_display, sample.is_settled, classifier.card.confidence.cutoff
    table = {}
    for name, condition in conditions().items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        found = answer([condition(gray, rng) for gray in sample.grays], classifier)
        right = verdicts(sample, found)
        accepted = settled & (found.digits >= 0) & (found.confidence >= cutoff)
        table[name] = {
            "settled drum digit": share(right["digit"][~display & settled]),
            "display digit": share(right["digit"][display]),
            "within 0.1": share(right["within 0.1"]),
            "accepted": share(accepted[settled]),
            "right of those accepted": share(right["digit"][accepted]),
        }
    return table


def reliability(sample: Sample, found: Answers) -> dict[str, Any]:
    """What the confidence of settled digits is worth: risk and coverage by cutoff, and share right by what it says."""
    is_right = verdicts(sample, found)["digit"]
    clear = sample.is_settled
    rows = []
    for cutoff in CUTOFFS:
        accepted = clear & (found.digits >= 0) & (found.confidence >= cutoff)
        rows.append({"cutoff": cutoff, "accepted": share(accepted[clear]), "right": share(is_right[accepted])})
    order = np.flatnonzero(clear)[np.argsort(found.confidence[clear], kind="stable")]
    bins = [
        {"says": round(float(found.confidence[part].mean()), 4), "right": share(is_right[part])}
        for part in np.array_split(order, BINS)
    ]
    return {"risk and coverage": rows, "said and right": bins}


def nothing(classifier: CellClassifier, count: int = NOTHINGS) -> dict[str, Any]:
    """How many cells without a digit are accepted as one at the card's cutoff, and at a confidence of one half."""
    cutoff = classifier.card.confidence.cutoff
    table = {}
    for name, make in KINDS.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        found = answer([make(rng) for _ in range(count)], classifier)
        read = found.digits >= 0
        table[name] = {
            "n": count,
            "accepted": int((read & (found.confidence >= cutoff)).sum()),
            "above one half": int((read & (found.confidence >= 0.5)).sum()),
        }
    return table


def report(classifier: CellClassifier, sample: Sample, model: Path) -> dict[str, Any]:
    """All of it."""
    found = answer(sample.grays, classifier)
    return {
        "command": "python -m tests.meters.measure",
        "model": str(model),
        "model_sha256": classifier.card.model_sha256,
        "runtime": classifier.runtime,
        "cutoff": classifier.card.confidence.cutoff,
        "accuracy": accuracy(sample, found),
        "confidence": reliability(sample, found),
        "robustness": robustness(sample, classifier),
        "nothing": nothing(classifier),
    }


@click.command()
@click.option("--model", type=click.Path(path_type=Path), default=Path("models/meter"), show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here as well.")
@click.option("--split", type=click.Choice(["val", "train"]), default="val", show_default=True)
def main(model: Path, out: Path | None, split: str) -> None:
    """Measure MODEL on the crops of meters that it has not seen."""
    found = json.dumps(report(CellClassifier.open(model), load_sample(split), model), indent=2) + "\n"
    if out:
        write_text(out, found)
    click.echo(found, nl=False)


if __name__ == "__main__":
    main()
