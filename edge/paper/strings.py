"""What a strip of ink says as a whole: the strings of digits that a network without segmentation may have seen there.

The network gives a label, or the gap between two, for each frame from left to right, and a string's probability is the
sum over all ways to spread it over the frames (connectionist temporal classification: Graves, Fernández, Gomez,
Schmidhuber, 2006). The search for the likeliest strings is the prefix beam search of Hannun, Maas, Jurafsky, Ng: First-
pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs (2014), without a language.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.nouns import NOT_A_DIGIT, UNREADABLE

Frames = NDArray[np.float64]
"""Logarithms of the probability of each label in each frame, (frames, labels)."""

Strings = NDArray[np.int64]
"""Places in `STRING_LABELS`, (n, length), with `GAP` after each string's end."""

Codes = NDArray[np.int64]
"""Strings as one number each, (n): see `codes_of`."""

STRING_LABELS = ("_", *"0123456789", NOT_A_DIGIT)
"""The gap, the digits, and what is no digit."""

GAP, STRANGE = 0, len(STRING_LABELS) - 1

BEAM = 10
"""Strings kept from frame to frame."""

LEAST = float(np.log(1e-4))
"""A label less likely than this in a frame is no continuation there."""

SURELY_A_GAP = float(np.log(1 - 1e-4))
"""In a frame whose gap is likelier than this nothing else is looked at."""

_Beam = dict[tuple[int, ...], tuple[float, float]]
"""Strings with the logarithms of their probabilities to have ended before a gap, and with their last label."""

BEYOND = 3
"""Frames after the ink's end that may still tell of the last digit."""

LONGEST_CODE = 17
"""Labels of a string that has a code of its own; a strip has room for seven digits."""


def has_strings(labels: Sequence[str]) -> bool:
    """Whether a network with these labels answers with strings."""
    return tuple(labels) == STRING_LABELS


def likeliest_strings(frames: Frames) -> list[tuple[int, ...]]:
    """Up to `BEAM` strings that the frames may stand for, the likeliest first, as places in `STRING_LABELS`."""
    beam: _Beam = {(): (0.0, -math.inf)}
    for frame in frames.tolist():
        going = [] if frame[GAP] > SURELY_A_GAP else [k for k, worth in enumerate(frame) if worth > LEAST and k != GAP]
        grown: _Beam = {}
        for string, (closed, held) in beam.items():
            either = _either(closed, held)
            _add(grown, string, either + frame[GAP], -math.inf)
            for label in going:
                is_again = bool(string) and string[-1] == label
                if is_again:
                    _add(grown, string, -math.inf, held + frame[label])
                _add(grown, (*string, label), -math.inf, (closed if is_again else either) + frame[label])
        best = sorted(grown, key=lambda string: -_either(*grown[string]))[:BEAM]
        beam = {string: grown[string] for string in best}
    return list(beam)


def string_of_frames(frames: Frames) -> list[int]:
    """The likeliest label of each frame, taken together: mostly the likeliest string, and found at once."""
    likeliest = frames.argmax(axis=1)
    is_new = (likeliest != GAP) & (likeliest != np.concatenate([[GAP], likeliest[:-1]]))
    places: list[int] = likeliest[is_new].tolist()
    return places


def log_likelihoods(frames: NDArray[np.float64], strings: Strings) -> NDArray[np.float64]:
    """Logarithm of the probability of each string, summed over all its ways through the frames.

    Parameters
    ----------
    frames : (n, frames, labels) or (1, frames, labels) float64
        Logarithms of probabilities; of one strip for all strings, or of one for each.
    strings : (n, length) int64

    Returns
    -------
    (n) float64
    """
    count, longest = strings.shape
    labels = np.full((count, 2 * longest + 1), GAP)
    labels[:, 1::2] = strings
    blocked = np.full(labels.shape, -np.inf)
    blocked[:, 3::2] = np.where(labels[:, 3::2] != labels[:, 1:-2:2], 0.0, -np.inf)
    rows = np.arange(count)[:, None]
    ways = np.full((count, labels.shape[1] + 2), -np.inf)
    told = np.broadcast_to(frames, (count, *frames.shape[1:]))
    ways[:, 2:4] = told[rows, 0, labels[:, :2]]
    with np.errstate(invalid="ignore"):
        for number in range(1, told.shape[1]):
            stepped = np.logaddexp(ways[:, 2:], ways[:, 1:-1])
            ways[:, 2:] = np.logaddexp(stepped, ways[:, :-2] + blocked) + told[rows, number, labels]
    ends = 2 + 2 * (strings != GAP).sum(axis=1)
    last = np.where(ends > 2, ways[rows[:, 0], ends - 1], -np.inf)
    return np.logaddexp(ways[rows[:, 0], ends], last)


def inked_frames(frames: Frames, strip: NDArray[np.uint8]) -> Frames:
    """The frames of a strip (rows, columns) up to its ink's end; beyond it there are gaps only."""
    inked = np.flatnonzero(strip.any(axis=0))
    end = int(inked[-1]) * len(frames) // strip.shape[1] if len(inked) else 0
    return frames[: end + BEYOND]


def padded(strings: Sequence[Sequence[int]]) -> Strings:
    """Strings of any lengths side by side, with `GAP` after the end of each."""
    rows = np.full((len(strings), max(1, *map(len, strings), 1)), GAP, np.int64)
    for row, string in zip(rows, strings, strict=True):
        row[: len(string)] = string
    return rows


def read_strings(probabilities: NDArray[np.float64]) -> tuple[Codes, NDArray[np.float64]]:
    """The likeliest string of each strip, as its code, and its probability; from (n, frames, labels) probabilities."""
    frames = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    best = padded([likeliest_strings(strip)[0] for strip in frames])
    return codes_of(best), np.exp(log_likelihoods(frames, best))


def codes_of(strings: Strings) -> Codes:
    """Each string as one number, -1 where it is too long: its places as the digits of a number in base 12."""
    codes = np.zeros(len(strings), np.int64)
    for column in strings.T[:LONGEST_CODE]:
        codes = np.where(column == GAP, codes, codes * len(STRING_LABELS) + column)
    is_long = (strings[:, LONGEST_CODE:] != GAP).any(axis=1)
    return np.where(is_long, -1, codes)


def text_of(code: int) -> str:
    """The string that a code stands for, what is no digit as "?"."""
    places: list[int] = []
    while code > 0:
        code, label = divmod(code, len(STRING_LABELS))
        places.insert(0, label)
    return as_text(places)


def as_text(places: Sequence[int]) -> str:
    """A string as text, what is no digit as "?"."""
    return "".join(STRING_LABELS[place] or UNREADABLE for place in places)


def places_of(text: str) -> list[int]:
    """The string that a text stands for."""
    return [STRANGE if character == UNREADABLE else STRING_LABELS.index(character) for character in text]


def is_all_digits(codes: Codes) -> NDArray[np.bool_]:
    """Whether there is a string behind each code, and nothing in it that is no digit."""
    return np.array([bool(text) and UNREADABLE not in text for text in map(text_of, codes.tolist())], np.bool_)


def _either(first: float, second: float) -> float:
    """Logarithm of the sum of two probabilities that are given as logarithms."""
    high, low = max(first, second), min(first, second)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _add(
    grown: dict[tuple[int, ...], tuple[float, float]], string: tuple[int, ...], closed: float, held: float
) -> None:
    """Add to a string's probability to have ended before a gap, or with its last label."""
    before = grown.get(string, (-math.inf, -math.inf))
    grown[string] = _either(before[0], closed), _either(before[1], held)
