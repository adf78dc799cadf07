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

from edge.nouns import NOT_A_DIGIT, UNREADABLE, Prediction
from edge.paper.cuts import FLOOR, Cutting, best_chains, best_path, misfit_of
from edge.paper.strings import STRING_LABELS, Frames, likeliest_strings, log_likelihoods, padded

STRIP_POWER, CHAIN_POWER = 0.55, 0.4
"""How much of each way's logarithm counts."""

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
    alone : float
        Probability that it is one digit, the one that the network for single digits takes it for.
    """

    text: str
    path: tuple[int, ...]
    predictions: tuple[Prediction, ...]
    odds: float
    alone: float


def explain(
    cutting: Cutting, parts: Sequence[Prediction], whole: Prediction, wide: float, frames: Frames
) -> Explanation:
    """The likeliest string of a piece by its parts, itself and its strip.

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
    texts = _candidates(cutting, parts, whole, frames)
    chains = best_chains(cutting, parts, [text for text in texts if len(text) > 1])
    by_chain = [
        _single(text, whole, wide) if len(text) == 1 else chains[text][0] if text in chains else WORST_CHAIN
        for text in texts
    ]
    strings = padded([[_place(character) for character in text] for text in texts])
    worth = STRIP_POWER * log_likelihoods(frames[None], strings) + CHAIN_POWER * np.array(by_chain)
    shares = np.exp(worth - worth.max())
    shares /= shares.sum()
    best = texts[int(shares.argmax())]
    is_as_long = np.array([len(text) == len(best) for text in texts])
    odds = float(shares[is_as_long].sum())
    alike = [(text, share / odds) for text, share in zip(texts, shares.tolist(), strict=True) if len(text) == len(best)]
    predictions = tuple(_prediction([(text[k], share) for text, share in alike]) for k in range(len(best)))
    path = chains[best][1] if best in chains else ()
    return Explanation(best, path, predictions, odds, float(shares[texts.index(_likeliest_digit(whole))]))


def _candidates(cutting: Cutting, parts: Sequence[Prediction], whole: Prediction, frames: Frames) -> list[str]:
    """What the strip, the cuts and the piece as one character may be."""
    by_strip = ["".join(_character(place) for place in string) for string in likeliest_strings(frames)]
    path, _, _ = best_path(cutting, parts)
    by_cuts = "".join(_likeliest_digit(parts[k]) for k in path)
    return sorted({*by_strip, by_cuts, _likeliest_digit(whole), UNREADABLE} - {""})


def _single(text: str, whole: Prediction, wide: float) -> float:
    """Logarithm of the likelihood of a piece as one character."""
    label = _label(text)
    return math.log(max(whole.scores.get(label, 0.0), FLOOR)) - misfit_of(label, wide)


def _prediction(shares: Sequence[tuple[str, float]]) -> Prediction:
    """Scores of one character from those of the strings that it stands in."""
    scores = dict.fromkeys((*"0123456789", NOT_A_DIGIT), 0.0)
    for character, share in shares:
        scores[_label(character)] += share
    label = max(scores, key=lambda each: scores[each])
    return Prediction(label, scores[label], scores)


def _likeliest_digit(prediction: Prediction) -> str:
    return max((label for label in prediction.scores if label != NOT_A_DIGIT), key=lambda each: prediction.scores[each])


def _label(character: str) -> str:
    return NOT_A_DIGIT if character == UNREADABLE else character


def _place(character: str) -> int:
    return STRING_LABELS.index(_label(character))


def _character(place: int) -> str:
    return STRING_LABELS[place] or UNREADABLE
