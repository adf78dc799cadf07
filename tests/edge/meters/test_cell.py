import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.inference.preprocessing import cells as cell_way
from edge.meters import cell
from edge.meters.cell import (
    CELL_LABELS,
    answers,
    cell_constants,
    digit_masses,
    is_clear,
    is_near,
    is_same,
    normalize_cell,
    position_of,
    prediction_of,
    read_indices,
    read_labels,
    read_scores,
    scores_of,
)
from edge.nouns import NOT_A_DIGIT, CellScores

DIGITS = tuple("0123456789")


def bell(place: float, width: float = 0.7) -> np.ndarray:
    apart = np.abs(np.arange(100) - 10 * place)
    heights = np.exp(-0.5 * (np.minimum(apart, 100 - apart) / width) ** 2)
    return heights / heights.sum()


def scores(place: float, blank: float = 0.0, minus: float = 0.0, unreadable: float = 0.0) -> CellScores:
    return CellScores(bell(place) * (1 - blank - minus - unreadable), blank, minus, unreadable)


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_a_cell_is_always_32_by_20(gray):
    found = normalize_cell(gray)
    assert (found.shape, found.dtype) == ((32, 20), np.uint8)


def test_contrast_is_stretched_whatever_the_light():
    ramp = np.repeat(np.linspace(0, 1, 32)[:, None], 20, axis=1)
    bright, dim = ((low + span * ramp).astype(np.uint8) for low, span in ((10, 240), (90, 60)))
    found = normalize_cell(dim)
    assert (found.min(), found.max()) == (0, 255)
    assert np.abs(found.astype(int) - normalize_cell(bright)).max() < 12


@pytest.mark.parametrize("level", [0, 97, 255])
def test_a_flat_cell_is_middle_gray(level):
    assert set(np.unique(normalize_cell(np.full((40, 25), level, np.uint8)))) <= {127, 128}


def test_the_noise_of_a_flat_cell_is_not_blown_up():
    noise = np.random.default_rng(0).normal(100, 1, (32, 20)).astype(np.uint8)
    assert normalize_cell(noise).astype(float).std() < 25


def test_the_place_in_the_cell_is_kept():
    high, low = np.full((64, 40), 200, np.uint8), np.full((64, 40), 200, np.uint8)
    high[8:16, 10:30] = 20
    low[44:52, 10:30] = 20
    dark_rows = [np.flatnonzero((normalize_cell(gray) < 128).any(axis=1)) for gray in (high, low)]
    assert (dark_rows[0].min(), dark_rows[0].max()) == (4, 7)
    assert (dark_rows[1].min(), dark_rows[1].max()) == (22, 25)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 3), np.uint8)]
)
def test_what_is_no_gray_picture_is_refused(wrong):
    with pytest.raises(TypeError, match="gray must"):
        normalize_cell(wrong)


def test_shrinking_uses_the_area_and_enlarging_a_cubic():
    gray = np.random.default_rng(1).integers(0, 256, (96, 60), dtype=np.uint8)
    stretched = cell._stretch(cv2.resize(gray, (20, 32), interpolation=cv2.INTER_AREA))
    np.testing.assert_array_equal(normalize_cell(gray), stretched)
    small = gray[:16, :10].copy()
    stretched = cell._stretch(cv2.resize(small, (20, 32), interpolation=cv2.INTER_CUBIC))
    np.testing.assert_array_equal(normalize_cell(small), stretched)


def test_the_hash_follows_every_constant(monkeypatch):
    before = cell_way().sha256
    assert json.loads(json.dumps(cell_constants())) == cell_constants()
    for name, value in (("LOW_QUANTILE", 0.03), ("HIGH_QUANTILE", 0.9), ("LEAST_RANGE", 21), ("VERSION", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(cell, name, value)
            assert cell_way().sha256 != before, name


def test_labels_are_positions_then_blank_minus_and_unreadable():
    assert CELL_LABELS[:2] + CELL_LABELS[98:] == ("0.0", "0.1", "9.8", "9.9", "", "-", "?")
    assert read_labels(CELL_LABELS) == (*DIGITS, "-", "")
    assert read_labels((*DIGITS, "")) == (*DIGITS, "")


@pytest.mark.parametrize(("place", "digit"), [(0.0, 0), (3.0, 3), (3.4, 3), (3.6, 4), (9.6, 0), (9.4, 9), (0.4, 0)])
def test_the_mass_of_a_position_is_with_its_nearest_digit(place, digit):
    masses = digit_masses(bell(place, 0.2))
    assert masses.shape == (10,)
    assert masses.argmax() == digit
    assert masses.sum() == pytest.approx(1)


def test_of_two_digits_that_are_as_likely_the_one_with_more_about_it_is_said():
    positions = np.zeros(100)
    positions[72] = 0.31
    positions[[29, 30, 31]] = 0.22, 0.3, 0.12
    assert position_of(CellScores(positions, 0.05, 0.0, 0.0)) == 3.0
    assert answers(np.append(positions, [0.05, 0.0, 0.0])[None], CELL_LABELS).tolist() == [30]


def test_a_position_counts_with_its_neighbours_against_what_cannot_be_told():
    probabilities = np.zeros((2, 103))
    probabilities[:, 102] = 0.4, 0.7
    probabilities[:, [19, 20, 21]] = 0.2, 0.2, 0.1
    probabilities[1, 19:22] *= 0.6
    assert answers(probabilities, CELL_LABELS).tolist() == [20, 102]


def test_a_sharp_position_is_told_to_the_tenth_wherever_it_is():
    assert answers(np.eye(103), CELL_LABELS).tolist() == list(range(103))


@pytest.mark.parametrize("place", [0.0, 0.1, 3.7, 5.0, 9.9])
def test_the_position_is_that_of_the_bell_round_the_circle(place):
    assert position_of(scores(place)) == place


def test_the_position_is_the_mean_about_the_mode_and_not_of_all():
    two = CellScores(0.6 * bell(2.0) + 0.4 * bell(7.0), 0.0, 0.0, 0.0)
    assert position_of(two) == 2.0
    leaning = np.zeros(100)
    leaning[[30, 31, 32]] = 0.36, 0.32, 0.32
    assert position_of(CellScores(leaning, 0.0, 0.0, 0.0)) == 3.1


@pytest.mark.parametrize(
    ("found", "label", "confidence"),
    [
        (scores(3.0, blank=0.1), "3", 0.9),
        (scores(9.9), "0", 1.0),
        (scores(3.0, minus=0.7), "-", 0.7),
        (scores(3.0, blank=0.8), NOT_A_DIGIT, 0.8),
        (scores(3.0, unreadable=0.8), NOT_A_DIGIT, 0.8),
        (scores(3.0, blank=0.3, unreadable=0.3), NOT_A_DIGIT, 0.6),
    ],
)
def test_a_cell_read_for_itself_is_a_digit_a_minus_or_none(found, label, confidence):
    prediction = prediction_of(found)
    assert prediction.label == label
    assert prediction.confidence == pytest.approx(confidence, abs=1e-6)
    assert sum(prediction.scores.values()) == pytest.approx(1)
    assert tuple(prediction.scores) == (*DIGITS, "-", "")


def test_scores_of_a_row_are_its_positions_and_the_rest():
    row = np.arange(103, dtype=np.float64)
    row /= row.sum()
    found = scores_of(row)
    np.testing.assert_array_equal(found.positions, row[:100])
    assert (found.blank, found.minus, found.unreadable) == tuple(row[100:])


def test_read_scores_and_read_indices_name_the_same_label():
    eye = np.eye(103)
    np.testing.assert_array_equal(read_scores(eye, CELL_LABELS).argmax(1), read_indices(np.arange(103), CELL_LABELS))
    labels = ("a", "b")
    np.testing.assert_array_equal(read_indices(np.array([1, 0]), labels), [1, 0])


def test_answers_a_tenth_apart_are_near_round_the_circle():
    first = np.array([0, 0, 0, 30, 30, 100, 100, 99])
    second = np.array([1, 99, 2, 31, 28, 100, 101, 100])
    assert is_near(first, second, CELL_LABELS).tolist() == [True, True, False, True, False, True, False, False]
    assert is_near(np.array([3, 4]), np.array([3, 5]), DIGITS).tolist() == [True, False]


def test_answers_are_the_same_that_are_read_alike_or_are_near():
    first, second = np.array([30, 34, 33, 100, 30]), np.array([28, 35, 36, 102, 100])
    assert is_same(first, second, CELL_LABELS).tolist() == [True, True, False, True, False]


def test_an_answer_is_the_mean_about_the_likeliest_position_or_another_label():
    leaning = np.zeros((2, 103))
    leaning[0, [30, 31, 32]] = 0.36, 0.32, 0.32
    leaning[1, [30, 31, 100]] = 0.2, 0.2, 0.6
    assert answers(leaning, CELL_LABELS).tolist() == [31, 100]
    assert answers(np.array([[0.2, 0.8]]), ("a", "b")).tolist() == [1]


def test_a_drum_on_its_way_is_not_clear():
    labels = np.array([0, 1, 2, 5, 8, 9, 95, 99, 100, 102])
    assert is_clear(labels, CELL_LABELS).tolist() == [True, True, False, False, False, True, False, True, True, True]
    assert is_clear(np.array([5, 2]), DIGITS).all()
