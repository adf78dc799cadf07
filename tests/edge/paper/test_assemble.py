from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Box, Prediction, Region
from edge.paper.assemble import assemble, doubt_among_letters, name_readings, value_of
from edge.paper.binarize import Ink
from edge.paper.decode import Mark
from edge.paper.layout import Line
from edge.paper.pieces import Piece

WIDTH, HEIGHT, PAPER = 400, 100, 220


def piece(box):
    x, y, w, h = box
    return Piece(box, np.array([[[x, y]], [[x + w - 1, y]], [[x + w - 1, y + h - 1]], [[x, y + h - 1]]], np.int32))


def mark(label, confidence, box):
    scores = {**dict.fromkeys("0123456789", 0.0), NOT_A_DIGIT: 0.0, label: confidence}
    return Mark(Region(box, np.zeros((2, 2), np.uint8)), Prediction(label, confidence, scores))


def ink_of(line, faint=1.0):
    """Ink with a full box for each piece; the small ones `faint` times as dark as the digits."""
    gray = np.full((HEIGHT, WIDTH), PAPER, np.uint8)
    for each in (*line.pieces, *line.small):
        x, y, w, h = each.box
        gray[y : y + h, x : x + w] = PAPER - 180 * (faint if each in line.small else 1.0)
    mask = (gray < PAPER - 30).astype(np.uint8) * 255
    return Ink(
        gray,
        mask,
        np.full((HEIGHT // 8 + 1, WIDTH // 8), PAPER, np.uint8),
        np.full((HEIGHT // 8 + 1, WIDTH // 8), 40, np.uint8),
        14.0,
        False,
    )


def slash(box):
    _, _, width, height = box
    coverage = np.zeros((height, width), np.uint8)
    cv2.line(coverage, (width - 3, 2), (2, height - 3), 255, 4)
    return Mark(Region(box, coverage), mark("1", 0.99, box).prediction)


def number(text, confidences=None, small=(), beside=(), left=20, pitch=30, shift=0, after=1):
    """A line of digits and its marks; those `after` so many are shifted to the right."""
    boxes = [(left + pitch * k + shift * (k >= after), 20, 20, 40) for k in range(len(text))]
    labels = [NOT_A_DIGIT if c == "x" else c for c in text]
    confidences = confidences or [0.99] * len(text)
    line = Line(tuple(piece(b) for b in boxes), tuple(piece(b) for b in small), tuple(piece(b) for b in beside))
    return line, [mark(*args) for args in zip(labels, confidences, boxes, strict=True)]


def read(*args, **kwargs):
    line, marks = number(*args, **kwargs)
    readings = assemble(ink_of(line), line, marks, 0.9)
    assert len(readings) <= 1
    return readings[0] if readings else None


def test_sure_digits_make_a_value():
    reading = read("0427")
    assert (reading.text, reading.value, reading.status, reading.reason) == ("0427", 427.0, "ok", None)
    assert reading.confidence == pytest.approx(0.99**4)
    assert reading.box == (20, 20, 110, 40)


def test_one_digit_below_the_cutoff_leaves_no_value():
    reading = read("427", [0.99, 0.8, 0.99])
    assert (reading.text, reading.value, reading.status) == ("4?7", None, "uncertain")
    assert "1 of 3 digits" in reading.reason


@pytest.mark.parametrize(
    ("column", "depth", "status"),
    [(40, 100, "uncertain"), (40, 80, "ok"), (5, 100, "uncertain"), (300, 200, "ok")],
)
def test_a_stroke_may_be_gone_with_printed_lines_that_are_nearly_as_dark(column, depth, status):
    """The digits are 180 deep; a line far from them says nothing."""
    line, marks = number("4532")
    ink = ink_of(line)
    lifted = np.zeros_like(ink.gray)
    lifted[:, column] = depth
    (reading,) = assemble(replace(ink, lifted=lifted), line, marks, 0.9)
    assert (reading.text, reading.status) == ("4532", status)
    assert (reading.reason == "printed lines are nearly as dark as its ink") == (status != "ok")


def test_digits_above_the_cutoff_may_be_too_doubtful_together():
    reading = read("427", [0.98, 0.98, 0.98])
    assert (reading.text, reading.value, reading.status) == ("427", None, "uncertain")
    assert "together" in reading.reason
    assert read("427", [0.985, 0.985, 0.985]).status == "ok"


def test_a_mark_that_is_no_digit_between_digits_leaves_doubt():
    reading = read("4x7")
    assert (reading.text, reading.value, reading.status) == ("4?7", None, "uncertain")
    assert "not digits" in reading.reason


def test_writing_is_left_out():
    assert read("xx7x") is None
    assert read("x") is None


@pytest.mark.parametrize(("left", "text"), [(160, "427"), (110, "427??")])
def test_a_unit_is_dropped_only_when_it_stands_apart(left, text):
    line, marks = number("427xx")
    unit = [mark(NOT_A_DIGIT, 0.99, (left + 25 * k, 20, 20, 40)) for k in range(2)]
    assert assemble(ink_of(line), line, [*marks[:3], *unit], 0.9)[0].text == text


def test_a_digit_at_the_border_is_not_believed():
    reading = read("427", left=0)
    assert (reading.text, reading.status) == ("?27", "uncertain")
    assert "border" in reading.reason


def test_a_dot_at_the_foot_is_a_decimal_point():
    reading = read("427", small=[(42, 55, 5, 5)], shift=10)
    assert (reading.text, reading.value) == ("4.27", 4.27)


def test_a_dot_in_a_gap_like_any_other_may_be_a_speck():
    reading = read("427", small=[(42, 55, 5, 5)])
    assert (reading.text, reading.status) == ("4.27", "uncertain")
    assert "speck" in reading.reason


def test_a_colon_parts_two_numbers():
    line, marks = number("1234", small=[(74, 35, 5, 5), (74, 54, 5, 5)], shift=10, after=2)
    assert [(r.text, r.status) for r in assemble(ink_of(line), line, marks, 0.9)] == [("12", "ok"), ("34", "ok")]


def test_dots_that_hug_a_digit_may_be_bits_of_it():
    line, marks = number("1234", small=[(71, 35, 5, 5), (71, 54, 5, 5)], shift=10, after=2)
    readings = assemble(ink_of(line), line, marks, 0.9)
    assert [(r.text, r.status) for r in readings] == [("12", "uncertain"), ("34", "uncertain")]


def test_a_point_finer_than_the_pen_may_be_a_speck():
    broad = np.zeros((40, 20), np.uint8)
    broad[2:38, 4:16] = 255
    for size, status in ((12, "ok"), (4, "uncertain")):
        line, marks = number("427", small=[(44, 60 - size, size, size)], shift=28)
        marks = [Mark(Region(each.region.box, broad), each.prediction) for each in marks]
        assert [(r.text, r.status) for r in assemble(ink_of(line), line, marks, 0.9)] == [("4.27", status)]


def test_a_stroke_much_lower_than_the_digits_may_be_no_one():
    line, marks = number("4271")
    low = mark("1", 0.99, (110, 40, 4, 18))
    (reading,) = assemble(ink_of(line), line, [*marks[:3], low], 0.9)
    assert (reading.text, reading.status) == ("4271", "uncertain")
    assert "short stroke" in reading.reason


def test_a_leaning_stroke_that_stands_out_is_a_slash():
    line, marks = number("23145")
    tall = slash((78, 14, 24, 52))
    readings = assemble(ink_of(line), line, [*marks[:2], tall, *marks[3:]], 0.9)
    assert [(r.text, r.status) for r in readings] == [("23", "ok"), ("45", "ok")]


def test_a_leaning_stroke_at_the_end_is_a_one():
    line, marks = number("2314")
    assert assemble(ink_of(line), line, [*marks[:3], slash((108, 14, 24, 52))], 0.9)[0].text == "2311"


def test_a_hole_in_the_pitch_may_hide_a_digit():
    reading = read("42719", shift=30, after=2)
    assert (reading.text, reading.status) == ("42719", "uncertain")
    assert "hidden" in reading.reason


@pytest.mark.parametrize("text", ["42719", "427"])
@pytest.mark.parametrize(("shift", "status"), [(5, "ok"), (12, "uncertain"), (20, "uncertain")])
def test_a_gap_much_wider_than_the_others_may_part_two_numbers(text, shift, status):
    reading = read(text, shift=shift, after=2)
    assert (reading.text, reading.status) == (text, status)
    assert status == "ok" or "part two numbers" in reading.reason


def test_at_an_even_pitch_the_wide_gaps_beside_a_one_part_nothing():
    line, marks = number("40142")
    one = mark("1", 0.99, (87, 20, 6, 40))
    assert [r.status for r in assemble(ink_of(line), line, [*marks[:2], one, *marks[3:]], 0.9)] == ["ok"]
    (reading,) = assemble(ink_of(line), line, [*marks[:2], mark("1", 0.99, (96, 20, 6, 40)), *marks[3:]], 0.9)
    assert "part two numbers" in reading.reason


def test_two_bare_strokes_may_be_anything():
    line, marks = number("11")
    strokes = [slash(mark.region.box) for mark in marks]
    (reading,) = assemble(ink_of(line), line, strokes, 0.9)
    assert (reading.text, reading.status) == ("??", "uncertain")
    assert "bare strokes" in reading.reason


def test_a_minus_before_the_number_belongs_to_it():
    reading = read("427", small=[(2, 38, 14, 4)], left=24)
    assert (reading.text, reading.value) == ("-427", -427.0)


def test_a_tail_below_the_foot_is_a_comma():
    reading = read("427", small=[(42, 54, 5, 14)], shift=10)
    assert (reading.text, reading.value) == ("4,27", 4.27)


@pytest.mark.parametrize("box", [(42, 35, 5, 5), (42, 59, 1, 1), (25, 20, 10, 8), (110, 55, 5, 5)])
def test_a_speck_elsewhere_is_no_point(box):
    assert read("427", small=[box]).text == "427"


def test_a_faint_dot_is_a_speck_of_the_paper():
    line, marks = number("427", small=[(42, 55, 5, 5)])
    assert assemble(ink_of(line, faint=0.4), line, marks, 0.9)[0].text == "427"


def test_ink_that_no_digit_takes_in_leaves_doubt():
    reading = read("427", small=[(41, 22, 8, 9)])
    assert (reading.text, reading.status) == ("427", "uncertain")
    assert "not understood" in reading.reason


def test_a_stranger_close_to_the_number_leaves_doubt():
    reading = read("427", beside=[(105, 20, 18, 40)])
    assert (reading.text, reading.status) == ("427", "uncertain")


def test_a_level_stroke_before_the_number_is_a_minus():
    reading = read("427", small=[(2, 38, 14, 4)])
    assert (reading.text, reading.value) == ("-427", -427.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0042", 42.0), ("3.14", 3.14), ("3,14", 3.14), ("1,234", 1234.0), ("1.234.567", 1234567.0),
        ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("-7", -7.0), ("12,3456", 12.3456),
        ("12,34,5", None), ("1234,567.8", None), ("5.", None), ("?7", None), ("", None), ("1..2", None),
        ("12:30", None),
    ],
)  # fmt: skip
def test_value_follows_from_text(text, value):
    assert value_of(text) == value


def test_no_reading_is_one_empty_reading():
    (reading,) = name_readings([])
    assert (reading.name, reading.text, reading.status, reading.box) == ("frame", "", "empty", None)


def test_readings_are_named_in_order():
    assert [r.name for r in name_readings([read("1"), read("2")])] == ["line-1", "line-2"]


@pytest.mark.parametrize(
    ("text", "writing", "status"),
    [("4", (60, 22, 80, 30), "uncertain"), ("4", (300, 22, 80, 30), "ok"), ("42", (90, 22, 80, 30), "ok")],
)
def test_a_lone_digit_among_letters_is_doubted(text, writing, status):
    assert doubt_among_letters(read(text), [writing]).status == status


def torn(digit, none, box):
    """A mark between a digit and none."""
    scores = {**dict.fromkeys("0123456789", 0.0), NOT_A_DIGIT: none, digit: 1.0 - none}
    label = max(scores, key=scores.get)
    return Mark(Region(box, np.zeros((2, 2), np.uint8)), Prediction(label, scores[label], scores))


@pytest.mark.parametrize(
    ("digits", "none", "text", "reason"),
    [
        ("4271", 0.5, "4271", "1 of 4 digits below the cutoff"),
        ("4271", 0.6, "4271", "1 of 4 marks may be no digits"),
        ("4271", 0.9, "42?1", "1 of 4 marks are not digits"),
        ("47", 0.4, "??", "1 of 2 digits below the cutoff"),
    ],
)
def test_what_may_be_a_digit_is_shown_among_digits_and_not_believed(digits, none, text, reason):
    line, marks = number(digits)
    marks[-2] = torn(digits[-2], none, marks[-2].region.box)
    (reading,) = assemble(ink_of(line), line, marks, 0.75)
    assert (reading.text, reading.value, reading.status, reading.reason) == (text, None, "uncertain", reason)
    assert reading.confidence < 0.75


def test_a_higher_cutoff_is_one_for_what_a_digit_is_by_itself():
    line, marks = number("4271", [0.999] * 4)
    marks[2] = torn("7", 0.02, marks[2].region.box)
    readings = [assemble(ink_of(line), line, marks, cutoff)[0] for cutoff in (0.97, 0.985)]
    assert [(reading.text, reading.status) for reading in readings] == [("4271", "ok"), ("4271", "uncertain")]
    assert readings[1].reason == "1 of 4 digits below the cutoff"


@pytest.mark.parametrize(
    ("digits", "odds", "text"), [("111", 0.8, "???"), ("117", 0.8, "???"), ("111", 0.95, "111"), ("101", 0.8, "101")]
)
def test_one_piece_that_was_cut_to_strokes_may_be_a_letter_unless_the_cuts_are_likely(digits, odds, text):
    line, marks = number(digits)
    cut = [Mark(each.region, each.prediction, odds) for each in marks]
    (reading,) = assemble(ink_of(line), line, cut, 0.75)
    assert (reading.text, reading.value) == (text, None)
    (reading,) = assemble(ink_of(line), line, [marks[0], *cut[1:]], 0.75)
    assert reading.text == digits


@pytest.mark.parametrize(("shift", "count"), [(20, 0), (0, 1)])
def test_two_rings_one_above_the_other_and_a_stroke_between_are_no_number(shift, count):
    boxes = [(20, 20, 20, 20), (40, 18, 25, 45), (65, 20 + shift, 20, 20)]
    line = Line(tuple(piece(box) for box in boxes), (), ())
    marks = [mark("0", 0.99, boxes[0]), slash(boxes[1]), mark("0", 0.99, boxes[2])]
    assert len(assemble(ink_of(line), line, marks, 0.9)) == count


@pytest.mark.parametrize(("points", "status"), [([(4, 4), (30, 4), (20, 36)], "uncertain"), ("flagged", "ok")])
def test_a_lone_stroke_without_flag_or_foot_may_be_a_quotation_mark(points, status):
    coverage = np.zeros((40, 40), np.uint8)
    if points == "flagged":
        cv2.polylines(coverage, [np.array([(6, 14), (22, 4), (22, 36), (10, 36), (34, 36)], np.int32)], False, 255, 4)
    else:
        cv2.fillConvexPoly(coverage, np.array(points, np.int32), 255)
    line, (one,) = number("1")
    (reading,) = assemble(ink_of(line), line, [Mark(Region(one.region.box, coverage), one.prediction)], 0.9)
    assert reading.status == status


def bowed_one(box: Box, bow: float) -> Region:
    """A stroke that bows by this share of its height."""
    t = np.linspace(0, 1, 40)
    points = np.column_stack([20 + 4 * bow * 40 * t * (1 - t), 2 + 35 * t])
    coverage = np.zeros((40, 40), np.uint8)
    cv2.polylines(coverage, [np.round(points).astype(np.int32)], False, 255, 4)
    return Region(box, coverage)


@pytest.mark.parametrize(("bow", "is_bowed"), [(0.0, False), (0.1, False), (0.2, True), (-0.25, True)])
@pytest.mark.parametrize(("digits", "shown"), [("417", "4?7"), ("41", "??")])
def test_a_sure_one_that_bows_as_half_a_zero_does_is_in_doubt(bow, is_bowed, digits, shown):
    line, marks = number(digits)
    marks[1] = Mark(bowed_one(marks[1].region.box, bow), marks[1].prediction)
    (reading,) = assemble(ink_of(line), line, marks, 0.9)
    assert reading.text == (shown if is_bowed else digits)
    assert reading.status == ("uncertain" if is_bowed else "ok")
    assert (reading.value is None) == is_bowed
    assert reading.reason == ("a bowed stroke may be half a digit" if is_bowed else None)


@pytest.mark.parametrize(
    ("left", "right", "pitch", "status"),
    [(-0.08, 0.08, 25, "uncertain"), (0.08, -0.08, 25, "ok"), (0.08, 0.08, 25, "ok"), (-0.08, 0.08, 60, "ok")],
)
def test_two_close_strokes_that_bow_apart_may_be_the_sides_of_a_zero(left, right, pitch, status):
    line, marks = number("4117", pitch=pitch)
    for place, bow in ((1, left), (2, right)):
        marks[place] = Mark(bowed_one(marks[place].region.box, bow), marks[place].prediction)
    (reading,) = assemble(ink_of(line), line, marks, 0.9)
    assert reading.status == status
    assert reading.reason == (None if status == "ok" else "two strokes that bow apart may be the sides of a digit")


@pytest.mark.parametrize(("x", "status"), [(44, "ok"), (53, "uncertain")])
def test_a_point_that_hugs_the_next_digit_may_be_a_bit_of_it(x, status):
    reading = read("4275", small=[(x, 55, 5, 5)], shift=10)
    assert (reading.text, reading.status) == ("4.275", status)
    assert status == "ok" or "bits of it" in reading.reason


def test_a_minus_may_reach_below_the_flag_of_the_first_digit():
    assert read("427", small=[(8, 38, 14, 4)], left=20).text == "-427"


@pytest.mark.parametrize(
    ("box", "shift", "status"),
    [
        ((2, 38, 14, 4), 0, "uncertain"),
        ((42, 55, 5, 5), 10, "uncertain"),
        ((42, 54, 5, 14), 10, "uncertain"),
        ((42, 55, 5, 5), 0, "ok"),
        ((42, 59, 1, 1), 10, "ok"),
    ],
)
def test_faint_ink_where_a_sign_would_stand_is_a_doubt_and_a_faint_dot_elsewhere_is_a_speck(box, shift, status):
    line, marks = number("427", small=[box], left=24 if box[0] < 24 else 20, shift=shift)
    (reading,) = assemble(ink_of(line, faint=0.4), line, marks, 0.9)
    assert (reading.text, reading.status) == ("427", status)
    assert reading.reason == (None if status == "ok" else "a faint mark may be a sign")
