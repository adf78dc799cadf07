"""Each epoch's training set; the sets are made ahead, on all cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from tqdm import tqdm

from train.data.dataset import Crops, Digits, Images, Labels
from train.quiet import import_keras_quietly

if TYPE_CHECKING:
    from train.recipes import Recipe

BACKGROUND_FROM = 5000
"""Pictures from which a process is worth the seconds that it takes to start."""


def epoch_sets(
    recipe: Recipe, train: Digits | Crops, seed: int, first: int, last: int
) -> Iterator[tuple[int, Images, Labels]]:
    """Epoch, glyphs (n, 28, 28) and labels (n) of the epochs `first` to `last` - 1.

    A set depends on the recipe, the pictures, the seed and its number alone, so a run that was stopped
    goes on with the sets that it would have had. All are made before the first epoch, each on a core of
    its own: beside the training they would slow it down by more than they take.
    """
    numbers = [set_number(recipe, epoch, last) for epoch in range(first, last)]
    made = _make(recipe, train, seed, sorted(set(numbers)))
    for epoch, number in enumerate(numbers, start=first):
        yield epoch, *made[number]


def set_number(recipe: Recipe, epoch: int, epochs: int) -> int:
    """Which of the recipe's sets an epoch learns from: all but the last in turn, and the last one at the end."""
    if recipe.sets == 1 or epoch >= epochs - recipe.settling:
        return recipe.sets - 1
    return epoch % (recipe.sets - 1)


def _make(recipe: Recipe, train: Digits | Crops, seed: int, numbers: Sequence[int]) -> dict[int, tuple[Images, Labels]]:
    if recipe.sets == 1 or len(train) < BACKGROUND_FROM:
        return {number: recipe.training_set(train, number, seed) for number in numbers}
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context, initializer=_start_worker) as pool:
        pending = {number: pool.submit(recipe.training_set, train, number, seed) for number in numbers}
        bar = tqdm(pending.items(), desc="training sets", unit="set", leave=False, disable=None)
        return {number: future.result() for number, future in bar}


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import_keras_quietly()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
