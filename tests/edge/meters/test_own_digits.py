"""A high drum in doubt is held against what the low drums of its counter have shown."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from edge.meters.cell import CELL_COLUMNS, CELL_ROWS
from edge.meters.own_digits import LEAST, MOST, SUPPORT, OwnDigits
from edge.nouns import POSITIONS, Candidate, CellScores, Digit, Gray, Sight

BETWEEN = 4
"""Tenths of a step beyond a digit."""


def cell(shown: int, rng: np.random.Generator) -> Gray:
    """A digit in its window, now and then a little higher, in noise."""
    gray = np.full((CELL_ROWS, CELL_COLUMNS), 230, np.uint8)
    place = (3, 23 + int(rng.integers(-1, 2)))
    cv2.putText(gray, str(shown), place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 20, 2, cv2.LINE_AA)
    return np.clip(gray + rng.normal(0, 5, gray.shape), 0, 255).astype(np.uint8)


def sight(shown: int, rng: np.random.Generator, named: int | None = None, sure: float = 1.0, beyond: int = 0) -> Sight:
    """A digit as a drum shows it and what the network says: `named`, with so much; the rest is no digit."""
    positions = np.zeros(POSITIONS)
    positions[(shown if named is None else named) * 10 + beyond] = sure
    return Sight(cell(shown, rng), CellScores(positions, 0.0, 0.0, 1.0 - sure))


def digits(sights: Sequence[Sight]) -> tuple[Digit, ...]:
    return tuple(Digit("?", 0.5, (0, 0, 1, 1), 0.0, each) for each in sights)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


class Counter:
    """A counter of three drums: the high one shows a 6, the low ones what they are told."""

    def __init__(self, rng: np.random.Generator, high: int = 6) -> None:
        self.rng, self.high, self.own = rng, high, OwnDigits(1.0)

    def shows(self, low: int, **how) -> None:
        """The lowest drum goes on to a digit, the one above it stands between two."""
        between = sight(0, self.rng, beyond=BETWEEN)
        self.own.note(digits([sight(self.high, self.rng), between, sight(low, self.rng, **how)]))

    def says(self, *candidates: tuple[float, float], named: int | None = None) -> dict[float, float]:
        """What becomes of candidates while the lowest drum shows a 1; the network takes the high one for `named`."""
        seen = digits([sight(self.high, self.rng, named), sight(0, self.rng), sight(1, self.rng)])
        weighed = self.own.weighed([Candidate(*each) for each in candidates], seen)
        assert [each.probability for each in weighed] == sorted((each.probability for each in weighed), reverse=True)
        return {each.value: each.probability for each in weighed}


@pytest.fixture
def counter(rng: np.random.Generator) -> Counter:
    """A counter whose lowest drum has shown each digit twice."""
    counter = Counter(rng)
    for _ in range(LEAST):
        for low in range(10):
            counter.shows(low)
    return counter


def test_a_high_digit_is_what_the_low_drums_show_it_to_be(counter):
    found = counter.says((801.0, 0.6), (602.0, 0.38), named=8)
    assert found[602.0] == pytest.approx(0.38 / (0.38 + 0.6 / SUPPORT + 0.02))
    assert sum(found.values()) < 1
    assert list(found) == [602.0, 801.0]
    assert counter.says((601.0, 0.6), (801.0, 0.38))[601.0] == pytest.approx(0.6 / (0.6 + 0.38 / SUPPORT + 0.02))


def test_a_drum_that_the_one_below_has_carried_nearly_to_the_next_digit_may_count_the_one_before(counter):
    found = counter.says((596.0, 0.6), (796.0, 0.38))  # at 5.9 it shows a 6, at 7.9 it would show an 8
    assert found[596.0] == pytest.approx(0.6 / (0.6 + 0.38 / SUPPORT + 0.02))


def test_of_candidates_that_differ_in_more_than_the_digit_none_is_denied(counter):
    assert counter.says((601.0, 0.6), (596.0, 0.38)) == pytest.approx({601.0: 0.6, 596.0: 0.38})


def test_what_the_network_takes_for_another_digit_than_the_first_value_has_is_not_asked(counter):
    assert counter.says((801.0, 0.6), (301.0, 0.38), named=3) == pytest.approx({801.0: 0.6, 301.0: 0.38})


def test_before_the_low_drums_have_shown_both_digits_nothing_is_said(rng):
    counter = Counter(rng)
    for low in (6, 5, 6, 5, 8):
        counter.shows(low)
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8) == pytest.approx({801.0: 0.6, 601.0: 0.38})


def test_a_digit_that_was_not_shown_yet_holds_up_no_other(rng):
    counter = Counter(rng)
    for low in (6, 5, 8, 6, 5, 8):
        counter.shows(low)
    found = counter.says((601.0, 0.6), (801.0, 0.3), (901.0, 0.08))
    assert found[801.0] / found[601.0] == pytest.approx(0.3 / 0.6 / SUPPORT)
    assert found[901.0] / found[601.0] == pytest.approx(0.08 / 0.6)
    assert next(iter(counter.says((801.0, 0.6), (901.0, 0.08), (601.0, 0.3), named=8))) == 601.0


def test_a_cell_that_is_neither_of_two_digits_says_nothing(rng, counter):
    counter.high = 3
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8) == pytest.approx({801.0: 0.6, 601.0: 0.38})


def test_what_the_candidates_have_in_common_and_what_the_low_drums_show_is_not_asked(counter):
    assert counter.says((601.0, 0.6), (607.0, 0.38)) == pytest.approx({601.0: 0.6, 607.0: 0.38})


def test_a_single_candidate_stays_as_it_is(counter):
    assert counter.says((801.0, 0.7)) == pytest.approx({801.0: 0.7})
    assert counter.own.weighed((), ()) == ()


@pytest.mark.parametrize("how", [{"sure": 0.9}, {"beyond": BETWEEN}])
def test_what_is_in_doubt_or_on_its_way_is_not_kept(rng, how):
    counter = Counter(rng)
    for _ in range(LEAST):
        for low in range(10):
            counter.shows(low, **how)
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8) == pytest.approx({801.0: 0.6, 601.0: 0.38})


def test_a_drum_that_stays_lends_one_picture(rng):
    counter = Counter(rng)
    for low in [6] * 9 + [8] * 9:
        counter.shows(low)
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8) == pytest.approx({801.0: 0.6, 601.0: 0.38})


def test_one_picture_that_the_network_named_wrong_is_found_out(counter):
    for _ in range(MOST - LEAST - 1):
        counter.shows(8)
        counter.shows(6)
    counter.shows(6, named=8)
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8)[601.0] > 0.9


@pytest.mark.parametrize(("right", "wrong"), [(3, 2), (3, 3), (2, 4)])
def test_two_digits_that_the_network_takes_for_one_are_not_told_apart(rng, right, wrong):
    counter = Counter(rng)
    for is_wrong in [False] * right + [True] * wrong:
        counter.shows(6)
        counter.shows(6 if is_wrong else 8, named=8)
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8) == pytest.approx({801.0: 0.6, 601.0: 0.38})


def test_a_name_that_the_digit_before_does_not_bear_out_is_not_asked_where_others_are(counter):
    for _ in range(MOST):
        counter.shows(1)
        counter.shows(6, named=8)  # after a 1 comes a 2
    assert counter.says((801.0, 0.6), (601.0, 0.38), named=8)[601.0] > 0.9


@pytest.mark.parametrize("lettering", ["light on dark", "another face"])
def test_a_cell_that_is_unlike_all_that_was_lent_is_not_told_wrongly(counter, rng, lettering):
    for digit in range(10):
        high = cell(digit, rng)
        if lettering == "light on dark":
            high = 255 - high
        else:
            high = np.full_like(high, 230)
            cv2.putText(high, str(digit), (3, 23), cv2.FONT_HERSHEY_PLAIN, 1.3, 20, 2, cv2.LINE_AA)
        for other in set(range(10)) - {digit}:
            assert counter.own.told(high, {str(digit), str(other)}) != str(other)
