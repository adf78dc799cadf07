"""From logits to confidences that mean what they say, and the cutoff below which a digit is not accepted.

References
----------
Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks, 2017 (temperature scaling)
Geifman, El-Yaniv: Selective classification for deep neural networks, 2017 (risk and coverage)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from edge.inference.classifier import softmax
from edge.meters.cell import has_positions, read_indices, read_labels, read_scores
from edge.nouns import NOT_A_DIGIT
from edge.paper.decode import SURE

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]
Floats = NDArray[np.float64]

LookAgain = Callable[[Labels], Logits]
"""Indices of glyphs (n) to the logits (n, classes) of a second look at them."""

BINS = 15
"""Of the calibration error, with equal numbers of glyphs."""

CUTOFF_RANGE = (0.5, 0.995)
"""A guess below one half is never accepted; above the upper end hardly anything would be."""

TEMPERATURE_RANGE = (0.05, 20.0)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the validation set must show: of the accepted digits at most `risk` are wrong, of the rightly read
    characters at most `lost` are called none, and of what is no character at most `junk` is accepted.
    """

    risk: float = 0.0008
    lost: float = 0.0003
    junk: float = 1.0


@dataclass(frozen=True, slots=True)
class Confidence:
    """How logits become confidences, and from which on a digit is accepted; figures of the split that chose them.

    `coverage` is the share of that split's characters that are accepted, right or wrong, `risk` the
    share of wrong ones among them, and `junk_accepted` the share of what is no character that is accepted
    all the same: how much of that there is on a page, no validation set can know.
    """

    temperature: float
    cutoff: float
    split: str
    expected_calibration_error: float
    coverage: float
    risk: float
    junk_accepted: float

    def as_card(self) -> dict[str, Any]:
        """The table of the run card and of the bundle's."""
        return {"method": "temperature", **asdict(self)}


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What a network says of each glyph: its top label, its confidence, and whether it is right.

    `is_read` says of each glyph whether the network takes it for a character, `is_written` whether it is one.
    """

    predicted: Labels
    confidence: Floats
    is_right: NDArray[np.bool_]
    is_read: NDArray[np.bool_]
    is_written: NDArray[np.bool_]


def judge(logits: Logits, labels: Labels, names: tuple[str, ...], temperature: float) -> Verdicts:
    """The verdicts of (n, classes) logits on glyphs with these labels; a drum's positions count as their digit."""
    probabilities = read_scores(softmax(logits.astype(np.float64) / temperature), names)
    predicted, labels = probabilities.argmax(axis=1), read_indices(labels, names)
    is_name = np.array([name != NOT_A_DIGIT for name in read_labels(names)])
    return Verdicts(predicted, probabilities.max(axis=1), predicted == labels, is_name[predicted], is_name[labels])


def calibrate(
    logits: Logits,
    labels: Labels,
    names: tuple[str, ...],
    split: str,
    tolerance: Tolerance | None = None,
    look_again: LookAgain | None = None,
) -> Confidence:
    """Temperature and cutoff from the logits (n, classes) of validation glyphs.

    The temperature is that of the first look; the cutoff is chosen after the second one, which `look_again`
    gives the logits of for the glyphs that are unsure at the first.
    """
    temperature = fit_temperature(logits, labels, names)
    if look_again is not None:
        unsure = np.flatnonzero(judge(logits, labels, names, temperature).confidence < SURE)
        logits = logits.copy()
        logits[unsure] = look_again(unsure)
    verdicts = judge(logits, labels, names, temperature)
    tolerance = tolerance or Tolerance()
    cutoff = max(choose_cutoff(verdicts, tolerance.risk), junk_cutoff(verdicts, tolerance.junk))
    return confidence_of(verdicts, temperature, cutoff, split)


def confidence_of(verdicts: Verdicts, temperature: float, cutoff: float, split: str) -> Confidence:
    """What a temperature and a cutoff give on the split that chose them."""
    is_accepted = verdicts.is_read & (verdicts.confidence >= cutoff)
    return Confidence(
        temperature,
        cutoff,
        split,
        expected_calibration_error(verdicts.confidence, verdicts.is_right),
        share(is_accepted, verdicts.is_written),
        share(~verdicts.is_right, is_accepted & verdicts.is_written),
        share(is_accepted, ~verdicts.is_written),
    )


def junk_excess(logits: Logits, labels: Labels, names: tuple[str, ...], max_lost: float) -> float:
    """How far the logit of what is no character is too high: less it, at most `max_lost` of the characters go there.

    The share of junk that a network was trained with is not the share on a page, and its logit has
    that share in it (prior correction: Saerens, Latinne, Decaestecker, Adjusting the outputs of a
    classifier to new a priori probabilities, 2002).
    """
    if NOT_A_DIGIT not in names:
        return 0.0
    junk = names.index(NOT_A_DIGIT)
    characters = np.delete(logits, junk, axis=1)[labels != junk]
    is_right = np.delete(np.arange(len(names)), junk)[characters.argmax(axis=1)] == labels[labels != junk]
    excess = (logits[labels != junk, junk] - characters.max(axis=1))[is_right]
    return max(0.0, float(np.quantile(excess, 1 - max_lost))) if len(excess) else 0.0


def share(is_counted: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    """Share of the counted ones among the others, 0 where there are none."""
    return float((is_counted & among).sum() / max(1, among.sum()))


def fit_temperature(logits: Logits, labels: Labels, names: tuple[str, ...] = ()) -> float:
    """The divisor of the logits that makes the labels most likely, or the digits of a drum's positions."""
    wide, rows = logits.astype(np.float64), np.arange(len(labels))
    read = read_indices(labels, names)

    def loss(log_temperature: float) -> float:
        scores = log_softmax(wide / np.exp(log_temperature), axis=1)
        if has_positions(names):
            scores = np.log(np.maximum(read_scores(np.exp(scores), names), np.finfo(np.float64).tiny))
        return -float(scores[rows, read].mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 4)


def choose_cutoff(verdicts: Verdicts, max_risk: float) -> float:
    """The smallest confidence from which on no more than `max_risk` of the accepted characters are wrong."""
    counted = verdicts.is_read & verdicts.is_written
    confidence = verdicts.confidence[counted]
    order = np.argsort(-confidence, kind="stable")
    risk = np.cumsum(~verdicts.is_right[counted][order]) / np.arange(1, len(order) + 1)
    falls = np.append(np.diff(confidence[order]) < 0, True)[: len(order)]  # equal ones are accepted together
    allowed = confidence[order][falls & (risk <= max_risk)]
    lowest, highest = CUTOFF_RANGE
    return round(float(np.clip(allowed[-1] if len(allowed) else highest, lowest, highest)), 6)


def junk_cutoff(verdicts: Verdicts, most: float) -> float:
    """The smallest confidence from which on no more than a share `most` of what is no character is accepted."""
    junk = ~verdicts.is_written
    taken = np.sort(verdicts.confidence[junk & verdicts.is_read])[::-1]
    allowed = int(most * junk.sum())
    if len(taken) <= allowed:
        return CUTOFF_RANGE[0]
    return round(float(np.clip(np.nextafter(taken[allowed], 1.0) + 1e-6, *CUTOFF_RANGE)), 6)


def equal_mass_bins(confidence: Floats, is_right: NDArray[np.bool_], bins: int = BINS) -> tuple[Floats, Floats, Floats]:
    """Mean confidence, share right and weight of each of `bins` groups of equally many glyphs, by confidence."""
    order = np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(confidence)))
    said = np.array([confidence[group].mean() for group in order])
    true = np.array([is_right[group].mean() for group in order])
    return said, true, np.array([len(group) / len(confidence) for group in order])


def expected_calibration_error(confidence: Floats, is_right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between what the confidences say and what is right, over groups of equally many glyphs."""
    said, true, weight = equal_mass_bins(confidence, is_right, bins)
    return float((weight * np.abs(said - true)).sum())


def risk_coverage(verdicts: Verdicts) -> tuple[Floats, Floats]:
    """Coverage and risk of every cutoff, the highest first."""
    accepted = np.flatnonzero(verdicts.is_read & verdicts.is_written)
    accepted = accepted[np.argsort(-verdicts.confidence[accepted], kind="stable")]
    coverage = np.arange(1, len(accepted) + 1) / max(1, verdicts.is_written.sum())
    return coverage, np.cumsum(~verdicts.is_right[accepted]) / np.arange(1, len(accepted) + 1)
