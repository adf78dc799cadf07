"""Strings from frames: against all ways through a few frames, added up one by one."""

from itertools import groupby, product

import numpy as np
import pytest

from edge.paper.strings import (
    GAP,
    STRANGE,
    STRING_LABELS,
    codes_of,
    has_strings,
    inked_frames,
    is_all_digits,
    likeliest_strings,
    log_likelihoods,
    padded,
    read_strings,
    text_of,
)


def frames_of(*labels, sure=0.9):
    """Frames that say these labels."""
    frames = np.full((len(labels), len(STRING_LABELS)), (1 - sure) / (len(STRING_LABELS) - 1))
    frames[np.arange(len(labels)), labels] = sure
    return np.log(frames)


def random_frames(count, seed, allowed=(GAP, 1, 2)):
    """Frames that say nothing but these labels."""
    scores = np.full((count, len(STRING_LABELS)), -40.0)
    scores[:, list(allowed)] = np.random.default_rng(seed).normal(0, 1.5, (count, len(allowed)))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def by_hand(frames, allowed=(GAP, 1, 2)):
    """Every string's probability, added up over all ways to spread it over the frames."""
    found = {}
    for way in product(allowed, repeat=len(frames)):
        string = tuple(label for label, _ in groupby(way) if label != GAP)
        worth = float(np.exp(sum(frames[number, label] for number, label in enumerate(way))))
        found[string] = found.get(string, 0.0) + worth
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_strings_probability_is_the_sum_over_all_its_ways(seed):
    frames = random_frames(6, seed)
    wanted = by_hand(frames)
    strings = sorted(wanted)
    told = np.exp(log_likelihoods(frames[None], padded(strings)))
    assert told == pytest.approx([wanted[string] for string in strings], rel=1e-9)
    assert told.sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_likeliest_strings_are_found_in_their_order(seed):
    frames = random_frames(6, 100 + seed)
    wanted = by_hand(frames)
    best = sorted(wanted, key=wanted.get, reverse=True)
    assert likeliest_strings(frames)[:3] == best[:3]


def test_strips_of_their_own_are_told_apart():
    frames = np.stack([random_frames(5, seed) for seed in (7, 8)])
    strings = padded([(1,), (2, 1)])
    each = [log_likelihoods(frames[k : k + 1], strings[k : k + 1])[0] for k in range(2)]
    assert log_likelihoods(frames, strings).tolist() == each


def test_the_same_digit_twice_needs_a_gap_between():
    assert likeliest_strings(frames_of(0, 2, 2, 0, 0))[0] == (2,)
    assert likeliest_strings(frames_of(0, 2, 0, 2, 0))[0] == (2, 2)


def test_a_sure_gap_ends_what_was_held():
    assert likeliest_strings(frames_of(3, 0, 3, sure=1 - 1e-7))[0] == (3, 3)


def test_frames_of_nothing_but_gaps_are_no_string():
    codes, sure = read_strings(np.exp(frames_of(0, 0, 0, 0))[None])
    assert codes.tolist() == [0]
    assert text_of(0) == ""
    assert 0.6 < sure[0] < 1.0


def test_a_read_strip_is_a_code_and_its_probability():
    frames = frames_of(0, 1, 1, 0, 10, STRANGE, sure=0.99)
    codes, sure = read_strings(np.exp(frames)[None])
    assert text_of(int(codes[0])) == "09?"
    assert sure[0] == pytest.approx(np.exp(log_likelihoods(frames[None], padded([(1, 10, STRANGE)])))[0])


@pytest.mark.parametrize("string", [(), (1,), (1, 1, 1), (10, 1, STRANGE), tuple(range(1, 12)), (STRANGE,) * 17])
def test_every_string_has_a_code_of_its_own(string):
    code = int(codes_of(padded([string]))[0])
    assert text_of(code) == "".join(STRING_LABELS[label] or "?" for label in string)


def test_what_is_too_long_for_a_code_has_none():
    assert codes_of(padded([(1,) * 18, (1,)])).tolist() == [-1, 1]
    assert text_of(-1) == ""


def test_only_digits_are_all_digits():
    codes = codes_of(padded([(1, 2), (), (1, STRANGE), (5,)]))
    assert is_all_digits(codes).tolist() == [True, False, False, True]


def test_frames_beyond_the_ink_are_left_out():
    frames, strip = np.zeros((80, 12)), np.zeros((32, 160), np.uint8)
    strip[5:20, 3:60] = 255
    assert 30 <= len(inked_frames(frames, strip)) <= 34
    assert len(inked_frames(frames, np.zeros_like(strip))) < 5


def test_labels_of_strings_are_known():
    assert has_strings(list(STRING_LABELS))
    assert not has_strings([*"0123456789", ""])
