from pathlib import Path

import numpy as np
import pytest

from edge.nouns import Digit, Prediction, Reading
from edge.paper.reader import Reader
from tests.scenes.elsewhere import (
    BITMAP_SIDE,
    CHARACTER_PAGE,
    LOOKALIKES,
    OTHERS,
    believed_digit,
    digits_of,
    enlarge,
    is_exact,
    is_right,
    largest_text,
    load_bitmaps,
    load_cheques,
    measure_cheques,
    measure_crops,
    measure_open_set,
    outcome,
    share,
    sure_text,
)
from tests.scenes.page import draw_page, spread
from train.data.fonts import faces_of

BUNDLE = Path(__file__).parents[2] / "models" / "paper"


def reading(text, status="ok", size=10):
    digits = tuple(Digit(character, 0.9, (0, 0, 5, size)) for character in text)
    box = (0, 0, 5 * len(text), size) if text else None
    return Reading("line-1", text, 1.0 if status == "ok" else None, status, 0.9, box, None, digits)


NOTHING = reading("", "empty")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "– of 0"),
        (0, 10, "0.0 % (0 of 10; 95 %: 0.0 to 27.8)"),
        (81, 263, "30.8 % (81 of 263; 95 %: 25.5 to 36.6)"),
        (10, 10, "100.0 % (10 of 10; 95 %: 72.2 to 100.0)"),
    ],
)
def test_a_share_has_its_counts_and_its_wilson_interval(part, whole, text):
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("text", "digits"), [("1.234,50", "123450"), ("0060", "0060"), ("4?7", "4?7"), ("-12", "-12"), ("", "")]
)
def test_only_separators_are_left_out_of_a_string(text, digits):
    assert digits_of(text) == digits


@pytest.mark.parametrize(
    ("readings", "exact", "what"),
    [
        ([reading("12.50")], True, "ok_right"),
        ([reading("1250", "uncertain")], True, "in_doubt"),
        ([reading("1250"), reading("7", "uncertain")], True, "ok_right"),
        ([reading("1250"), reading("7")], False, "ok_wrong"),
        ([reading("1250", "uncertain"), reading("7")], False, "ok_wrong"),
        ([reading("125")], False, "ok_wrong"),
        ([reading("12?0", "uncertain")], False, "in_doubt"),
        ([NOTHING], False, "empty"),
    ],
)
def test_a_string_is_judged_by_what_a_user_gets(readings, exact, what):
    assert is_exact(readings, "1250") is exact
    assert outcome(readings, "1250") == what


def test_the_largest_reading_is_that_with_the_largest_box():
    assert largest_text([reading("7", size=8), reading("1.25", size=20), NOTHING]) == "125"
    assert largest_text([NOTHING]) == ""


def test_a_believed_digit_may_stand_in_a_reading_in_doubt_and_a_point_is_none():
    assert believed_digit([reading("?.7", "uncertain")]) == "7"
    assert believed_digit([reading("?.", "uncertain"), NOTHING]) == ""
    assert sure_text([reading("?7", "uncertain"), reading("1"), reading("23")]) == "1 23"


def test_a_label_is_right_only_if_there_is_one():
    assert is_right("3", Prediction("3", 0.4, {"3": 0.4, "": 0.6}))
    assert not is_right("3", Prediction("", 0.6, {"3": 0.4, "": 0.6}))
    assert not is_right("3", None)


def test_a_limited_set_is_spread_evenly():
    assert spread(9, 3) == [0, 3, 6]
    assert spread(3, None) == spread(3, 7) == [0, 1, 2]


def test_an_enlarged_bitmap_is_dark_on_light_with_a_margin():
    picture = enlarge(np.pad(np.full((4, 2), 255, np.uint8), ((0, 0), (1, 1))))
    side = BITMAP_SIDE * 5 // 4
    assert picture.shape == (side, side)
    assert picture.dtype == np.uint8
    assert picture[0, 0] == 255
    assert picture[side // 2, side // 2] == 0


def test_every_printable_character_but_the_digits_is_measured_once():
    assert sorted(OTHERS + LOOKALIKES) == [chr(k) for k in range(33, 127) if not chr(k).isdigit()]


@pytest.mark.parametrize("character", [".", "W", "|"])
def test_a_page_is_seeded_and_has_a_mark_on_light_paper(character):
    face = faces_of("test")[0]
    page = draw_page(character, face, CHARACTER_PAGE, 3)
    assert page.shape == CHARACTER_PAGE
    assert (page == draw_page(character, face, CHARACTER_PAGE, 3)).all()
    assert (page != draw_page(character, face, CHARACTER_PAGE, 4)).any()
    assert np.median(page) > 150
    assert page.min() < np.median(page) - 40


def test_few_letters_and_words_pass_for_numbers():
    characters, lookalikes, words = measure_open_set(faces_of("test"), Reader.open(BUNDLE), 40)
    assert characters.pictures == lookalikes.pictures == words.pictures == 40
    assert characters.accepted <= 15
    assert lookalikes.accepted > characters.accepted
    assert words.accepted == words.ok <= 4
    assert sum(count for *_, count in lookalikes.most_frequent) > 0


@pytest.mark.parametrize(("name", "least"), [("optdigits32", 36), ("semeion", 30)])
def test_the_bitmaps_are_read(digits_data, name, least):
    pictures, labels = load_bitmaps(name)
    row = measure_crops(name, pictures, labels, Reader.open(BUNDLE), 40)
    assert row.digits == 40
    assert row.right >= least
    assert 0 < row.accepted <= 40
    assert row.wrong_accepted <= 4


def test_every_cheque_has_one_outcome(digits_data):
    row = measure_cheques(*load_cheques(), Reader.open(BUNDLE), 30)
    assert row.strings == 30 == row.ok_right + row.ok_wrong + row.in_doubt + row.empty
    assert row.ok_right <= row.exact
    assert row.exact > 0
