"""Lines both ways across a page go, and what is written over them stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.nouns import Gray
from edge.paper.binarize import binarize
from edge.paper.lattice import without_lattice
from edge.paper.segment import find_pieces

PAPER, LINE, INK = 220, 165, 40
SIDES = (480, 640)
TURN = cv2.getRotationMatrix2D((320, 240), 9, 1.0)
TILT = np.array([[1.0, 0.06, -20.0], [0.02, 1.05, -10.0], [1e-4, 1.5e-4, 1.0]])


def page(pitch: int = 36, pen: int = 2, shape: tuple[int, int] = SIDES) -> Gray:
    """Squared paper."""
    picture = np.full(shape, PAPER, np.uint8)
    for y in range(11, shape[0], pitch):
        cv2.line(picture, (0, y), (shape[1], y), LINE, pen)
    for x in range(17, shape[1], pitch):
        cv2.line(picture, (x, 0), (x, shape[0]), LINE, pen)
    return picture


def write(picture: Gray, level: int = INK, scale: float = 1.0) -> Gray:
    """With a number across several squares, its first digit on one of the upright lines."""
    stroke = round(6 * scale)
    x, top, foot = (round(each * scale) for each in (17 + 36 * 4, 200, 260))
    cv2.line(picture, (x, top), (x, foot), level, stroke)
    for k, digit in enumerate("2305"):
        place = (round((210 + 60 * k) * scale), foot)
        cv2.putText(picture, digit, place, cv2.FONT_HERSHEY_SIMPLEX, 2.4 * scale, level, stroke, cv2.LINE_AA)
    return picture


def seen(picture: Gray, how: str) -> Gray:
    """As a camera sees it."""
    if how == "turned":
        picture = cv2.warpAffine(picture, TURN, picture.shape[::-1], flags=cv2.INTER_AREA, borderValue=PAPER)
    if how == "from the side":
        picture = cv2.warpPerspective(picture, TILT, picture.shape[::-1], flags=cv2.INTER_AREA, borderValue=PAPER)
    noise = np.random.default_rng(1).normal(0, 2.0, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


def boxes_of(picture: Gray, is_light: bool = False) -> list[tuple[int, int, int, int]]:
    """Of what is as high as a digit; in the corners ends of lines may be left."""
    boxes = [piece.box for piece in find_pieces(binarize(picture, is_light))[1]]
    return [box for box in boxes if box[3] > 0.1 * SIDES[0]]


@pytest.mark.parametrize("how", ["as it is", "turned", "from the side"])
@pytest.mark.parametrize(("pitch", "pen"), [(20, 1), (36, 2), (70, 2)])
def test_of_a_page_with_squares_the_number_is_left(pitch, pen, how):
    found = boxes_of(seen(write(page(pitch, pen)), how))
    wanted = boxes_of(seen(write(np.full(SIDES, PAPER, np.uint8)), how))
    assert len(wanted) == 5
    np.testing.assert_allclose(found, wanted, atol=3)


@pytest.mark.parametrize("uprights", [(40,), (40, 560), (60, 140, 590)])
@pytest.mark.parametrize("how", ["as it is", "turned"])
def test_of_lined_paper_with_a_margin_and_of_a_table_the_number_is_left(uprights, how):
    picture = ruled()
    for x in uprights:
        cv2.line(picture, (x, 0), (x, SIDES[0]), LINE, 2)
    wanted = boxes_of(seen(write(np.full(SIDES, PAPER, np.uint8)), how))
    np.testing.assert_allclose(boxes_of(seen(write(picture), how)), wanted, atol=3)


def test_lines_so_dark_that_all_is_one_piece_of_ink_go_as_well():
    picture = page(36, 2)
    picture[picture == LINE] = 130
    wanted = boxes_of(seen(write(np.full(SIDES, PAPER, np.uint8)), "as it is"))
    np.testing.assert_allclose(boxes_of(seen(write(picture), "as it is")), wanted, atol=4)


def test_ink_hardly_darker_than_the_lines_stays():
    wanted = boxes_of(seen(write(np.full(SIDES, PAPER, np.uint8), level=110), "as it is"))
    np.testing.assert_allclose(boxes_of(seen(write(page(), level=110), "as it is")), wanted, atol=3)


def test_light_writing_on_a_dark_board_with_squares_is_left():
    wanted = boxes_of(seen(write(np.full(SIDES, PAPER, np.uint8)), "as it is"))
    np.testing.assert_allclose(boxes_of(255 - seen(write(page()), "as it is"), is_light=True), wanted, atol=3)


def test_a_large_picture_may_have_thicker_lines():
    found = boxes_of(seen(write(page(108, 7, (1440, 1920)), scale=3.0), "as it is"))
    wanted = boxes_of(seen(write(np.full((1440, 1920), PAPER, np.uint8), scale=3.0), "as it is"))
    np.testing.assert_allclose(found, wanted, atol=8)


def ruled() -> Gray:
    picture = page(36, 2)
    picture[:, :] = picture[:, 1:2]
    return picture


def boxed() -> Gray:
    picture = np.full(SIDES, PAPER, np.uint8)
    for x in range(100, 541, 55):
        cv2.line(picture, (x, 200), (x, 260), INK, 2)
    for y in (200, 260):
        cv2.line(picture, (100, y), (540, y), INK, 2)
    return picture


def textured() -> Gray:
    return np.random.default_rng(2).integers(0, 256, SIDES).astype(np.uint8)


def striped() -> Gray:
    picture = np.full(SIDES, PAPER, np.uint8)
    picture[:, ::5] = LINE
    return picture


def narrow() -> Gray:
    return page(12, 1, (80, 420))


@pytest.mark.parametrize("draw", [ruled, boxed, textured, striped, narrow])
def test_what_is_no_lattice_is_left_alone(draw):
    assert without_lattice(binarize(draw())) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (40, 30)])
def test_a_page_may_be_of_any_size(shape):
    assert without_lattice(binarize(page(6, 1, shape))) is None
