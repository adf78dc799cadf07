import hashlib
import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge.inference.preprocessing import glyphs as glyph_way
from edge.paper import normalize
from edge.paper.normalize import cut_to_ink, normalize_glyph, preprocessing_constants, stroke_width


def bar(rows: int, columns: int, shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    picture = np.zeros(shape, np.uint8)
    picture[5 : 5 + rows, 7 : 7 + columns] = 255
    return picture


def test_no_ink_gives_an_empty_glyph():
    assert not normalize_glyph(np.zeros((9, 5), np.uint8)).any()


def test_one_pixel_becomes_a_full_square_in_the_middle():
    picture = np.zeros((5, 5), np.uint8)
    picture[0, 4] = 255
    glyph = normalize_glyph(picture)
    assert (glyph[4:24, 4:24] == 255).all()
    assert np.count_nonzero(glyph) == 400


def test_all_ink_is_a_square_of_twenty():
    glyph = normalize_glyph(np.full((40, 40), 255, np.uint8))
    assert (glyph[4:24, 4:24] == 255).all()
    assert np.count_nonzero(glyph) == 400


def test_the_longer_side_becomes_twenty_and_the_aspect_stays():
    glyph = normalize_glyph(bar(40, 12))
    _, _, width, height = cv2.boundingRect(glyph)
    assert (width, height) == (6, 20)


def test_the_centre_of_mass_is_put_in_the_middle():
    foot_heavy = bar(40, 8)
    foot_heavy[35:45, 7:37] = 255
    moments = cv2.moments(normalize_glyph(foot_heavy))
    assert abs(moments["m10"] / moments["m00"] - 13.5) <= 0.5
    assert abs(moments["m01"] / moments["m00"] - 13.5) <= 0.5


def test_place_and_margin_do_not_matter():
    one = np.zeros((80, 90), np.uint8)
    one[50:80, 60:75] = bar(30, 15, (40, 30))[5:35, 7:22]
    assert (normalize_glyph(one) == normalize_glyph(bar(30, 15))).all()


def test_faint_ink_is_stretched_to_full():
    assert normalize_glyph(bar(40, 12) // 2).max() == 255


def test_a_thin_pen_is_thickened():
    outline = np.zeros((110, 90), np.uint8)
    cv2.ellipse(outline, (45, 55), (30, 45), 0, 0, 360, 255, 1)
    glyph = normalize_glyph(outline)
    assert glyph.max() == 255
    assert np.count_nonzero(glyph >= 128) > 2 * np.count_nonzero(cv2.resize(outline, (20, 30)) >= 128)


def test_stroke_width_of_a_bar_is_its_width():
    assert stroke_width(bar(50, 4)) == pytest.approx(4, rel=0.1)


def test_cut_to_ink_ignores_the_faint_border():
    picture = np.full((7, 9), 20, np.uint8)
    picture[2:5, 3:5] = 200
    assert cut_to_ink(picture).shape == (3, 2)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=50)))
def test_any_picture_gives_a_glyph(picture):
    glyph = normalize_glyph(picture)
    assert glyph.shape == (28, 28)
    assert glyph.dtype == np.uint8
    assert glyph.any() == (picture >= normalize.EDGE_COVERAGE).any()


@settings(max_examples=30, deadline=None)
@given(st.integers(12, 40), st.integers(6, 30))
def test_normalizing_twice_changes_little(rows, columns):
    once = normalize_glyph(bar(rows, columns))
    assert np.abs(normalize_glyph(once).astype(int) - once).mean() < 8


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 3), np.float32), np.zeros((3, 3, 3), np.uint8), np.zeros((0, 3), np.uint8), [[1]]]
)
def test_wrong_shape_or_dtype_is_refused_by_name(wrong):
    with pytest.raises(TypeError, match="coverage must"):
        normalize_glyph(wrong)


def test_the_hash_covers_every_constant(monkeypatch):
    before = glyph_way().sha256
    text = json.dumps(preprocessing_constants(), sort_keys=True).encode()
    assert before == hashlib.sha256(text).hexdigest()
    for name in ("VERSION", "BOX_SIDE", "EDGE_COVERAGE", "MIN_STROKE", "PEAK_FRACTION"):
        with monkeypatch.context() as patch:
            patch.setattr(normalize, name, getattr(normalize, name) + 1)
            assert glyph_way().sha256 != before, name
