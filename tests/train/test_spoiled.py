import cv2
import numpy as np
import pytest

from train.data.dataset import Dataset
from train.spoiled import (
    HALVES,
    HEIGHT,
    KEPT,
    MARGIN,
    MIN_ADDED,
    adorned,
    enlarged,
    half,
    overwritten,
    strokes_over,
    struck,
)

SEEDS = range(60)


def a_digit(builtin: Dataset, label: int, seed: int = 0) -> np.ndarray:
    return builtin.train.images[np.flatnonzero(builtin.train.labels == label)[seed]]


def inked(picture: np.ndarray) -> int:
    return int(np.count_nonzero(picture > 96))


@pytest.mark.parametrize("label", range(10))
def test_a_struck_digit_has_all_of_its_ink_and_clearly_more(label: int, builtin: Dataset):
    digit = a_digit(builtin, label)
    base = enlarged(digit)
    more = [struck(digit, label, np.random.default_rng(seed)) for seed in SEEDS]
    assert all((picture >= base).all() for picture in more)
    enough = [inked(picture) - inked(base) >= MIN_ADDED * inked(base) for picture in more]
    assert np.mean(enough) > 0.95


def test_a_seven_is_never_struck_by_one_stroke_and_a_zero_never_by_a_rising_one():
    shape = (HEIGHT + 2 * MARGIN, 30 + 2 * MARGIN)
    singles = {
        label: [
            (first[1] - last[1]) / HEIGHT
            for seed in range(200)
            for first, last in strokes_over(shape, label, np.random.default_rng(seed))[:1]
            if len(strokes_over(shape, label, np.random.default_rng(seed))) == 1
        ]
        for label in (0, 3, 7)
    }
    assert singles[7] == []
    assert max(singles[3]) > 0.5
    assert min(singles[3]) < -0.5
    assert max(singles[0]) < 0.5
    assert min(singles[0]) < -0.5


def test_one_digit_over_another_has_the_ink_of_both_and_a_digit_over_itself_is_none(builtin: Dataset):
    inks = builtin.train.images[:: len(builtin.train) // 60][:60]
    made = 0
    for one, other in zip(inks, inks[::-1], strict=True):
        both = overwritten(one, other, np.random.default_rng(0))
        made += both is not None
        assert both is None or inked(both) > max(inked(enlarged(one)), inked(enlarged(other)))
    assert made > 5
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 8:20] = 255
    assert all(overwritten(bar, bar, np.random.default_rng(seed)) is None for seed in SEEDS)


@pytest.mark.parametrize("label", range(10))
def test_only_halves_that_are_nobodys_digit_are_made_and_are_about_a_half(label: int, builtin: Dataset):
    digit = a_digit(builtin, label)
    halves = [found for seed in SEEDS if (found := half(digit, label, np.random.default_rng(seed))) is not None]
    assert bool(halves) <= (label in HALVES)
    total = enlarged(digit).sum()
    assert all(KEPT[0] <= found.sum() / total <= KEPT[1] for found in halves)


def test_half_of_a_narrow_zero_may_be_a_one_and_is_not_made():
    narrow = np.zeros((40, 28), np.uint8)
    cv2.ellipse(narrow, (14, 20), (5, 17), 0, 0, 360, 255, 2)
    wide = np.zeros((40, 40), np.uint8)
    cv2.ellipse(wide, (20, 20), (16, 17), 0, 0, 360, 255, 2)
    assert all(half(narrow, 0, np.random.default_rng(seed)) is None for seed in SEEDS)
    assert any(half(wide, 0, np.random.default_rng(seed)) is not None for seed in SEEDS)


@pytest.mark.parametrize(("label", "is_changed"), [(0, True), (7, True), (1, False), (8, False)])
def test_a_seven_gets_a_bar_and_a_zero_a_slash(label: int, is_changed: bool, builtin: Dataset):
    digit = a_digit(builtin, label)
    seen = adorned(digit, label, np.random.default_rng(0))
    assert (seen is not digit) == is_changed
    if is_changed:
        assert inked(seen) > inked(enlarged(digit))


def test_a_digit_is_enlarged_to_one_height_and_nothing_stays_nothing():
    assert enlarged(np.zeros((28, 28), np.uint8)).sum() == 0
    bar = np.zeros((28, 28), np.uint8)
    bar[10:20, 13:15] = 255
    rows = np.flatnonzero((enlarged(bar) > 96).any(axis=1))
    assert (rows[0], rows[-1]) == (MARGIN, MARGIN + HEIGHT - 1)
