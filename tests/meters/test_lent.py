"""What the measure of lent digits counts, on sights whose digits are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.edge.meters.test_own_digits import digits, sight
from tests.meters import lent
from tests.meters.lent import ASKED_EVERY, Told, held, line_of, others_of


def test_of_a_drum_the_network_s_next_likely_digit_and_another_are_asked_about():
    seen = sight(6, np.random.default_rng(1))
    seen.scores.positions[[60, 80]] = 0.9, 0.1
    assert others_of(seen, 6) == (8, 8)
    assert others_of(seen, 8) == (6, 0)


@pytest.mark.parametrize("truth", [6, 8])
def test_right_and_wrong_answers_are_counted(monkeypatch, truth):
    """A drum that shows a 6; where it is a 6, that is right, called an 8, what is told is wrong."""
    rng = np.random.default_rng(3)
    shown = [digits([sight(6, rng), sight(5, rng), sight(k % 10, rng)]) for k in range(2 * ASKED_EVERY + 1)]
    monkeypatch.setattr(lent, "seen", lambda *_: ((each, (float(truth), 5.0, 0.0)) for each in shown))
    found = held("any", 1)
    assert found.drums == 1
    assert found.right + found.wrong + found.none == 6
    assert found.none >= 2  # at the start nothing was lent yet
    assert (found.wrong > 0) == (truth == 8)
    assert (found.right > 0) == (truth == 6)


def test_a_line_has_a_meter_s_counts():
    assert line_of("gas-8", "4", Told(411, 0, 65, 25)).split() == ["gas-8", "4", "25", "411", "0", "65"]
