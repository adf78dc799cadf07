from pathlib import Path

import pytest

from edge.nouns import Reading
from edge.paper.reader import Reader
from tests.scenes.amounts import AMOUNTS, measure_amounts, outcome, parts_of
from train.data.fonts import faces_of

BUNDLE = Path(__file__).parents[2] / "models" / "paper"


def reading(text, value=None):
    return Reading("line-1", text, value, "uncertain" if value is None else "ok", 0.9, None, None)


@pytest.mark.parametrize(
    ("readings", "text", "expected"),
    [
        ([reading("26,9", 26.9)], "26,9", "exact"),
        ([reading("26.9", 26.9)], "26,9", "same"),
        ([reading("269", 269.0)], "26,9", "wrong"),
        ([reading("269")], "26,9", "in doubt"),
        ([reading("12", 12.0), reading("45", 45.0)], "12:45", "exact"),
        ([reading("12", 12.0)], "12:45", "in doubt"),
        ([reading("1245", 1245.0)], "12:45", "wrong"),
        ([reading("26,9", 26.9), reading("1", 1.0)], "26,9", "wrong"),
    ],
)
def test_what_a_user_gets_of_an_amount(readings, text, expected):
    assert outcome(readings, text) == expected


def test_colons_and_slashes_part_numbers():
    assert parts_of("21/11/2026") == ["21", "11", "2026"]
    assert parts_of("-0.5") == ["-0.5"]


def test_no_sign_of_printed_amounts_is_lost_without_a_doubt():
    row = measure_amounts(faces_of("validation"), Reader.open(BUNDLE), limit=10 * len(AMOUNTS))
    assert row.pictures == 10 * len(AMOUNTS)
    assert row.wrong == 0
    assert row.shown >= 0.95 * row.pictures
    assert row.believed >= 0.85 * row.pictures
