import numpy as np
import pytest

from edge.paper.binarize import binarize, noise_level, polarity_evidence


def page(paper: int = 200, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    return np.full(shape, paper, np.uint8)


def with_strokes(picture: np.ndarray, level: float) -> np.ndarray:
    """Three upright strokes, 4 pixels wide; a `level` below 1 darkens, above 1 lightens."""
    out = picture.astype(float)
    for left in (30, 60, 90):
        out[30:80, left : left + 4] *= level
    return np.clip(out, 0, 255).astype(np.uint8)


def test_strokes_are_ink_and_paper_is_not():
    mask = binarize(with_strokes(page(), 0.4)).mask
    assert (mask[35:75, 30:34] == 255).all()
    assert np.count_nonzero(mask) == pytest.approx(3 * 50 * 4, rel=0.15)


def test_a_blank_page_has_no_ink():
    for level in (0, 1, 128, 255):
        assert not binarize(page(level)).mask.any()


def test_a_steep_gradient_is_not_ink_and_hides_none():
    light = np.linspace(60, 250, 160)[None, :].repeat(120, axis=0).astype(np.uint8)
    mask = binarize(with_strokes(light, 0.5)).mask
    assert (mask[35:75, 31:33] == 255).all()
    assert np.count_nonzero(mask) < 3 * 50 * 4 * 1.3


def test_a_shadow_across_the_strokes_keeps_them_whole():
    lit = page()
    lit[50:] = np.linspace(200, 90, 70)[:, None].clip(90).astype(np.uint8)
    lit[62:] = 90
    mask = binarize(with_strokes(lit, 0.5)).mask
    assert (mask[32:78, 61:63] == 255).all()


def test_light_strokes_on_dark_are_ink_when_asked_for():
    dark = with_strokes(page(60), 3.0)
    assert not binarize(dark).mask[35:75, 30:34].any()
    assert (binarize(dark, is_light=True).mask[35:75, 30:34] == 255).all()


def test_noise_alone_gives_specks_at_most():
    noisy = np.random.default_rng(0).normal(150, 15, (240, 320)).clip(0, 255).astype(np.uint8)
    assert np.count_nonzero(binarize(noisy).mask) < 0.005 * noisy.size


@pytest.mark.parametrize("sigma", [2, 8, 20])
def test_noise_is_measured(sigma):
    noisy = np.random.default_rng(1).normal(128, sigma, (240, 320)).clip(0, 255).astype(np.uint8)
    assert noise_level(noisy) == pytest.approx(sigma, rel=0.12)


def test_a_clean_picture_has_no_noise():
    assert noise_level(page()) == 0.0


def test_polarity_is_the_skew_of_the_detail():
    assert polarity_evidence(with_strokes(page(), 0.4)) < -1
    assert polarity_evidence(with_strokes(page(60), 3.0)) > 1
    assert polarity_evidence(page()) == 0.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3), (9, 9)])
def test_tiny_pictures_are_ordinary(shape):
    assert binarize(np.full(shape, 90, np.uint8)).mask.shape == shape


def test_colour_by_mistake_is_refused():
    with pytest.raises(TypeError, match="gray must be a 2-d uint8 array"):
        binarize(np.zeros((4, 4, 3), np.uint8))
