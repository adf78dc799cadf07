"""The simulated drum over a dial keeps to its physics, and the decode is not surely wrong about it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.meters.drums import DRUM_OVER_DIAL, LOWEST_DRUM
from tests.meters import over_dial
from tests.meters.over_dial import REPORT_SEED, stands, try_meter


@pytest.mark.parametrize(
    ("value", "phase", "where"),
    [
        (12.34, 0.0, [1, 2, 3.4, 4]),
        (12.96, 0.0, [1, 2.6, 9.6, 6]),
        (12.96, -0.5, [1, 3, 9.6, 6]),
        (13.02, 0.5, [1, 2.7, 0.2, 2]),
        (19.95, 0.0, [1.5, 9.5, 9.5, 5]),
        (12.34, None, [1, 2.34, 3.4, 4]),
    ],
)
def test_wheels_stand_where_the_physics_puts_them(monkeypatch, value, phase, where):
    monkeypatch.setattr(over_dial, "SLACK", 0.0)
    monkeypatch.setattr(over_dial, "NOISE", 0.0)
    found = stands(value, phase, np.random.default_rng(0))
    assert found == pytest.approx(np.array(where), abs=1e-6)


@pytest.mark.parametrize("phase", [-0.5, 0.5, None])
def test_a_drum_over_a_dial_is_not_surely_wrong(phase):
    found = try_meter(phase, DRUM_OVER_DIAL, 40, REPORT_SEED)
    assert found.wrong_and_sure == 0
    assert found.doubtful < 0.7


def test_taking_it_for_evenly_geared_is_surely_wrong():
    assert try_meter(0.0, LOWEST_DRUM, 40, REPORT_SEED).wrong_and_sure > 0.1
