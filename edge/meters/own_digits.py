"""A meter's own digits: the drums that turn show the face of those that stand still.

A network may be in doubt about a digit of a face that it has not seen, and about a drum that turns once in years it is
so in every frame. But the two lowest drums of the same counter show every digit within hours or days, seen by the same
camera in the same light, and what the network is sure of there is what the doubtful one can be held against. Of each
visit of a low drum to a digit one picture is kept; where enough of them came after the digit before, the others are
not asked: there the order bears the name out. A cell is told from another digit by how much more it is like the one
than the other, and by how much more the pictures of either are like their own: so two digits that the network takes for
one, or that look alike in this face, are not told apart.

References
----------
G. Nagy, G. L. Shelton, Self-corrective character recognition system, IEEE Transactions on Information Theory 12(2),
1966: a reader's own decisions on one document train it for that document's face.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import CELL_COLUMNS, CELL_ROWS, digit_masses, position_of
from edge.meters.drums import DIGITS
from edge.nouns import Candidate, Digit, Gray, Sight

LENDING = 2
"""The lowest drums, whose digits are kept; the others are held against them."""

AT_REST = 0.25
"""Steps that a drum may be off its digit."""

SURE = 0.99
"""Probability from which on the network says which digit a picture that is kept shows."""

LEAST, MOST = 2, 6
"""Pictures of a digit that it takes, and the late ones that are kept."""

ALIKE = 3
"""Pictures of a digit, those that a cell is most like, whose mean is its likeness to the digit."""

ALIKE_ENOUGH = 0.9
"""A cell is at least so like the digit, over what its pictures are, the least like of them: else it is in another face,
or light where they are dark.
"""

LEAST_PURE = 2 / 3
"""Share of a digit's pictures that must be more like their own digit than like another; the others are left out."""

LEAST_MARGIN = 0.02
"""By how much a picture of a digit is more like it than like another, at the least, for the two to be told apart: a
difference of coefficients of correlation.
"""

CLEAR = 0.5
"""... and a cell at the least, as a share of what the least of the digit's own pictures is."""

CARRIED = (0, 1, DIGITS - 1)
"""Steps from the digit that a drum counts to the one that it is nearest to: it may be carried on, or hang back."""

SUPPORT = 50.0
"""Times that a candidate is less likely whose digit is not the one that its cell is told to be.

`python -m tests.meters.lent`: of 300 digits on high drums of simulated meters none is told wrongly, so that one in 100
may be (the rule of three); half of that is left to meters that no simulator draws.
"""

ROWS, COLUMNS = slice(5, CELL_ROWS - 5), slice(2, CELL_COLUMNS - 2)
"""Of a picture that is kept, what is looked for in another."""

FURTHER = 3
"""Rows by which the other is continued above and below: drums stand higher and lower."""


class OwnDigits:
    """The pictures that the low drums of a counter have shown of each digit.

    Parameters
    ----------
    resolution : float
        The smallest step of its value.
    """

    def __init__(self, resolution: float) -> None:
        self._resolution = resolution
        self._in_order: dict[str, deque[Gray]] = {}
        self._kept: dict[str, deque[Gray]] = {}
        self._shown: dict[int, str] = {}
        self._faces: dict[frozenset[str], _Face] = {}

    def note(self, digits: Sequence[Digit]) -> None:
        """Keep what the low drums of a reading show, where they stand, the network is sure, and it is another digit
        than before.
        """
        drums = _sights(digits)
        for place in range(max(0, len(drums) - LENDING), len(drums)):
            shown = _sure_digit(drums[place])
            before = self._shown.get(place)
            if shown is not None and shown != before:
                is_next = before is not None and (int(before) + 1) % DIGITS == int(shown)
                for kept in (self._kept, self._in_order) if is_next else (self._kept,):
                    kept.setdefault(shown, deque(maxlen=MOST)).append(drums[place].picture)
                self._shown[place] = shown
                self._faces.clear()

    def weighed(self, candidates: Sequence[Candidate], digits: Sequence[Digit]) -> tuple[Candidate, ...]:
        """The candidates of a reading with these digits, likeliest first: those less likely that have another digit on
        a high drum than the meter's own digits tell.

        With the first one only those are compared that differ in that digit alone, or by a unit of the last place as
        well: where the drum stands beside a digit, carried on by the one below, it does so in all of them.
        """
        shares = np.array([each.probability for each in candidates])
        unsaid = max(0.0, 1.0 - float(shares.sum()))
        units = [round(each.value / self._resolution) for each in candidates]
        for place, sight in enumerate(_sights(digits)[:-LENDING]):
            weight = 10 ** (len(digits) - 1 - place)
            steps = {k: round((each - units[0]) / weight) for k, each in enumerate(units)}
            steps = {k: each for k, each in steps.items() if abs(units[k] - units[0] - each * weight) <= 1}
            if len(set(steps.values())) > 1 and _is_at_rest(sight):
                beyond = round(position_of(sight.scores)) - units[0] // weight
                shown = {k: str((units[0] // weight + each + beyond) % DIGITS) for k, each in steps.items()}
                denied = (
                    self._denied(sight.picture, shown[0], set(shown.values())) if beyond % DIGITS in CARRIED else ()
                )
                shares[[k for k, digit in shown.items() if digit in denied]] /= SUPPORT
        shares = shares / (shares.sum() + unsaid)
        weighed = (Candidate(each.value, float(share)) for each, share in zip(candidates, shares, strict=True))
        return tuple(sorted(weighed, key=lambda each: -each.probability))

    def _denied(self, picture: Gray, likeliest: str, symbols: set[str]) -> set[str]:
        """The digits that a cell is not: each is held against the likeliest, so that those which no low drum has shown
        yet hold up none of the others.
        """
        told = {other: self.told(picture, {likeliest, other}) for other in symbols - {likeliest}}
        return {likeliest if digit == other else other for other, digit in told.items() if digit is not None}

    def told(self, picture: Gray, symbols: set[str]) -> str | None:
        """Which of some digits a cell is, if it is clearly more like it than like the others."""
        named = self._named()
        if not symbols <= named.keys():
            return None
        key = frozenset(symbols)
        if key not in self._faces:
            self._faces[key] = _Face.of({digit: named[digit] for digit in symbols}).pure()
        face = self._faces[key]
        if not symbols <= face.pictures.keys():
            return None
        likeness = {digit: _likeness(picture, kept) for digit, kept in {**named, **face.pictures}.items()}
        first = max(likeness, key=lambda digit: likeness[digit])
        if first not in symbols or likeness[first] < ALIKE_ENOUGH * face.own(first):
            return None
        others = symbols - {first}
        is_clear = all(likeness[first] - likeness[each] >= CLEAR * face.margin(first, each) for each in others)
        is_told_apart = all(face.margin(first, each) >= LEAST_MARGIN <= face.margin(each, first) for each in others)
        return first if is_clear and is_told_apart else None

    def _named(self) -> dict[str, Sequence[Gray]]:
        """The pictures of each digit that has enough of them."""
        kept = self._kept | {digit: each for digit, each in self._in_order.items() if len(each) >= LEAST}
        return {digit: each for digit, each in kept.items() if len(each) >= LEAST}


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """Pictures of digits, and how much each, in its order, is like each digit; to its own, what it adds is left out."""

    pictures: Mapping[str, Sequence[Gray]]
    likeness: Mapping[str, Mapping[str, NDArray[np.float64]]]

    @classmethod
    def of(cls, pictures: Mapping[str, Sequence[Gray]]) -> Self:
        """The face that some pictures show, two of each digit at the least."""
        likeness = {
            digit: {
                other: np.array([_likeness(each, [kept for kept in others if kept is not each]) for each in own])
                for other, others in pictures.items()
            }
            for digit, own in pictures.items()
        }
        return cls(pictures, likeness)

    def pure(self) -> Self:
        """The face without the pictures that are more like another digit, and without digits that have many of them."""
        kept = {}
        for digit, pictures in self.pictures.items():
            others = [each for other, each in self.likeness[digit].items() if other != digit]
            is_own = np.all([self.likeness[digit][digit] - each >= LEAST_MARGIN for each in others], axis=0)
            if is_own.sum() >= max(LEAST, LEAST_PURE * len(pictures)):
                kept[digit] = [each for each, is_kept in zip(pictures, is_own, strict=True) if is_kept]
        return type(self).of(kept)

    def own(self, digit: str) -> float:
        """How like their own digit its pictures are, the least of them."""
        return float(self.likeness[digit][digit].min())

    def margin(self, digit: str, other: str) -> float:
        """By how much the pictures of a digit, the least of them, are more like it than like another."""
        return float((self.likeness[digit][digit] - self.likeness[digit][other]).min())


def _likeness(picture: Gray, kept: Sequence[Gray]) -> float:
    """The mean of the highest correlations of a cell with pictures of a digit, wherever in it they fit best."""
    wide = cv2.copyMakeBorder(picture, FURTHER, FURTHER, 0, 0, cv2.BORDER_REPLICATE)
    found = [cv2.matchTemplate(wide, each[ROWS, COLUMNS], cv2.TM_CCOEFF_NORMED).max() for each in kept]
    return float(np.mean(sorted(found)[-ALIKE:]))


def _sights(digits: Sequence[Digit]) -> list[Sight]:
    """What was seen of each drum, most significant first; dials have none."""
    return [digit.sight for digit in digits if digit.sight is not None]


def _sure_digit(sight: Sight) -> str | None:
    """The digit that a drum stands at, where it stands and the network is sure."""
    masses: NDArray[np.float64] = digit_masses(sight.scores.positions)
    digit = int(masses.argmax())
    return str(digit) if masses[digit] >= SURE and _is_at_rest(sight) else None


def _is_at_rest(sight: Sight) -> bool:
    position = position_of(sight.scores)
    return abs(position - round(position)) <= AT_REST
