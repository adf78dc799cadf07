import numpy as np
import pytest

from tests.compare.engines import join_lines, open_engine, sure_lines
from tests.compare.run import Row, judge, row_of, sum_up


@pytest.mark.parametrize(
    ("texts", "exact", "wrong"),
    [
        (["123"], 1, 0),
        (["1 2 3"], 1, 0),
        (["N 123 m"], 1, 0),
        (["1.23"], 1, 0),
        (["124"], 0, 1),
        (["12.4"], 0, 1),
        (["l24"], 0, 0),
        (["123", "123"], 1, 0),
        (["45", "123"], 2, 0),
        (["45", "9", "8", "."], 1, 2),
        ([], 0, 0),
    ],
)
def test_texts_are_judged_by_their_digits(texts, exact, wrong):
    assert judge(texts, ("123", "45")) == (exact, wrong)


def box(x, y, width=10, height=10):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


def test_boxes_of_one_line_are_joined_from_left_to_right_and_lines_from_top_to_bottom():
    boxes = [box(30, 52), box(40, 3), box(0, 0), box(0, 50)]
    assert join_lines(boxes, ["4", "2", "1", "3"]) == ["1 2", "3 4"]
    assert join_lines([], []) == []


def test_lines_of_tesseract_with_a_doubtful_word_are_left_out():
    data = {
        "block_num": [1, 1, 1, 1],
        "par_num": [1, 1, 1, 1],
        "line_num": [0, 1, 1, 2],
        "text": ["", "12", "3", "45"],
        "conf": [-1, 90, 50, 80],
    }
    assert sure_lines(data, 0) == ["12 3", "45"]
    assert sure_lines(data, 60) == ["45"]


def test_rows_add_up():
    rows = [row_of("clean", "a", [(1, 1, 0, 5.0), (1, 0, 1, 9.0)]), row_of("small", "a", [(3, 2, 0, 1.0)])]
    assert rows[0] == Row("clean", "a", 2, 1, 1, 7.0)
    assert sum_up(rows) == [Row("all", "a", 5, 3, 1, 4.0)]


def test_an_unknown_engine_is_named_in_the_error():
    with pytest.raises(ValueError, match="got abbyy"):
        open_engine("abbyy")
