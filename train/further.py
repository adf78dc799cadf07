"""Training on from a bundle: its int8 weights, as floats again, are what the members begin with.

A converted network holds its convolutions with batch norm folded in. A member gets them back with a batch norm that
changes nothing: its mean and variance are those of what the convolution gives for some training pictures, its scale
and offset undo them. What int8 rounded away is soon learnt again; what took hours is not.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from keras import layers
from numpy.typing import NDArray

from edge.errors import DataError
from edge.inference.bundle import MODEL_FILE, load_card
from train.data.dataset import Dataset, Images

Weights = list[NDArray[np.float32]]

WHITE = 255.0
"""A member scales pixels from 0..255 to 0..1 in a layer of its own; a bundle does so in its first weights."""

PICTURES = 1000
"""Training pictures, junk beside, that the batch norms' means and variances are taken of."""

LEARNING_RATE = 1 / 3
"""Of the recipe's: its full rate is for weights that know nothing yet. Chosen, not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What a training begins with instead of drawn weights.

    `members` are the weights of each member's layers, from the pixels on: kernel (rows, columns, in, out) and bias
    (out) of the convolutions, then kernel (features, labels) and bias (labels). `ancestors` are the sha256 of the
    models that the bundle was trained on from, oldest first, and of its own.
    """

    members: tuple[tuple[Weights, ...], ...]
    ancestors: tuple[str, ...]

    @property
    def generation(self) -> int:
        """How many trainings are behind it: each draws sets and orders of its own."""
        return len(self.ancestors)

    def give(self, member: keras.Model, number: int, pictures: Images) -> None:
        """Give the member with this number, fresh from its recipe, its weights.

        Parameters
        ----------
        pictures : (n, rows, columns) uint8
            Some of what it will be trained on.

        Raises
        ------
        DataError
            The bundle's network is not the recipe's.
        """
        if number >= len(self.members):
            raise DataError(f"the bundle joins {len(self.members)} networks, the recipe more; train from the start")
        _give(self.members[number], member, pictures)


def open_start(folder: Path, recipe: str, labels: Sequence[str], seed: int, dataset: Dataset) -> Start:
    """The start that the bundle in `folder` gives a training of `recipe`.

    Raises
    ------
    BundleError
        The bundle is damaged.
    DataError
        It is of another recipe, of other data, or of another seed, whose validation pictures may be among those that
        it was trained on; or it is no network that can be taken up again.
    """
    card = load_card(folder, any_preprocessing=True)
    for what, wanted, found in (
        ("recipe", recipe, card.recipe),
        ("labels", list(labels), card.labels),
        ("seed", seed, card.seed),
    ):
        if wanted != found:
            raise DataError(f"{folder}: trained with another {what} ({found}, here {wanted}); train from the start")
    if dict(dataset.sha256) != card.data[0].sha256:
        raise DataError(
            f"{folder}: trained on other files of {card.data[0].name} than those of {dataset.name} here; "
            "train from the start"
        )
    return Start(_weights_of(folder / MODEL_FILE), (*card.started_from, card.model_sha256))


def _give(weights: Sequence[Weights], member: keras.Model, pictures: Images) -> None:
    """Set a member's layers one after the other, each batch norm by what comes to it."""
    left, features = list(weights), keras.ops.convert_to_tensor(pictures[..., None], "float32")
    bias = np.zeros(0, np.float32)
    for layer in member.layers[1:]:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            kernel, bias = left.pop(0)
            own = [kernel, bias] if layer.use_bias else [kernel]
            if [each.shape for each in own] != [tuple(each.shape) for each in layer.weights]:
                raise DataError(f"layer {layer.name} of the recipe is not as the bundle's; train from the start")
            layer.set_weights(own)
        elif isinstance(layer, layers.BatchNormalization):
            mean, variance = (np.asarray(each) for each in keras.ops.moments(features, (0, 1, 2)))
            layer.set_weights([np.sqrt(variance + layer.epsilon), mean + bias, mean, variance])
        features = layer(features, training=False)


def _weights_of(path: Path) -> tuple[tuple[Weights, ...], ...]:
    """The layers of each member of a .tflite file, in the order in which they are joined."""
    try:
        return _Graph(schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))).members()
    except (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: cannot be trained on from ({type(error).__name__}: {error})") from error


class _Graph:
    """The one graph of a full int8 file."""

    def __init__(self, content: Any) -> None:
        self._content, self._graph = content, content.subgraphs[0]
        self._makers = {int(operator.outputs[0]): operator for operator in self._graph.operators}

    def members(self) -> tuple[tuple[Weights, ...], ...]:
        """Of each member its convolutions, and its part of the last layer, as it was before it was joined; of a network
        for strings, which is alone, the convolutions are all.
        """
        last = self._makers[int(self._graph.outputs[0])]
        if self._name(last) == "RESHAPE":
            return (tuple(self._chain(int(self._graph.outputs[0]))),)
        before = self._makers[int(last.inputs[0])]
        ends = before.inputs if self._name(before) == "CONCATENATION" else last.inputs[:1]
        widths = [math.prod(self._graph.tensors[end].shape) for end in ends]
        kernel, bias = self._weights(last)
        parts = np.split(kernel.T * len(ends), np.cumsum(widths)[:-1])
        return tuple((*self._chain(int(end)), [part, bias]) for end, part in zip(ends, parts, strict=True))

    def _chain(self, end: int) -> list[Weights]:
        """From the pixels on; a mean, a pooling or a flattening between has no weights to learn."""
        found: list[Weights] = []
        while end != int(self._graph.inputs[0]):
            maker = self._makers[end]
            if self._name(maker) == "CONV_2D":
                kernel, bias = self._weights(maker)
                found.insert(0, [kernel.transpose(1, 2, 3, 0), bias])
            end = int(maker.inputs[0])
        found[0][0] = found[0][0] * np.float32(WHITE)
        return found

    def _name(self, operator: Any) -> str:
        code = self._content.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        return next(name for name, each in vars(schema.BuiltinOperator).items() if each == number)

    def _weights(self, operator: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        kernel, bias = (self._floats(int(index)) for index in operator.inputs[1:3])
        return kernel, bias

    def _floats(self, index: int) -> NDArray[np.float32]:
        """A tensor of weights; one scale for each of its first axis, or one for all."""
        tensor = self._graph.tensors[index]
        kind = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}[tensor.type]
        steps = np.asarray(self._content.buffers[tensor.buffer].data, np.uint8).view(kind).reshape(tensor.shape)
        scales = np.asarray(tensor.quantization.scale, np.float32)
        return (steps * scales.reshape(-1, *[1] * (steps.ndim - 1))).astype(np.float32)
