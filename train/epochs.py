"""Each epoch's training set, the next one made in a process of its own while the network learns from this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from train.data.dataset import Digits, Images, Labels
from train.quiet import import_keras_quietly

if TYPE_CHECKING:
    from train.recipes import Recipe

BACKGROUND_FROM = 5000
"""Pictures from which a process is worth the seconds that it takes to start."""


def epoch_sets(recipe: Recipe, train: Digits, seed: int, first: int, last: int) -> Iterator[tuple[int, Images, Labels]]:
    """Epoch, glyphs (n, 28, 28) and labels (n) of the epochs `first` to `last` - 1.

    An epoch's set depends on the recipe, the pictures, the seed and the epoch alone, so a run that was
    stopped goes on with the sets that it would have had.
    """
    if not recipe.remakes_training_set and first < last:
        made = recipe.training_set(train, 0, seed)
        yield from ((epoch, *made) for epoch in range(first, last))
    elif len(train) < BACKGROUND_FROM:
        yield from ((epoch, *recipe.training_set(train, epoch, seed)) for epoch in range(first, last))
    elif first < last:
        yield from _made_ahead(recipe, train, seed, first, last)


def _made_ahead(
    recipe: Recipe, train: Digits, seed: int, first: int, last: int
) -> Iterator[tuple[int, Images, Labels]]:
    """Spawned, not forked: TensorFlow's threads do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_start_worker) as pool:
        upcoming = pool.submit(recipe.training_set, train, first, seed)
        for epoch in range(first, last):
            glyphs, labels = upcoming.result()
            if epoch + 1 < last:
                upcoming = pool.submit(recipe.training_set, train, epoch + 1, seed)
            yield epoch, glyphs, labels


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
