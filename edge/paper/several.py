"""What a piece of ink says that may be several digits: cuts and strip asked together, each string by its probability.

Two ways to read it err on other pieces. Cutting asks what each part is and where one ends, and loses a 1 that its
neighbour swallows; reading the strip as a whole never cuts, and knows nothing of how wide a digit is. A string's
likelihoods by both are multiplied, each to a power: a log-linear model (Hinton: Training products of experts, 2002).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.nouns import NOT_A_DIGIT, UNREADABLE, Prediction
from edge.paper.cuts import FLOOR, Cutting, best_chains, best_path, misfit_of
from edge.paper.strings import Frames, as_text, likeliest_strings, log_likelihoods, padded, places_of

STRIP_POWER, CHAIN_POWER = 0.55, 0.4
"""How much of each way's logarithm counts. `python -m tests.scenes.touching --split validation --powers` prints which
make the truth likeliest: sharper ones, 0.8 and 0.3. With these fewer numbers are believed, and fewer wrong ones.
"""

WORST_CHAIN = -25.0
"""Logarithm of the likelihood of a string that no chain of cuts can be."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a piece says.

    Parameters
    ----------
    text : str
        The likeliest string, "?" for what is no digit.
    path : tuple of int
        The parts of the cutting that are its characters; none where it is a single one, or no chain of parts can be it.
    predictions : tuple of Prediction
        Each character's scores, by all strings of its length.
    odds : float
        Probability that there are as many characters.
    likelihood : float
        Of its text by the cuts alone.
    """

    text: str
    path: tuple[int, ...]
    predictions: tuple[Prediction, ...]
    odds: float
    likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A string that a piece may be, the logarithms of its likelihood by its strip and by its cuts, and its parts."""

    text: str
    by_strip: float
    by_chain: float
    path: tuple[int, ...]


def explain(
    cutting: Cutting, parts: Sequence[Prediction], whole: Prediction, wide: float, frames: Frames
) -> Explanation:
    """The likeliest string of a piece by its parts, itself and its strip; see `candidates_of`."""
    candidates = candidates_of(cutting, parts, whole, wide, frames)
    shares = shares_of(candidates).tolist()
    best = candidates[max(range(len(candidates)), key=lambda k: shares[k])]
    alike = [
        (each.text, share) for each, share in zip(candidates, shares, strict=True) if len(each.text) == len(best.text)
    ]
    odds = sum(share for _, share in alike)
    predictions = tuple(
        prediction_of([(text[k], share / odds) for text, share in alike]) for k in range(len(best.text))
    )
    return Explanation(best.text, best.path, predictions, odds, math.exp(best.by_chain))


def candidates_of(
    cutting: Cutting, parts: Sequence[Prediction], whole: Prediction, wide: float, frames: Frames
) -> list[Candidate]:
    """What the strip, the cuts and the piece as one character may be.

    Parameters
    ----------
    parts : sequence of Prediction
        What the network for single digits says of each of the cutting's parts.
    whole : Prediction
        ... and of the piece.
    wide : float
        Width of the piece over its height.
    frames : (frames, labels) float64
        What the network for strings says, see `edge.paper.strings`.
    """
    by_strip = [as_text(string) for string in likeliest_strings(frames)]
    path, _, _ = best_path(cutting, parts)
    by_cuts = "".join(_likeliest_digit(parts[k]) for k in path)
    texts = sorted({*by_strip, by_cuts, _likeliest_digit(whole), UNREADABLE} - {""})
    chains = best_chains(cutting, parts, [text for text in texts if len(text) > 1])
    chains |= {text: (_single(text, whole, wide), ()) for text in texts if len(text) == 1}
    told = log_likelihoods(frames[None], padded([places_of(text) for text in texts]))
    return [
        Candidate(text, likelihood, *chains.get(text, (WORST_CHAIN, ())))
        for text, likelihood in zip(texts, told.tolist(), strict=True)
    ]


def shares_of(
    candidates: Sequence[Candidate], powers: tuple[float, float] = (STRIP_POWER, CHAIN_POWER)
) -> NDArray[np.float64]:
    """Probability of each candidate, (n), given that it is one of them; `powers` are those of strip and chain."""
    worth = np.array([powers[0] * each.by_strip + powers[1] * each.by_chain for each in candidates])
    shares: NDArray[np.float64] = np.exp(worth - worth.max())
    return shares / shares.sum()


def _single(text: str, whole: Prediction, wide: float) -> float:
    """Logarithm of the likelihood of a piece as one character."""
    label = label_of(text)
    return math.log(max(whole.scores.get(label, 0.0), FLOOR)) - misfit_of(label, wide)


def prediction_of(shares: Sequence[tuple[str, float]]) -> Prediction:
    """Scores of one character from those of the strings that it stands in; each is the character and its share."""
    scores = dict.fromkeys((*"0123456789", NOT_A_DIGIT), 0.0)
    for character, share in shares:
        scores[label_of(character)] += share
    label = max(scores, key=lambda each: scores[each])
    return Prediction(label, scores[label], scores)


def _likeliest_digit(prediction: Prediction) -> str:
    return max((label for label in prediction.scores if label != NOT_A_DIGIT), key=lambda each: prediction.scores[each])


def label_of(character: str) -> str:
    """The label that a character of a text stands for."""
    return NOT_A_DIGIT if character == UNREADABLE else character
