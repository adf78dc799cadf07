"""The float model and its int8 twin in every runtime, side by side on the same glyphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from convert.flatbuffer import Network, parse_network
from convert.inference import from_int8, run_apart
from convert.quantize import float_logits
from convert.run_folder import GlyphSet
from edge.errors import BundleError, MissingRuntimeError
from edge.inference.bundle import Confidence
from edge.inference.classifier import softmax
from edge.inference.runtime import runtime_versions
from edge.inference.verdicts import verdicts_of
from edge.meters.cell import answers, has_positions
from edge.paper.strings import codes_of

REFERENCE = "litert"
"""The runtime whose figures the card gives; edge prefers it too."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Glyphs above the cutoff, how many of them got different labels, and the largest difference of any score."""

    above_cutoff: int
    differing: int
    largest_steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What each of them answered.

    Parameters
    ----------
    network : Network
        The .tflite file's own description.
    labels : (n) int64
        The truth; of a string its code, see `edge.paper.strings.codes_of`.
    keras : (n, classes) or (n, frames, classes) float32
        Logits of the float model.
    quantized : dict of str to int8 of the same shape
        Output of the int8 model in each runtime that ran it.
    missing, refused : dict of str to str
        Why a runtime did not run it: it is not installed here, or it does not take the model.
    versions : dict of str to str
        Version of each runtime that is installed.
    judged : dict
        Verdicts that were asked for once, by labels, temperature and runtime: strings take a while.
    """

    network: Network
    labels: NDArray[np.int64]
    keras: NDArray[np.float32]
    quantized: dict[str, NDArray[np.int8]]
    missing: dict[str, str]
    refused: dict[str, str]
    versions: dict[str, str]
    judged: dict[Any, Any] = field(default_factory=dict, init=False)

    def probabilities(self, runtime: str, temperature: float) -> NDArray[np.float64]:
        """Calibrated probability of each class, (n, classes), as edge would give it."""
        output = self.network.outputs[0]
        return softmax(from_int8(self.quantized[runtime], output.scales[0], output.zero_points[0]) / temperature)

    def answers(self, names: Sequence[str], temperature: float, runtime: str | None = None) -> NDArray[np.int64]:
        """What the int8 model says of each glyph in a runtime, or without one what the float model says."""
        if has_positions(names):
            return answers(self._scores(temperature, runtime), names)
        return self.verdicts(names, temperature, runtime)[0]

    def verdicts(
        self, names: Sequence[str], temperature: float, runtime: str | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The same as it is read, a drum's positions as their digit, and its probability."""
        key = (tuple(names), temperature, runtime)
        if key not in self.judged:
            self.judged[key] = verdicts_of(self._scores(temperature, runtime), names)
        return self.judged[key]

    def _scores(self, temperature: float, runtime: str | None) -> NDArray[np.float64]:
        if runtime is None:
            return softmax(self.keras.astype(np.float64) / temperature)
        return self.probabilities(runtime, temperature)

    def compare(self, names: Sequence[str], confidence: Confidence) -> Comparison:
        """The two runtimes beside each other; a glyph is above the cutoff where either would let it pass, and a drum's
        positions count as their digit.

        Raises
        ------
        ValueError
            Not exactly two runtimes ran.
        """
        first, second = self.quantized
        pair = [self.verdicts(names, confidence.temperature, each) for each in (first, second)]
        is_above = np.max([sure for _, sure in pair], axis=0) >= confidence.cutoff
        differs = is_above & (pair[0][0] != pair[1][0])
        steps = np.abs(self.quantized[first].astype(int) - self.quantized[second])
        return Comparison(int(is_above.sum()), int(differs.sum()), int(steps.max()))


def measure(float_model: keras.Model, model: bytes, evaluation: GlyphSet, runtimes: tuple[str, ...]) -> Measurement:
    """Run the evaluation glyphs through the float model and, in each of `runtimes`, through the int8 `model`.

    Raises
    ------
    BundleError
        `model` is not the content of a .tflite file.
    """
    network = parse_network(model)
    quantized: dict[str, NDArray[np.int8]] = {}
    missing: dict[str, str] = {}
    refused: dict[str, str] = {}
    for runtime in runtimes:
        try:
            quantized[runtime] = run_apart(model, evaluation.glyphs, runtime)
        except MissingRuntimeError as error:
            missing[runtime] = str(error)
        except BundleError as error:
            refused[runtime] = str(error)
    logits = float_logits(float_model, evaluation.glyphs)
    labels = evaluation.labels if evaluation.labels.ndim == 1 else codes_of(evaluation.labels)
    return Measurement(network, labels, logits, quantized, missing, refused, runtime_versions())
