"""A cell is blank only if nothing may stand on or beside its walls."""

from itertools import product

import cv2
import numpy as np
import pytest

from edge.forms.blanks import ink_of_walls, marked_walls
from edge.forms.cells import cut_cells
from edge.geometry import corners_of
from tests.edge.forms.test_boxes import INK, row_of_cells

PENCIL = 90


def walls_of(picture, boxes):
    return ink_of_walls(cut_cells(picture, [corners_of(box) for box in boxes]))


def with_stroke(texts, cell, offset, pen, line=2):
    """A row with a 1 written at a distance from a cell's left wall."""
    picture, boxes = row_of_cells(texts, line)
    x, y, _, h = boxes[cell]
    cv2.line(picture, (x + offset, y + 9), (x + offset, y + h - 9), (pen,), 4)
    return picture, boxes


@pytest.mark.parametrize("with_reference", [True, False])
@pytest.mark.parametrize(
    ("pen", "offset"), [*product([INK], [-6, -3, -1, 0, 1, 2]), *product([PENCIL], [-6, -3, 2])]
)  # pencil that runs on the wall itself is no darker than the wall
def test_a_1_that_runs_along_the_first_wall_is_seen(pen, offset, with_reference):
    blank = walls_of(*row_of_cells([""] * 4)) if with_reference else None
    found = walls_of(*with_stroke(["", "5", "4", "2"], 0, offset, pen))
    assert marked_walls(found, blank, [True, False, False, False]) == [True, False, False, False]


@pytest.mark.parametrize("with_reference", [True, False])
@pytest.mark.parametrize("line", [0, 1, 2, 4])
@pytest.mark.parametrize("shade", [None, 200])
@pytest.mark.parametrize("texts", [["", "", "", ""], ["", "", "4", "2"], ["5", "4", "", ""], ["", "8", "", "0"]])
def test_blank_cells_beside_others_are_not_marked(texts, line, shade, with_reference):
    is_blank = [not text for text in texts]
    blank = walls_of(*row_of_cells([""] * 4, line, shade)) if with_reference else None
    assert marked_walls(walls_of(*row_of_cells(texts, line, shade)), blank, is_blank) == [False] * 4


def test_a_fainter_scan_of_the_form_marks_nothing():
    picture, boxes = row_of_cells([""] * 4)
    faint = np.clip(235 - (235 - picture.astype(float)) * 0.5, 0, 255).round().astype(np.uint8)
    assert marked_walls(walls_of(faint, boxes), walls_of(picture, boxes), [True] * 4) == [False] * 4


def test_what_stands_between_a_blank_and_a_digit_is_the_digits():
    found = walls_of(*with_stroke(["", "", "4", "2"], 2, -9, INK))
    assert marked_walls(found, walls_of(*row_of_cells([""] * 4)), [True, True, False, False])[1] is False
