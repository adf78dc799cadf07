"""From the name of a data set to the data set, with the embedded one where nothing else is to be had."""

from __future__ import annotations

import logging

from train.data.builtin import load_builtin
from train.data.dataset import DataNotFoundError, Dataset
from train.data.emnist import load_emnist
from train.data.mnist import load_mnist

log = logging.getLogger(__name__)


def open_dataset(choice: str, wanted: str = "mnist", seed: int = 0) -> Dataset:
    """The data set of that name; for "auto" the one that is `wanted`, or the embedded one in MNIST's place.

    Parameters
    ----------
    choice : str
        "auto", "mnist", "builtin", "emnist-letters", "emnist-balanced" or "emnist-digits".
    wanted : str
        What "auto" stands for.
    seed : int
        Of the embedded data set.

    Raises
    ------
    DataError
        See `load_mnist` and `load_emnist`.
    """
    if choice != "auto":
        return _load(choice, seed)
    try:
        return _load(wanted, seed)
    except DataNotFoundError as error:
        if wanted != "mnist":
            raise  # the embedded one has digits only
        log.warning("%s", error)
        return load_builtin(seed)


def _load(choice: str, seed: int) -> Dataset:
    if choice == "mnist":
        return load_mnist()
    if choice == "builtin":
        return load_builtin(seed)
    return load_emnist(choice.removeprefix("emnist-"))
