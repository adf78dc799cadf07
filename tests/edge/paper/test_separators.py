import cv2
import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Digit, Prediction, Region
from edge.paper.assemble import value_of
from edge.paper.decode import Mark
from edge.paper.layout import Line
from edge.paper.pieces import Piece
from edge.paper.separators import separate

TOP, WIDTH, HEIGHT, PITCH = 20, 20, 40, 30
ROOM = 12
"""By how many columns the third character and those after it stand further to the right."""


def box_of(k, height=HEIGHT):
    return (20 + PITCH * k + ROOM * (k >= 2), TOP + (HEIGHT - height) // 2, WIDTH, height)


def piece(box):
    x, y, w, h = box
    return Piece(box, np.array([[[x, y]], [[x + w - 1, y]], [[x + w - 1, y + h - 1]], [[x, y + h - 1]]], np.int32))


def mark(box, coverage=None, label="1"):
    scores = {**dict.fromkeys("0123456789", 0.0), NOT_A_DIGIT: 0.0, label: 0.99}
    coverage = np.zeros((2, 2), np.uint8) if coverage is None else coverage
    return Mark(Region(box, coverage), Prediction(label, 0.99, scores))


def stroke(columns, rows, lean=None, thickness=4):
    """Coverage of a straight stroke from the foot at the left to the head `lean * rows` columns to the right."""
    coverage = np.zeros((rows, columns), np.uint8)
    reach = columns - 5 if lean is None else round(lean * (rows - 5))
    left = 2 if reach >= 0 else columns - 3
    cv2.line(coverage, (left + reach, 2), (left, rows - 3), 255, thickness)
    return coverage


def separated(text, small=(), slashes=None, heights=None, leaning=None):
    """A line with a digit or, at the places that `slashes` names with a height, a leaning stroke; `leaning` ones are as
    high as the digits.
    """
    heights = heights or {}
    slashes = {**(slashes or {}), **dict.fromkeys(leaning or (), HEIGHT)}
    boxes = [box_of(k, slashes.get(k, heights.get(k, HEIGHT))) for k in range(len(text))]
    marks = [
        mark(box, stroke(WIDTH, box[3]) if k in slashes else None, label)
        for k, (box, label) in enumerate(zip(boxes, text, strict=True))
    ]
    characters = [Digit(each.prediction.label, 0.99, each.region.box) for each in marks]
    pieces = tuple(piece(box) for box in small)
    found = separate(marks, characters, Line(tuple(piece(box) for box in boxes), pieces), pieces)
    return ["".join(sign.text for sign in number) for number in found.numbers], found


GAP = 83
"""A column in the wide gap before the third character."""


def test_two_dots_one_above_the_other_part_two_numbers():
    numbers, found = separated("1234", [(GAP, 33, 5, 5), (GAP, 54, 5, 5)])
    assert numbers == ["12", "34"]
    assert set(found.signs) == {(GAP, 33, 5, 5), (GAP, 54, 5, 5)}
    assert found.doubt is None


@pytest.mark.parametrize("dots", [[(GAP, 33, 5, 2), (GAP, 54, 5, 2)], [(GAP, 33, 2, 5), (GAP, 54, 2, 5)]])
def test_a_dot_thinner_than_a_pen_makes_no_colon(dots):
    assert len(separated("1234", dots)[0]) == 1


@pytest.mark.parametrize("upper", [(GAP, 33, 3, 3), (GAP - 2, 30, 11, 11)])
def test_dots_of_unequal_size_make_no_colon(upper):
    lower = (GAP, 52, 7, 7) if upper[2] == 3 else (GAP, 54, 5, 5)
    assert separated("1234", [upper, lower])[0] == ["12.34"]


@pytest.mark.parametrize("upper", [(GAP + 8, 33, 5, 5), (GAP, 50, 5, 3), (GAP, 14, 5, 5)])
def test_dots_that_do_not_stand_one_above_the_other_make_no_colon(upper):
    numbers, _ = separated("1234", [upper, (GAP, 54, 5, 5)])
    assert len(numbers) == 1


def test_a_dot_at_half_height_alone_is_nothing():
    numbers, found = separated("1234", [(GAP, 38, 5, 5)])
    assert numbers == ["1234"]
    assert found.signs == ()


def test_a_point_a_comma_and_a_minus_stand_where_they_are_written():
    assert separated("1234", [(GAP, 55, 5, 5)])[0] == ["12.34"]
    assert separated("1234", [(GAP, 54, 5, 14)])[0] == ["12,34"]
    assert separated("1234", [(2, 38, 14, 4)])[0] == ["-1234"]


def test_a_point_after_the_last_digit_is_left_out():
    assert separated("12", [(74, 55, 5, 5)])[0] == ["12"]


def test_a_point_is_sought_at_the_foot_of_the_digits_beside_it():
    boxes = [(20 + PITCH * k + ROOM * (k >= 2), TOP + 12 * k, WIDTH, HEIGHT) for k in range(5)]
    line = Line(tuple(piece(box) for box in boxes), ())
    marks = [mark(box) for box in boxes]
    characters = [Digit("1", 0.99, box) for box in boxes]
    point = piece((GAP, TOP + 18 + HEIGHT - 5, 5, 5))
    (number,) = separate(marks, characters, line, [point]).numbers
    assert "".join(sign.text for sign in number) == "11.111"


def test_a_leaning_stroke_among_five_typeset_marks_is_a_slash():
    numbers, found = separated("23145", slashes={2: 44})
    assert numbers == ["23", "45"]
    assert found.doubt is None


@pytest.mark.parametrize(("text", "height"), [("2314", 44), ("23145", 40)])
def test_among_fewer_marks_or_no_higher_than_they_it_may_be_a_slash(text, height):
    numbers, found = separated(text, slashes={2: height})
    assert numbers == [text]
    assert "slash" in found.doubt


def test_beside_a_one_that_leans_as_far_a_leaning_stroke_may_be_a_one_of_a_slanting_hand():
    numbers, found = separated("231451", slashes={2: 44}, leaning=[5])
    assert numbers == ["231451"]
    assert "slash" in found.doubt
    assert separated("23145167", slashes={2: 46, 5: 46})[0] == ["23", "45", "67"]


@pytest.mark.parametrize("heights", [{1: 28, 3: 30}, {0: 28, 1: 28, 4: 30}])
def test_a_stroke_that_is_high_beside_some_low_digits_only_may_be_a_one(heights):
    numbers, found = separated("23145", slashes={2: 46}, heights=heights)
    assert numbers == ["23145"]
    assert "slash" in found.doubt


@pytest.mark.parametrize(("height", "numbers", "is_doubtful"), [(44, 1, False), (52, 1, True), (62, 2, False)])
def test_among_digits_of_unequal_height_a_slash_stands_out(height, numbers, is_doubtful):
    texts, found = separated("23145", slashes={2: height}, heights={0: 36, 3: 44})
    assert len(texts) == numbers
    assert (found.doubt is not None) == is_doubtful


@pytest.mark.parametrize("place", [0, 4])
def test_a_leaning_stroke_at_an_end_of_handwriting_is_no_slash(place):
    numbers, found = separated("11111", slashes={place: 62}, heights={1: 36, 2: 44})
    assert numbers == ["11111"]
    assert found.doubt is None


@pytest.mark.parametrize(("text", "place"), [("130", 0), ("301", 2), ("11111", 4)])
def test_a_leaning_stroke_at_an_end_of_typeset_digits_may_be_a_slash(text, place):
    numbers, found = separated(text, slashes={place: 44})
    assert numbers == [text]
    assert "slash" in found.doubt


def test_a_leaning_stroke_that_reads_as_another_digit_is_none():
    assert separated("23445", slashes={2: 62})[0] == ["23445"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.56", 1234.56), ("1.234,56", 1234.56), ("-0.5", -0.5), ("-1,234", -1234.0), ("1,234,567.89", 1234567.89),
        ("1.234", 1.234), ("0.123", 0.123), ("00.5", 0.5),
        ("1.234.56", None), ("1,23.45", None), ("1.234,567.8", None), ("--5", None), ("-", None), ("-.5", None),
        ("5-1", None), ("12/3", None), ("1 2", None),
    ],
)  # fmt: skip
def test_the_last_of_two_separators_is_the_decimal_one(text, value):
    assert value_of(text) == value
