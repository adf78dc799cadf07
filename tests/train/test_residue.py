import cv2
import numpy as np
import pytest

from edge.paper.normalize import cut_to_ink
from train.data.dataset import Dataset
from train.residue import beside, residue_of, ruled

SEEDS = range(200)
KEPT = 0.85
"""Share of its ink that a digit keeps at the least."""

EMPTY = np.zeros((28, 28), np.uint8)


def a_seven() -> np.ndarray:
    ink = np.zeros((28, 28), np.uint8)
    cv2.polylines(ink, [np.array([[6, 5], [20, 5], [11, 24]])], False, 255, 3)
    return ink


def a_bar() -> np.ndarray:
    ink = np.zeros((28, 28), np.uint8)
    ink[4:24, 12:15] = 255
    return ink


@pytest.fixture(scope="module")
def inks(builtin: Dataset) -> np.ndarray:
    """A hundred digits of all kinds."""
    return builtin.train.images[:: len(builtin.train) // 100][:100]


def test_a_digit_cut_off_its_neighbour_has_most_of_its_ink_or_is_as_it_was(inks: np.ndarray):
    changed = 0
    for seed in SEEDS:
        ink, neighbour = inks[seed % 100], inks[(7 * seed + 3) % 100]
        left = beside(ink, neighbour, np.random.default_rng(seed))
        assert left.dtype == np.uint8
        assert left.ndim == 2
        if left is not ink:
            changed += 1
            assert left.sum(dtype=float) > KEPT * cut_to_ink(ink).sum(dtype=float)
    assert changed > 0.8 * len(SEEDS)


def test_some_digits_keep_a_sliver_of_the_neighbour_and_some_lose_ink():
    digit, neighbour = a_seven(), a_bar() // 2
    whole = np.count_nonzero(digit == 255)
    lefts = [beside(digit, neighbour, np.random.default_rng(seed)) for seed in SEEDS]
    slivers = [np.count_nonzero((left > 0) & (left < 255)) for left in lefts]
    own = [np.count_nonzero(left == 255) / whole for left in lefts]
    assert 0.1 < np.mean(np.array(slivers) > 0) < 0.9
    assert min(own) > KEPT - 0.1
    assert min(own) < 1.0
    assert max(slivers) < 0.5 * whole


def test_a_cut_through_the_digit_is_not_made():
    wide = np.zeros((28, 28), np.uint8)
    wide[4:24, 4:24] = 255
    for seed in SEEDS:
        left = beside(wide, a_bar(), np.random.default_rng(seed))
        assert left is wide or left.sum(dtype=float) > KEPT * wide.sum(dtype=float)


@pytest.mark.parametrize("ink", [EMPTY, np.full((28, 28), 40, np.uint8)])
def test_ink_that_is_none_is_returned_as_it_is(ink: np.ndarray):
    rng = np.random.default_rng(0)
    assert beside(ink, a_bar(), rng) is ink
    assert ruled(ink, rng) is ink


def test_a_neighbour_without_ink_leaves_nothing():
    digit = a_seven()
    assert beside(digit, EMPTY, np.random.default_rng(0)) is digit


def test_the_same_seed_leaves_the_same():
    digit, neighbour = a_seven(), a_bar()
    for seed in range(20):
        first, second = (
            (beside(digit, neighbour, rng), ruled(digit, rng))
            for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
        )
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
    assert len({beside(digit, neighbour, np.random.default_rng(seed)).tobytes() for seed in SEEDS}) > 20
    assert len({ruled(digit, np.random.default_rng(seed)).tobytes() for seed in SEEDS}) > 20


def test_what_lends_ink_is_not_written_on():
    digit, neighbour = a_seven(), a_bar()
    for seed in range(20):
        beside(digit, neighbour, np.random.default_rng(seed))
        ruled(digit, np.random.default_rng(seed))
    np.testing.assert_array_equal(digit, a_seven())
    np.testing.assert_array_equal(neighbour, a_bar())


def test_a_rule_leaves_a_margin_around_the_digit_and_most_of_its_ink(inks: np.ndarray):
    for seed in SEEDS:
        cut = cut_to_ink(inks[seed % 100])
        left = ruled(inks[seed % 100], np.random.default_rng(seed))
        reach = max(2, round(0.15 * cut.shape[0]))
        assert left.dtype == np.uint8
        assert left.shape == (cut.shape[0] + 2 * reach, cut.shape[1] + 2 * reach)
        core = left[reach:-reach, reach:-reach]
        assert np.minimum(core, cut).sum(dtype=float) > 0.8 * cut.sum(dtype=float)


def test_a_rule_leaves_gaps_on_some_digits_and_stubs_on_others():
    digit = a_seven()
    cut = cut_to_ink(digit)
    ink = cut.sum(dtype=float)
    sums = [ruled(digit, np.random.default_rng(seed)).sum(dtype=float) / ink for seed in SEEDS]
    assert min(sums) < 1.0 < max(sums)
    assert max(sums) < 1.5


def test_a_bar_that_a_rule_crosses_is_closed_again():
    digit = a_bar()
    height = cut_to_ink(digit).shape[0]
    for seed in SEEDS:
        left = ruled(digit, np.random.default_rng(seed))
        rows = np.flatnonzero(left.max(axis=1) >= 96)
        assert len(rows) >= 0.9 * height
        assert len(rows) == rows[-1] - rows[0] + 1


def test_no_share_leaves_nothing():
    leave = residue_of(np.stack([a_bar()]), 0.0, 0.0)
    digit = a_seven()
    assert all(leave(digit, np.random.default_rng(seed)) is digit for seed in range(50))


@pytest.mark.parametrize(("shares", "changed"), [((0.0, 1.0), 1.0), ((1.0, 0.0), 0.8), ((0.3, 0.2), 0.4)])
def test_shares_say_how_many_digits_are_changed(shares: tuple[float, float], changed: float):
    leave = residue_of(np.stack([a_bar(), a_seven()]), *shares)
    digit = a_seven()
    found = np.mean([leave(digit, np.random.default_rng(seed)) is not digit for seed in SEEDS])
    assert changed - 0.12 <= found <= sum(shares) + 0.1
