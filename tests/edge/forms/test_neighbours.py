"""Digits that run on into the next cell are cut from it; strokes that run out of a cell are not."""

import cv2
import numpy as np

from edge.forms.cells import CELL_HEIGHT, MARGIN
from edge.forms.neighbours import cut_from_neighbours

SIDE = CELL_HEIGHT + 2 * MARGIN
WALL = MARGIN + CELL_HEIGHT


def ring(mask, middle):
    cv2.ellipse(mask, middle, (16, 22), 0, 0, 360, (255,), 5)
    return mask


def test_two_zeros_that_touch_at_the_wall_are_cut_there():
    alone = ring(np.zeros((SIDE, SIDE), np.uint8), (WALL - 18, SIDE // 2))
    both = ring(alone.copy(), (WALL + 18, SIDE // 2))
    cut, is_struck = cut_from_neighbours(both)
    assert not is_struck
    assert not cut[:, WALL + 5 :].any()
    assert np.count_nonzero(cut != alone) < 0.15 * np.count_nonzero(alone)


def test_it_is_cut_alike_at_every_wall():
    mask = ring(ring(np.zeros((SIDE, SIDE), np.uint8), (WALL - 18, SIDE // 2)), (WALL + 18, SIDE // 2))
    cut, _ = cut_from_neighbours(mask)
    for turn in (lambda m: m[:, ::-1], lambda m: m.T, lambda m: m.T[::-1]):
        assert (cut_from_neighbours(np.ascontiguousarray(turn(mask)))[0] == turn(cut)).all()


def test_ink_that_stays_in_its_cell_is_left_as_it_is():
    mask = ring(np.zeros((SIDE, SIDE), np.uint8), (SIDE // 2, SIDE // 2))
    assert cut_from_neighbours(mask)[0] is mask


def test_a_stroke_that_runs_far_out_is_no_neighbour():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.line(mask, (SIDE // 2, MARGIN + 10), (SIDE // 2, SIDE), (255,), 5)
    assert (cut_from_neighbours(mask)[0] == mask).all()


def test_a_number_that_is_struck_out_is_told():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for x in (0, SIDE // 2, SIDE):
        ring(mask, (x, SIDE // 2))
    cv2.line(mask, (0, SIDE // 2), (SIDE, SIDE // 2 + 4), (255,), 4)
    assert cut_from_neighbours(mask)[1]
