"""A piece that may be several digits: cuts and strip are asked together, and where they differ it is in doubt."""

import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Region
from edge.paper.cuts import Cutting, best_chains, best_path
from edge.paper.several import explain
from tests.edge.paper.told import frames, prediction


def part(columns):
    return Region((0, 0, columns, 10), np.full((10, columns), 255, np.uint8))


CUTTING = Cutting((0.0, 0.05, 0.05, 0.0), ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3)), tuple(map(part, (6, 8, 2, 8, 6))))
NONE = prediction(NOT_A_DIGIT, 0.95)
TWO = (prediction("4", 0.99), NONE, NONE, prediction("7", 0.98), NONE)
"""What the parts of `CUTTING` say: 4 and then 7."""


def told(text, parts=TWO, whole=NONE, wide=1.4, sure=0.98):
    return explain(CUTTING, parts, whole, wide, frames(text, sure))


def test_both_ways_agree():
    found = told("47")
    assert (found.text, [CUTTING.spans[k] for k in found.path]) == ("47", [(0, 1), (1, 3)])
    assert [each.label for each in found.predictions] == ["4", "7"]
    assert min(each.confidence for each in found.predictions) > 0.95
    assert found.odds > 0.97


def test_a_digit_that_cuts_lose_is_in_doubt_at_least():
    agreed, lost = told("47"), told("417")
    assert lost.odds < 0.9 < agreed.odds


def test_another_digit_in_the_strip_is_in_doubt():
    found = told("42")
    assert min(each.confidence for each in found.predictions) < 0.9
    assert {each.label for each in found.predictions} <= set("427")


def test_a_strip_that_is_sure_settles_what_cuts_are_not():
    parts = (prediction("4", 0.5), NONE, NONE, prediction("7", 0.4), NONE)
    assert min(each.confidence for each in told("47", parts).predictions) > 0.9


def test_a_piece_that_is_one_digit_has_no_parts():
    found = told("8", parts=(NONE,) * 5, whole=prediction("8", 0.9), wide=0.8)
    assert (found.text, found.path) == ("8", ())


def test_what_is_no_digit_stays_none_among_digits():
    found = told("4?", parts=(prediction("4", 0.99), NONE, NONE, prediction(NOT_A_DIGIT, 0.99), NONE))
    assert found.text == "4?"
    assert [each.label for each in found.predictions] == ["4", NOT_A_DIGIT]


def test_scores_of_a_character_are_shares_of_one():
    for each in told("47", sure=0.6).predictions:
        assert sum(each.scores.values()) == pytest.approx(1.0)
        assert set(each.scores) == {*"0123456789", NOT_A_DIGIT}


def test_chains_are_those_of_the_texts_asked_for():
    found = best_chains(CUTTING, TWO, ["47", "4?7", "48", "12345"])
    assert set(found) == {"47", "4?7", "48"}
    assert found["47"][0] == pytest.approx(np.log(best_path(CUTTING, TWO)[1]))
    assert found["47"][0] > found["48"][0]
    assert [CUTTING.spans[k] for k in found["4?7"][1]] == [(0, 1), (1, 2), (2, 3)]


def test_a_piece_that_no_chain_explains_has_no_parts():
    cutting = Cutting((0.0, 0.1, 0.0), ((0, 1),), (part(6),))
    assert explain(cutting, TWO[:1], NONE, 1.4, frames("47")).path == ()
