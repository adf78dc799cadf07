import numpy as np
import pytest

from train.augment import jitter


@pytest.fixture
def glyphs() -> np.ndarray:
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 12:16] = 255
    return np.repeat(picture[None], 200, axis=0)


def test_jitter_moves_about_half_of_the_glyphs_and_keeps_the_others_and_its_input(glyphs: np.ndarray):
    before = glyphs.copy()
    seen = jitter(glyphs, np.random.default_rng(1))
    moved = (seen != glyphs).any(axis=(1, 2))
    assert 70 < moved.sum() < 130
    np.testing.assert_array_equal(glyphs, before)


def test_jittered_glyphs_differ_from_each_other_and_keep_their_ink_and_place(glyphs: np.ndarray):
    seen = jitter(glyphs, np.random.default_rng(1))
    moved = seen[(seen != glyphs).any(axis=(1, 2))].astype(float)
    assert len({glyph.tobytes() for glyph in moved}) == len(moved)
    ink = moved.sum(axis=(1, 2))
    np.testing.assert_allclose(ink, glyphs[0].sum(), rtol=0.2)
    for axis in (1, 2):
        middle = (moved.sum(axis=3 - axis) @ np.arange(28)) / ink
        np.testing.assert_allclose(middle, 13.5, atol=1.2)
