"""From a piece of ink to the strip in which touching digits are read."""

import cv2
import numpy as np
import pytest

from edge.inference.preprocessing import preprocessing_of
from edge.paper.strip import MARGIN, STRIP_COLUMNS, STRIP_ROWS, normalize_strip, strip_constants, strip_hash


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
    before = strip_hash()
    way = preprocessing_of(before)
    assert way is not None
    assert (way.makes, way.normalize, way.constants) == ("strips", normalize_strip, strip_constants())
    monkeypatch.setattr("edge.paper.strip.MARGIN", MARGIN + 1)
    assert strip_hash() != before
