"""The mean of a network and of the bundle that its training went on from: as sure on what both know, and surer on what
neither was trained for.

References
----------
M. Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022: weights half-way between a network and what it
was fine-tuned to keep the robustness of the one and have most of what the other learnt.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from edge.atomic import output_error
from edge.errors import DataError
from train.card import Settings, git_commit
from train.data.choose import open_dataset
from train.fit import cut, finished, judged, taken_up
from train.further import Start, Weights, open_start
from train.recipes import RECIPES
from train.run_folder import CARD_FILE, MODEL_FILE, VALIDATION_FILE, RunFolder


def mean_with(run: RunFolder, bundle: Path, share: float, out: Path, command: str) -> dict[str, Any]:
    """Write the run folder `out`: the run with the weights between its own and its bundle's, judged anew; its card.

    Parameters
    ----------
    run : RunFolder
        Of a recipe of one network, trained on from `bundle`.
    share : float
        Of the run's weights, 0 to 1; the rest are the bundle's.
    command : str
        What makes the mean of the run, for the card.

    Raises
    ------
    BundleError
        The run or the bundle is missing or damaged.
    DataError
        The run is not one that went on from the bundle, its recipe joins several networks, or `out` is the run itself.
    OutputError
        The folder is not writable or the disk full.
    """
    card, recipe = run.card(), RECIPES[run.card()["recipe"]]
    if recipe.joined_with:
        raise DataError(f"{run.path}: {recipe.name} joins several networks; the mean is of one network")
    if out.resolve() == run.path.resolve():
        raise DataError(f"{out}: is the run itself; give the mean another folder")
    dataset = open_dataset("builtin" if card["builtin"] else "auto", recipe.data, card["seed"])
    start = open_start(bundle, recipe.name, recipe.labels, card["seed"], dataset)
    if list(start.ancestors) != card["started_from"]:
        raise DataError(f"{run.path}: did not go on from {bundle}; the mean of two networks apart is none")
    between = tuple(
        [share * own + (1 - share) * before for own, before in zip(*layer, strict=True)]
        for layer in zip(folded(run.model()), start.members[0], strict=True)
    )
    train = cut(dataset, Settings(card["seed"])).train
    model = taken_up(recipe, card["seed"], Start((between,), start.ancestors), 0, train)
    validation = run.arrays(VALIDATION_FILE)
    try:
        (out / CARD_FILE).unlink(missing_ok=True)  # until the card is written the run does not count as finished
        shutil.copytree(run.path, out, ignore=shutil.ignore_patterns(CARD_FILE, MODEL_FILE), dirs_exist_ok=True)
    except OSError as error:
        raise output_error(out, error) from error
    mean = RunFolder(out)
    mean.write_model(finished(model, recipe, (validation["glyphs"], validation["labels"])))
    names = card["evaluation_split"], card["confidence"]["split"]
    found = judged(mean, mean.model(), tuple(card["labels"]), *names, recipe.tolerance)
    made = f"{card['command']} (at {card['git_commit'][:12]}), then {command}"
    judged_anew = {"confidence": found.confidence.as_card(), "accuracy": asdict(found.accuracy)}
    mean.write_card({**card, **judged_anew, "command": made, "git_commit": git_commit()})
    return mean.card()


def folded(model: keras.Model) -> tuple[Weights, ...]:
    """The weights of a network's convolutions and last layer, each with the batch norm after it: kernel and bias."""
    found: list[Weights] = []
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            kernel, *bias = layer.get_weights()
            found.append([kernel, bias[0] if bias else np.zeros(kernel.shape[-1], kernel.dtype)])
        elif isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            factor = gamma / np.sqrt(variance + layer.epsilon)
            kernel, bias = found[-1]
            found[-1] = [kernel * factor, (bias - mean) * factor + beta]
    return tuple(found)
