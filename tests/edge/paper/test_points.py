import numpy as np
import pytest

from edge.paper.pieces import Piece, connected_pieces, typical_height
from edge.paper.points import may_be_point_or_comma, point_or_comma

FOOT, HEIGHT = 100, 50


def piece(top, columns, rows):
    return Piece((40, top, columns, rows), np.zeros((4, 1, 2), np.int32))


@pytest.mark.parametrize(
    ("top", "columns", "rows", "sign", "may_be"),
    [
        (90, 10, 10, ".", True),
        (86, 14, 14, ".", True),
        (91, 10, 19, ",", True),  # Lato's
        (88, 13, 26, ",", True),  # Fira's, more than half as high as the digits
        (88, 19, 27, ",", True),  # Source Serif's, black and italic
        (81, 13, 19, None, True),  # one that stands on the foot, or a part of a digit
        (70, 10, 10, None, False),  # too high up
        (60, 8, 44, None, False),  # a stroke of an open 4
        (99, 2, 2, None, False),  # a speck
    ],
)
def test_points_and_commas_are_told_by_size_and_place(top, columns, rows, sign, may_be):
    small = piece(top, columns, rows)
    assert point_or_comma(small, FOOT, HEIGHT) == sign
    assert may_be_point_or_comma(small, FOOT, HEIGHT) == may_be


@pytest.mark.parametrize(
    ("heights", "typical"),
    [([55, 55, 14, 13, 10], 55), ([50, 48, 52, 400], 51), ([50, 52], 51), ([5, 4], 0), ([], 0)],
)
def test_points_and_signs_are_not_what_is_typically_high(heights, typical):
    mask = np.zeros((420, 30 * len(heights) + 10), np.uint8)
    for k, rows in enumerate(heights):
        mask[10 : 10 + rows, 30 * k + 5 : 30 * k + 20] = 255
    assert typical_height(connected_pieces(mask)) == typical
