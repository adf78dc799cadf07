"""A number read a second time, as a whole, by the network that reads strips without cutting them.

The network for single digits sees each by itself; this one sees them side by side, as one hand wrote them or in one
face, and errs on others. What both say of a number is multiplied, each to a power, as in `edge.paper.several`. A digit
in doubt may so be settled; where the strip has more or fewer digits than there are marks, all of them are less sure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from edge.nouns import NOT_A_DIGIT, UNREADABLE
from edge.paper.decode import LIKELY, SURE, Mark, Transcribe
from edge.paper.several import Candidate, label_of, prediction_of, shares_of
from edge.paper.strings import Frames, as_text, likeliest_strings, log_likelihoods, padded, places_of, string_of_frames
from edge.paper.strip import side_by_side

STRIP_POWER, MARKS_POWER = 0.3, 1.0
"""How much of the strip's logarithm counts, and of the marks': with these and `OTHER_LENGTH` the truth is likeliest.
`python -m tests.scenes.touching --whole --split validation --powers` prints which powers do.
"""

LONGEST = 7
"""Digits on a strip at the most: a longer number is read in parts of about the same length."""

NO_DIGIT = 0.9
"""A mark that is no digit with this probability parts two numbers."""

ALTERNATIVES = 3
"""Likeliest labels of each mark that are tried, the others staying as they are."""

OTHER_LENGTH = 0.002
"""Probability at the least that there are more or fewer digits than marks."""

FLOOR = 1e-5
"""Probability that a mark is given each label at the least."""


def read_wholes(rows: Sequence[Sequence[Mark]], transcribe: Transcribe) -> list[list[Mark]]:
    """The marks of each line, those of its numbers by what their strips say as well; one inference."""
    runs = [(index, first, end) for index, row in enumerate(rows) for first, end in runs_of(row)]
    strips = [side_by_side([mark.region for mark in rows[index][first:end]]) for index, first, end in runs]
    told = [list(row) for row in rows]
    for (index, first, end), frames in zip(runs, transcribe(strips), strict=True):
        told[index][first:end] = weighed(rows[index][first:end], frames)
    return told


def runs_of(marks: Sequence[Mark]) -> Iterator[tuple[int, int]]:
    """From which mark to before which other the numbers of a line go, in parts for which there is room on a strip. Half
    of a number's marks are likely digits.
    """
    first = 0
    for k in range(len(marks) + 1):
        if k < len(marks) and marks[k].prediction.scores.get(NOT_A_DIGIT, 0.0) < NO_DIGIT:
            continue
        if k - first > 1 and 2 * sum(mark.confidence > LIKELY for mark in marks[first:k]) >= k - first:
            parts = math.ceil((k - first) / LONGEST)
            bounds = [first + round(part * (k - first) / parts) for part in range(parts + 1)]
            yield from pairwise(bounds)
        first = k + 1


def weighed(marks: Sequence[Mark], frames: Frames) -> list[Mark]:
    """The marks of a number by themselves and by its strip.

    Parameters
    ----------
    marks : sequence of Mark
        Two or more.
    frames : (frames, labels) float64
        What the network for strings says, see `edge.paper.strings`. Where it agrees with marks that are all sure, they
        stay as they are.
    """
    own = "".join(mark.prediction.label for mark in marks)
    if all(mark.confidence >= SURE for mark in marks) and as_text(string_of_frames(frames)) == own:
        return list(marks)
    candidates = candidates_of(marks, frames)
    shares = shares_of(candidates, (STRIP_POWER, MARKS_POWER)).tolist()
    alike = [(each.text, share) for each, share in zip(candidates, shares, strict=True) if len(each.text) == len(marks)]
    odds = sum(share for _, share in alike)
    each_odds = odds ** (1.0 / len(marks))
    return [
        replace(mark, prediction=prediction_of([(text[k], share / odds) for text, share in alike]), odds=each_odds)
        for k, mark in enumerate(marks)
    ]


def candidates_of(marks: Sequence[Mark], frames: Frames) -> list[Candidate]:
    """What a number may be: what its strip reads as, and its marks with each of their likeliest labels."""
    own = [mark.prediction.label or UNREADABLE for mark in marks]
    texts = {as_text(string) for string in likeliest_strings(frames)} | {"".join(own)}
    for k, mark in enumerate(marks):
        for label in sorted(mark.prediction.scores, key=lambda each: -mark.prediction.scores[each])[:ALTERNATIVES]:
            texts.add("".join((*own[:k], label or UNREADABLE, *own[k + 1 :])))
    ordered = sorted(texts - {""})
    told = log_likelihoods(frames[None], padded([places_of(text) for text in ordered])).tolist()
    odds = math.prod(mark.odds for mark in marks)
    return [
        Candidate(text, likelihood, _by_marks(text, marks, odds), ())
        for text, likelihood in zip(ordered, told, strict=True)
    ]


def _by_marks(text: str, marks: Sequence[Mark], odds: float) -> float:
    """Logarithm of a text's likelihood by the marks and the `odds` that there are as many."""
    if len(text) != len(marks):
        return math.log(max(1.0 - odds, OTHER_LENGTH))
    scores = [mark.prediction.scores.get(label_of(each), 0.0) for mark, each in zip(marks, text, strict=True)]
    return math.log(max(odds, FLOOR)) + sum(math.log(max(score, FLOOR)) for score in scores)
