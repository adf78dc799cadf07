"""Which training pictures validate, and which calibrate: seeded, by writer where the writers are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from edge.errors import DataError
from train.data.dataset import Digits, Labels

VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices into a training set: what is trained on, and what is held out of it; both sorted."""

    train: Labels
    validation: Labels


def split_validation(digits: Digits, seed: int, share: float = VALIDATION_SHARE) -> Split:
    """Hold out a share of a training set: whole writers where they are known, else alike in every class."""
    if getattr(digits, "writers", None) is not None and len(np.unique(digits.writers)) > 1:
        held_out = _whole_writers(digits.writers, share, seed)
        return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))
    train, validation = _stratified(digits.labels, share, seed)
    return Split(np.sort(train), np.sort(validation))


def _whole_writers(writers: Labels, share: float, seed: int) -> np.ndarray:
    """Which pictures are by writers drawn until they make up `share`; one writer at least stays out."""
    names, counts = np.unique(writers, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    needed = int(np.searchsorted(np.cumsum(counts[order]), share * len(writers))) + 1
    return np.isin(writers, names[order[: min(needed, len(names) - 1)]])


def _stratified(labels: Labels, share: float, seed: int) -> list[Labels]:
    try:
        return train_test_split(np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed)
    except ValueError as error:
        raise DataError(
            f"{len(labels)} pictures are too few to hold out {share:.0%} of every class ({error})"
        ) from error


def subset(indices: Labels, limit: int | None, seed: int) -> Labels:
    """At most `limit` of `indices`, drawn with the seed, in their order."""
    if limit is None or limit >= len(indices):
        return indices
    return np.sort(np.random.default_rng(seed).permutation(indices)[:limit])


def calibration_indices(labels: Labels, candidates: Labels, per_class: int, seed: int) -> Labels:
    """Indices, sorted, of as many pictures of every class: `per_class`, or what the rarest class has.

    Parameters
    ----------
    labels : (n,) int64
        Of the whole training set.
    candidates : (m,) int64
        Indices into it that may be drawn.
    per_class : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    classes, counts = np.unique(labels[candidates], return_counts=True)
    size = min(per_class, int(counts.min()))
    drawn = [rng.choice(candidates[labels[candidates] == label], size, replace=False) for label in classes]
    return np.sort(np.concatenate(drawn))
