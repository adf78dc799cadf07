"""Frames are laid to their reference picture, or refused with the reason."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import PictureError
from edge.geometry import corners_of, mapped, quad_of
from edge.meters import register
from edge.meters.register import Alignment, Reference, cut_quad, is_within
from tests.meters.frames import (
    STRANGE,
    any_light,
    bump,
    draw_face,
    noisy,
    photographed_faces,
    strange_view,
    view_of,
    with_digits,
)
from tests.meters.frames import glare as with_glare

BOX = (10, 20, 30, 40)
SHIFT = np.array([(1.0, 0, 5), (0, 1, -7), (0, 0, 1)])


@pytest.fixture(scope="module")
def face():
    return draw_face(np.random.default_rng(3))


@pytest.fixture(scope="module")
def reference(face):
    return Reference.of(face.gray, list(face.cells))


def largest_error(face, found, truth):
    corners = face.cells.reshape(-1, 2)
    return float(np.linalg.norm(mapped(corners, found.matrix) - mapped(corners, truth), axis=1).max())


def test_a_box_has_its_corners_clockwise_from_the_upper_left():
    assert corners_of(BOX).tolist() == [[10, 20], [40, 20], [40, 60], [10, 60]]
    quad = [(1, 2), (5, 2), (6, 9), (0, 8)]
    assert corners_of(quad).tolist() == [list(point) for point in quad]


def test_a_box_is_mapped_by_the_matrix():
    assert quad_of(BOX, SHIFT).tolist() == [[15, 13], [45, 13], [45, 53], [15, 53]]
    tilt = np.array([(1.0, 0, 0), (0, 1, 0), (0.01, 0, 1)])
    assert quad_of(BOX, tilt)[1] == pytest.approx((40 / 1.4, 20 / 1.4))


def test_a_cell_cut_as_it_lies_is_that_part_of_the_frame():
    gray = np.random.default_rng(0).integers(0, 256, (80, 60)).astype(np.uint8)
    assert np.array_equal(cut_quad(gray, corners_of(BOX), (30, 40)), gray[20:60, 10:40])


def test_a_cell_on_its_side_is_upright():
    gray = np.random.default_rng(0).integers(0, 256, (80, 60)).astype(np.uint8)
    turned = np.roll(corners_of(BOX), 1, axis=0)  # its first corner is at the lower left
    assert np.array_equal(cut_quad(gray, turned, (40, 30)), np.rot90(gray[20:60, 10:40], -1))


def test_a_cell_between_pixels_is_between_their_levels():
    ramp = np.tile(np.arange(0, 200, 4, dtype=np.uint8), (50, 1))
    cut = cut_quad(ramp, corners_of((10.25, 10, 20, 20)), (20, 20))
    assert cut[0].tolist() == list(range(41, 121, 4))


def test_a_fine_pattern_shrinks_to_its_mean():
    checks = np.indices((120, 120)).sum(axis=0) % 2 * 255
    cut = cut_quad(checks.astype(np.uint8), corners_of((3.3, 5.1, 100, 110)), (20, 22))
    assert np.abs(cut.astype(int) - 128).max() <= 26


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_large_cell_is_the_mean_over_each_pixel(factor):
    gray = np.random.default_rng(1).integers(0, 256, (30 * factor, 20 * factor)).astype(np.uint8)
    means = gray.reshape(30, factor, 20, factor).mean(axis=(1, 3))
    cut = cut_quad(gray, corners_of((0, 0, 20 * factor, 30 * factor)), (20, 30))
    assert np.abs(cut - means).max() <= 0.51


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 120), st.floats(-20, 100)), min_size=4, max_size=4, unique=True),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_a_cut_has_the_size_that_is_asked_and_no_level_that_the_frame_has_not(points, size):
    corners = cv2.convexHull(np.float32(points)).reshape(-1, 2)
    if len(corners) < 4 or cv2.contourArea(corners) < 4:
        return
    gray = np.random.default_rng(2).integers(50, 100, (80, 100)).astype(np.uint8)
    cut = cut_quad(gray, corners.astype(np.float64), size)
    assert (cut.shape, cut.dtype) == (size[::-1], np.uint8)
    assert gray.min() <= cut.min() <= cut.max() <= gray.max()


def test_the_reference_itself_is_found_where_it_is(reference, face):
    found = reference.locate(face.gray)
    assert found.score == 1.0
    assert found.is_anchored
    assert largest_error(face, found, np.eye(3)) < 0.05


@pytest.mark.parametrize("seed", range(6))
def test_a_still_camera_is_tracked_in_any_light_without_features(reference, face, seed, monkeypatch):
    monkeypatch.setattr(register, "_find_features", lambda *_: pytest.fail("features were looked for"))
    rng = np.random.default_rng(seed)
    truth = bump(rng, 0.01)
    first = Alignment(np.eye(3), 1.0, True)
    found = reference.locate(any_light(view_of(face.gray, truth, rng), rng), first)
    assert not found.is_anchored
    assert found.score > 0.8
    assert largest_error(face, found, truth) < 0.5
    assert 0 < found.shift < 10


@pytest.mark.parametrize("seed", range(8))
def test_after_a_bump_the_frame_is_anchored_again_to_half_a_pixel(reference, face, seed):
    rng = np.random.default_rng(seed)
    truth = bump(rng, 1.0)
    gray = any_light(view_of(with_digits(face.gray, face.cells, rng), truth, rng), rng)
    found = reference.locate(gray, Alignment(np.eye(3), 1.0, True))
    if not is_within(mapped(face.cells.reshape(-1, 2), truth), gray.shape):
        assert "outside the frame" in found.reason
        return
    assert found.is_anchored
    assert found.shift > 10
    assert largest_error(face, found, truth) < 0.5
    assert not reference.locate(gray, found).is_anchored


def test_the_photograph_of_a_meter_is_found_after_bumps(digits_data):
    (face,) = photographed_faces()
    reference = Reference.of(face.gray, list(face.cells))
    errors = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        truth = bump(rng, 0.7)
        found = reference.locate(any_light(view_of(face.gray, truth, rng), rng), Alignment(np.eye(3), 1.0, True))
        errors += [largest_error(face, found, truth)] if found.matrix is not None else []
    assert len(errors) >= 6
    assert np.median(errors) < 0.5


def test_a_frame_of_another_size_has_its_own_pixels(reference, face):
    large = cv2.resize(face.gray, (1600, 1200), interpolation=cv2.INTER_CUBIC)
    found = reference.locate(large)
    assert largest_error(face, found, np.diag([2.5, 2.5, 1])) < 0.5


def test_a_wider_frame_that_shows_the_reference_in_its_middle_is_found(reference, face):
    wide = np.hstack([np.full((480, 107), 90, np.uint8), face.gray, np.full((480, 107), 90, np.uint8)])
    truth = np.eye(3)
    truth[0, 2] = 107
    assert largest_error(face, reference.locate(wide), truth) < 0.2


def test_what_the_digits_show_does_not_change_the_score(reference, face):
    rng = np.random.default_rng(0)
    other = face.gray.copy()
    for x, y in face.cells[:, 0].astype(int):
        other[y : y + 66, x : x + 42] = rng.integers(0, 256, (66, 42))
    assert reference.locate(other).score > 0.9


def test_glare_costs_some_of_the_score_only(reference, face):
    gray = with_glare(face.gray, (200, 330), 60, np.random.default_rng(0))
    assert 0.6 < reference.locate(gray).score < 1.0


@pytest.mark.parametrize("kind", STRANGE[:-1])
@pytest.mark.parametrize("near", [None, Alignment(np.eye(3), 1.0, True)])
def test_what_is_not_the_meter_is_refused(reference, face, kind, near):
    other = draw_face(np.random.default_rng(77))
    for seed in range(3):
        found = reference.locate(strange_view(kind, face, other, np.random.default_rng(seed)), near)
        assert found.matrix is None
        assert found.score < 0.6
        assert f"score {found.score:.2f}, at least 0.60 is asked" in found.reason


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(480, 640), (1, 1), (8, 8), (5, 2000)])
def test_a_flat_frame_of_any_size_is_refused(reference, level, shape):
    found = reference.locate(np.full(shape, level, np.uint8))
    assert (found.matrix, found.score) == (None, 0.0)


def test_a_mirrored_meter_is_refused(reference, face):
    assert reference.locate(np.ascontiguousarray(face.gray[:, ::-1])).matrix is None


def test_a_box_outside_the_frame_is_said(reference, face):
    move = np.eye(3)
    move[0, 2] = 40 - face.cells[0, 0, 0] - 60
    found = reference.locate(view_of(face.gray, move, np.random.default_rng(0)))
    assert found.matrix is None
    assert "outside the frame" in found.reason


def test_a_box_at_the_border_of_the_picture_is_in_it(face):
    reference = Reference.of(face.gray, [(0, 0, 40, 60), (600, 420, 40, 60)])
    move = np.eye(3)
    move[:2, 2] = 0.4
    assert reference.locate(view_of(face.gray, move, np.random.default_rng(0))).matrix is not None


def test_a_frame_whose_part_above_the_boxes_is_hidden_or_elsewhere_is_refused(reference, face):
    row = int(face.cells[0, 0, 1]) - 3
    hidden, torn = face.gray.copy(), face.gray.copy()
    hidden[:row] = 120
    torn[:row] = np.roll(torn[:row], 50, axis=1)
    for gray in (hidden, torn):
        found = reference.locate(gray, Alignment(np.eye(3), 1.0, True))
        assert found.matrix is None
        assert "one side of the reference picture is hidden, or torn off" in found.reason or found.score < 0.6


def test_a_box_far_from_all_landmarks_is_not_placed():
    rng = np.random.default_rng(0)
    gray = np.full((480, 640), 120, np.uint8)
    gray[:, :180] = cv2.GaussianBlur(rng.integers(0, 256, (480, 180)).astype(np.uint8), (0, 0), 3) // 2 * 4
    small, large = (Reference.of(gray, [box]) for box in [(625, 460, 5, 10), (180, 200, 60, 90)])
    seen = noisy(gray, rng, 3)
    assert large.locate(seen).matrix is not None
    assert "too little of the reference picture" in small.locate(seen).reason


def test_a_picture_without_corners_is_no_reference():
    with pytest.raises(PictureError, match="0 corners outside the boxes to hold to, and needs 10; take one that shows"):
        Reference.of(np.full((480, 640), 128, np.uint8))


def test_a_reference_that_is_all_boxes_is_none(face):
    with pytest.raises(PictureError, match="corners outside the boxes"):
        Reference.of(face.gray, [(0, 0, 640, 480)])


def test_a_box_that_leaves_the_reference_is_named(face):
    with pytest.raises(PictureError, match=r"the box \[600, 10, 50, 20\] leaves the reference picture of 640 x 480"):
        Reference.of(face.gray, [(600, 10, 50, 20)])


def test_a_reference_file_is_opened_and_its_faults_name_it(tmp_path, face):
    path = tmp_path / "reference.png"
    cv2.imwrite(str(path), face.gray)
    assert Reference.open(path, list(face.cells)).locate(face.gray).score == 1.0
    cv2.imwrite(str(path), np.full((480, 640), 128, np.uint8))
    with pytest.raises(PictureError, match=r"reference\.png: the reference picture has 0 corners"):
        Reference.open(path)
    with pytest.raises(PictureError, match=r"no\.png"):
        Reference.open(tmp_path / "no.png")


def test_a_colour_frame_is_a_mistake(reference):
    with pytest.raises(TypeError, match="gray must be a 2-d uint8 array"):
        reference.locate(np.zeros((480, 640, 3), np.uint8))


def test_an_alignment_has_a_matrix_or_a_reason():
    with pytest.raises(ValueError, match="a matrix or a reason"):
        Alignment(None, 0.0, False)
    with pytest.raises(ValueError, match="a matrix or a reason"):
        Alignment(np.eye(3), 1.0, False, 0.0, "why")
