"""The float model and its int8 twin in every runtime, side by side on the same glyphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from edge.meters.cell import answers, read_scores

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
        The truth.
    keras : (n, classes) float32
        Logits of the float model.
    quantized : dict of str to (n, classes) int8
        Output of the int8 model in each runtime that ran it.
    missing, refused : dict of str to str
        Why a runtime did not run it: it is not installed here, or it does not take the model.
    versions : dict of str to str
        Version of each runtime that is installed.
    """

    network: Network
    labels: NDArray[np.int64]
    keras: NDArray[np.float32]
    quantized: dict[str, NDArray[np.int8]]
    missing: dict[str, str]
    refused: dict[str, str]
    versions: dict[str, str]

    def probabilities(self, runtime: str, temperature: float) -> NDArray[np.float64]:
        """Calibrated probability of each class, (n, classes), as edge would give it."""
        output = self.network.outputs[0]
        return softmax(from_int8(self.quantized[runtime], output.scales[0], output.zero_points[0]) / temperature)

    def answers(self, names: Sequence[str], temperature: float, runtime: str | None = None) -> NDArray[np.int64]:
        """What the int8 model says of each glyph in a runtime, or without one what the float model says."""
        return answers(self._scores(temperature, runtime), names)

    def read(self, names: Sequence[str], temperature: float, runtime: str | None = None) -> NDArray[np.float64]:
        """Its probability of each label as it is read, a drum's positions as their digit; see `answers`."""
        return read_scores(self._scores(temperature, runtime), names)

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
        scores = [self.read(names, confidence.temperature, each) for each in (first, second)]
        is_above = (scores[0].max(axis=1) >= confidence.cutoff) | (scores[1].max(axis=1) >= confidence.cutoff)
        differs = is_above & (scores[0].argmax(axis=1) != scores[1].argmax(axis=1))
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
    return Measurement(network, evaluation.labels, logits, quantized, missing, refused, runtime_versions())
