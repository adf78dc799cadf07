"""Several trainings of one network, joined to one that says what they say on average.

Networks that differ in their first weights, their order of pictures and the pictures' distortions alone err on other
glyphs, and where one errs the others doubt: the mean of their logits is right more often, and its confidence is worth
more (Hansen, Salamon: Neural network ensembles, 1990; Lakshminarayanan, Pritzel, Blundell: Simple and scalable
predictive uncertainty estimation using deep ensembles, 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from train.checkpoint import Progress

SEEDS_APART = 2**21 + 2
"""Between the seeds of two members, more than the largest seed that a user can give."""


def member_seed(seed: int, member: int) -> int:
    """The seed that a member draws its weights, its order and its training sets from; the first one's is the run's."""
    return seed + member * SEEDS_APART


def joined(members: Sequence[keras.Model]) -> keras.Model:
    """One network of all the members' layers, whose logits are the mean of theirs.

    The features of all go into one dense layer, whose weights are theirs, divided by their number.

    Parameters
    ----------
    members : models of one recipe
        Chains of layers, the last one dense, and dropout, if at all, before it.
    """
    if len(members) == 1:
        return members[0]
    pixels = keras.Input(members[0].input_shape[1:])
    features = layers.Concatenate()([_features(member, k, pixels) for k, member in enumerate(members)])
    weights = [member.layers[-1].get_weights() for member in members]
    logits = layers.Dense(len(weights[0][1]), name="logits")
    model = keras.Model(pixels, logits(features), name=members[0].name)
    kernel = np.concatenate([kernel for kernel, _ in weights]) / len(members)
    logits.set_weights([kernel, np.mean([bias for _, bias in weights], axis=0)])
    return model


def told_in_turn(progresses: Sequence[Progress]) -> Progress:
    """The members' epochs as one history, counted through."""
    rows = [row for progress in progresses for row in progress.history]
    counted = tuple({**row, "epoch": k} for k, row in enumerate(rows, start=1))
    return Progress(counted, sum(progress.seconds for progress in progresses))


def _features(member: keras.Model, number: int, pixels: keras.KerasTensor) -> keras.KerasTensor:
    """What a member's last layer is given, from copies of its layers under names of their own; dropout is left out."""
    features = pixels
    for layer in member.layers[1:-1]:
        if isinstance(layer, layers.Dropout):
            continue
        copy = type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_of_{number}"})
        features = copy(features)
        copy.set_weights(layer.get_weights())
    return features
