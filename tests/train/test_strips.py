"""Strips of touching digits for training: drawn as the device sees them, each with its string."""

import numpy as np
import pytest

from edge.paper.strings import GAP, STRANGE
from edge.paper.strip import STRIP_COLUMNS, STRIP_ROWS, WIDEST_GAP
from train.data.builtin import load_builtin
from train.data.dataset import Digits
from train.data.fonts import faces_of
from train.strips import LENGTHS, LONGEST, WHOLE, WHOLE_LENGTHS, Source, draw_strip, push_together, strip_set

COUNT = 150


@pytest.fixture(scope="module")
def source():
    return Source(load_builtin(0).train.take(np.arange(0, 3000, 10)), faces_of("train")[:4], 0)


@pytest.fixture(scope="module")
def drawn(source):
    return strip_set(source, COUNT, np.random.default_rng(5))


def test_strips_have_ink_and_a_string_each(drawn):
    strips, strings = drawn
    assert strips.shape == (COUNT, STRIP_ROWS, STRIP_COLUMNS)
    assert strips.dtype == np.uint8
    assert strings.shape == (COUNT, LONGEST)
    assert strips.any(axis=(1, 2)).all()
    lengths = (strings != GAP).sum(axis=1)
    assert lengths.min() >= 1
    ended = np.cumsum(strings == GAP, axis=1) > 0
    assert (strings[ended] == GAP).all(), "nothing stands after a string's end"


def test_lengths_and_what_is_no_digit_come_as_often_as_they_should(source):
    rng = np.random.default_rng(1)
    strings = [draw_strip(source, rng)[1] for _ in range(500)]
    found = np.bincount([len(string) for string in strings], minlength=LONGEST + 1)[1:] / len(strings)
    assert found == pytest.approx((1 - WHOLE) * np.array(LENGTHS) + WHOLE * np.array(WHOLE_LENGTHS), abs=0.07)
    labels = np.concatenate(strings)
    assert 0.03 < (labels == STRANGE).mean() < 0.12
    assert set(range(1, 11)) <= set(labels.tolist())


def test_the_same_seed_draws_the_same(source, drawn):
    again = strip_set(source, COUNT, np.random.default_rng(5))
    assert all(np.array_equal(*pair) for pair in zip(drawn, again, strict=True))


def test_a_longer_string_is_a_wider_strip(drawn):
    strips, strings = drawn
    lengths = (strings != GAP).sum(axis=1)
    widths = np.array([np.flatnonzero(strip.any(axis=0)).max() for strip in strips])
    assert widths[lengths == 1].mean() < widths[lengths == 2].mean() < widths[lengths >= 4].mean()


def test_characters_stand_in_their_order_and_most_meet(source):
    rng = np.random.default_rng(2)
    bar = np.full((40, 8), 255, np.uint8)
    faint = np.full((40, 8), 150, np.uint8)
    joined = 0
    for _ in range(60):
        row = push_together([bar, faint], 40.0, rng)
        assert row[20, 0] == 255
        assert row[20, -1] == 150
        joined += bool((row[len(row) // 2] > 0).all())
    assert joined > 40


def test_a_whole_number_s_digits_stand_apart_but_not_far():
    rng = np.random.default_rng(2)
    bar = np.full((40, 8), 255, np.uint8)
    gaps = []
    for _ in range(60):
        row = push_together([bar, bar], 40.0, rng, apart=1.0)
        gaps.append(int((~row.any(axis=0)).sum()))
    assert min(gaps) <= 2
    assert max(gaps) == round(WIDEST_GAP * 40)
    assert gaps.count(max(gaps)) > 30


def test_digits_without_writers_are_strips_as_well():
    digits = load_builtin(0).train.take(np.arange(60))
    source = Source(Digits(digits.images, digits.labels), faces_of("validation")[:2], 0)
    strips, _ = strip_set(source, 20, np.random.default_rng(0))
    assert strips.any(axis=(1, 2)).all()
