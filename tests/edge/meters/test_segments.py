from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.meters.segments import SegmentScores, confirmed, contradicts, read_display, read_segments
from edge.nouns import CellScores
from tests.edge.faces import render_segments


def says(digit: int) -> CellScores:
    positions = np.full(100, 0.0005)
    positions[10 * digit] = 0.95 + 0.0005
    return CellScores(positions, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("is_light", [False, True])
def test_the_segments_of_a_clear_cell_exclude_most_other_digits_and_never_its_own(is_light):
    cells = [(digit, render_segments(digit, 10 * digit + turn, is_light)) for digit in range(10) for turn in range(4)]
    found = [(digit, read_segments(cell)) for digit, cell in cells]
    assert [digit for digit, scores in found if scores.best != digit or scores.excludes(digit)] == []
    excluded = sum(scores.excludes(other) for digit, scores in found for other in range(10) if other != digit)
    assert excluded >= 0.6 * 9 * len(found)


def test_each_digit_has_a_fit_and_the_best_is_the_shown_one():
    found = read_segments(render_segments(4, 1))
    assert len(found.fits) == 10
    assert all(-1e-6 <= fit <= 1 + 1e-6 for fit in found.fits)
    assert found.best == 4 == int(np.argmax(found.fits))


def test_a_digit_is_excluded_where_another_fits_clearly_better():
    fits = [0.3] * 10
    fits[7], fits[1] = 0.8, 0.75
    found = SegmentScores(tuple(fits))
    assert [digit for digit in range(10) if found.excludes(digit)] == [0, 2, 3, 4, 5, 6, 8, 9]
    assert (found.best, found.digit) == (7, None), "1 is not excluded"
    assert SegmentScores((0.5, *[0.1] * 9)).digit is None, "nothing fits"
    assert SegmentScores((0.7, *[0.1] * 9)).digit == 0


def test_a_one_between_two_lines_is_no_seven():
    cell = np.full((96, 60), 220, np.uint8)
    cv2.line(cell, (36, 26), (36, 44), 40, 6)
    cv2.line(cell, (36, 52), (36, 70), 40, 6)
    assert read_segments(cell).best == 1
    for row in (14, 82):
        cv2.line(cell, (14, row), (40, row), 40, 6)
    assert not read_segments(cell).excludes(1)


def test_a_neighbour_and_a_comma_beside_a_digit_do_not_count():
    cell = cv2.copyMakeBorder(render_segments(5, 3), 0, 0, 6, 6, cv2.BORDER_REPLICATE)
    before = read_segments(cell)
    cell[:, :3] = 255 - cell[:, :3]
    assert before.best == read_segments(cell).best == 5


def test_what_is_no_segment_says_nothing():
    generator = np.random.default_rng(1)
    flat = [np.full((48, 30), level, np.uint8) for level in (0, 128, 255)]
    noise = [generator.integers(0, 256, (48, 30)).astype(np.uint8) for _ in range(30)]
    rough = [cv2.resize(each[:8, :5], (30, 48), interpolation=cv2.INTER_CUBIC) for each in noise]
    assert [read_segments(each).digit for each in [*flat, *noise, *rough]] == [None] * 63


def test_only_a_sure_digit_contradicts():
    cell = next(cell for seed in range(20) if read_segments(cell := render_segments(2, seed)).digit == 2)
    found, nothing = read_display([cell, np.full((48, 30), 128, np.uint8)])
    assert contradicts(found, says(8))
    assert not contradicts(found, says(2))
    assert not contradicts(nothing, says(8))
    assert not contradicts(found, CellScores(np.zeros(100), 0.0, 0.0, 1.0))


def test_cells_together_say_what_each_says_alone():
    cells = [render_segments(digit, digit) for digit in range(10)]
    together = read_display(cells)
    assert [each.best for each in together] == list(range(10))
    for cell, found in zip(cells, together, strict=True):
        assert found.fits == pytest.approx(read_segments(cell).fits, abs=1e-5)
    assert read_display([]) == []


def test_a_digit_that_is_lit_as_the_others_are_is_hardly_in_doubt_and_a_shadow_stays_so():
    cells = [render_segments(digit, seed) for seed, digit in enumerate((1, 2, 8))]
    sure, doubted = [says(1), says(2)], CellScores(says(8).positions * 0.9, 0.06, 0.0, 0.04)
    *same, found = confirmed(cells, read_display(cells), [*sure, doubted])
    assert [each.positions.tolist() for each in same] == [each.positions.tolist() for each in sure]
    assert (found.blank, found.unreadable) == pytest.approx((0.003, 0.002))
    assert found.positions.sum() == pytest.approx(0.995 * doubted.positions.sum() / 0.9, abs=1e-3)
    shadow = np.clip(cells[2] * 0.1 + 190, 0, 255).astype(np.uint8)
    assert confirmed([*cells[:2], shadow], read_display([*cells[:2], shadow]), [*sure, doubted])[2] is doubted
    assert confirmed(cells, read_display([*cells[:2], cells[0]]), [*sure, doubted])[2] is doubted, "another digit"
    assert confirmed(cells[2:], read_display(cells[2:]), [doubted]) == [doubted], "nothing to hold it against"
