"""A number read as a whole as well: what both ways say, what they differ in, and what is left alone."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Region
from edge.paper.decode import Mark
from edge.paper.whole import LONGEST, read_wholes, runs_of
from tests.edge.paper.told import frames, prediction


def mark(place, label, confidence=0.995, odds=1.0):
    return Mark(Region((20 * place, 0, 12, 30), np.full((30, 12), 255, np.uint8)), prediction(label, confidence), odds)


def number(text, **unsure):
    """The marks of a text; `unsure` has the confidence of its k-th as `_k`."""
    return [mark(k, "" if label == "?" else label, unsure.get(f"_{k}", 0.995)) for k, label in enumerate(text)]


def read(marks, says, sure=0.995):
    (row,) = read_wholes([marks], lambda strips: [frames(says, sure)] * len(strips))
    return row


def labels(marks):
    return "".join(each.prediction.label or "?" for each in marks)


def test_where_both_agree_and_all_are_sure_nothing_changes():
    marks = number("4172")
    assert read(marks, "4172") == marks


def test_a_digit_in_doubt_is_settled_by_the_strip():
    row = read(number("4172", _1=0.6), "4172")
    assert labels(row) == "4172"
    assert row[1].confidence > 0.8 > 0.6


def test_a_mark_that_is_hardly_a_digit_becomes_what_both_take_it_for():
    marks = number("4172")
    scores = {**prediction(NOT_A_DIGIT, 0.5).scores, "7": 0.45}
    unsure = prediction(NOT_A_DIGIT, 0.5)
    marks[2] = Mark(marks[2].region, type(unsure)(NOT_A_DIGIT, 0.5, scores))
    assert labels(read(marks, "4172")) == "4172"
    assert labels(read(marks, "41?2")) == "41?2"


def test_another_digit_in_the_strip_is_doubt():
    row = read(number("4172", _0=0.9), "9172")
    assert row[0].confidence < 0.9
    assert min(each.confidence for each in row[1:]) > 0.97


def test_a_strip_with_another_length_makes_all_less_sure():
    row, agreed = (read(number("417", _1=0.97), says) for says in ("4117", "417"))
    assert labels(row) == "417"
    assert max(each.odds for each in row) < min(each.odds for each in agreed)


def test_a_cut_that_the_strip_denies_is_in_doubt():
    marks = number("417")
    marks[1] = replace(marks[1], odds=0.85)
    assert max(each.confidence for each in read(marks, "4117")) < 0.85
    assert min(each.confidence for each in read(marks, "417")) > 0.95


def test_what_is_surely_no_digit_parts_two_numbers_and_a_lone_one_is_not_read():
    assert list(runs_of(number("41?72?3"))) == [(0, 2), (3, 5)]
    assert list(runs_of(number("4??"))) == []
    assert list(runs_of([])) == []


def test_marks_that_are_mostly_no_digits_are_left_alone():
    assert list(runs_of(number("4172", _0=0.3, _1=0.3, _2=0.3))) == []


@pytest.mark.parametrize("length", [LONGEST + 1, 10, 2 * LONGEST + 1])
def test_a_long_number_is_read_in_parts_that_have_room(length):
    parts = list(runs_of(number("1" * length)))
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert all(end == first for (_, end), (first, _) in pairwise(parts))
    assert max(end - first for first, end in parts) <= LONGEST
    assert min(end - first for first, end in parts) >= 2


def test_all_numbers_of_a_page_are_read_at_once():
    asked = []

    def transcribe(strips):
        asked.append(len(strips))
        return [frames("12")] * len(strips)

    read_wholes([number("12"), number("3"), number("12?34")], transcribe)
    assert asked == [3]
