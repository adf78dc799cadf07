"""A cell's ink without its lines: strokes that cross stay whole, and what a line may hide is told."""

import cv2
import numpy as np
import pytest

from edge.forms.cells import CELL_HEIGHT, MARGIN, Cell
from edge.forms.lines import known_lines, own_ink, printed_lines

SIDE = CELL_HEIGHT + 2 * MARGIN
PAPER, INK = 235, 40
TOP, LEFT = MARGIN, MARGIN


def blank(line, thickness=3):
    gray = np.full((SIDE, SIDE), PAPER, np.uint8)
    if thickness:
        cv2.rectangle(gray, (LEFT, TOP), (LEFT + CELL_HEIGHT, TOP + CELL_HEIGHT), (line,), thickness)
    return gray


def ink_of(gray, plain):
    """The ink of a cell whose lines are known from the blank one."""
    return own_ink(Cell(gray, CELL_HEIGHT), printed_lines([Cell(plain, CELL_HEIGHT)])[0], PAPER - INK)


@pytest.mark.parametrize("line", [30, 90, 160])
@pytest.mark.parametrize("thickness", [1, 3, 7])
def test_a_blank_cell_has_no_ink_and_hides_none(line, thickness):
    plain = blank(line, thickness)
    found = ink_of(plain, plain)
    inside = np.s_[MARGIN - 8 : -MARGIN + 8, MARGIN - 8 : -MARGIN + 8]
    assert not found.mask[inside].any()
    assert not found.hidden.any()


@pytest.mark.parametrize("line", [30, 90, 160])
def test_a_stroke_across_a_line_keeps_its_middle(line):
    plain = blank(line)
    gray = plain.copy()
    cv2.line(gray, (54, TOP - 12), (54, TOP + 40), (INK,), 5)
    column = ink_of(gray, plain).mask[TOP - 12 : TOP + 40, 54]
    assert (column > 0).all()


def test_a_dark_stroke_along_a_part_of_a_pale_line_is_ink():
    plain = blank(150)
    gray = plain.copy()
    cv2.line(gray, (LEFT, TOP + 24), (LEFT, TOP + 40), (INK,), 5)
    found = ink_of(gray, plain).mask[TOP + 25 : TOP + 39, LEFT - 3 : LEFT + 4]
    assert found.any(axis=1).all()


def test_a_9_whose_loop_lies_on_a_line_is_told_to_hide_the_top():
    plain = blank(INK, 5)
    gray = plain.copy()
    cv2.polylines(gray, [np.array([[40, TOP + 3], [40, 50], [64, 50]])], False, (INK,), 4)
    cv2.line(gray, (64, TOP + 3), (64, 78), (INK,), 4)
    hidden = ink_of(gray, plain).hidden
    assert hidden[TOP - 3 : TOP + 6, 44:60].any(axis=0).all()
    assert not hidden[TOP + 8 :].any()


def test_a_pale_line_between_two_strokes_that_touch_it_hides_nothing():
    plain = blank(150, 5)
    gray = plain.copy()
    cv2.polylines(gray, [np.array([[40, TOP + 3], [40, 50], [64, 50]])], False, (INK,), 4)
    cv2.line(gray, (64, TOP + 3), (64, 78), (INK,), 4)
    assert not ink_of(gray, plain).hidden.any()


def test_the_teeth_of_a_comb_of_two_cells_are_lines_of_a_blank_form():
    gray = np.full((SIDE, SIDE), PAPER, np.uint8)
    cv2.line(gray, (0, TOP + CELL_HEIGHT), (SIDE, TOP + CELL_HEIGHT), (INK,), 3)
    cv2.line(gray, (LEFT, TOP + 40), (LEFT, TOP + CELL_HEIGHT), (INK,), 3)
    cells = [Cell(gray, CELL_HEIGHT)] * 2
    assert printed_lines(cells, is_blank=True)[0].upright[TOP + 42 : TOP + 60, LEFT].all()
    assert not printed_lines(cells)[0].upright[TOP + 42 : TOP + 52, LEFT].any()


@pytest.mark.parametrize("drift", [0.3, 1.0])
def test_a_wall_that_drifts_over_the_pixels_is_not_taken_for_ink_beside_a_stroke(drift):
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    middle = LEFT + drift * (rows - SIDE / 2) / CELL_HEIGHT
    share = np.clip(2.5 - np.abs(columns - middle), 0, 1)
    plain = np.round(PAPER - (PAPER - 80) * share).astype(np.uint8)
    gray = plain.copy()
    cv2.line(gray, (LEFT + 4, TOP + 32), (LEFT + 30, TOP + 32), (INK,), 5)
    found = ink_of(gray, plain).mask[TOP + 4 : TOP + CELL_HEIGHT - 4, LEFT - 5 : LEFT + 3]
    assert found[:20].max() == 0
    assert found[-20:].max() == 0


@pytest.mark.parametrize(("across", "down"), [(0, 0), (3, -2), (-4, 4)])
def test_known_lines_are_moved_to_where_a_row_of_cells_of_any_widths_has_them(across, down):
    widths = (CELL_HEIGHT, 40, 90)
    known, cells = [], []
    for width in widths:
        plain = np.full((SIDE, width + 2 * MARGIN), PAPER, np.uint8)
        cv2.rectangle(plain, (LEFT, TOP), (LEFT + width, TOP + CELL_HEIGHT), (INK,), 2)
        known += printed_lines([Cell(plain, width)])
        shift = np.array([[1, 0, across], [0, 1, down]], np.float64)
        gray = cv2.warpAffine(plain, shift, plain.shape[::-1], borderValue=PAPER)
        cv2.line(gray, (LEFT + width // 2, TOP + 10), (LEFT + width // 2, TOP + 50), (INK,), 4)
        cells.append(Cell(gray, width))
    for cell, lines in zip(cells, known_lines(cells, known), strict=True):
        left = cv2.subtract(cell.gray.max() - cell.gray, cv2.max(*lines.planes))
        assert not left[TOP + down - 3 : TOP + down + 4, LEFT:-LEFT].any()
        assert left[TOP + 20 : TOP + 40, LEFT + cell.width // 2].all()
