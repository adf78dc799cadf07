import cv2
import numpy as np
import pytest

from edge.paper.binarize import binarize
from edge.paper.layout import find_lines
from edge.paper.pieces import union_box
from edge.paper.segment import coverage_of, find_pieces, region_of

PAPER, INK = 220, 40


def page(shape=(200, 300)) -> np.ndarray:
    return np.full(shape, PAPER, np.uint8)


def bars(picture: np.ndarray, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    for x, y, width, height in boxes:
        picture[y : y + height, x : x + width] = INK
    return picture


def pieces_of(picture):
    return find_pieces(binarize(picture))[1]


def lines_of(picture):
    return find_lines(*find_pieces(binarize(picture)))


def boxes_of(picture):
    return [piece.box for piece in pieces_of(picture)]


def test_each_bar_is_a_piece_left_to_right():
    boxes = [(100, 60, 8, 40), (30, 62, 8, 38), (160, 60, 8, 40)]
    assert boxes_of(bars(page(), *boxes)) == sorted(boxes)


def test_a_blank_page_has_no_piece():
    assert boxes_of(page()) == []


def test_a_ring_is_one_piece_without_its_hole():
    picture = page()
    cv2.circle(picture, (100, 100), 20, INK, 4)
    ink, (piece,) = find_pieces(binarize(picture))
    coverage = region_of(ink, [piece]).coverage
    assert coverage[coverage.shape[0] // 2, coverage.shape[1] // 2] < 40
    assert coverage.max() == 255


def test_a_digit_in_a_frame_is_found_and_the_frame_is_not():
    picture = bars(page(), (140, 80, 8, 40))
    cv2.rectangle(picture, (60, 60), (240, 140), INK, 2)
    assert (140, 80, 8, 40) in boxes_of(picture)
    assert max(width for _, _, width, _ in boxes_of(picture)) < 100


def test_a_rule_through_the_foot_is_taken_away():
    picture = bars(page(), (60, 60, 8, 44), (120, 60, 8, 44))
    picture[100:102, :] = INK
    boxes = boxes_of(picture)
    assert [(x, w) for x, _, w, h in boxes if h > 30] == [(60, 8), (120, 8)]


def test_coverage_is_full_on_ink_and_nothing_on_paper():
    gray = bars(page((20, 20)), (8, 2, 4, 16))
    mask = (gray < 100).astype(np.uint8) * 255
    coverage = coverage_of(gray, mask, PAPER)
    assert (coverage[3:17, 8:12] == 255).all()
    assert not coverage[:, :6].any()


def test_a_large_region_is_reduced_to_the_working_side():
    ink, (piece,) = find_pieces(binarize(bars(page((480, 640)), (100, 60, 40, 300))))
    assert max(region_of(ink, [piece]).coverage.shape) == 64


def test_union_box_spans_all():
    assert union_box([(3, 5, 2, 2), (10, 1, 4, 3)]) == (3, 1, 11, 6)


def test_bars_in_a_row_are_one_line_and_rows_are_in_reading_order():
    lower = [(40 + 25 * k, 120, 8, 30) for k in range(4)]
    upper = [(60 + 25 * k, 40, 8, 30) for k in range(3)]
    lines = lines_of(bars(page(), *lower, *upper))
    assert [[piece.box for piece in line.pieces] for line in lines] == [upper, lower]


def test_two_numbers_side_by_side_are_two_lines():
    left, right = ([(start + 18 * k, 80, 8, 30) for k in range(4)] for start in (20, 180))
    lines = lines_of(bars(page(), *left, *right))
    assert [len(line.pieces) for line in lines] == [4, 4]


def test_wide_but_even_spacing_is_one_number():
    boxes = [(20 + 45 * k, 80, 8, 30) for k in range(6)]
    assert len(lines_of(bars(page(), *boxes))) == 1


def test_a_line_may_slant():
    boxes = [(20 + 30 * k, 60 + 8 * k, 8, 30) for k in range(7)]
    (line,) = lines_of(bars(page(), *boxes))
    assert len(line.pieces) == 7


def test_a_small_dot_among_digits_is_kept_apart():
    picture = bars(page(), (40, 60, 8, 40), (80, 60, 8, 40), (60, 94, 6, 6))
    (line,) = lines_of(picture)
    assert len(line.pieces) == 2
    assert [piece.box for piece in line.small] == [(60, 94, 6, 6)]


def test_faint_bits_of_a_frame_are_no_digits():
    picture = bars(page(), *[(40 + 40 * k, 60, 9, 40) for k in range(4)])
    picture[50:110, 62:64] = 140
    (line,) = lines_of(picture)
    assert [piece.box[0] for piece in line.pieces] == [40, 80, 120, 160]


@pytest.mark.parametrize(("level", "is_taken"), [(PAPER - 70, True), (PAPER - 110, False)])
def test_a_faint_bit_of_a_wall_is_no_digit_but_leaves_doubt(level, is_taken):
    picture = bars(page(), (40, 60, 8, 40), (80, 60, 8, 40), (120, 60, 8, 40))
    picture[48:84, 152:155] = level
    (line,) = lines_of(picture)
    assert [piece.box[0] for piece in line.pieces] == ([40, 80, 120] if is_taken else [40, 80, 120, 152])
    assert [piece.box[0] for piece in line.beside] == ([152] if is_taken else [])


def test_the_border_of_a_dark_desk_is_no_stroke():
    picture = page()
    picture[:, 150:] = 60
    assert all(piece.is_edge for piece in pieces_of(picture))
    assert lines_of(picture) == []


def test_a_stroke_at_the_border_beside_a_number_leaves_doubt():
    picture = bars(page(), (0, 50, 8, 50), (40, 60, 9, 40), (80, 60, 9, 40))
    (line,) = lines_of(picture)
    assert [piece.box[0] for piece in line.beside] == [0]


def test_digits_stand_in_line_inside_the_border_of_a_page():
    picture = bars(page((400, 400)), (120, 200, 10, 44), (160, 200, 10, 44), (200, 200, 10, 44))
    cv2.polylines(picture, [np.array([[30, 60], [340, 90], [330, 380]])], False, INK, 6)
    lines = [[piece.box for piece in line.pieces] for line in lines_of(picture)]
    assert [(120, 200, 10, 44), (160, 200, 10, 44), (200, 200, 10, 44)] in lines


def test_a_ring_round_a_number_is_none_of_its_digits_and_no_stranger_beside_it():
    digits = [(100, 80, 8, 40), (130, 80, 8, 40), (160, 80, 8, 40)]
    picture = bars(page(), *digits)
    cv2.ellipse(picture, (134, 100), (70, 45), 0, 0, 360, INK, 3)
    (line,) = lines_of(picture)
    assert [piece.box for piece in line.pieces] == digits
    assert not line.beside


def test_a_ring_round_a_single_stroke_stays_for_it_may_be_a_zero():
    picture = bars(page(), (130, 90, 6, 24))
    cv2.ellipse(picture, (133, 102), (18, 30), 0, 0, 360, INK, 4)
    (line,) = lines_of(picture)
    assert any(piece.height > 50 for piece in line.pieces)


def test_a_bar_that_floats_above_a_digit_is_a_part_of_it():
    picture = bars(page(), (60, 60, 10, 48), (100, 70, 20, 40), (98, 54, 24, 10))
    assert [[piece.box for piece in line.pieces] for line in lines_of(picture)] == [
        [(60, 60, 10, 48), (100, 70, 20, 40)]
    ]


def test_bits_of_ink_beside_the_last_digit_may_be_a_faint_one():
    digits = [(60, 60, 10, 44), (95, 60, 10, 44)]
    (line,) = lines_of(bars(page(), *digits, (120, 62, 4, 8), (121, 76, 4, 8), (120, 94, 4, 8)))
    assert len(line.beside) == 3
    (line,) = lines_of(bars(page(), *digits, (120, 94, 4, 8)))
    assert line.beside == ()


def test_bits_of_ink_between_two_numbers_of_a_row_may_be_a_faint_digit():
    picture = bars(page(), (40, 60, 8, 40), (70, 60, 8, 40), (100, 60, 8, 40), (170, 60, 8, 40), (200, 60, 8, 40))
    assert [line.beside for line in lines_of(picture)] == [(), ()]
    found = lines_of(bars(picture, (128, 53, 12, 4), (124, 70, 5, 8), (134, 93, 10, 4)))
    assert [len(line.pieces) for line in found] == [3, 2]
    assert all(line.beside for line in found)


def test_the_upper_half_of_a_broken_digit_beside_a_number_leaves_doubt():
    upper, lower = (36, 57, 33, 19), (63, 78, 33, 29)
    *_, line = lines_of(bars(page(), upper, lower, (112, 61, 8, 50), (140, 60, 8, 50), (168, 60, 8, 50)))
    assert [piece.box[0] for piece in line.pieces] == [63, 112, 140, 168]
    assert [piece.box for piece in line.beside] == [upper]


def small_of(picture):
    (line,) = lines_of(picture)
    return [piece.box for piece in line.pieces], [piece.box for piece in line.small]


@pytest.mark.parametrize(
    ("upper", "lower"), [((108, 60, 22, 16), (101, 78, 22, 24)), ((108, 60, 22, 20), (101, 82, 22, 20))]
)
def test_of_a_digit_that_broke_in_two_one_half_stands_in_line_and_the_other_is_by_it(upper, lower):
    digits = [(70, 60, 8, 40), (140, 60, 8, 40), (170, 60, 8, 40)]
    high, small = small_of(bars(page(), *digits, upper, lower))
    assert len(high) == 4
    assert {*high, *small} == {*digits, upper, lower}


def test_two_rows_of_low_digits_close_to_each_other_stay_two():
    rows = [[(x, y, 8, 15) for x in range(40, 200, 20)] for y in (60, 78)]
    assert [[piece.box for piece in line.pieces] for line in lines_of(bars(page(), *rows[0], *rows[1]))] == rows


def test_the_low_stroke_of_an_open_four_is_a_part_of_the_high_one():
    picture = bars(page(), (40, 60, 8, 40), (75, 60, 8, 40), (170, 60, 8, 40))
    low = (106, 64, 18, 16)
    bars(picture, low)
    cv2.line(picture, (138, 60), (122, 99), INK, 5)
    high, small = small_of(picture)
    assert small == [low]
    assert len(high) == 4


def test_a_low_digit_beside_an_upright_stroke_that_it_does_not_reach_stays_a_digit():
    boxes = [(40, 60, 8, 40), (75, 60, 8, 40), (110, 76, 10, 19), (123, 60, 8, 40)]
    assert small_of(bars(page(), *boxes)) == (boxes, [])


def upright_strokes(*others):
    gray = np.full((160, 260), 220, np.uint8)
    for x, y, width, height in ((40, 40, 12, 50), (70, 40, 12, 50), (130, 40, 12, 50), *others):
        gray[y : y + height, x : x + width] = 30
    return gray


@pytest.mark.parametrize("comma", [(96, 76, 18, 27), (98, 77, 8, 27), (96, 84, 7, 20)])
def test_a_comma_however_high_is_a_small_piece_of_its_number(comma):
    (line,) = find_lines(*find_pieces(binarize(upright_strokes(comma))))
    assert [small.box for small in line.small] == [comma]
    assert len(line.pieces) == 3


def test_a_thick_minus_before_two_digits_and_their_points_is_no_rule():
    gray = np.full((160, 260), 220, np.uint8)
    for x, y, width, height in (
        (30, 74, 39, 10),
        (80, 40, 12, 55),
        (120, 80, 13, 13),
        (150, 40, 12, 55),
        (84, 100, 9, 10),
    ):
        gray[y : y + height, x : x + width] = 30
    (line,) = find_lines(*find_pieces(binarize(gray)))
    assert (30, 74, 39, 10) in [small.box for small in line.small]


def test_a_faint_slash_that_reaches_out_both_ways_is_no_wall():
    gray = upright_strokes((160, 40, 12, 50))
    points = np.array([(94, 104), (122, 26)])
    cv2.line(gray, points[0].tolist(), points[1].tolist(), 100, 6, cv2.LINE_AA)
    (line,) = find_lines(*find_pieces(binarize(gray)))
    assert len(line.pieces) == 5
