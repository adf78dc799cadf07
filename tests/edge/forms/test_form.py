"""From cells to readings: blank, doubt, decimals and rules, with what is read said as it was read."""

import cv2
import numpy as np
import pytest

from edge.config import parse_config
from edge.errors import ConfigError
from edge.fields import FieldReader, open_fields
from edge.forms.form import BoxField, judged, read_boxes
from edge.geometry import corners_of
from edge.nouns import NOT_A_DIGIT, Digit, Frame
from edge.pipeline import read_frame
from edge.schema import FieldTable
from edge.text import with_point
from tests.edge.forms.test_boxes import row_of_cells
from tests.edge.paper.told import frames, prediction
from tests.edge.test_samples import BUNDLE

BOX = (0, 0, 10, 10)


def field(**keys):
    return FieldTable(**{"name": "a", "kind": "print", "digits": [(0, 0, 1, 1)] * 4, **keys})


def digits(text, confidence=0.99):
    return [Digit(character, confidence, BOX) for character in text]


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        ("1234", {}, ("1234", 1234.0, "ok", None)),
        ("  12", {}, ("12", 12.0, "ok", None)),
        ("12  ", {}, ("12", 12.0, "ok", None)),
        ("0070", {}, ("0070", 70.0, "ok", None)),
        ("1234", {"decimals": 2}, ("12.34", 12.34, "ok", None)),
        ("   7", {"decimals": 2}, ("0.07", 0.07, "ok", None)),
        ("    ", {}, ("", None, "empty", "left blank")),
        ("    ", {"required": True}, ("", None, "rejected", "left blank")),
        ("1 34", {}, ("1 34", None, "uncertain", "a blank cell between digits")),
        ("12  ", {"align": "right"}, ("12", None, "rejected", "ends with a blank, but is written up to the right")),
        ("1234", {"length": 3}, ("1234", None, "rejected", "4 digits, 3 are wanted")),
        ("1234", {"check": "luhn"}, ("1234", None, "rejected", "the check digit is wrong (luhn)")),
    ],
)
def test_characters_become_a_reading_under_the_fields_rules(text, keys, expected):
    reading = judged(field(**keys), digits(text), BOX, None)
    assert (reading.text, reading.value, reading.status, reading.reason) == expected
    assert len(reading.digits) == 4


def test_doubt_comes_before_rules_and_keeps_the_place_of_the_digit():
    reading = judged(field(length=2, decimals=1), digits("1?34"), BOX, "cell 2: a small mark")
    assert (reading.text, reading.value, reading.status) == ("1?3.4", None, "uncertain")
    assert reading.reason == "cell 2: a small mark"


def test_digits_too_doubtful_together_need_a_check_digit():
    reading = judged(field(), digits("1230", 0.9), BOX, None)
    assert (reading.text, reading.value, reading.status) == ("1230", None, "uncertain")
    assert judged(field(check="luhn"), digits("1230", 0.9), BOX, None).status == "ok"


def test_the_confidence_of_a_number_is_that_of_all_its_digits():
    assert judged(field(), digits("1234"), BOX, None).confidence == pytest.approx(0.99**4)


@pytest.mark.parametrize(
    ("text", "decimals", "shown"), [("7", 0, "7"), ("7", 1, "0.7"), ("123", 2, "1.23"), ("-5", 1, "-0.5"), ("", 2, "")]
)
def test_the_point_stands_before_the_decimals(text, decimals, shown):
    assert with_point(text, decimals) == shown


def reader_of(boxes, tmp_path, page=None, **keys) -> FieldReader:
    reference = ""
    if page is not None:
        cv2.imwrite(str(tmp_path / "page.png"), page)
        reference = f'[reference]\nimage = "{tmp_path / "page.png"}"\n[page]\n'
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    text = f'{reference}[[field]]\nname = "n"\nkind = "handwriting"\ndigits = {[list(box) for box in boxes]}\n{more}'
    return open_fields(parse_config(text), BUNDLE.parent)


def test_boxes_in_the_frames_own_pixels_are_read(tmp_path):
    picture, boxes = row_of_cells(["3", "", "8", "2"])
    (reading,) = read_frame(Frame(picture, "row"), reader_of(boxes, tmp_path))
    assert [digit.text for digit in reading.digits] == ["3", " ", "8", "2"]
    assert (reading.status, reading.reason) == ("uncertain", "a blank cell between digits")
    assert reading.digits[2].box == boxes[2]
    assert reading.name == "n"


def test_what_is_cut_off_is_not_blank(tmp_path):
    picture, boxes = row_of_cells(["3", "4", "8", "2"])
    reader = reader_of(boxes, tmp_path)
    (cut,) = reader.read(np.ascontiguousarray(picture[:, : boxes[3][0] + 20]))
    (gone,) = reader.read(np.ascontiguousarray(picture[:, : boxes[3][0] - 20]))
    for reading in (cut, gone):
        assert (reading.status, reading.text) == ("rejected", "")
        assert reading.reason.startswith(f"box {4 if reading is cut else 3} lies outside of the frame of")


def test_a_box_that_leaves_the_reference_picture_is_refused(tmp_path):
    picture, boxes = row_of_cells(["", "", ""])
    with pytest.raises(ConfigError, match=r"field n: .* leaves the reference picture of 260 x 120; draw it inside"):
        reader_of([*boxes, (9000, 10, 30, 30)], tmp_path, picture)


def test_a_page_is_read_upside_down_and_refused_where_it_is_another(tmp_path):
    rng = np.random.default_rng(3)
    page = np.full((900, 700), 240, np.uint8)
    for y in range(60, 500, 60):
        cv2.putText(page, "".join(rng.choice(list("ABCDEFGHKLMNPRSTU"), 14)), (50, y), 0, 1, (30,), 2, 16)
    row, boxes = row_of_cells([""] * 6)
    page[600 : 600 + row.shape[0], 100 : 100 + row.shape[1]] = row
    places = [(x + 100, y + 600, w, h) for x, y, w, h in boxes]
    reader = reader_of(places, tmp_path, page, length=6)
    filled = page.copy()
    written, _ = row_of_cells(list("820432"))
    filled[600 : 600 + row.shape[0], 100 : 100 + row.shape[1]] = written
    (upright,) = reader.read(filled)
    (turned,) = reader.read(np.ascontiguousarray(filled[::-1, ::-1]))
    (other,) = reader.read(np.full((900, 700), 200, np.uint8))
    assert (upright.text, upright.status) == ("820432", "ok")
    assert (turned.text, turned.status) == ("820432", "ok")
    assert turned.digits[0].box[0] > turned.digits[5].box[0]
    assert (other.status, other.text) == ("rejected", "")
    assert other.reason.startswith("the page is not in view: 0.00 of it is found")


class Oracle:
    """A network that says what it was told to, a glyph after the other."""

    def __init__(self, *said):
        self.said = said

    def predict(self, glyphs):
        return [prediction(*said) for said, _ in zip(self.said, glyphs, strict=False)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("4", 0.999), ("9", 0.999)], ("?", "cell 1: 4 or 9")),
        ([("4", 0.999), ("4", 0.999)], ("4", None)),
        ([("4", 0.999), (NOT_A_DIGIT, 0.999)], ("4", None)),
        ([("3", 0.999), ("8", 0.999)], ("?", "cell 1: 3 or 8")),
    ],
)
def test_a_digit_that_a_dark_line_may_complete_to_another_is_not_believed(said, expected):
    picture, boxes = row_of_cells(["", ""])
    x, y, _, _ = boxes[0]
    cv2.polylines(picture, [np.array([[x + 18, y], [x + 18, y + 26], [x + 40, y + 26]])], False, (40,), 4)
    cv2.line(picture, (x + 40, y), (x + 40, y + 52), (40,), 4)
    blank, _ = row_of_cells(["", ""])
    picture[picture == 90], blank[blank == 90] = 40, 40
    table = field(digits=boxes[:1])
    (reading,) = read_boxes(picture, [(BoxField.of(table, blank), [corners_of(boxes[0])])], Oracle(*said), cutoff=0.9)
    assert (reading.text, reading.reason) == expected


@pytest.mark.parametrize(("strip", "expected"), [("820432", "ok"), ("820482", "uncertain")])
def test_a_field_s_digits_are_read_side_by_side_as_well(strip, expected):
    """The blank cell before stays blank, no box moves, and a cell that is in doubt alone is not believed for it."""
    picture, boxes = row_of_cells(list(" 820432"))
    seen = []

    def transcribe(coverages):
        seen.extend(coverages)
        return [frames(strip, 0.999)] * len(coverages)

    def network(least):
        said = [(digit, least if digit == "3" else 0.999) for digit in "820432"]
        oracle = Oracle()
        oracle.predict = lambda glyphs: [prediction(*each) for each in (said if len(glyphs) == 6 else [said[4]] * 20)]
        return oracle

    fields = [(BoxField.of(field(digits=boxes), None), [corners_of(box) for box in boxes])]
    (reading,) = read_boxes(picture, fields, network(0.96), 0.9, transcribe)
    assert len(seen) == 1
    assert seen[0].shape[1] < 7 * seen[0].shape[0]
    assert (reading.text.replace("?", "3"), reading.status) == ("820432", expected)
    assert [digit.box for digit in reading.digits] == [tuple(box) for box in boxes]
    (doubted,) = read_boxes(picture, fields, network(0.93), 0.9, transcribe)
    assert doubted.status == "uncertain"
    assert doubted.confidence <= 0.93


def test_a_bundle_s_network_for_strings_reads_its_fields(tmp_path):
    _, boxes = row_of_cells(["1", "2"])
    (reader,) = reader_of(boxes, tmp_path).readers.values()
    assert reader.transcribe is not None
