"""Frames are judged before they are read: what is spoilt has its reason, what is only hard has none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.geometry import corners_of
from edge.meters.judge import FrameLimits, FrameTraits, Seen, judge_alignment, judge_frame, seen_again, traits_of
from edge.meters.register import Alignment
from edge.pictures import load_picture
from tests.meters.frames import HARMLESS, SPOILT, draw_face, glare, noisy, with_digits

KINDS = [(kind, seed) for kind in HARMLESS for seed in range(3)]
FAULTS = [(kind, seed) for kind in SPOILT if kind != "torn, beside" for seed in range(3)]


def face_of(seed):
    rng = np.random.default_rng([seed, 4])
    face = draw_face(rng)
    return face, list(face.cells), with_digits(face.gray, face.cells, rng), rng


@pytest.mark.parametrize(("kind", "seed"), KINDS)
def test_a_frame_in_other_light_is_fit(kind, seed):
    face, cells, gray, rng = face_of(seed)
    gray = HARMLESS[kind](gray, rng)
    assert judge_frame(gray, cells, traits_of(face.gray, cells)) is None
    assert judge_frame(gray, cells) is None
    assert judge_frame(gray) is None


@pytest.mark.parametrize(("kind", "seed"), FAULTS)
def test_a_spoilt_frame_has_its_reason(kind, seed):
    face, cells, gray, rng = face_of(seed)
    found = judge_frame(SPOILT[kind](gray, rng), cells, traits_of(face.gray, cells))
    assert found.startswith(kind.partition(",")[0] + ":")
    assert "\n" not in found


@pytest.mark.parametrize("kind", ["dark", "overexposed", "torn, foot missing"])
def test_without_a_reference_the_plain_faults_are_still_told(kind):
    _, cells, gray, rng = face_of(1)
    assert judge_frame(SPOILT[kind](gray, rng), cells).startswith(kind.partition(",")[0] + ":")


def test_without_a_reference_a_strong_blur_is_told():
    _, cells, gray, rng = face_of(1)
    gray = noisy(cv2.GaussianBlur(gray, (0, 0), 13), rng, 2.0)
    assert judge_frame(gray, cells).startswith("blurred: its edges are ")
    assert judge_frame(gray).startswith("blurred: its edges are ")


@pytest.mark.parametrize("shift", [24, -60])
def test_a_part_that_stands_beside_the_rest_is_torn(shift):
    _, cells, gray, rng = face_of(2)
    gray[230:] = np.roll(gray[230:], shift, axis=1)
    assert judge_frame(noisy(gray, rng, 2.0), cells) == "torn: what is below row 230 stands beside what is above"


@pytest.mark.parametrize("name", ["00427.png", "128.75.png", "1637_20485_916.png", "58203.png", "90210.png"])
def test_pages_of_digits_are_fit_in_every_way_up(repository, name):
    gray = load_picture(repository / "edge" / "samples" / name)
    assert [judge_frame(np.rot90(gray, turn)) for turn in range(4)] == [None] * 4


def test_glare_names_the_cell_that_it_hides():
    face, cells, gray, rng = face_of(0)
    gray = glare(gray, cells[2].mean(axis=0), 22, rng)
    assert judge_frame(gray, cells, traits_of(face.gray, cells)).startswith("glare on cell 3: ")


def test_glare_on_a_fifth_of_a_digit_is_enough():
    face, cells, gray, _ = face_of(0)
    left, top, right, below = (*cells[2].min(axis=0).astype(int), *cells[2].max(axis=0).astype(int))
    gray[top : top + round(0.23 * (below - top)), left:right] = 255
    assert judge_frame(gray, cells, traits_of(face.gray, cells)).startswith("glare on cell 3: ")


def test_a_dial_that_shines_is_left_to_its_needle_and_a_digit_beside_it_is_not():
    face, cells, gray, rng = face_of(0)
    gray = glare(gray, cells[2].mean(axis=0), 22, rng)
    traits = traits_of(face.gray, cells, dials=[2])
    assert judge_frame(gray, cells, traits) is None
    gray = glare(gray, cells[0].mean(axis=0), 22, rng)
    assert judge_frame(gray, cells, traits).startswith("glare on cell 1: ")


def test_cells_that_are_all_white_paper_have_no_glare():
    gray = np.full((100, 300), 180, np.uint8)
    cells = [corners_of((20 + 60 * k, 20, 40, 60)) for k in range(4)]
    for k in range(4):
        gray[20:80, 20 + 60 * k : 60 + 60 * k] = 255
        gray[30:70, 36 + 60 * k : 42 + 60 * k] = 20
    assert judge_frame(gray, cells) is None


def test_glare_that_the_reference_has_too_is_no_fault():
    _, cells, gray, rng = face_of(0)
    gray = glare(gray, cells[2].mean(axis=0), 22, rng)
    assert judge_frame(gray, cells, traits_of(gray, cells)) is None


def test_a_camera_that_gives_the_same_bytes_is_frozen_after_three():
    gray = face_of(0)[2]
    seen, reasons = None, []
    for _ in range(4):
        seen = seen_again(gray, seen)
        reasons.append(judge_frame(gray, seen=seen))
    assert reasons[:2] == [None, None]
    assert reasons[2] == "frozen: the same 3 times in a row, to the byte; see to the camera"
    assert "4 times" in reasons[3]
    assert judge_frame(gray, seen=seen, limits=FrameLimits(same=9)) is None


def test_one_pixel_is_enough_to_be_another_frame():
    gray = face_of(0)[2]
    seen = seen_again(gray, None)
    gray[100, 100] ^= 1
    assert seen_again(gray, seen).times == 1
    assert seen_again(gray[:, ::-1], seen).times == 1


@pytest.mark.parametrize(
    ("level", "kind"), [(0, "dark: nothing is brighter"), (60, "dark: all"), (200, "overexposed: all"), (255, "over")]
)
def test_a_flat_frame_shows_nothing(level, kind):
    assert judge_frame(np.full((480, 640), level, np.uint8)).startswith(kind)


def test_a_blank_margin_that_the_reference_has_is_not_torn():
    gray = face_of(0)[2]
    gray[440:] = 90
    assert judge_frame(gray, [], traits_of(gray)) is None
    assert judge_frame(gray, []) is None
    assert judge_frame(gray, [], FrameTraits(None, (), 0)) == "torn: the last 40 rows are one gray"


def test_a_refused_alignment_is_a_camera_that_moved():
    assert judge_alignment(Alignment(np.eye(3), 0.9, False)) is None
    assert judge_alignment(Alignment(None, 0.1, True, 0.0, "score 0.10")) == "moved: score 0.10"


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda shape: arrays(np.uint8, shape)),
    st.lists(st.tuples(*[st.floats(-10, 50)] * 2, *[st.floats(0.1, 60)] * 2), max_size=3),
)
def test_any_frame_gets_a_reason_or_none(gray, boxes):
    cells = [corners_of(box) for box in boxes]
    found = judge_frame(gray, cells, traits_of(gray, cells), Seen(0))
    assert found is None or ":" in found


def test_a_colour_frame_is_a_mistake():
    with pytest.raises(TypeError, match="gray must be a 2-d uint8 array"):
        judge_frame(np.zeros((48, 64, 3), np.uint8))
