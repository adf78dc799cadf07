"""From the name of a data set to the data set, with the embedded one where nothing else is to be had."""

from __future__ import annotations

import logging

from train.data.builtin import load_builtin
from train.data.dataset import DataNotFoundError, Dataset
from train.data.emnist import load_emnist
from train.data.meter import load_meter
from train.data.mnist import load_mnist
from train.data.rendered import load_rendered_cells

log = logging.getLogger(__name__)


def open_dataset(choice: str, wanted: str = "mnist", seed: int = 0) -> Dataset:
    """The data set of that name; for "auto" the one that is `wanted`, or the embedded one in MNIST's place.

    Parameters
    ----------
    choice : str
        "auto", "mnist", "builtin", "meter", "emnist-letters", "emnist-balanced" or "emnist-digits".
    wanted : str
        What "auto" stands for, and what "builtin" stands in for.
    seed : int
        Of the embedded data set.

    Raises
    ------
    DataError
        See `load_mnist`, `load_meter` and `load_emnist`.
    """
    if choice != "auto":
        return _load_builtin(wanted, seed) if choice == "builtin" else _load(choice)
    try:
        return _load(wanted)
    except DataNotFoundError as error:
        if wanted not in ("mnist", "meter"):
            raise  # the embedded ones have digits only
        log.warning("%s", error)
        return _load_builtin(wanted, seed)


def _load_builtin(wanted: str, seed: int) -> Dataset:
    return load_rendered_cells(seed) if wanted == "meter" else load_builtin(seed)


def _load(choice: str) -> Dataset:
    if choice == "mnist":
        return load_mnist()
    if choice == "meter":
        return load_meter()
    return load_emnist(choice.removeprefix("emnist-"))
