"""A meter's fields: drums, displays and dials become one value, or the reason why there is none."""

import numpy as np
import pytest

from edge.geometry import corners_of
from edge.meters.meter import MeterReader, cut_cell
from edge.meters.segments import read_segments
from edge.nouns import CellScores
from edge.schema import FieldTable
from tests.edge.faces import render_segments

FRAME = np.random.default_rng(0).integers(0, 256, (120, 400), np.uint8)


class Scripted:
    """Answers with given scores, whatever the cells show."""

    def __init__(self, *scores: CellScores) -> None:
        self.scores = list(scores)

    def predict(self, cells):
        assert len(cells) == len(self.scores)
        assert all(cell.shape == (32, 20) for cell in cells)
        return self.scores


def at(position: float, share: float = 0.99) -> CellScores:
    """A cell at a position, with what lacks to 1 spread over all that it may be."""
    rest = (1 - share) / 102
    positions = np.full(100, rest)
    positions[round(position * 10) % 100] = share
    return CellScores(positions, rest, rest, rest)


def nothing(blank: float = 0.0, minus: float = 0.0) -> CellScores:
    rest = (1 - blank - minus) / 101
    return CellScores(np.full(100, rest), blank, minus, rest)


def read(kind: str, *scores: CellScores, **keys):
    boxes = [(10 + 40 * k, 20, 30, 50) for k in range(len(scores))]
    table = FieldTable(name="m", kind=kind, digits=boxes, **keys)
    return MeterReader(Scripted(*scores), 0.9).read(FRAME, table, [corners_of(box) for box in boxes], [])


def test_candidates_are_the_value_its_runner_up_and_what_else_counts():
    scores = CellScores(at(3.0).positions * 0.6 + at(8.0).positions * 0.4, 0.0, 0.0, 0.0)
    first, second, *others = read("drum", at(1.0), scores, at(6.3), decimals=1).candidates
    assert all(0.001 <= each.probability < 0.01 for each in others)
    assert (first.value, second.value) == (13.6, 18.6)
    assert first.probability == pytest.approx(0.6, abs=0.03)
    assert second.probability == pytest.approx(0.4, abs=0.03)
    assert first.probability + second.probability <= 1


def test_a_value_that_a_rule_forbids_is_no_candidate():
    both = CellScores((at(3.0, 0.5).positions + at(8.0, 0.5).positions) / 2, 0.0, 0.0, 0.0)
    scores = CellScores(both.positions / both.positions.sum(), 0.0, 0.0, 0.0)
    candidates = read("drum", at(1.0), scores, at(6.3), maximum=150).candidates
    assert candidates[0].value == 136.0
    assert max(each.value for each in candidates) <= 150
    assert read("drum", at(1.0), at(3.0), at(6.3), maximum=100).candidates == ()
    assert read("drum", at(1.0), nothing(), at(6.3)).candidates == ()


def test_a_last_drum_in_doubt_between_two_tells_of_the_value_between_and_stays_in_doubt_by_itself():
    scores = CellScores(at(6.4).positions * 0.8 + at(8.4).positions * 0.2, 0.0, 0.0, 0.0)
    reading = read("drum", at(1.0), at(3.0), scores)
    assert (reading.status, reading.value, reading.text) == ("uncertain", None, "13?")
    assert (reading.candidates[0].value, reading.candidates[0].probability > 0.98) == (137.0, True)
    assert {each.value for each in reading.candidates}.isdisjoint({136.0, 138.0})


def test_what_a_display_might_show_without_a_digit_is_no_candidate():
    reading = read("lcd", nothing(blank=0.99), CellScores(at(5.0).positions * 0.6, 0.4, 0.0, 0.0))
    assert [each.value for each in reading.candidates] == [5.0]


def test_drums_explain_each_other():
    reading = read("drum", at(1.0), at(3.0), at(6.3))
    assert (reading.text, reading.value, reading.status, reading.reason) == ("136", 136.0, "ok", None)
    assert [digit.position for digit in reading.digits] == [1.0, 3.0, 6.3]
    assert [digit.box for digit in reading.digits] == [(10 + 40 * k, 20, 30, 50) for k in range(3)]
    assert reading.box == (10, 20, 110, 50)


def test_a_drum_that_is_being_carried_is_not_rounded_alone():
    assert read("drum", at(3.7), at(9.7)).text == "39"
    assert read("drum", at(4.0), at(0.1)).text == "40"


def test_decimals_and_rules_hold_for_meters_too():
    assert read("drum", at(1.0), at(3.0), at(6.3), decimals=1).value == pytest.approx(13.6)
    refused = read("drum", at(1.0), at(3.0), at(6.3), maximum=100)
    assert (refused.status, refused.value, refused.text) == ("rejected", None, "136")
    assert refused.reason == "136 is above the maximum, 100"


def test_a_drum_that_shows_nothing_is_not_guessed():
    reading = read("drum", at(1.0), nothing(), at(6.3))
    assert (reading.status, reading.value) == ("uncertain", None)
    assert reading.text[1] == "?"
    assert reading.digits[1].position is None


def test_two_positions_that_are_as_likely_are_doubt():
    both = CellScores((at(3.0, 0.5).positions + at(8.0, 0.5).positions) / 2, 0.0, 0.0, 0.0)
    scores = CellScores(both.positions / both.positions.sum(), 0.0, 0.0, 0.0)
    reading = read("drum", at(1.0), scores, at(6.3))
    assert reading.status == "uncertain"
    assert reading.value is None
    assert "?" in reading.text
    assert reading.reason in ("136 or 186", "186 or 136")


def test_a_display_may_have_blanks_before_its_digits_and_a_minus():
    reading = read("lcd", nothing(blank=0.99), nothing(minus=0.99), at(4.0), at(2.0), decimals=1)
    assert (reading.text, reading.value, reading.status) == ("-4.2", -4.2, "ok")
    assert [digit.text for digit in reading.digits] == [" ", "-", "4", "2"]
    assert all(digit.position is None for digit in reading.digits)


def test_a_display_that_is_off_is_empty():
    reading = read("lcd", nothing(blank=0.99), nothing(blank=0.99))
    assert (reading.text, reading.value, reading.status, reading.reason) == ("", None, "empty", "blank")


def test_a_display_that_may_be_off_or_not_is_in_doubt():
    reading = read("lcd", nothing(blank=0.6))
    assert (reading.text, reading.value, reading.status) == ("?", None, "uncertain")
    assert reading.reason.startswith("blank or ")


def test_the_question_mark_stands_where_the_two_values_differ():
    half = CellScores(0.55 * at(2.5).positions + 0.45 * at(7.5).positions, 0.0, 0.0, 0.0)
    reading = read("drum", at(1.0), CellScores(half.positions / half.positions.sum(), 0.0, 0.0, 0.0), at(5.5))
    assert (reading.status, reading.text) == ("uncertain", "1?5")


def test_a_digit_of_a_display_in_doubt_stands_as_a_question_mark():
    reading = read("lcd", at(4.0), at(2.0, 0.6), at(1.0))
    assert (reading.status, reading.text, reading.value) == ("uncertain", "4?1", None)


def test_a_digit_that_its_segments_contradict_is_in_doubt():
    frame = next(cell for seed in range(20) if read_segments(cell := render_segments(2, seed)).digit == 2)
    box = (0, 0, frame.shape[1], frame.shape[0])
    table = FieldTable(name="m", kind="lcd", digits=[box])
    right = MeterReader(Scripted(at(2.0)), 0.9).read(frame, table, [corners_of(box)], [])
    wrong = MeterReader(Scripted(at(3.0)), 0.9).read(frame, table, [corners_of(box)], [])
    assert (right.text, right.status) == ("2", "ok")
    assert (wrong.value, wrong.status, wrong.reason) == (None, "uncertain", "the segments of cell 1 show another digit")
    assert wrong.candidates == (), "nor may a reading before it make it a value"


def test_a_display_of_nothing_but_eights_is_a_test_or_a_shadow():
    reading = read("lcd", at(8.0), at(8.0), at(8.0))
    assert (reading.text, reading.value, reading.status, reading.candidates) == ("888", None, "uncertain", ())
    assert reading.reason.startswith("every segment is lit")
    assert read("lcd", at(8.0), at(8.0)).value == 88
    assert read("lcd", at(8.0), at(8.0), at(3.0), at(8.0)).value == 8838
    assert read("drum", at(8.0), at(8.0), at(8.0)).value == 888


def test_each_digit_of_a_display_is_believed_for_itself_however_many_there_are():
    scores = [at(float(k), 0.92) for k in range(1, 9)]
    assert read("lcd", *scores).value == 12345678
    assert read("lcd", *scores).confidence < 0.9


def test_what_jumps_is_never_between_two_digits():
    assert read("drum", at(3.0), at(9.0), jumps=True).text == "39"
    assert read("drum", at(4.0), at(0.0), jumps=True).text == "40"


def test_a_box_of_whole_pixels_is_cut_as_it_is():
    np.testing.assert_array_equal(cut_cell(FRAME, corners_of((7, 9, 20, 31))), FRAME[9:40, 7:27])
