from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.nouns import Digit, Reading
from tests.forms.capture import scan
from tests.forms.filling import Shares, fill
from tests.forms.layout import make_form
from tests.forms.measure import (
    Counts,
    Row,
    count_page,
    format_few,
    format_share,
    measure_fields,
    measure_stack,
    open_form,
    quad_of,
    read_pages,
    totals,
)

BUNDLE = Path(__file__).parents[2] / "models" / "paper"

SHARES = Shares(blank=0.2, trouble=0.2, broken=0.2)


@pytest.fixture(scope="module")
def page(digits_data):
    rng = np.random.default_rng(4)
    filled = fill(make_form("cells", 2), "test", rng, SHARES)
    return filled, scan(filled.colour, rng, 150, is_upside_down=True)


def true_reading(table, truth, matrix):
    """What a reader without fault says of a field."""
    boxes = [cv2.perspectiveTransform(quad_of(box)[None], matrix)[0] for box in table.digits or [table.region]]
    boxes = [cv2.boundingRect(box.astype(np.float32)) for box in boxes]
    marks = [("?" if cell.trouble else cell.text or " ") for cell in truth.cells]
    digits = tuple(Digit(mark, 0.99, box) for mark, box in zip(marks, boxes, strict=bool(table.digits)))
    text = "".join(marks).strip()
    if truth.is_doubtful:
        return Reading(table.name, text, None, "uncertain", 0.5, boxes[0], "cell 1", digits)
    if not text:
        return Reading(table.name, "", None, "empty", 0.9, boxes[0], "left blank", digits)
    if truth.broken:
        return Reading(table.name, text, None, "rejected", 0.9, boxes[0], "rule", digits)
    return Reading(table.name, text, int(text) / 10**table.decimals, "ok", 0.9, boxes[0], None, digits)


def true_readings(filled, picture):
    return [
        true_reading(table, truth, picture.matrix)
        for table, truth in zip(filled.form.fields, filled.fields, strict=True)
    ]


def open_blind(form):
    """What reads a form as if every field were left blank."""
    return lambda _: [Reading(field.name, "", None, "empty", 0.9, None) for field in form.fields]


def first(filled, is_wanted):
    """Index of a field whose table and truth are as wanted."""
    pairs = zip(filled.form.fields, filled.fields, strict=True)
    return next(index for index, (table, truth) in enumerate(pairs) if is_wanted(table, truth))


def is_plain(table, truth):
    return bool(truth.text) and not truth.broken and not truth.is_doubtful and not table.check


def with_fault(filled, picture, index, **changes):
    readings = true_readings(filled, picture)
    readings[index] = replace(readings[index], **changes)
    return count_page(filled, picture, readings)


def test_a_reader_without_fault_has_everything_right(page):
    counts = count_page(*page, true_readings(*page))
    assert counts.pages == counts.registered == 1
    assert counts.boxes == counts.boxes_found > 50
    assert counts.digits == counts.digits_right > 30
    assert counts.blanks == counts.blanks_right > 10
    assert counts.fields == counts.fields_right > 5
    assert min(counts.checked, counts.unchecked, counts.doubts, counts.broken) > 0
    assert counts.unchecked_wrong == counts.checked_wrong == counts.doubts_ok == counts.broken_ok == 0
    assert counts.digits_blank == counts.digits_wrong == 0
    assert counts.fields + counts.doubts + counts.broken == len(page[0].fields)
    assert counts.checked + counts.unchecked + counts.doubts == len(page[0].fields)


def test_a_wrong_digit_called_ok_is_counted_as_cell_and_field(page):
    filled, _ = page
    index = first(filled, is_plain)
    reading = true_readings(*page)[index]
    place = next(k for k, digit in enumerate(reading.digits) if digit.text != " ")
    wrong = str((int(reading.digits[place].text) + 1) % 10)
    digits = (*reading.digits[:place], replace(reading.digits[place], text=wrong), *reading.digits[place + 1 :])
    text = "".join(digit.text for digit in digits).strip()
    value = int(text) / 10 ** filled.form.fields[index].decimals
    good, counts = (
        count_page(*page, true_readings(*page)),
        with_fault(*page, index, digits=digits, text=text, value=value),
    )
    assert counts.digits_right == good.digits_right - 1
    assert counts.digits_wrong == 1
    assert counts.fields_right == good.fields_right - 1
    assert counts.unchecked_wrong == 1
    assert counts.checked_wrong == 0


def test_a_value_that_is_not_the_text_is_wrong(page):
    filled, _ = page
    index = first(filled, is_plain)
    assert with_fault(*page, index, value=0.5).unchecked_wrong == 1


def test_a_wrong_number_with_a_check_digit_is_counted_apart(page):
    filled, _ = page
    index = first(filled, lambda table, truth: table.check and truth.text and not truth.is_doubtful)
    counts = with_fault(*page, index, text="1", value=1.0, status="ok", reason=None)
    assert counts.checked_wrong == 1
    assert counts.unchecked_wrong == 0


def test_a_blank_field_called_a_number_is_wrong_and_its_cells_too(page):
    filled, _ = page
    index = first(filled, lambda _, truth: not truth.text and not truth.is_doubtful)
    reading = true_readings(*page)[index]
    digits = tuple(replace(digit, text="1") for digit in reading.digits)
    text = "1" * len(digits)
    counts = with_fault(*page, index, digits=digits, text=text, value=float(text), status="ok", reason=None)
    assert counts.blanks - counts.blanks_right == len(digits)
    assert counts.unchecked_wrong + counts.checked_wrong == 1


def test_a_digit_called_blank_is_counted(page):
    filled, _ = page
    index = first(filled, is_plain)
    reading = true_readings(*page)[index]
    digits = tuple(replace(digit, text=" ") for digit in reading.digits)
    counts = with_fault(*page, index, digits=digits, text="", value=None, status="empty")
    assert counts.digits_blank == len(filled.fields[index].text)
    assert counts.fields - counts.fields_right == 1
    assert counts.unchecked_wrong == 0


def test_doubt_and_broken_rules_called_ok_are_counted(page):
    filled, _ = page
    doubtful = first(filled, lambda _, truth: truth.is_doubtful)
    broken = first(filled, lambda _, truth: truth.broken and not truth.is_doubtful)
    assert with_fault(*page, doubtful, status="ok", value=1.0).doubts_ok == 1
    counts = with_fault(*page, broken, status="ok", value=1.0)
    assert counts.broken_ok == 1


def test_a_box_off_its_cell_is_not_found_and_a_page_far_off_not_registered(page):
    filled, _ = page
    index = first(filled, lambda table, _: table.digits)
    reading = true_readings(*page)[index]
    for share, found, registered in [(0.05, 0, 1), (0.17, 1, 1), (0.4, 1, 0)]:
        x, y, width, height = reading.digits[0].box
        moved = replace(reading.digits[0], box=(x, y + round(share * min(width, height)), width, height))
        counts = with_fault(*page, index, digits=(moved, *reading.digits[1:]))
        assert counts.boxes - counts.boxes_found == found
        assert counts.registered == registered


def test_a_page_that_was_refused_is_not_registered_and_nothing_on_it_is_right(page):
    filled, picture = page
    refused = [Reading(field.name, "", None, "rejected", 0.0, None, "the page") for field in filled.fields]
    counts = count_page(filled, picture, refused)
    assert counts.pages == 1
    assert counts.registered == counts.boxes_found == counts.digits_right == counts.blanks_right == 0
    assert counts.fields_right == counts.digits_blank == counts.unchecked_wrong == counts.checked_wrong == 0


def test_a_missing_reading_is_an_error_not_a_smaller_count(page):
    with pytest.raises(ValueError, match="shorter"):
        count_page(*page, true_readings(*page)[:-1])


def test_lines_to_write_on_are_counted_by_their_digits(digits_data):
    rng = np.random.default_rng(4)
    filled = fill(make_form("lines", 2), "test", rng, Shares(blank=0.2))
    picture = scan(filled.colour, rng, 150)
    counts = count_page(filled, picture, true_readings(filled, picture))
    assert counts.digits == counts.digits_right == sum(len(truth.text) for truth in filled.fields)
    assert counts.registered == 1
    far = [replace(reading, box=(0, 0, 4, 4)) for reading in true_readings(filled, picture)]
    assert count_page(filled, picture, far).registered == 0


def test_a_field_that_is_wrong_and_ok_is_named_with_its_form_and_can_be_read_again(digits_data):
    def open_wrong(form):
        return lambda _: [Reading(field.name, "0", 0.0, "ok", 0.97, None) for field in form.fields]

    (counts, wrong), *_ = measure_fields(1, "test", open_wrong, first=3)
    assert len(wrong) == counts.unchecked_wrong + counts.checked_wrong + counts.doubts_ok > 200
    assert {each.form for each in wrong} == {3}
    assert {each.page for each in wrong} == {9, 10, 11}
    assert {each.read for each in wrong} == {"0"}
    assert all(each.truth != "0" and each.confidence == 0.97 for each in wrong)


def test_totals_add_up():
    rows = [
        Row("a", "x", Counts(pages=1), 0.1),
        Row("a", "y", Counts(pages=2), 0.1),
        Row("b", "x", Counts(pages=4), 0.1),
    ]
    sums = {title: counts.pages for title, counts in totals(rows)}
    assert sums == {"all a": 3, "all b": 4, "all x": 5, "all y": 2, "all": 7}
    assert totals(rows)[-1][0] == "all"


def test_shares_are_printed_with_their_interval():
    assert format_share(8, 10) == "80.00 % (49.0-94.3) of 10"
    assert format_share(0, 0) == format_few(0, 0) == "-"
    assert format_few(0, 10000) == "0 of 10000 (0.000-0.038 %)"
    assert format_few(2, 700) == "2 of 700 (0.078-1.036 %)"


def test_pages_are_the_same_for_the_same_seed_and_fields_are_counted_to_the_number_asked(digits_data):
    one, again = (next(iter(read_pages("comb", ["scan 100"], range(1), "test", open_blind))) for _ in range(2))
    assert (one[1].pixels == again[1].pixels).all()
    assert one[0].fields == again[0].fields
    *_, (counts, wrong) = measure_fields(20, "test", open_blind)
    assert 20 <= counts.checked < 200
    assert wrong == []


def test_a_stack_is_read_whole_and_its_memory_told(digits_data):
    levels = list(measure_stack(6, "validation", BUNDLE, different=2))
    assert [level.pages for level in levels] == [1, 2, 3, 4, 5]
    assert all(level.resident_mb > 50 for level in levels)
    assert [level.seconds for level in levels] == sorted(level.seconds for level in levels)
    assert all(0.1 < level.processor_s < 2 * level.seconds for level in levels)


def test_a_stack_that_goes_into_a_table_has_no_page_twice(digits_data):
    assert [level.pages for level in measure_stack(3, "validation", BUNDLE, has_table=True, different=1)] == [1, 2]


def test_a_stack_that_is_not_read_is_an_error(digits_data, tmp_path):
    with pytest.raises(RuntimeError, match="after 0 of 1 pages"):
        list(measure_stack(1, "validation", tmp_path, different=1))


def test_the_shipped_bundle_reads_a_scanned_form(digits_data):
    pages = read_pages("cells", ["scan 300"], range(2), "validation", partial(open_form, model=BUNDLE))
    counts = sum((count_page(filled, picture, readings) for filled, picture, readings, _ in pages), Counts())
    assert counts.registered == 2
    assert counts.boxes_found == counts.boxes
    assert counts.digits_right > 0.9 * counts.digits
    assert counts.blanks_right > 0.9 * counts.blanks
    assert counts.checked_wrong == 0
