"""Templates that are proposed for small drawn forms: what is found, what is not, and the files that are written."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.config import load_config, parse_config
from edge.errors import PictureError
from edge.forms.sheet import corners_on_desk, find_fiducials, find_sheet
from edge.forms.template import FieldBoxes, Template, find_box_rows, image_path, propose_template, template_toml
from edge.pictures import load_picture

FIXTURES = Path(__file__).parents[2] / "fixtures"

ROWS, COLUMNS = 1170, 827
"""A4 at 100 dpi."""

PITCH, HEIGHT = 24, 30


def sheet():
    return np.full((ROWS, COLUMNS), 255, np.uint8)


def cells(x, y, count, gap=0):
    return [(x + index * (PITCH + gap), y, PITCH, HEIGHT) for index in range(count)]


def draw_cells(page, boxes, level=0, width=1):
    for x, y, w, h in boxes:
        cv2.rectangle(page, (x, y), (x + w, y + h), level, width)
    return page


def write_digits(page, boxes):
    for index, (x, y, _, h) in enumerate(boxes):
        cv2.putText(
            page, str((7 * index + 2) % 10), (x + 4, y + h - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.75, 60, 2, cv2.LINE_AA
        )
    return page


def found_boxes(gray):
    """x, y, width, height of the boxes of each field proposed, between the walls' middles as well as these tell."""
    return [
        [(*quad.min(axis=0), *np.ptp(quad, axis=0)) for quad in field.quads] for field in propose_template(gray).fields
    ]


def assert_found(gray, *rows, within=2.5):
    """The fields proposed are these rows and no others; an inner box is smaller than one from wall to wall."""
    found = found_boxes(gray)
    assert [len(row) for row in found] == [len(row) for row in rows]
    for boxes, truth in zip(found, rows, strict=True):
        assert np.abs(np.array(boxes) - np.array(truth)).max() <= within


@pytest.mark.parametrize("gap", [0, 6])
@pytest.mark.parametrize("level", [0, 215])
def test_rows_of_black_and_of_pale_cells_are_found(gap, level):
    row, other = cells(100, 200, 8, gap), cells(300, 400, 3, gap)
    assert_found(draw_cells(sheet(), row + other, level), row, other)


def test_cells_that_are_written_in_are_found():
    row, apart = cells(100, 200, 9), cells(100, 400, 9, 8)
    assert_found(write_digits(draw_cells(sheet(), row + apart), row + apart), row, apart)


def test_thick_walls_and_large_cells_are_found():
    page = sheet()
    for index in range(4):
        cv2.rectangle(page, (100 + 70 * index, 300), (170 + 70 * index, 400), 0, 4)
    assert_found(page, [(100 + 70 * index, 300, 70, 100) for index in range(4)], within=7)


def test_cells_with_walls_of_two_lines_reach_to_the_middle_between_these():
    row = [(100 + 36 * index, 300, PITCH, HEIGHT) for index in range(6)]
    page = sheet()
    for x, y, w, h in row:
        cv2.rectangle(page, (x - 2, y - 2), (x + w + 2, y + h + 2), 0, 1)
        cv2.rectangle(page, (x + 2, y + 2), (x + w - 2, y + h - 2), 0, 1)
    assert_found(page, row, within=1.5)


def test_dotted_cells_are_found():
    page, row = sheet(), cells(100, 200, 6, 8)
    for x, y, w, h in row:
        for step in range(0, w + 1, 4):
            page[y, x + step] = page[y + h, x + step] = 0
        for step in range(0, h + 1, 4):
            page[y + step, x] = page[y + step, x + w] = 0
    assert_found(page, row)


def test_rounded_cells_are_found():
    page, row = sheet(), cells(100, 200, 6, 8)
    for x, y, w, h in row:
        r = 5
        for start, end in (
            ((x + r, y), (x + w - r, y)),
            ((x + r, y + h), (x + w - r, y + h)),
            ((x, y + r), (x, y + h - r)),
            ((x + w, y + r), (x + w, y + h - r)),
        ):
            cv2.line(page, start, end, 0, 1)
        for centre, turn in (
            ((x + r, y + r), 180),
            ((x + w - r, y + r), 270),
            ((x + w - r, y + h - r), 0),
            ((x + r, y + h - r), 90),
        ):
            cv2.ellipse(page, centre, (r, r), turn, 0, 90, 0, 1)
    assert_found(page, row)


def test_cells_that_only_shade_parts_are_found():
    page, row = sheet(), cells(100, 200, 7)
    for x, y, w, h in row[::2]:
        page[y : y + h, x : x + w] = 222
    assert_found(page, row)


def comb(page, x, y, count, tick, has_frame):
    """A base line below (x, y), with ticks; the ends reach up to a frame's upper line, if there is one."""
    width, foot = count * PITCH, y + HEIGHT
    cv2.line(page, (x, foot), (x + width, foot), 0, 1)
    for index in range(count + 1):
        rise = HEIGHT if has_frame and index in (0, count) else tick
        cv2.line(page, (x + index * PITCH, foot - rise), (x + index * PITCH, foot), 0, 1)
    if has_frame:
        cv2.line(page, (x, y), (x + width, y), 0, 1)
    return page


@pytest.mark.parametrize("has_frame", [False, True])
@pytest.mark.parametrize("is_filled", [False, True])
def test_combs_are_found(has_frame, is_filled):
    page, row = sheet(), cells(100, 300, 7)
    comb(page, 100, 300, 7, 8, has_frame)
    if is_filled:
        write_digits(page, row)
    assert_found(page, row, within=4)  # an open comb's height is a guess from its pitch


def test_a_wider_gap_for_a_point_or_a_dash_does_not_part_a_number():
    row = cells(100, 200, 2, 6) + cells(166, 200, 2, 6) + cells(232, 200, 4, 6)
    assert_found(draw_cells(sheet(), row), row)


def test_the_rows_of_a_table_are_parted_where_its_columns_are():
    page, left, right = sheet(), cells(200, 240, 3), cells(272, 240, 4)
    rows = [[(x, y + HEIGHT * k, w, h) for x, y, w, h in row] for k in range(3) for row in (left, right)]
    draw_cells(page, [box for row in rows for box in row])
    draw_cells(page, [(200, 200, 72, 40), (272, 200, 96, 40)])
    for x in (205, 277):
        cv2.putText(page, "Sum", (x, 228), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1, cv2.LINE_AA)
    assert_found(page, *rows)


def test_an_empty_wide_frame_is_one_region_and_one_with_print_is_none():
    page = draw_cells(sheet(), cells(100, 200, 4))
    cv2.rectangle(page, (100, 300), (320, 340), 0, 1)
    cv2.rectangle(page, (100, 400), (320, 440), 0, 1)
    cv2.putText(page, "Name of the customer", (106, 416), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    fields = propose_template(page).fields
    assert [field.is_region for field in fields] == [False, True]
    assert np.abs(fields[1].quads[0] - [[100, 300], [320, 300], [320, 340], [100, 340]]).max() <= 2


def line(page, x, y, length, label, where):
    """A line to write on from (x, y), and its label at its left, above its beginning or below it."""
    cv2.line(page, (x, y), (x + length, y), 0, 1)
    place = {"left": (x - 110, y - 8), "above": (x, y - 52), "below": (x, y + 14)}[where]
    cv2.putText(page, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    return page


@pytest.mark.parametrize("where", ["left", "above"])
@pytest.mark.parametrize("is_filled", [False, True])
def test_a_line_with_a_label_and_room_above_it_is_a_region(where, is_filled):
    page = draw_cells(sheet(), cells(100, 900, 20))
    line(line(page, 200, 300, 200, "Quantity", where), 200, 400, 160, "Amount", where)
    if is_filled:
        cv2.putText(page, "2701", (206, 298), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 60, 2, cv2.LINE_AA)
    fields = propose_template(page).fields
    assert [field.kind for field in fields] == ["line", "line", "cells"]
    for field, (foot, length) in zip(fields[:2], ((300, 200), (400, 160)), strict=True):
        (left, top), (right, bottom) = field.quads[0].min(axis=0), field.quads[0].max(axis=0)
        assert abs(left - 200) <= 3
        assert abs(right - 200 - length) <= 3
        assert 20 <= foot - top <= 40  # 5 to 10 mm
        assert 1 <= bottom - foot <= 8


def test_a_line_to_sign_on_one_below_text_and_the_side_of_a_frame_are_no_regions():
    page = draw_cells(sheet(), cells(100, 900, 6))
    line(page, 200, 300, 200, "Signature", "below")
    cv2.putText(page, "2. Amounts", (200, 390), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
    cv2.line(page, (200, 400), (420, 400), 0, 1)
    cv2.putText(page, "For office use only", (204, 516), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    cv2.rectangle(page, (200, 500), (420, 640), 0, 1)
    assert_found(page, cells(100, 900, 6))


def test_the_cells_of_a_table_are_found_under_writing_that_crosses_their_walls():
    page, rows = sheet(), [cells(200, 240 + HEIGHT * k, 6) for k in range(4)]
    draw_cells(page, [box for row in rows for box in row], level=150)
    for row in rows:
        for x, y, _, h in row:
            cv2.putText(page, "8", (x - 6, y + h - 2), cv2.FONT_HERSHEY_SIMPLEX, 1, 120, 2, cv2.LINE_AA)
    assert_found(page, *rows)


def test_a_row_in_a_shadow_is_found():
    page, row = draw_cells(sheet(), cells(100, 200, 6) + cells(100, 900, 6)), cells(100, 200, 6)
    light = np.linspace(0.35, 1, ROWS)[:, None]
    assert_found((page * light).astype(np.uint8), row, cells(100, 900, 6))


def clutter(kind):
    page = sheet()
    if kind == "circles":
        for row in range(6):
            for column in range(8):
                cv2.circle(page, (120 + 28 * column, 200 + 28 * row), 11, 0, 1, cv2.LINE_AA)
    elif kind == "letters":
        for row in range(12):
            cv2.putText(
                page,
                "Declaration of HOUSEHOLD 1080",
                (40, 100 + 60 * row),
                cv2.FONT_HERSHEY_DUPLEX,
                0.5 + 0.07 * row,
                0,
                1 + row // 4,
            )
    elif kind == "bar code":
        rng = np.random.default_rng(0)
        for x in np.cumsum(rng.integers(3, 9, 60)):
            page[300:360, 100 + x : 102 + x + x % 3] = 0
    elif kind == "framed text":
        cv2.rectangle(page, (60, 100), (760, 400), 0, 2)
        for row in range(8):
            cv2.putText(
                page,
                "Please write clearly, one digit in each box.",
                (80, 140 + 30 * row),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.7,
                0,
                1,
                cv2.LINE_AA,
            )
    elif kind == "boxes to tick":
        for row in range(5):
            cv2.rectangle(page, (100, 200 + 60 * row), (114, 214 + 60 * row), 0, 1)
            cv2.putText(page, "yes", (125, 214 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1, cv2.LINE_AA)
    elif kind == "rules":
        for row in range(20):
            cv2.line(page, (60, 100 + 40 * row), (760, 100 + 40 * row), 0, 1)
    return page


@pytest.mark.parametrize("kind", ["nothing", "circles", "letters", "bar code", "framed text", "boxes to tick", "rules"])
def test_what_is_no_row_of_boxes_is_not_proposed(kind):
    page = clutter(kind)
    assert find_box_rows(find_sheet(page).gray) == []
    row = cells(100, 900, 6)
    assert_found(draw_cells(page, row), row)


@pytest.mark.parametrize("size", [100, 150, 300, 600])
def test_boxes_are_found_at_any_resolution(size):
    row = [(3 * x, 3 * y, 3 * w, 3 * h) for x, y, w, h in cells(100, 200, 7)]
    page = draw_cells(np.full((3 * ROWS, 3 * COLUMNS), 255, np.uint8), row, width=3)
    factor = size / 300
    scaled = cv2.resize(
        page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    assert_found(scaled, [tuple(factor * value for value in box) for box in row], within=max(4.5, 9 * factor))


@pytest.mark.parametrize("degrees", [-3, 0.8, 2])
def test_the_boxes_of_a_turned_scan_are_quadrilaterals(degrees):
    row = cells(100, 300, 8)
    turn = cv2.getRotationMatrix2D((COLUMNS / 2, ROWS / 2), degrees, 1)
    page = cv2.warpAffine(draw_cells(sheet(), row), turn, (COLUMNS, ROWS), flags=cv2.INTER_CUBIC, borderValue=255)
    (field,) = propose_template(page).fields
    truth = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in row]
    turned = cv2.transform(np.array(truth, np.float64), turn)
    assert field.quads.shape == turned.shape
    assert np.abs(field.quads - turned).max() <= 2


def desk_photo(page):
    """The sheet seen askew on a darker desk, and its corners."""
    corners = np.array([[130, 90], [820, 150], [860, 1180], [60, 1120]], np.float32)
    own = np.array([[0, 0], [COLUMNS - 1, 0], [COLUMNS - 1, ROWS - 1], [0, ROWS - 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(own, corners)
    picture = np.full((1280, 940), 60, np.uint8)
    return (
        cv2.warpPerspective(page, matrix, (940, 1280), dst=picture, borderMode=cv2.BORDER_TRANSPARENT),
        corners,
        matrix,
    )


def test_a_sheet_on_a_desk_is_found_by_its_corners_and_its_boxes_lie_on_it():
    row = cells(100, 300, 8)
    picture, corners, matrix = desk_photo(draw_cells(sheet(), row))
    template = propose_template(picture)
    assert np.abs(template.corners - corners).max() <= 2
    truth = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in row]
    seen = cv2.perspectiveTransform(np.array(truth, np.float64).reshape(1, -1, 2), matrix).reshape(-1, 4, 2)
    assert np.abs(template.fields[0].quads - seen).max() <= 2.5


def test_the_corners_of_a_scan_are_the_pictures_own():
    page = draw_cells(sheet(), cells(100, 300, 8))
    assert corners_on_desk(page) is None
    assert propose_template(page).corners.tolist() == [[0, 0], [826, 0], [826, 1169], [0, 1169]]


@pytest.mark.parametrize("shape", ["square", "disc", "ring", "cross"])
def test_four_equal_marks_in_the_corners_are_fiducials(shape):
    page, places = draw_cells(sheet(), cells(100, 300, 8)), [(40, 40), (786, 40), (786, 1129), (40, 1129)]
    for x, y in places:
        if shape == "square":
            page[y - 9 : y + 10, x - 9 : x + 10] = 0
        elif shape == "cross":
            page[y - 10 : y + 11, x - 1 : x + 2] = page[y - 1 : y + 2, x - 10 : x + 11] = 0
        else:
            cv2.circle(page, (x, y), 9, 0, -1 if shape == "disc" else 3, cv2.LINE_AA)
    assert np.abs(np.array(propose_template(page).fiducials) - places).max() <= 1


def test_three_marks_are_no_fiducials():
    page = sheet()
    for x, y in [(40, 40), (786, 40), (786, 1129)]:
        page[y - 9 : y + 10, x - 9 : x + 10] = 0
    assert find_fiducials(page) == []


def test_fields_are_named_top_to_bottom_then_left_to_right():
    right, left, below = cells(500, 204, 3), cells(100, 200, 4), cells(100, 300, 5)
    template = propose_template(draw_cells(sheet(), below + right + left))
    assert [(field.name, len(field.quads)) for field in template.fields] == [
        ("field-1", 4),
        ("field-2", 3),
        ("field-3", 5),
    ]


def test_the_toml_is_the_schemas_and_says_what_was_found():
    corners = np.array([[0, 0], [99, 0], [99, 199], [0, 199]], np.float64)
    level = np.array([[[9.5, 19.5], [29.5, 19.5], [29.5, 49.5], [9.5, 49.5]]])
    askew = level + np.array([[0, 0], [0, 4], [0, 4], [0, 0]])
    fields = (
        FieldBoxes("field-1", level, "cells"),
        FieldBoxes("field-2", askew, "cells"),
        FieldBoxes("field-3", level, "frame"),
    )
    text = template_toml(Template(corners, ((5.0, 6.0),), fields), 'a "b".png', (200, 100))
    config = parse_config(text)
    assert config.reference.image == 'a "b".png'
    assert config.page.corners == ((0, 0), (99, 0), (99, 199), (0, 199))
    assert config.page.fiducials == [(5, 6)]
    assert config.field[0].digits == [(10, 20, 20, 30)]
    assert config.field[1].digits == [((9.5, 19.5), (29.5, 23.5), (29.5, 53.5), (9.5, 49.5))]
    assert config.field[2].region == (10, 20, 20, 30)
    assert {field.kind for field in config.field} == {"handwriting"}


def test_a_box_at_the_border_stays_within_the_picture():
    quads = np.array([[[-3, -2], [20, -2], [20, 30], [-3, 30]]], np.float64)
    template = Template(np.zeros((4, 2)), (), (FieldBoxes("field-1", quads, "cells"),))
    assert parse_config(template_toml(template, "a.png", (25, 90))).field[0].digits == [(0, 0, 20, 25)]


@pytest.mark.parametrize(
    ("picture", "out", "image"),
    [
        ("a.png", "form.toml", "a.png"),
        ("scans/a.png", "form.toml", "scans/a.png"),
        ("a.png", "out/form.toml", "../a.png"),
    ],
)
def test_the_image_is_named_from_the_templates_folder(picture, out, image, tmp_path):
    assert image_path(tmp_path / picture, tmp_path / out) == image


def test_the_command_writes_a_template_that_loads_and_a_preview(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    cv2.imwrite("scans/blank.png", draw_cells(sheet(), cells(100, 200, 8)))
    assert main(["template", "scans/blank.png"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "1 row of 8 boxes" in said.err
    config = load_config("form.toml")
    assert Path(config.reference.image) == Path("scans/blank.png")
    assert len(config.field[0].digits) == 8
    preview = cv2.imread("form-preview.png")
    assert preview.shape == (ROWS, COLUMNS, 3)
    assert np.ptp(preview[215, 110].astype(int)) > 20  # a cell is tinted
    assert np.ptp(preview[100, 110].astype(int)) == 0


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((1000, 800), 250, np.uint8), "no rows of boxes found"),
        (np.full((200, 150), 250, np.uint8), "few for a form"),
    ],
)
def test_where_nothing_is_found_one_line_says_so_and_nothing_is_written(picture, reason, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert main(["template", str(tmp_path / "a.png"), "--out", str(tmp_path / "form.toml")]) == 1
    said = capsys.readouterr().err
    assert reason in said
    assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_blurred_picture_is_called_blurred():
    page = draw_cells(sheet(), cells(100, 200, 8))
    for row in range(10):
        cv2.putText(
            page, "Please write clearly", (80, 400 + 40 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2, cv2.LINE_AA
        )
    with pytest.raises(PictureError, match="blurred"):
        propose_template(cv2.GaussianBlur(page, (0, 0), 9))


def test_a_template_that_is_there_is_left_alone(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), draw_cells(sheet(), cells(100, 200, 8)))
    (tmp_path / "form.toml").write_text("mine")
    assert main(["template", str(tmp_path / "a.png"), "--out", str(tmp_path / "form.toml")]) == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "form.toml").read_text() == "mine"
    assert not (tmp_path / "form-preview.png").exists()


STUDENT_NUMBER = [
    (116.7, 106.7, 33, 54), (149.7, 106.7, 32.6, 54), (182.3, 106.7, 32.4, 54), (214.7, 106.7, 32.6, 54),
    (247.3, 106.7, 31.7, 54), (279, 106.7, 32.7, 54), (311.7, 106.7, 33, 54),
]  # fmt: skip
"""The boxes of the number in `form.jpg`, from wall to wall, measured by eye in the scan."""


def test_the_number_box_of_a_real_form_is_found_and_its_circles_are_not():
    assert_found(load_picture(FIXTURES / "form.jpg"), STUDENT_NUMBER, within=5)
