import numpy as np
import pytest

from edge.errors import DataError
from train.data.dataset import Digits
from train.data.split import calibration_indices, split_validation, subset


def digits(count: int, writers: np.ndarray | None = None) -> Digits:
    return Digits(np.zeros((count, 28, 28), np.uint8), np.arange(count) % 10, writers)


def test_no_writer_trains_and_validates():
    writers = np.arange(1000) // 20
    split = split_validation(digits(1000, writers), seed=3)
    assert not set(writers[split.train]) & set(writers[split.validation])
    assert len(split.train) + len(split.validation) == 1000
    assert 80 <= len(split.validation) <= 120


def test_every_class_is_held_out_alike_where_writers_are_unknown():
    sample = digits(1000)
    split = split_validation(sample, seed=3)
    np.testing.assert_array_equal(np.bincount(sample.labels[split.validation]), [10] * 10)
    np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), np.arange(1000))


@pytest.mark.parametrize("writers", [None, np.arange(1000) // 20])
def test_a_split_depends_on_the_seed_alone(writers: np.ndarray | None):
    first, again, other = (split_validation(digits(1000, writers), seed).validation for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(first) > 0
    assert not np.array_equal(first, other)


def test_two_writers_are_split_one_to_one():
    split = split_validation(digits(100, np.arange(100) // 50), seed=0)
    assert (len(split.train), len(split.validation)) == (50, 50)


def test_too_few_pictures_are_a_data_error():
    with pytest.raises(DataError, match="too few"):
        split_validation(digits(12), seed=0)


def test_calibration_takes_as_many_of_every_class_from_the_candidates():
    labels = np.concatenate([np.zeros(50, np.int64), np.ones(8, np.int64), np.full(50, 2)])
    candidates = np.flatnonzero(np.arange(108) % 2 == 0)
    drawn = calibration_indices(labels, candidates, per_class=10, seed=0)
    np.testing.assert_array_equal(np.bincount(labels[drawn]), [4, 4, 4])
    assert set(drawn) <= set(candidates)
    assert len(set(drawn)) == 12
    np.testing.assert_array_equal(drawn, calibration_indices(labels, candidates, 10, 0))


def test_a_subset_is_as_large_as_asked_in_order_and_seeded():
    chosen = subset(np.arange(100), 30, seed=5)
    assert len(chosen) == 30
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, subset(np.arange(100), 30, seed=5))
    np.testing.assert_array_equal(subset(np.arange(10), None, 0), np.arange(10))
