import cv2
import numpy as np
import pytest

from train.data.dataset import Dataset
from train.seams import CRUMB, HALF, WHOLE, cut_off, cut_pair, wrong_cut

SEEDS = range(60)


@pytest.fixture(scope="module")
def pairs(builtin: Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    inks = builtin.train.images[:: len(builtin.train) // 120][:120]
    return list(zip(inks[::2], inks[1::2], strict=True))


def test_parts_of_a_pair_know_whose_ink_they_have(pairs):
    found = [cut_pair(*pair, np.random.default_rng(seed)) for seed, pair in zip(SEEDS, pairs, strict=True)]
    parts = [each for each in found if each is not None]
    assert len(parts) > len(SEEDS) / 4
    for each in parts:
        assert each.shares.shape == (len(each.inks), 2)
        assert each.shares.min() >= 0
        assert each.shares.max() <= 1
        assert (each.shares.sum(axis=1) < 1.999).all()


def test_a_digit_that_was_cut_off_is_one_whole_digit(pairs):
    cut = [cut_off(*pair, np.random.default_rng(seed)) for seed, pair in zip(SEEDS, pairs, strict=True)]
    assert sum(ink is not None for ink in cut) > 5


def test_a_cut_off_digit_has_the_ink_of_the_first_wherever_it_stood():
    bar, ring = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    cv2.circle(ring, (14, 14), 9, 255, 2)
    cuts = [ink for seed in SEEDS if (ink := cut_off(ring, bar, np.random.default_rng(seed))) is not None]
    assert cuts
    assert all(np.flatnonzero((ink > 96).any(axis=0)).size > 18 for ink in cuts)
    bars = [ink for seed in SEEDS if (ink := cut_off(bar, ring, np.random.default_rng(seed))) is not None]
    assert bars
    assert all(np.flatnonzero((ink > 96).any(axis=0)).size < 14 for ink in bars)


def test_a_wrong_cut_has_some_of_both(pairs):
    wrong = [wrong_cut(*pair, np.random.default_rng(seed)) for seed, pair in zip(SEEDS, pairs, strict=True)]
    made = [ink for ink in wrong if ink is not None]
    assert len(made) > 5
    assert all(ink.any() for ink in made)


def test_digits_that_do_not_touch_are_not_cut():
    nothing = np.zeros((28, 28), np.uint8)
    bar = nothing.copy()
    bar[4:24, 12:16] = 255
    assert cut_pair(bar, nothing, np.random.default_rng(0)) is None
    assert cut_off(bar, nothing, np.random.default_rng(0)) is None
    assert 0 < CRUMB < HALF[0] < HALF[1] < WHOLE < 1
