from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.meters.segments import contradicts, read_segments
from edge.nouns import CellScores
from tests.edge.faces import render_segments


def says(digit: int) -> CellScores:
    positions = np.full(100, 0.0005)
    positions[10 * digit] = 0.95
    return CellScores(positions, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("is_light", [False, True])
def test_the_segments_of_a_clear_cell_make_its_digit(is_light):
    cells = [(digit, render_segments(digit, 10 * digit + turn, is_light)) for digit in range(10) for turn in range(4)]
    found = [(digit, read_segments(cell).digit) for digit, cell in cells]
    told = [(digit, read) for digit, read in found if read is not None]
    assert len(told) >= 20
    assert [pair for pair in told if pair[0] != pair[1]] == []


def test_probabilities_add_up_to_one():
    found = read_segments(render_segments(4, 1))
    assert sum(found.digits) == pytest.approx(1)
    assert max(found.digits) == found.digits[4]


def test_what_is_no_segment_says_nothing():
    generator = np.random.default_rng(1)
    flat = [np.full((48, 30), level, np.uint8) for level in (0, 128, 255)]
    noise = [generator.integers(0, 256, (48, 30)).astype(np.uint8) for _ in range(30)]
    rough = [cv2.resize(each[:8, :5], (30, 48), interpolation=cv2.INTER_CUBIC) for each in noise]
    assert [read_segments(each).digit for each in [*flat, *noise, *rough]] == [None] * 63


def test_only_a_sure_digit_contradicts():
    cell = next(cell for seed in range(20) if read_segments(cell := render_segments(2, seed)).digit == 2)
    assert contradicts(cell, says(8))
    assert not contradicts(cell, says(2))
    assert not contradicts(np.full((48, 30), 128, np.uint8), says(8))
    assert not contradicts(cell, CellScores(np.zeros(100), 0.0, 0.0, 1.0))
