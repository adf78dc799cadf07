import cv2
import numpy as np
import pytest

from edge.paper.strokes import bow_of, lean_of


def leaning(columns, rows, lean, thickness=4):
    coverage = np.zeros((rows, columns), np.uint8)
    reach = round(lean * (rows - 5))
    left = 2 if reach >= 0 else columns - 3
    cv2.line(coverage, (left + reach, 2), (left, rows - 3), 255, thickness)
    return coverage


def bowed(rows, bow, thickness=4):
    """A stroke of `rows` rows that bows to the right by `bow` of its height."""
    t = np.linspace(0, 1, 60)
    points = np.column_stack([10 + 4 * bow * rows * t * (1 - t), 2 + t * (rows - 5)])
    coverage = np.zeros((rows, 60), np.uint8)
    cv2.polylines(coverage, [np.round(points).astype(np.int32)], False, 255, thickness)
    return coverage


@pytest.mark.parametrize("lean", [-0.4, -0.1, 0.0, 0.1, 0.2, 0.4])
def test_a_straight_stroke_leans_as_it_is_drawn_and_does_not_bow(lean):
    coverage = leaning(40, 60, lean)
    assert lean_of(coverage) == pytest.approx(lean, abs=0.02)
    assert abs(bow_of(coverage)) < 0.02


def curved(kind):
    coverage = np.zeros((60, 50), np.uint8)
    if kind == "ring":
        cv2.ellipse(coverage, (25, 30), (16, 24), 0, 0, 360, 255, 5)
    elif kind == "seven":
        cv2.polylines(coverage, [np.array([[6, 6], [42, 6], [20, 55]])], False, 255, 5)
    elif kind == "level":
        coverage[30] = 255
    return coverage


@pytest.mark.parametrize("kind", ["ring", "seven", "level", "nothing"])
def test_what_is_no_single_stroke_has_no_lean(kind):
    assert lean_of(curved(kind)) is None


@pytest.mark.parametrize("bow", [0.05, 0.1, 0.15, 0.25])
@pytest.mark.parametrize("flip", [False, True])
def test_a_stroke_bows_as_it_is_drawn(bow, flip):
    coverage = bowed(60, bow)
    expected = pytest.approx(-bow if flip else bow, rel=0.2, abs=0.02)
    assert bow_of(coverage[:, ::-1] if flip else coverage) == expected


def test_nothing_and_what_is_too_low_do_not_bow():
    assert bow_of(np.zeros((30, 20), np.uint8)) == 0.0
    assert bow_of(curved("level")) == 0.0


@pytest.mark.parametrize("lean", [0.0, 0.2])
def test_a_flag_at_the_head_of_a_1_is_no_bow(lean):
    coverage = leaning(40, 60, lean)
    top = int(coverage[3].argmax())
    cv2.line(coverage, (top, 3), (max(top - 12, 1), 16), 255, 4)
    assert abs(bow_of(coverage)) < 0.03
