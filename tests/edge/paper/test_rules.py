import cv2
import numpy as np
import pytest

from edge.paper.binarize import binarize
from edge.paper.pieces import connected_pieces
from edge.paper.rules import find_rules, without_rules
from edge.paper.segment import find_pieces

PAPER, INK = 220, 40
LEFT, TOP, SIDE, ROOM, CELLS = 75, 90, 50, 60, 5


def page(shape=(240, 400)) -> np.ndarray:
    return np.full(shape, PAPER, np.uint8)


def bars(picture: np.ndarray, *boxes: tuple[int, int, int, int], level: int = INK) -> np.ndarray:
    for x, y, width, height in boxes:
        picture[y : y + height, x : x + width] = level
    return picture


def cells(height: int = 36, level: int = INK) -> np.ndarray:
    """A row of cells with a bar in the middle of each, and both in the middle of the page."""
    picture = page()
    right, bottom = LEFT + SIDE * CELLS, TOP + ROOM
    for x in range(LEFT, right + 1, SIDE):
        cv2.line(picture, (x, TOP), (x, bottom), level, 2)
    for y in (TOP, bottom):
        cv2.line(picture, (LEFT, y), (right, y), level, 2)
    return bars(picture, *((x + 21, TOP + (ROOM - height) // 2, 8, height) for x in range(LEFT, right, SIDE)))


def rotated(picture: np.ndarray, degrees: float) -> np.ndarray:
    rows, columns = picture.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1)
    return cv2.warpAffine(picture, turn, (columns, rows), borderValue=PAPER)


def ring(axes: tuple[int, int], thickness: int) -> np.ndarray:
    picture = page()
    cv2.ellipse(picture, (200, 100), axes, 0, 0, 360, INK, thickness)
    return picture


def boxes_of(picture):
    return [piece.box for piece in find_pieces(binarize(picture))[1]]


def rules_of(picture):
    ink = binarize(picture)
    return find_rules(ink, connected_pieces(ink.mask))


@pytest.mark.parametrize("level", [INK, 120, 160, 190])
@pytest.mark.parametrize("degrees", [0, 6, -6, 12, -12])
def test_a_row_of_cells_goes_and_what_stands_in_it_stays(degrees, level):
    boxes = [box for box in boxes_of(rotated(cells(level=level), degrees)) if box[3] > 10]
    turn = np.deg2rad(degrees)
    middles = [
        (200 + along * np.cos(turn), 120 - along * np.sin(turn)) for along in (SIDE * (k - 2) for k in range(CELLS))
    ]
    assert [x + width / 2 for x, _, width, _ in boxes] == pytest.approx([x for x, _ in middles], abs=3)
    assert [y + height / 2 for _, y, _, height in boxes] == pytest.approx([y for _, y in middles], abs=3)
    assert all(34 <= height <= 39 for *_, height in boxes)


@pytest.mark.parametrize("degrees", [0, 2])
@pytest.mark.parametrize("depth", [18, 22, 26])
def test_walls_so_faint_that_the_ink_has_bits_of_them_go(depth, degrees):
    picture = page()
    for x in (60, 150, 240, 330):
        cv2.line(picture, (x, 60), (x, 172), PAPER - depth, 2)
    for y in (60, 172):
        cv2.line(picture, (60, y), (330, y), PAPER - depth, 2)
    picture = rotated(bars(picture, *((x, 81, 10, 70) for x in (100, 190, 280))), degrees)
    noise = np.random.default_rng(7).normal(0, 2.5, picture.shape)
    seen = np.clip(np.round(cv2.GaussianBlur(picture, (0, 0), 0.8) + noise), 0, 255).astype(np.uint8)
    assert len([piece for piece in connected_pieces(binarize(seen).mask) if piece.size > 8]) > 3
    assert len([box for box in boxes_of(seen) if max(box[2:]) > 8]) == 3


def test_walls_of_cells_that_are_nearly_full_go():
    full = ((LEFT + SIDE * k + 6, TOP + 5, 38, ROOM - 10) for k in range(CELLS))
    assert len(boxes_of(bars(cells(), *full))) == CELLS


@pytest.mark.parametrize(("gap", "level", "height"), [(5, 160, 40), (5, 160, 46)])
def test_a_one_beside_a_wall_that_its_blur_touches_stays(gap, level, height):
    picture, right, bottom = page(), LEFT + SIDE * CELLS, TOP + ROOM
    for x in range(LEFT, right + 1, SIDE):
        cv2.line(picture, (x, TOP), (x, bottom), level, 3)
    for y in (TOP, bottom):
        cv2.line(picture, (LEFT, y), (right, y), level, 3)
    bars(picture, *((x + gap, TOP + (ROOM - height) // 2, 6, height) for x in range(LEFT, right, SIDE)))
    seen = cv2.GaussianBlur(picture, (0, 0), 1.2)
    assert len([box for box in boxes_of(seen) if box[3] > 25]) == CELLS


def test_the_lines_of_a_patterned_paper_take_nothing_from_the_digits():
    picture = page()
    for y in range(2, len(picture), 6):
        cv2.line(picture, (0, y), (399, y), PAPER - 26, 1)
    for x in range(3, 400, 11):
        cv2.line(picture, (x, 0), (x, 239), PAPER - 26, 1)
    digits = [(x, 90, 10, 60) for x in (110, 200, 290)]
    assert [box for box in boxes_of(bars(picture, (60, 200, 20, 6), *digits)) if box[3] > 30] == digits


@pytest.mark.parametrize("slope", [0.05, 0.1, 0.2, 0.3, -0.1, -0.2])
def test_a_rule_at_a_slope_through_the_foot_goes_and_takes_hardly_any_height(slope):
    places = [(60 + 60 * k, round(80 + slope * 60 * k)) for k in range(5)]
    picture = bars(page(), *((x, y, 8, 44) for x, y in places))
    foot = 122 - slope * 60
    cv2.line(picture, (0, round(foot)), (399, round(foot + 399 * slope)), INK, 2)
    boxes = boxes_of(picture)
    assert [box[:3] for box in boxes] == [(x, y, 8) for x, y in places]
    assert all(36 <= height <= 44 for *_, height in boxes)


def test_a_stroke_that_a_rule_crosses_in_the_middle_is_whole():
    picture = bars(page(), (100, 60, 8, 50), (200, 60, 8, 50))
    picture[84:86] = INK
    assert boxes_of(picture) == [(100, 60, 8, 50), (200, 60, 8, 50)]


def test_a_stroke_that_touches_a_wall_stays():
    picture = cells()
    picture[118:121, LEFT : LEFT + 22] = INK
    first, *others = boxes_of(picture)
    assert first[0] <= LEFT + 6
    assert first[0] + first[2] == LEFT + 29
    assert first[3] == 36
    assert len(others) == CELLS - 1


@pytest.mark.parametrize("width", [14, 20, 30, 40])
def test_a_minus_sign_is_no_rule(width):
    dash, digits = (70 - width, 96, width, 5), [(80, 80, 8, 36), (110, 80, 8, 36), (140, 80, 8, 36)]
    assert boxes_of(bars(page(), dash, *digits)) == [dash, *digits]


@pytest.mark.parametrize("degrees", [0, 6, 12])
@pytest.mark.parametrize("height", [36, 45])
def test_a_one_as_high_as_three_quarters_of_its_cell_is_no_wall(height, degrees):
    boxes = boxes_of(rotated(cells(height), degrees))
    assert len([box for box in boxes if abs(box[3] - height) <= 3]) == CELLS


@pytest.mark.parametrize(("axes", "thickness"), [((14, 20), 1), ((20, 28), 2), ((20, 28), 3), ((30, 42), 3)])
def test_a_thin_ring_alone_is_no_frame(axes, thickness):
    picture = ring(axes, thickness)
    ink = binarize(picture)
    found, (piece,) = find_pieces(ink)
    assert piece.box[2] == pytest.approx(2 * axes[0], abs=6)
    assert cv2.countNonZero(found.mask) == cv2.countNonZero(ink.mask)


@pytest.mark.parametrize(("axes", "thickness"), [((10, 14), 2), ((14, 20), 3), ((16, 22), 5)])
def test_a_ring_over_a_rule_is_no_frame(axes, thickness):
    alone = boxes_of(ring(axes, thickness))
    picture = ring(axes, thickness)
    picture[200:202] = INK
    assert boxes_of(picture) == alone
    assert rules_of(picture)[:150].max() == 0


@pytest.mark.parametrize(("axes", "thickness"), [((20, 24), 2), ((22, 30), 3), ((25, 35), 3)])
def test_a_large_thin_ring_over_a_rule_is_no_frame(axes, thickness):
    picture = ring(axes, thickness)
    picture[200:202] = INK
    assert boxes_of(picture) == boxes_of(ring(axes, thickness))


def test_the_thin_part_of_a_faint_stroke_beside_a_bold_one_is_found():
    picture = bars(page(), (105, 80, 14, 40), level=10)
    bars(picture, (130, 80, 5, 40), level=100)
    bars(picture, (135, 118, 9, 2), level=150)
    in_ink = [piece.box for piece in connected_pieces(binarize(picture).mask)]
    assert (130, 80, 14, 40) not in in_ink
    assert boxes_of(picture) == [(105, 80, 14, 40), (130, 80, 14, 40)]


@pytest.mark.parametrize("side", ["top", "bottom", "left"])
def test_a_dark_band_at_the_border_takes_nothing_from_the_digits(side):
    digits = [(100, 80, 8, 40), (140, 80, 8, 40)]
    picture = bars(page(), *digits)
    picture[{"top": np.s_[:16], "bottom": np.s_[-16:], "left": np.s_[:, :16]}[side]] = INK
    assert [box for box in boxes_of(picture) if box in digits] == digits


def test_a_page_of_digits_has_no_rule():
    assert rules_of(bars(page(), (60, 80, 8, 40), (100, 80, 24, 40), (150, 80, 8, 40))) is None


def test_a_rule_is_marked_from_end_to_end():
    picture = bars(page(), (100, 60, 8, 40))
    picture[150:152, 20:380] = INK
    rules = rules_of(picture)
    assert (rules[150:152, 22:378] == 255).all()
    assert not rules[:140].any()


def test_where_a_stroke_crosses_a_rule_its_ink_is_given_back():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:35, 20:26] = mask[20:22] = 255
    rules = np.zeros_like(mask)
    rules[19:23] = 255
    left = without_rules(mask, rules)
    assert (left[5:35, 20:26] == 255).all()
    assert cv2.countNonZero(left) == 30 * 6


@pytest.mark.parametrize("degrees", [0, 6])
def test_an_upright_stroke_from_rule_to_rule_between_two_walls_is_no_wall(degrees):
    stroke = (LEFT + SIDE + 36, TOP, 4, ROOM)
    picture = bars(cells(), stroke)
    heights = [height for *_, height in boxes_of(rotated(picture, degrees))]
    assert sum(height > 50 for height in heights) == 1
    assert len([height for height in heights if height > 30]) == CELLS + 1


def test_walls_of_unlike_cells_all_go():
    picture = page()
    cv2.rectangle(picture, (60, 90), (340, 150), INK, 2)
    for x in (100, 190, 215):
        cv2.line(picture, (x, 90), (x, 150), INK, 2)
    assert boxes_of(bars(picture, (75, 105, 8, 30), (265, 105, 8, 30))) == [(75, 105, 8, 30), (265, 105, 8, 30)]


def test_the_corners_that_are_left_of_a_faint_frame_hint_at_it():
    picture = page()
    cv2.rectangle(picture, (60, 70), (340, 170), 182, 1)
    corner, digits = (60, 70, 14, 8), [(x, 90, 10, 60) for x in (110, 200, 290)]
    assert boxes_of(bars(picture, corner, *digits)) == digits
