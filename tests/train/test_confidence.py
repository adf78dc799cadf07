import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.confidence import (
    CUTOFF_RANGE,
    Verdicts,
    calibrate,
    choose_cutoff,
    expected_calibration_error,
    fit_temperature,
    judge,
    junk_cutoff,
    junk_excess,
    risk_coverage,
)

NAMES = ("0", "1", "")


def verdicts(confidence: list[float], right: list[int]) -> Verdicts:
    everything = np.ones(len(right), bool)
    return Verdicts(np.zeros(len(right), np.int64), np.array(confidence), np.array(right) == 1, everything, everything)


def test_the_cutoff_is_the_least_confidence_with_little_enough_risk():
    assert choose_cutoff(verdicts([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1]), max_risk=0.0) == 0.8
    assert choose_cutoff(verdicts([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1]), max_risk=0.3) == 0.6
    assert choose_cutoff(verdicts([0.6, 0.9, 0.7, 0.8], [1, 1, 0, 1]), max_risk=0.0) == 0.8


def test_equal_confidences_are_accepted_together():
    assert choose_cutoff(verdicts([0.9, 0.8, 0.8, 0.6], [1, 1, 0, 0]), max_risk=0.0) == 0.9


def test_the_cutoff_stays_in_its_range():
    assert choose_cutoff(verdicts([0.9, 0.3], [1, 1]), max_risk=0.001) == CUTOFF_RANGE[0]
    assert choose_cutoff(verdicts([0.99999, 0.9], [0, 1]), max_risk=0.001) == CUTOFF_RANGE[1]
    assert choose_cutoff(verdicts([], []), max_risk=0.001) == CUTOFF_RANGE[1]


@given(st.lists(st.tuples(st.floats(0.5, 0.994), st.booleans()), min_size=1, max_size=60))
def test_above_the_cutoff_the_risk_is_within_the_limit(pairs: list[tuple[float, bool]]):
    found = verdicts([confidence for confidence, _ in pairs], [int(right) for _, right in pairs])
    cutoff = choose_cutoff(found, max_risk=0.1)
    wrong = [not right for confidence, right in pairs if confidence >= cutoff + 1e-6]
    if wrong:
        assert sum(wrong) <= 0.1 * len(wrong) + 1


def test_a_network_that_is_too_sure_gets_a_temperature_above_1():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 4000)
    honest = rng.normal(0, 1, (4000, 3))
    honest[np.arange(4000), labels] += 2.0
    fitted = fit_temperature(honest.astype(np.float32), labels)
    assert fit_temperature((5 * honest).astype(np.float32), labels) == pytest.approx(5 * fitted, rel=0.01)


def test_calibration_lowers_the_error():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 3000)
    logits = rng.normal(0, 1, (3000, 3))
    logits[np.arange(3000), labels] += 1.5
    sure = (6 * logits).astype(np.float32)
    before = judge(sure, labels, NAMES, 1.0)
    confidence = calibrate(sure, labels, NAMES, "validation")
    assert confidence.expected_calibration_error < 0.05
    assert confidence.expected_calibration_error < expected_calibration_error(before.confidence, before.is_right) / 3
    assert confidence.as_card()["method"] == "temperature"


def test_calibration_error_of_literals():
    assert expected_calibration_error(np.array([0.5, 1.0]), np.array([True, True]), bins=2) == pytest.approx(0.25)
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([True, False]), bins=1) == pytest.approx(0.0)


def test_junk_read_as_a_digit_is_counted_apart_from_risk_and_coverage():
    logits = np.array([[9, 0, 0], [0, 9, 0], [0, 9, 0], [0, 0, 9]], np.float32)
    labels = np.array([0, 1, 2, 2])
    found = judge(logits, labels, NAMES, 1.0)
    np.testing.assert_array_equal(found.is_read, [True, True, True, False])
    coverage, risk = risk_coverage(found)
    assert (coverage[-1], risk[-1]) == (1.0, 0.0)
    often = np.repeat([0, 1, 2, 3], [50, 50, 1, 1])
    confidence = calibrate(logits[often], labels[often], NAMES, "validation")
    assert (confidence.risk, confidence.junk_accepted) == (0.0, 0.5)


def test_junk_is_lowered_until_few_characters_go_there():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 1000)
    logits = rng.normal(0, 1, (3000, 3)).astype(np.float32)
    logits[np.arange(3000), labels] += 6
    logits[:, 2] += 3
    lost = (logits.argmax(axis=1) == 2) & (labels != 2)
    assert lost.mean() > 0.01
    logits[:, 2] -= junk_excess(logits, labels, NAMES, max_lost=0.01)
    still_lost = (logits.argmax(axis=1) == 2) & (labels != 2)
    assert still_lost.sum() <= 0.01 * 2000
    assert ((logits.argmax(axis=1) == 2) & (labels == 2)).sum() > 900
    assert junk_excess(logits[:, :2], labels, ("0", "1"), max_lost=0.01) == 0.0


def test_the_cutoff_keeps_out_all_but_a_share_of_what_is_no_character():
    confidence = np.array([0.99, 0.6, 0.7, 0.8, 0.9])
    written = np.array([True, False, False, False, False])
    seen = Verdicts(np.zeros(5, np.int64), confidence, written, np.array([True] * 4 + [False]), written)
    assert junk_cutoff(seen, 0.0) == pytest.approx(0.8, abs=1e-4)
    assert junk_cutoff(seen, 0.25) == pytest.approx(0.7, abs=1e-4)
    assert junk_cutoff(seen, 0.0) > 0.8
    assert junk_cutoff(seen, 1.0) == 0.5
