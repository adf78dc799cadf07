"""A cell is blank only if nothing may stand on or beside its walls."""

from itertools import product

import cv2
import numpy as np
import pytest

from edge.forms.blanks import Shared, ink_of_walls, marked_walls, shared_walls
from edge.forms.boxes import written_in
from edge.forms.cells import cut_cells
from edge.forms.lines import printed_lines
from edge.geometry import corners_of
from tests.edge.forms.test_boxes import INK, row_of_cells

PENCIL = 90


def marks(picture, boxes, blank):
    """Which cells seem blank, and which of them a mark may hide on; with the walls of the blank form or without."""
    quads = [corners_of(box) for box in boxes]
    cells = cut_cells(picture, quads)
    written = written_in(cells, printed_lines(cells))
    (shared,) = shared_walls([cells], [written], [quads])
    is_blank = [each.region is None for each in written]
    return is_blank, marked_walls(ink_of_walls(cells), blank, is_blank, shared)


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
    is_blank, marked = marks(*with_stroke(["", "5", "4", "2"], 0, offset, pen), blank)
    assert not is_blank[0] or marked[0]
    assert marked[1:] == [False] * 3


@pytest.mark.parametrize("with_reference", [True, False])
@pytest.mark.parametrize("line", [0, 1, 2, 4])
@pytest.mark.parametrize("shade", [None, 200])
@pytest.mark.parametrize("texts", [["", "", "", ""], ["", "", "4", "2"], ["5", "4", "", ""], ["", "8", "", "0"]])
def test_blank_cells_beside_others_are_not_marked(texts, line, shade, with_reference):
    blank = walls_of(*row_of_cells([""] * 4, line, shade)) if with_reference else None
    assert marks(*row_of_cells(texts, line, shade), blank) == ([not text for text in texts], [False] * 4)


def test_a_fainter_scan_of_the_form_marks_nothing():
    picture, boxes = row_of_cells([""] * 4)
    faint = np.clip(235 - (235 - picture.astype(float)) * 0.5, 0, 255).round().astype(np.uint8)
    assert marks(faint, boxes, walls_of(picture, boxes)) == ([True] * 4, [False] * 4)


@pytest.mark.parametrize("is_written", [True, False])
def test_what_stands_beside_a_wall_is_the_next_cells_if_that_is_written_in(is_written):
    found = walls_of(*with_stroke(["", "", "", ""], 2, 9, INK))
    shared = Shared(np.zeros((4, 2, found.shape[-1]), np.bool_), np.full((4, 2), is_written))
    marked = marked_walls(found, walls_of(*row_of_cells([""] * 4)), [True] * 4, shared)
    assert marked == [False, not is_written, False, False]


def test_cells_of_two_fields_of_a_table_share_their_wall_and_frames_apart_share_none():
    picture, boxes = row_of_cells(["", "8", "", ""])
    quads = [corners_of(box) for box in boxes]
    cells = cut_cells(picture, quads)
    written = written_in(cells, printed_lines(cells))
    first, second = shared_walls([cells[:2], cells[2:]], [written[:2], written[2:]], [quads[:2], quads[2:]])
    assert first.is_written.tolist() == [[False, True], [False, False]]
    assert second.is_written.tolist() == [[True, False], [False, False]]
    apart = [np.add(quad, (20 * k, 0)) for k, quad in enumerate(quads)]
    assert not shared_walls([cells], [written], [apart])[0].is_written.any()


def test_a_neighbours_digit_on_the_wall_is_no_mark():
    picture, boxes = row_of_cells(["", "", "", ""])
    x, y, _, h = boxes[1]
    cv2.ellipse(picture, (x + 20, y + h // 2), (21, 22), 0, 0, 360, (INK,), 5)
    blank = walls_of(*row_of_cells([""] * 4))
    assert marks(picture, boxes, blank) == ([True, False, True, True], [False] * 4)


def test_a_1_on_the_wall_that_a_neighbour_touches_is_a_mark():
    picture, boxes = row_of_cells(["", "", "", ""])
    x, y, _, h = boxes[1]
    cv2.line(picture, (x + 1, y + h // 2), (x + 40, y + h // 2), (INK,), 4)
    cv2.line(picture, (x + 40, y + 10), (x + 40, y + h - 10), (INK,), 4)
    cv2.line(picture, (x - 3, y + 9), (x - 3, y + h - 9), (INK,), 4)
    is_blank, marked = marks(picture, boxes, walls_of(*row_of_cells([""] * 4)))
    assert not is_blank[0] or marked[0]
