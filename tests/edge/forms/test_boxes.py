"""Cells of a form: cut upright, freed of their lines, and what is written in them."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.forms.boxes import written_in
from edge.forms.cells import CELL_HEIGHT, MARGIN, cut_cells
from edge.forms.lines import printed_lines
from edge.geometry import corners_of, cut_upright, sides_of

CELL = 60
PAPER, INK, LINE = 235, 40, 90


def row_of_cells(texts, line=2, shade=None, size=CELL, left=40, top=30):
    """A picture of a row of cells with these texts in them, and the cells' boxes."""
    width, height = 2 * left + size * len(texts), 2 * top + size
    picture = np.full((height, width), PAPER, np.uint8)
    boxes = [(left + size * k, top, size, size) for k in range(len(texts))]
    for k, (x, y, w, h) in enumerate(boxes):
        if shade and k % 2:
            picture[y : y + h, x : x + w] = shade
        if line:
            cv2.rectangle(picture, (x, y), (x + w, y + h), (LINE,), line)
    for (x, y, w, h), text in zip(boxes, texts, strict=True):
        if text:
            scale = size / CELL
            cv2.putText(picture, text, (x + w // 5, y + h - h // 5), 0, 1.5 * scale, (INK,), round(4 * scale), 16)
    return picture, boxes


def read(picture, boxes):
    cells = cut_cells(picture, [corners_of(box) for box in boxes])
    return written_in(cells, printed_lines(cells))


@pytest.mark.parametrize("line", [0, 1, 2, 4])
@pytest.mark.parametrize("shade", [None, 200])
def test_blank_cells_are_blank_and_written_ones_are_not(line, shade):
    texts = ["3", "", "8", "", "1", ""]
    cells = read(*row_of_cells(texts, line, shade))
    assert [each.region is not None for each in cells] == [bool(text) for text in texts]
    assert [each.doubt for each in cells] == [None] * len(texts)


@pytest.mark.parametrize("size", [24, 40, 90, 200])
def test_cells_of_every_size_are_read_alike(size):
    cells = read(*row_of_cells(["7", "", "2"], line=max(1, size // 40), size=size))
    assert [each.region is not None for each in cells] == [True, False, True]


def test_the_lines_are_gone_and_the_digit_is_whole():
    plain = read(*row_of_cells(["8", "", ""], line=0))[0].region
    lined = read(*row_of_cells(["8", "", ""], line=3))[0].region
    assert np.abs(np.array(plain.box) - lined.box).max() <= 1
    assert np.abs(plain.coverage.astype(int)[:36, :20] - lined.coverage.astype(int)[:36, :20]).mean() < 12


def test_a_digit_that_crosses_its_line_a_little_keeps_its_stroke():
    picture, boxes = row_of_cells(["", "", ""])
    x, y, w, h = boxes[1]
    cv2.line(picture, (x + w // 2, y + 10), (x + w // 2, y + h + 6), (INK,), 4)
    (_, crossing, _) = read(picture, boxes)
    assert crossing.doubt is None
    assert crossing.region.box[3] > 0.9 * CELL_HEIGHT
    assert crossing.region.coverage[1:-1].max(axis=1).min() > 0


@pytest.mark.parametrize("line", [90, 150])
def test_a_0_that_runs_along_a_line_paler_than_the_pen_keeps_its_side(line):
    picture, boxes = row_of_cells(["", "", ""])
    picture[picture == LINE] = line
    x, y, w, h = boxes[1]
    cv2.ellipse(picture, (x + w - 14, y + h // 2), (14, 16), 0, 0, 360, (INK,), 3)
    (_, ring, _) = read(picture, boxes)
    right = ring.region.coverage[:, -12:].max(axis=1)
    assert (right[8:-8] > 128).all()


def test_a_mark_far_over_its_line_is_in_doubt():
    picture, boxes = row_of_cells(["", "", ""])
    x, y, w, h = boxes[1]
    cv2.line(picture, (x + w // 2, y + 10), (x + w // 2, y + h + 20), (INK,), 4)
    assert read(picture, boxes)[1].doubt == "a mark over the line"


def test_what_reaches_in_from_a_neighbour_is_the_neighbours():
    picture, boxes = row_of_cells(["", "", ""])
    x, y, w, h = boxes[1]
    cv2.line(picture, (x + 14, y + h // 2), (x + w + 8, y + h // 2), (INK,), 4)
    cells = read(picture, boxes)
    assert [each.region is not None for each in cells] == [False, True, False]


def test_two_digits_in_a_cell_are_seen_as_two():
    picture, boxes = row_of_cells(["", "", ""])
    x, y, _, h = boxes[0]
    for text, left in (("1", 6), ("7", 32)):
        cv2.putText(picture, text, (x + left, y + h - 12), 0, 1.2, (INK,), 3, 16)
    two, blank, _ = read(picture, boxes)
    assert [part.box[0] < MARGIN + CELL_HEIGHT // 2 for part in two.parts] == [True, False]
    assert blank.parts == ()


@pytest.mark.parametrize(
    ("line", "top", "lean", "expected"),
    [(INK, 1, 22, True), (INK, 1, 4, False), (INK, 14, 22, False), (LINE, 1, 22, False), (170, 1, 22, False)],
)
def test_a_leaning_stroke_that_begins_at_a_line_as_dark_as_the_pen_may_be_a_7(line, top, lean, expected):
    picture, boxes = row_of_cells(["", "", ""])
    picture[picture == LINE] = line
    x, y, w, h = boxes[1]
    cv2.line(picture, (x + w // 2 + lean, y + top), (x + w // 2, y + h - 10), (INK,), 4)
    assert read(picture, boxes)[1].may_lack_bar is expected


def test_specks_are_no_marks_and_dots_are_in_doubt():
    picture, boxes = row_of_cells(["", "4", ""])
    x, y, _, _ = boxes[0]
    cv2.circle(picture, (x + 30, y + 30), 1, (INK,), -1)
    x, y, _, _ = boxes[2]
    cv2.circle(picture, (x + 30, y + 30), 5, (INK,), -1)
    speck, _, dot = read(picture, boxes)
    assert (speck.region, speck.doubt) == (None, None)
    assert (dot.region, dot.doubt) == (None, "a small mark")


def test_what_shows_through_the_paper_is_in_doubt():
    picture, boxes = row_of_cells(["4", "7", "9"])
    ghost, _ = row_of_cells(["", "7", ""], line=0)
    x, y, w, h = boxes[1]
    picture[y + 4 : y + h - 3, x + 4 : x + w - 3] = np.where(
        ghost[y + 4 : y + h - 3, x + 4 : x + w - 3] < 140, 190, PAPER
    )
    assert [each.doubt for each in read(picture, boxes)] == [None, "a faint mark", None]


def test_combs_are_lines_though_their_ticks_are_short():
    picture, boxes = row_of_cells(["", "", "", ""], line=0)
    base = boxes[0][1] + CELL
    cv2.line(picture, (boxes[0][0], base), (boxes[-1][0] + CELL, base), (LINE,), 2)
    for x, _, w, _ in boxes:
        for side in (x, x + w):
            cv2.line(picture, (side, base), (side, base - 20), (LINE,), 2)
    assert all(each == (None, None) for each in [(c.region, c.doubt) for c in read(picture, boxes)])


def test_a_leaning_row_is_cut_upright():
    picture, boxes = row_of_cells(["2", "", "2"])
    turn = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), 8, 1)
    leaning = cv2.warpAffine(picture, turn, picture.shape[::-1], borderValue=PAPER)
    quads = [cv2.transform(corners_of(box)[None], turn)[0] for box in boxes]
    cells = cut_cells(leaning, quads)
    found = written_in(cells, printed_lines(cells))
    straight = read(picture, boxes)
    assert np.abs(np.array(found[0].region.box) - straight[0].region.box).max() <= 2
    assert found[1].region is None


@settings(max_examples=30)
@given(st.integers(8, 300), st.integers(8, 300), st.integers(-40, 400), st.integers(-40, 400))
def test_any_box_gives_a_cell_of_its_height(width, height, x, y):
    (cell,) = cut_cells(np.full((200, 300), 200, np.uint8), [corners_of((x, y, width, height))])
    assert cell.gray.shape == (CELL_HEIGHT + 2 * MARGIN, cell.width + 2 * MARGIN)
    assert written_in([cell], printed_lines([cell]))[0].region is None


def test_upright_cutting_copies_pixels_one_to_one():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    cut, matrix = cut_upright(picture, corners_of((10, 5, 20, 30)), (20, 30))
    np.testing.assert_array_equal(cut, picture[5:35, 10:30])
    np.testing.assert_allclose(matrix @ (0, 0, 1), (10, 5, 1), atol=1e-6)


def test_sides_are_means_and_never_nothing():
    assert sides_of(corners_of((3, 4, 10, 20))) == (10, 20)
    assert sides_of(np.zeros((4, 2))) == (1, 1)
