"""The simulator keeps to its physics, and the decode to the target that the issue sets."""

from __future__ import annotations

import numpy as np
import pytest

from tests.meters.decode import REPORT_SEED, risk_coverage, table, try_counter
from tests.meters.physics import Counter, apart, floored, readings, rounded, scores_of, standing

EXACT = {"slack": 0.0, "noise": 0.0}


@pytest.mark.parametrize(
    ("value", "counter", "stands"),
    [
        (123.4, Counter(3, **EXACT), [1, 2, 3.4]),
        (199.5, Counter(3, **EXACT), [1.5, 9.5, 9.5]),
        (38.5, Counter(2, engages_at=8, span=2, **EXACT), [3.25, 8.5]),
        (40.2, Counter(2, engages_at=9.5, **EXACT), [3.7, 0.2]),
        (39.6, Counter(2, engages_at=9.5, span=0, **EXACT), [4, 9.6]),
        (25.0, Counter(2, engages_at=0, span=10, **EXACT), [2.5, 5]),
    ],
)
def test_drums_stand_where_the_physics_puts_them(value, counter, stands):
    found = standing(np.array([value]), counter, np.random.default_rng(0))
    assert found[0] == pytest.approx(stands)


def test_slack_is_as_large_as_said_and_drives_the_drum_above():
    counter = Counter(3, slack=0.2, noise=0)
    found = standing(np.full(2000, 190.0), counter, np.random.default_rng(1))
    off = (found[:, 1] - 9 + 5) % 10 - 5
    assert 0.35 < np.abs(off).max() <= 0.4
    past = off > 0.01
    assert found[past, 0].mean() > found[~past, 0].mean() + 0.05


def test_scores_are_distributions_about_what_is_read():
    counter = Counter()
    read = readings(np.full((50, 2), 9.98), counter, np.random.default_rng(2))
    scores = scores_of(read, counter)
    assert scores.sum(axis=2) == pytest.approx(np.ones((50, 2)))
    assert np.abs((scores.argmax(axis=2) / 10 - read + 5) % 10 - 5).max() <= 0.051


def test_the_rivals_read_a_turning_counter_as_they_do():
    read = np.array([[3.6, 9.6]])
    assert rounded(read).tolist() == [40]
    assert floored(read).tolist() == [49]
    assert apart(np.array([39.6, 99.7]), np.array([49, 0]), 2).tolist() == [10, 1]


def test_the_target_is_met_and_what_is_wrong_is_uncertain():
    trial = try_counter(Counter(), 600, REPORT_SEED)
    assert (trial.off > 1).mean() <= 0.005
    assert (trial.near[trial.off > 1] < 0.95).all()
    assert (trial.near > 0.95).mean() > 0.9
    assert 0.003 <= (trial.off_rounded > 1).mean() <= 0.03
    assert (trial.off_floored > 1).mean() > 0.02


def test_more_slack_than_a_meter_has_is_doubted():
    trial = try_counter(Counter(slack=0.4), 300, REPORT_SEED)
    assert (trial.off > 1).mean() > 0.02
    assert np.median(trial.near[trial.off > 1]) < 0.9 < np.median(trial.near)


def test_risk_falls_with_coverage():
    risks = risk_coverage(np.array([0, 0, 5, 9.0]), np.array([0.9, 0.99, 0.5, 0.8]), (1.0, 0.75, 0.5))
    assert risks == pytest.approx([0.5, 1 / 3, 0.0])


def test_the_table_has_a_row_for_each_counter():
    lines = table(3, 0)
    assert any(line.startswith("target: noise 0.1, slack 0.15") for line in lines)
    assert any(line.startswith("near") for line in lines)
