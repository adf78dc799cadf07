from dataclasses import replace

import numpy as np
import pytest

from train.lettering import FORMS, HEIGHT, draw_lettered, lettering

SEEDS = range(40)


@pytest.mark.parametrize("digit", range(10))
def test_a_drawn_digit_is_as_high_as_the_others_and_its_ink_reaches_its_borders(digit: int):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        ink = draw_lettered(digit, lettering(rng), rng)
        assert ink.dtype == np.uint8
        assert ink.shape[0] == pytest.approx(HEIGHT, abs=4)
        assert all(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


def test_a_broader_stem_has_more_ink_and_a_slant_makes_it_wider():
    rng = np.random.default_rng(0)
    face = replace(lettering(rng), width=0.6, stem=0.08, hair=1.0, slant=0.0)

    def drawn(**changes):
        return draw_lettered(0, replace(face, **changes), np.random.default_rng(1))

    assert (drawn(stem=0.2) > 128).sum() > 1.5 * (drawn() > 128).sum()
    assert drawn(slant=0.3).shape[1] > drawn().shape[1] + 5
    assert drawn(width=0.4).shape[1] < drawn().shape[1]


def test_each_digit_is_drawn_and_a_1_has_a_flag_a_foot_or_neither():
    assert len(FORMS) == 10
    strokes = {len(FORMS[1](np.random.default_rng(seed), 2.0)) for seed in SEEDS}
    assert strokes == {1, 2, 3}


def test_no_flag_of_a_1_is_level_and_long_as_the_bar_of_a_7():
    for seed in range(300):
        stem, *others = FORMS[1](np.random.default_rng(seed), 2.0)
        assert np.ptp(stem[:, 0]) == 0.0
        for line in others:
            if line[:, 1].max() < 1.0:
                assert np.ptp(line[:, 1]) >= min(0.25 * np.ptp(line[:, 0]), 0.03) - 1e-9


@pytest.mark.parametrize("digit", range(10))
def test_drops_end_the_open_curves_of_2_3_5_6_and_9_within_the_digits_size(digit: int):
    face = replace(lettering(np.random.default_rng(3)), width=0.6, stem=0.1, hair=0.8, slant=0.0, ball=0.0)
    for seed in SEEDS:
        bare, dropped = (
            draw_lettered(digit, replace(face, ball=ball), np.random.default_rng(seed)) for ball in (0.0, 1.8)
        )
        assert (dropped.sum(dtype=int) > bare.sum(dtype=int)) == (digit in (2, 3, 5, 6, 9))
        assert dropped.shape == pytest.approx(bare.shape, abs=3)
