"""The sheet of a template in a frame: found however it lies, scored, and refused where it is another."""

import cv2
import numpy as np
import pytest

from edge.forms.page import FINE, Sheet, _settle, _shifts, _shrunk, locate, scaling
from edge.geometry import mapped as moved

SIZE = (700, 500)


def printed_page(seed=0, is_symmetric=False):
    """A page of text and boxes, (rows, columns) uint8."""
    rng = np.random.default_rng(seed)
    page = np.full(SIZE, 240, np.uint8)
    for row in range(60, 640, 45):
        words = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVWXYZ 23456789"), rng.integers(8, 20)))
        cv2.putText(page, words, (40, row), 0, 0.7, (30,), 2, 16)
    for k in range(6):
        cv2.rectangle(page, (250 + 30 * k, 600), (280 + 30 * k, 640), (60,), 1)
    if is_symmetric:
        page = np.minimum(page, page[::-1, ::-1])
    return page


def corners(shape):
    return np.array([(0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0])], np.float64)


def photographed(page, quad, size, desk=70):
    """The page seen at a quadrilateral of a larger picture, and the true map."""
    truth = cv2.getPerspectiveTransform(corners(page.shape).astype(np.float32), np.float32(quad))
    return cv2.warpPerspective(page, truth, size, flags=cv2.INTER_AREA, borderValue=desk), truth


def misses(page, alignment, truth):
    """Distances in pixels of the frame between where the corners are and where they are said to be."""
    points = corners(page.shape)
    return np.linalg.norm(alignment.quad(points) - moved(points, truth), axis=1)


@pytest.fixture(scope="module")
def page():
    return printed_page()


@pytest.fixture(scope="module")
def sheet(page):
    return Sheet.of(page)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("scale", [0.6, 1.0, 2.5])
def test_a_scan_is_found_either_way_round_and_at_any_resolution(page, sheet, turn, scale):
    size = (round(SIZE[1] * scale), round(SIZE[0] * scale))
    scan = np.rot90(cv2.resize(page, size, interpolation=cv2.INTER_AREA), -turn)
    alignment = locate(sheet, np.ascontiguousarray(scan))
    assert alignment.score > 0.9
    expected = np.roll(corners(scan.shape), -turn, axis=0)
    assert np.abs(alignment.quad(corners(SIZE)) - expected).max() < 1.5 * max(scale, 1)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_turned_page_is_found_to_a_fraction_of_a_pixel(page, sheet, turn):
    scan = np.ascontiguousarray(np.rot90(page, -turn))
    expected = np.roll(corners(scan.shape), -turn, axis=0)
    assert np.abs(locate(sheet, scan).quad(corners(SIZE)) - expected).max() < 0.3


def test_a_photograph_on_a_dark_desk_is_found(page, sheet):
    frame, truth = photographed(page, [(120, 90), (560, 60), (640, 720), (60, 690)], (760, 800))
    noisy = np.clip(frame * 0.7 + np.random.default_rng(1).normal(0, 5, frame.shape), 0, 255).astype(np.uint8)
    alignment = locate(sheet, noisy)
    assert alignment.score > 0.8
    assert misses(page, alignment, truth).max() < 2


def test_a_page_that_is_darker_in_the_shade_than_its_desk_in_the_light_is_found(page, sheet, monkeypatch):
    monkeypatch.setattr("edge.forms.page._features", lambda *_: iter(()))
    frame, truth = photographed(page, [(640, 720), (60, 690), (120, 90), (560, 60)], (760, 800), desk=110)
    light = np.linspace(1, 0.45, 800)[:, None] * np.linspace(1, 0.8, 760)
    alignment = locate(sheet, (frame * light).astype(np.uint8))
    assert alignment.score > 0.8
    assert misses(page, alignment, truth).max() < 2


def test_a_photograph_on_a_light_desk_is_found_by_its_features(page, sheet):
    frame, truth = photographed(page, [(150, 120), (560, 150), (540, 700), (130, 660)], (760, 800), desk=235)
    alignment = locate(sheet, frame)
    assert alignment.score > 0.8
    assert misses(page, alignment, truth).max() < 2


def test_a_slight_skew_and_a_shift_are_mended(page, sheet):
    turn = cv2.getRotationMatrix2D((250, 350), 2.5, 1.0)
    turn[:, 2] += (9, -7)
    scan = cv2.warpAffine(page, turn, SIZE[::-1], borderValue=240)
    assert misses(page, locate(sheet, scan), np.vstack([turn, (0, 0, 1)])).max() < 1


def test_what_is_written_into_the_boxes_moves_nothing(page):
    sheet = Sheet.of(page, boxes=[corners((40, 30)) + np.array((250 + 30 * k, 600)) for k in range(6)])
    filled = page.copy()
    cv2.putText(filled, "123456", (252, 635), 0, 1.4, (20,), 3)
    assert misses(page, locate(sheet, filled), np.eye(3)).max() < 0.5


def test_a_page_whose_boxes_are_all_written_over_is_known_by_the_print_beside_them(page):
    rng = np.random.default_rng(1)
    boxes = [corners((22, 30)) + np.array((60 + 30 * k, 80 + 45 * row)) for k in range(12) for row in range(12)]
    form = np.maximum(page, 150)
    for box in boxes:
        cv2.rectangle(form, *(tuple(map(int, box[k])) for k in (0, 2)), (0,), 2)
    filled = form.copy()
    for box in boxes:
        ends = rng.uniform(box.min(axis=0) - 6, box.max(axis=0) + 6, (2, 2)).astype(int).tolist()
        cv2.line(filled, *ends, (20,), 6)
        cv2.line(filled, *(box[[0, 2]] + [[-3, -3], [3, 3]]).astype(int).tolist(), (20,), 6)
    assert locate(Sheet.of(form, boxes=boxes), filled).score > 0.9


@pytest.mark.parametrize(
    "frame",
    [
        printed_page(seed=5),
        np.full((600, 800), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (600, 800), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((5, 2000), 90, np.uint8),
    ],
    ids=["another page", "blank", "noise", "a pixel", "a strip"],
)
def test_what_is_not_the_page_is_refused(sheet, frame):
    assert locate(sheet, frame).score < 0.5


def test_a_page_that_is_the_same_upside_down_is_refused():
    page = printed_page(is_symmetric=True)
    assert locate(Sheet.of(page), page).score == 0.0


def test_a_blank_reference_finds_nothing(page):
    assert locate(Sheet.of(np.full(SIZE, 240, np.uint8)), page).score == 0.0


def test_the_sheet_may_be_a_part_of_the_reference_picture(page):
    frame, truth = photographed(page, [(120, 90), (560, 60), (640, 720), (60, 690)], (760, 800))
    sheet = Sheet.of(frame, moved(corners(SIZE), truth))
    alignment = locate(sheet, page)
    assert alignment.score > 0.8
    assert np.abs(alignment.quad(moved(corners(SIZE), truth)) - corners(SIZE)).max() < 2


def test_scaling_maps_middles_of_pixels():
    small = moved(np.array([[0.5, 0.5], [-0.5, 9.5]]), scaling(0.5))
    np.testing.assert_allclose(small, [(0, 0), (-0.5, 4.5)])


def test_a_step_that_moves_nothing_is_the_last(sheet, page, monkeypatch):
    radii = []
    monkeypatch.setattr("edge.forms.page._shifts", lambda *given: radii.append(given[-1]) or _shifts(*given))
    found = _settle(sheet, page, np.eye(3), FINE)
    assert misses(page, found, np.eye(3)).max() < 0.2
    assert radii == [FINE[0][1]]
    _settle(sheet, page, scaling(1.01), FINE)
    assert radii[1:] == [radius for _, radius in FINE]


def test_a_large_frame_is_reduced_without_moving(page):
    large = cv2.resize(page, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    for scale in (0.9, 0.45, 0.23):
        small = _shrunk(large, scale)
        there = scaling(1 / scale)
        back = cv2.warpPerspective(
            small, there, large.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        (across, down), _ = cv2.phaseCorrelate(large.astype(np.float32), back.astype(np.float32))
        assert max(abs(across), abs(down)) < 0.35
