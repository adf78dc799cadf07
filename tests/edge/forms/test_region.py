"""A line to write on: one number or none, whatever is printed beside it."""

import cv2
import numpy as np
import pytest

from edge.config import parse_config
from edge.fields import open_fields
from edge.forms.region import print_in, read_region
from edge.geometry import corners_of
from edge.pictures import load_picture
from edge.schema import FieldTable
from tests.edge.test_samples import BUNDLE


def region_reader(box, keys=""):
    return open_fields(
        parse_config(f'[[field]]\nname = "n"\nkind = "handwriting"\nregion = {list(box)}\n{keys}'), BUNDLE.parent
    )


@pytest.mark.parametrize(
    ("keys", "text", "value", "status"),
    [
        ("", "58203", 58203.0, "ok"),
        ("decimals = 2", "582.03", 582.03, "ok"),
        ("maximum = 9", "58203", None, "rejected"),
    ],
)
def test_a_line_to_write_on_is_read_by_its_region(keys, text, value, status):
    gray = load_picture("edge/samples/58203.png")
    (reading,) = region_reader((0, 0, gray.shape[1], gray.shape[0]), keys).read(gray)
    assert (reading.text, reading.value, reading.status, reading.name) == (text, value, status, "n")


def test_a_region_has_its_boxes_in_the_frame_and_sees_nothing_else():
    gray = load_picture("edge/samples/58203.png")
    canvas = np.full((gray.shape[0] + 200, gray.shape[1] + 100), int(np.median(gray)), np.uint8)
    canvas[200:, 100:] = gray
    (whole,) = region_reader((0, 0, gray.shape[1], gray.shape[0])).read(gray)
    (part,) = region_reader((100, 200, gray.shape[1], gray.shape[0])).read(canvas)
    (above,) = region_reader((0, 0, gray.shape[1], 180)).read(canvas)
    assert part.text == whole.text
    assert np.abs(np.array(part.box) - whole.box - (100, 200, 0, 0)).max() <= 1
    assert (above.status, above.reason) == ("empty", "left blank")


def test_a_region_with_letters_is_not_blank():
    canvas = np.full((100, 300), 230, np.uint8)
    cv2.putText(canvas, "WHEN", (30, 70), 0, 1.6, (20,), 3, 16)
    (reading,) = region_reader((0, 0, 300, 100)).read(canvas)
    assert reading.status == "uncertain"
    assert reading.value is None


@pytest.mark.parametrize(
    ("decimals", "status", "value"), [(2, "ok", 128.75), (0, "uncertain", None), (1, "uncertain", None)]
)
def test_a_point_that_the_field_does_not_have_is_doubt(decimals, status, value):
    gray = load_picture("edge/samples/128.75.png")
    (reading,) = region_reader((0, 0, gray.shape[1], gray.shape[0]), f"decimals = {decimals}").read(gray)
    assert (reading.text, reading.status, reading.value) == ("128.75", status, value)


def number_beside_print(digits: str):
    """A region with "/ 30" printed at its right and digits of a sample at its left, and the region as it is printed."""
    printed = np.full((120, 500), 235, np.uint8)
    cv2.rectangle(printed, (0, 0), (499, 119), (60,), 2)
    cv2.putText(printed, "/ 30", (370, 80), 0, 1.5, (40,), 3, 16)
    written = printed.copy()
    cv2.putText(written, digits, (40, 85), 0, 1.8, (30,), 4, 16)
    return written, printed


def test_what_the_reference_picture_prints_is_not_read():
    table = FieldTable(name="n", kind="handwriting", region=(0, 0, 500, 120))
    quad = corners_of((0, 0, 500, 120))
    reader = region_reader((0, 0, 500, 120)).readers["paper"]
    written, printed = number_beside_print("24")
    print_ = print_in(printed, quad)
    beside = read_region(written, table, quad, print_, reader.read)
    blank = read_region(printed, table, quad, print_, reader.read)
    assert (beside.text, beside.status) == ("24", "ok")
    assert (blank.text, blank.status, blank.reason) == ("", "empty", "left blank")
    assert read_region(printed, table, quad, None, reader.read).status != "empty"


def test_a_required_region_must_not_be_blank():
    reader = region_reader((0, 0, 300, 100), "required = true")
    (reading,) = reader.read(np.full((100, 300), 230, np.uint8))
    assert (reading.status, reading.reason) == ("rejected", "left blank")
