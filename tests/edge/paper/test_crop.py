import cv2
import numpy as np
import pytest

from edge.paper.crop import glyph_of_crop


def seven(paper: int, ink: int, size: int = 60) -> np.ndarray:
    picture = np.full((size, size), paper, np.uint8)
    points = np.array([[0.25, 0.2], [0.75, 0.2], [0.45, 0.8]]) * size
    cv2.polylines(picture, [points.astype(np.int32)], False, ink, max(2, size // 12), cv2.LINE_AA)
    return picture


def test_polarity_size_and_contrast_do_not_matter():
    reference = glyph_of_crop(seven(230, 20)).pixels.astype(int)
    for picture in (seven(20, 230), seven(150, 90), seven(230, 20, 300), seven(230, 20, 28)):
        assert np.abs(glyph_of_crop(picture).pixels - reference).mean() < 22


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_crop_has_no_glyph(level):
    assert glyph_of_crop(np.full((40, 40), level, np.uint8)) is None


def test_faint_noise_has_no_glyph():
    assert glyph_of_crop(np.random.default_rng(0).normal(128, 2, (40, 40)).astype(np.uint8)) is None


def test_light_that_falls_off_is_not_ink():
    gradient = np.linspace(0.5, 1.0, 60)[:, None]
    lit = (seven(230, 20) * gradient).astype(np.uint8)
    reference = glyph_of_crop(seven(230, 20)).pixels.astype(int)
    assert np.abs(glyph_of_crop(lit).pixels - reference).mean() < 22


def test_a_frame_at_the_border_and_specks_are_left_out():
    framed = seven(230, 20)
    framed[:2] = framed[-2:] = 20
    framed[50, 10] = 20
    assert np.abs(glyph_of_crop(framed).pixels.astype(int) - glyph_of_crop(seven(230, 20)).pixels).mean() < 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 3), (200, 2)])
def test_tiny_crops_are_ordinary(shape):
    picture = np.zeros(shape, np.uint8)
    picture[0, 0] = 255
    found = glyph_of_crop(picture)
    assert found is None or found.pixels.shape == (28, 28)


def test_colour_is_refused():
    with pytest.raises(TypeError, match="2-d uint8"):
        glyph_of_crop(np.zeros((9, 9, 3), np.uint8))
