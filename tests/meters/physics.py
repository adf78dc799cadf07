"""A counter of drums as it stands, and as a network would see it: the truth that a decode is measured against.

The physics, in steps of a tenth of a turn. The lowest drum turns evenly with the value. A pinion between two
drums rests on the upper one until a tooth of the lower one takes it along: that begins when the lower drum
stands at `engages_at` and moves the upper one by a step while the lower one moves by `span`. Between pinion
and drum there is play: each drum rests up to `slack` before or after its place, one amount for one meter. The
tooth sits on the drum, so the carry starts from where the lower drum stands, its slack included; a drum that
rests at 9.1 has begun to carry the next. The reading errs by a Gaussian of `noise`, and is a distribution of
that width; a few readings, `misread`, are of something else altogether.

This module shares no code with `edge.meters.drums`: what one gets wrong the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counter:
    """A kind of meter and how it is seen; the defaults are those of the target in the issue."""

    drums: int = 6
    engages_at: float = 9.0
    span: float = 1.0
    slack: float = 0.15
    noise: float = 0.1
    misread: float = 0.0


def standing(values: Array, counter: Counter, generator: np.random.Generator) -> Array:
    """Where each drum stands, (values, drums) float64 in 0 to 10, most significant first.

    Parameters
    ----------
    values : (n,) float64
        In units of the lowest drum; each is shown by a meter of its own.
    """
    play = generator.uniform(-counter.slack, counter.slack, (len(values), counter.drums))
    stands = np.empty((len(values), counter.drums))
    lower = values % 10 + play[:, -1]
    stands[:, -1] = lower
    for place in range(counter.drums - 2, -1, -1):
        digit = values // 10 ** (counter.drums - 1 - place) % 10
        lower = digit + _taken_along(lower, counter) + play[:, place]
        stands[:, place] = lower
    return stands % 10


def _taken_along(lower: Array, counter: Counter) -> Array:
    """Steps that the drum above has moved since the lower one last stood at 0; slack may hold it before that."""
    moved = np.zeros_like(lower)
    for turn in (-1, 0, 1):
        begun = lower - counter.engages_at - 10 * turn
        moved += np.minimum(np.maximum(begun, 0), counter.span) / counter.span if counter.span else begun >= 0
    return moved - 1


def readings(stands: Array, counter: Counter, generator: np.random.Generator) -> Array:
    """The position that is read off each drum, (values, drums) float64 in 0 to 10."""
    read = stands + generator.normal(0, counter.noise, stands.shape)
    is_misread = generator.random(stands.shape) < counter.misread
    return np.where(is_misread, generator.uniform(0, 10, stands.shape), read) % 10


def scores_of(read: Array, counter: Counter) -> Array:
    """What a network says of each drum, (values, drums, 100) float64: probabilities of the tenths of a step."""
    off = np.abs(np.arange(100) / 10 - read[..., None])
    scores = np.exp(-0.5 * (np.minimum(off, 10 - off) / max(counter.noise, 0.05)) ** 2) + 1e-6
    return scores / scores.sum(axis=-1, keepdims=True)


def rounded(read: Array) -> NDArray[np.int64]:
    """The values that readings of drums make when each is rounded for itself, (n,) int64."""
    return _number(np.rint(read).astype(np.int64) % 10)


def floored(read: Array) -> NDArray[np.int64]:
    """The values when the last drum is cut off to its digit and the others are rounded, (n,) int64."""
    digits = np.rint(read).astype(np.int64) % 10
    digits[:, -1] = np.floor(read[:, -1]).astype(np.int64) % 10
    return _number(digits)


def apart(values: Array, read: NDArray[np.int64], drums: int) -> Array:
    """By how many units of the lowest drum a reading is off, (n,) float64; after all nines come all zeros."""
    whole = float(10**drums)
    off = np.abs(read - np.floor(values)) % whole
    return np.minimum(off, whole - off)


def _number(digits: NDArray[np.int64]) -> NDArray[np.int64]:
    return digits @ 10 ** np.arange(digits.shape[1])[::-1]
