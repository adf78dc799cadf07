"""What is drawn on frames and plots."""

import numpy as np
import pytest

from edge.draw import BARS_WIDTH, MARGIN, PANEL, STATUS_COLOURS, annotate, plot_prediction
from edge.nouns import Digit, Frame, Glyph, Prediction, Reading


def reading(status, box, digits=()):
    return Reading(
        "wasser m³", "12" if status == "ok" else "1?", 12.0 if status == "ok" else None, status, 0.5, box, None, digits
    )


@pytest.mark.parametrize("status", ["ok", "uncertain", "rejected", "empty"])
def test_each_status_has_its_colour(status):
    picture = annotate(
        Frame(np.full((120, 160), 200, np.uint8), "a"),
        [reading(status, (20, 60, 50, 30), (Digit("1", 0.5, (20, 60, 20, 30)),))],
    )
    assert picture.shape == (120, 160, 3)
    assert tuple(picture[75, 20]) == STATUS_COLOURS[status]


def test_the_frame_is_not_changed_and_what_has_no_box_is_written_in_the_corner():
    gray = np.full((60, 300), 200, np.uint8)
    picture = annotate(Frame(gray, "a"), [Reading("frame", "", None, "empty", 0.0, None)])
    assert (gray == 200).all()
    assert (picture[:20, :20] == STATUS_COLOURS["empty"]).all(axis=2).any()


@pytest.mark.parametrize("box", [(0, 0, 40, 30), (-5, -5, 400, 400), (39, 29, 1, 1)])
def test_boxes_at_the_border_and_beyond_are_drawn(box):
    assert annotate(Frame(np.zeros((30, 40), np.uint8), "a"), [reading("ok", box)]).any()


def test_a_plot_shows_input_glyph_and_the_longest_bar_at_the_label():
    gray = np.zeros((40, 20), np.uint8)
    glyph = Glyph(np.full((28, 28), 255, np.uint8))
    scores = {"0": 0.1, "1": 0.7, "": 0.2}
    picture = plot_prediction(gray, glyph.pixels, Prediction("1", 0.7, scores))
    assert picture.shape == (PANEL + 4 * MARGIN, 2 * PANEL + BARS_WIDTH + 6 * MARGIN, 3)
    middle = 3 * MARGIN + PANEL // 2
    assert picture[middle, MARGIN + PANEL // 2].max() == 0
    assert picture[middle, 3 * MARGIN + PANEL + PANEL // 2].min() == 255
    bars = picture[3 * MARGIN : 3 * MARGIN + PANEL, 5 * MARGIN + 2 * PANEL :]
    green = (bars == STATUS_COLOURS["ok"]).all(axis=2)
    assert green[PANEL // 3 + 10].sum() == 141  # 0.7 of 200, both ends drawn
    assert not green[10].any()


def test_a_plot_without_a_digit_and_one_of_62_classes_are_drawn():
    gray = np.full((3000, 2000), 90, np.uint8)
    none = plot_prediction(gray, None, None)
    many = plot_prediction(gray, None, Prediction("a", 0.5, {str(number): 0.5 for number in range(62)}))
    assert none.shape == many.shape
    assert not np.array_equal(none, many)
