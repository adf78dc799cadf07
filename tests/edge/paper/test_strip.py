"""From a piece of ink to the strip in which touching digits are read."""

import cv2
import numpy as np
import pytest

from edge.inference.preprocessing import preprocessing_of
from edge.inference.preprocessing import strips as strip_way
from edge.nouns import Region
from edge.paper.strip import (
    MARGIN,
    ROW_HEIGHT,
    STRIP_COLUMNS,
    STRIP_ROWS,
    WIDEST_GAP,
    close_gaps,
    normalize_strip,
    side_by_side,
    strip_constants,
)


def ink(rows, columns):
    """A slanted stroke in a box of that size, with some paper around it."""
    picture = np.zeros((rows + 8, columns + 12), np.uint8)
    cv2.line(picture, (6, rows + 3), (columns + 5, 4), 255, max(2, rows // 8))
    return picture


def extent(strip):
    """Rows and columns that its ink spans: first, last, first, last."""
    rows, columns = np.flatnonzero(strip.any(axis=1)), np.flatnonzero(strip.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize(("rows", "columns"), [(12, 9), (26, 40), (60, 100), (200, 450)])
def test_ink_is_as_high_as_the_strip_and_stands_at_its_left(rows, columns):
    top, bottom, left, right = extent(normalize_strip(ink(rows, columns)))
    assert top == pytest.approx(MARGIN, abs=1)
    assert bottom == pytest.approx(STRIP_ROWS - MARGIN - 1, abs=1)
    assert left == pytest.approx(MARGIN, abs=1)
    assert (right - left) / (bottom - top) == pytest.approx(columns / rows, rel=0.25)


def test_what_is_too_wide_is_squeezed():
    strip = normalize_strip(ink(20, 400))
    assert strip.shape == (STRIP_ROWS, STRIP_COLUMNS)
    assert extent(strip)[3] == pytest.approx(STRIP_COLUMNS - MARGIN - 1, abs=1)


def test_paper_gives_an_empty_strip():
    assert not normalize_strip(np.zeros((10, 30), np.uint8)).any()


def test_faint_ink_is_stretched_and_a_thin_pen_thickened():
    picture = np.zeros((100, 60), np.uint8)
    cv2.line(picture, (10, 5), (50, 95), 160, 2)
    strip = normalize_strip(picture)
    assert strip.max() == 255
    assert cv2.countNonZero(cv2.compare(strip, 128, cv2.CMP_GE)) > 1.5 * (STRIP_ROWS - 2 * MARGIN)


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 4), np.float32), np.zeros((3, 4, 3), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_what_is_no_coverage_is_refused(wrong):
    with pytest.raises(TypeError, match="coverage"):
        normalize_strip(wrong)


def test_the_hash_is_that_of_all_constants_and_names_the_way(monkeypatch):
    before = strip_way().sha256
    way = preprocessing_of(before)
    assert way is not None
    assert (way.makes, way.normalize, way.constants) == ("strips", normalize_strip, strip_constants())
    monkeypatch.setattr("edge.paper.strip.MARGIN", MARGIN + 1)
    assert strip_way().sha256 != before


def region(x, y, columns, rows, scale=1):
    """A full box; its coverage `scale` times as fine."""
    return Region((x, y, columns, rows), np.full((rows * scale, columns * scale), 255, np.uint8))


def gaps_of(row):
    """Lengths of the blank columns between its first and last ink."""
    inked = np.flatnonzero(row.any(axis=0))
    return [int(gap) for gap in np.diff(inked) - 1 if gap]


def test_digits_that_stand_apart_are_moved_together_and_keep_their_height():
    row = side_by_side([region(10, 20, 12, 30), region(60, 24, 12, 30), region(73, 20, 12, 30)])
    assert gaps_of(row) == [round(WIDEST_GAP * 30), 1]
    first, second = (np.flatnonzero(row[:, column]) for column in (3, 12 + 3 + 5))
    assert (first[0], second[0]) == (0, 4)
    assert len(first) == len(second) == 30


def test_regions_of_any_resolution_are_put_at_one_scale():
    row = side_by_side([region(0, 0, 60, 200), region(80, 0, 60, 200, scale=2)])
    assert row.shape[0] == pytest.approx(ROW_HEIGHT, abs=1)
    widths = [len(part) for part in np.split(np.flatnonzero(row.any(axis=0)), [19])]
    assert widths == pytest.approx([60 * ROW_HEIGHT / 200] * 2, abs=1.5)


def test_the_paper_around_a_digit_s_coverage_takes_no_room():
    padded = np.zeros((32, 5), np.uint8)
    padded[1:-1, 1:-1] = 255
    row = side_by_side([Region((10, 20, 3, 30), padded), region(20, 20, 3, 30)])
    assert np.count_nonzero(row[15] == 255) == 6
    assert np.count_nonzero(row[:, 1]) == 30


def test_overlapping_boxes_stay_where_they_are():
    row = side_by_side([region(0, 0, 12, 30), region(8, 0, 12, 30)])
    assert gaps_of(row) == []
    assert np.count_nonzero(row.any(axis=0)) == 20


def test_gaps_are_closed_everywhere_but_ink_is_all_kept():
    picture = np.zeros((20, 100), np.uint8)
    picture[:, [5, 6, 40, 41, 43, 90]] = 200
    closed = close_gaps(picture, 20.0)
    assert gaps_of(closed) == [2, 1, 2]
    assert closed.sum() == picture.sum()
