import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import load_config, parse_config
from edge.schema import FieldTable
from tests.forms.capture import photograph, scan
from tests.forms.checks import is_luhn, is_mod11, is_mod11_10, is_valid, is_weighted
from tests.forms.filling import Shares, draw_broken, draw_number, draw_writer, fill, keeps_rules, without_specks
from tests.forms.layout import DATE, KINDS, SHEETS, SPECS, make_form, mm
from tests.forms.nouns import quad_of, save_template

SHARES = Shares(blank=0.15, trouble=0.2, broken=0.2, touching=0.2)


@pytest.fixture(scope="module")
def forms():
    return {kind: make_form(kind, 3) for kind in (*KINDS, "dense")}


@pytest.mark.parametrize("kind", [*KINDS, "dense"])
def test_a_form_is_a_sheet_with_fields_whose_template_says_where(forms, kind, tmp_path):
    form = forms[kind]
    assert form.gray.shape in SHEETS.values()
    assert form.colour.shape == (*form.gray.shape, 3)
    assert len(form.fields) >= 4
    assert parse_config(form.config()).field == list(form.fields)
    config = load_config(save_template(form, tmp_path))
    assert (cv2.imread(config.reference.image, cv2.IMREAD_GRAYSCALE) == form.gray).all()
    for field in form.fields:
        for box in field.digits or [field.region]:
            assert 0 <= box[0] < box[0] + box[2] < form.gray.shape[1]
            assert 0 <= box[1] < box[1] + box[3] < form.gray.shape[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_makes_the_same_form_and_another_seed_another(kind):
    first, again, other = make_form(kind, 5), make_form(kind, 5), make_form(kind, 6)
    assert (first.colour == again.colour).all()
    assert first.config() == again.config()
    assert first.config() != other.config()


def test_cells_have_a_line_at_every_wall_and_none_inside(forms):
    for field in forms["table"].fields:
        for x, y, width, height in field.digits:
            row = forms["table"].gray[y + height // 2, x - 3 : x + width + 4].astype(int)
            inside = row[6 + width // 5 : -6 - width // 5]
            assert np.ptp(inside) == 0
            wall = forms["table"].gray[y + 8 : y + height - 8, x - 3 : x + 4].astype(int)
            assert wall.min() < inside.max() - 15


def test_fields_do_not_overlap(forms):
    for form in forms.values():
        taken = np.zeros(form.gray.shape, np.uint8)
        for field in form.fields:
            for x, y, width, height in field.digits or [field.region]:
                inner = taken[y + 2 : y + height - 2, x + 2 : x + width - 2]
                assert not inner.any()
                inner[:] = 1


def test_fiducials_are_dark_marks_near_the_corners(forms):
    form = forms["fiducials"]
    rows, columns = form.gray.shape
    assert len(form.fiducials) == 4
    for (x, y), corner in zip(form.fiducials, form.corners, strict=True):
        assert np.hypot(x - corner[0], y - corner[1]) < mm(15)
        mark = form.gray[int(y) - mm(4) : int(y) + mm(4), int(x) - mm(4) : int(x) + mm(4)]
        dark = cv2.moments((mark < 60).astype(np.uint8), binaryImage=True)
        assert abs(dark["m10"] / dark["m00"] - mm(4)) < 2
        assert abs(dark["m01"] / dark["m00"] - mm(4)) < 2
    assert rows > columns


@pytest.mark.parametrize(
    ("is_right", "right", "wrong"),
    [
        (is_luhn, "79927398713", "79927398710"),
        (is_mod11, "0306406152", "0306406153"),
        (is_mod11_10, "07945", "07946"),
        (lambda text: is_weighted(text, [1, 3] * 6 + [1], 10), "4006381333931", "4006381333932"),
    ],
)
def test_published_check_digits(is_right, right, wrong):
    assert is_right(right)
    assert not is_right(wrong)


@given(st.sampled_from(SPECS), st.integers(0, 10**6))
def test_numbers_keep_their_rules_and_broken_ones_do_not(spec, seed):
    _, count, keys = spec
    boxes = [(20 * index, 0, 20, 20) for index in range(count)]
    field = FieldTable(name="f", kind="handwriting", digits=boxes, **keys)
    rng = np.random.default_rng(seed)
    text = draw_number(field, count, rng)
    assert text.isdigit()
    assert len(text) <= count
    assert keeps_rules(text, field)
    if field.check or field.pattern or field.maximum is not None:
        assert not keeps_rules(draw_broken(field, count, rng), field)


def test_a_speck_beside_a_digit_goes_and_the_digit_stays():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:15] = 255
    digit = image.copy()
    image[20:23, 20:23] = 200
    assert (without_specks(image) == digit).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_where_the_truth_says(digits_data, forms, kind):
    form = forms[kind]
    filled = fill(form, "test", np.random.default_rng(1), SHARES)
    again = fill(form, "test", np.random.default_rng(1), SHARES)
    assert (filled.colour == again.colour).all()
    assert filled.fields == again.fields
    change = np.abs(filled.colour.astype(int) - form.colour).sum(axis=2) > 60
    for field, truth in zip(form.fields, filled.fields, strict=True):
        assert truth.name == field.name
        if field.region is not None:
            x, y, width, height = field.region
            assert change[y : y + height, x : x + width].any() == bool(truth.text)
            continue
        assert len(truth.cells) == len(field.digits)
        for (x, y, width, height), cell in zip(field.digits, truth.cells, strict=True):
            if cell.text or cell.trouble:
                assert change[y : y + height, x : x + width].mean() > 0.01
            else:
                assert not change[y + height // 8 : y + height - height // 8, x + width // 8 : x + width * 7 // 8].any()


def test_the_truth_says_which_rules_are_broken(digits_data, forms):
    broken = set()
    for seed in range(3):
        for field, truth in zip(
            forms["dense"].fields,
            fill(forms["dense"], "test", np.random.default_rng(seed), SHARES).fields,
            strict=True,
        ):
            if truth.text and not truth.is_doubtful:
                assert is_valid(truth.text, field) == (truth.broken != "check")
                broken.add(truth.broken)
    assert broken == {"", "check"}


def test_every_sort_of_trouble_is_planted_and_has_no_digit(digits_data, forms):
    filled = fill(forms["dense"], "test", np.random.default_rng(1), Shares(trouble=1.0))
    cells = [cell for field in filled.fields for cell in field.cells if cell.trouble]
    assert {cell.trouble for cell in cells} == {"struck", "double", "scribble", "overwritten"}
    assert not any(cell.text for cell in cells)


def test_no_digit_of_one_split_is_in_the_other(digits_data):
    drawn = []
    for split in ("validation", "test"):
        rng = np.random.default_rng(1)
        writers = [draw_writer(split, rng) for _ in range(30)]
        drawn.append({image.tobytes() for writer in writers for images in writer.digits for image in images})
    assert min(map(len, drawn)) > 300
    assert not drawn[0] & drawn[1]


def marked_sheet():
    """White, with a black square of 41 pixels round each of four points."""
    page = np.full((1500, 1100, 3), 255, np.uint8)
    points = [(200, 250), (900, 200), (850, 1300), (150, 1200)]
    for x, y in points:
        page[y - 20 : y + 21, x - 20 : x + 21] = 0
    return page, points


def middle_of_mark(gray, x, y, reach):
    left, top = round(x) - reach, round(y) - reach
    area = 255.0 - gray[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    area[area < 100] = 0
    rows, columns = np.mgrid[0 : area.shape[0], 0 : area.shape[1]]
    return left + (area * columns).sum() / area.sum(), top + (area * rows).sum() / area.sum()


@pytest.mark.parametrize("is_upside_down", [False, True])
@pytest.mark.parametrize("dpi", [100, 150, 300, 600])
def test_the_matrix_of_a_scan_takes_marks_to_their_places(dpi, is_upside_down):
    page, points = marked_sheet()
    picture = scan(page, np.random.default_rng(dpi), dpi, is_upside_down=is_upside_down)
    assert picture.pixels.shape == (1500 * dpi // 300, round(1100 * dpi / 300))
    for x, y in cv2.perspectiveTransform(np.array([points], np.float64), picture.matrix)[0]:
        assert middle_of_mark(picture.gray, x, y, 32 * dpi // 300) == pytest.approx((x, y), abs=0.5 * max(1, dpi / 300))
    assert (picture.matrix[0, 0] < 0) == is_upside_down


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_of_a_photograph_takes_marks_to_their_places(seed):
    page, points = marked_sheet()
    picture = photograph(page, np.random.default_rng(seed))
    corners = cv2.perspectiveTransform(quad_of((0, 0, 1099, 1499))[None], picture.matrix)[0]
    assert (corners > 0).all()
    assert (corners < picture.gray.shape[::-1]).all()
    assert picture.gray[0, 0] < 130
    for x, y in cv2.perspectiveTransform(np.array([points], np.float64), picture.matrix)[0]:
        mark = picture.gray[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5]
        assert mark.max() < picture.gray[round(y) - 60 : round(y) + 61, round(x) - 60 : round(x) + 61].max() - 40


@pytest.mark.parametrize(("mode", "shape", "levels"), [("gray", 2, 20), ("colour", 3, 20), ("bitonal", 2, 1)])
def test_a_scan_has_the_mode_asked_for(mode, shape, levels):
    page, _ = marked_sheet()
    pixels = scan(page, np.random.default_rng(1), mode=mode).pixels
    assert pixels.ndim == shape
    assert pixels.dtype == np.uint8
    assert len(np.unique(pixels)) > levels
    assert mode != "bitonal" or set(np.unique(pixels)) == {0, 255}


def test_pictures_are_the_same_for_the_same_seed():
    page, _ = marked_sheet()
    for capture in (scan, photograph):
        first, again, other = (capture(page, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert (first.pixels == again.pixels).all()
        assert (first.matrix == again.matrix).all()
        assert not np.allclose(first.matrix, other.matrix)


def test_dates_are_dates():
    field = FieldTable(name="f", kind="handwriting", digits=[(0, 0, 9, 9)] * 8, pattern=DATE)
    assert keeps_rules("31121999", field)
    assert not keeps_rules("32121999", field)
    assert not keeps_rules("31131999", field)
