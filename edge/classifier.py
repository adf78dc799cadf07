"""The int8 network behind one call: glyphs in, calibrated predictions out, a frame's digits in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import MODEL_FILE, Card, load_card
from edge.errors import BundleError
from edge.nouns import GLYPH_SIDE, Glyph, Prediction
from edge.runtime import load_interpreter


class Classifier:
    """A bundle opened for inference; holds an interpreter, so one thread at a time.

    Use `Classifier.open(folder)`.
    """

    def __init__(self, card: Card, interpreter: Any, runtime: str) -> None:
        self.card = card
        self.labels = tuple(card.labels)
        self.runtime = runtime
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]
        self._output = interpreter.get_output_details()[0]
        self._check_tensors()

    @classmethod
    def open(cls, folder: Path, runtime: str | None = None, threads: int = 1) -> Classifier:
        """Load a bundle after checking it.

        Raises
        ------
        BundleError, MissingRuntimeError
            See `edge.bundle.load_card` and `edge.runtime.load_interpreter`.
        """
        card = load_card(folder)
        interpreter, name = load_interpreter((folder / MODEL_FILE).read_bytes(), runtime, threads)
        return cls(card, interpreter, name)

    def quantized(self, pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
        """The network's raw output, (n, classes) int8, for (n, 28, 28) uint8 glyphs."""
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (GLYPH_SIDE, GLYPH_SIDE):
            raise TypeError(f"glyphs must be (n, {GLYPH_SIDE}, {GLYPH_SIDE}) uint8, got {pixels.shape} {pixels.dtype}")
        if len(pixels) == 0:
            return np.zeros((0, len(self.labels)), np.int8)
        self._resize(len(pixels))
        self._interpreter.set_tensor(self._input["index"], as_int8_input(pixels))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Dequantized output, (n, classes) float32."""
        return (self.quantized(pixels).astype(np.float32) - self.card.output.zero_point) * np.float32(
            self.card.output.scale
        )

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probability of each class, (n, classes)."""
        return softmax(self.logits(pixels).astype(np.float64) / self.card.confidence.temperature)

    def predict(self, glyphs: Sequence[Glyph]) -> list[Prediction]:
        """Label and calibrated scores of each glyph, in one inference."""
        if not glyphs:
            return []
        return [self._prediction(row) for row in self.probabilities(np.stack([glyph.pixels for glyph in glyphs]))]

    def _prediction(self, row: NDArray[np.float64]) -> Prediction:
        best = int(row.argmax())
        return Prediction(self.labels[best], float(row[best]), dict(zip(self.labels, row.tolist(), strict=True)))

    def _resize(self, count: int) -> None:
        if self._input["shape"][0] != count:
            self._interpreter.resize_tensor_input(self._input["index"], [count, GLYPH_SIDE, GLYPH_SIDE, 1], strict=True)
            self._interpreter.allocate_tensors()
            self._input = self._interpreter.get_input_details()[0]
            self._output = self._interpreter.get_output_details()[0]

    def _check_tensors(self) -> None:
        for side, details, tensor in (
            ("input", self._input, self.card.input),
            ("output", self._output, self.card.output),
        ):
            found = (np.dtype(details["dtype"]).name, *details["quantization"])
            said = (tensor.dtype, tensor.scale, tensor.zero_point)
            if found[0] != said[0] or found[2] != said[2] or not np.isclose(found[1], said[1], rtol=1e-6):
                raise BundleError(
                    f"the model's {side} is {found}, its card says {said}; build the bundle again with: make convert"
                )
        if self._output["shape"][-1] != len(self.labels):
            raise BundleError(
                f"the model has {self._output['shape'][-1]} outputs, its card {len(self.labels)} labels; build it again"
            )


def as_int8_input(pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Gray levels less 128, (n, 28, 28) uint8 to (n, 28, 28, 1) int8: exact at scale 1 and zero point -128."""
    return (pixels ^ 0x80).view(np.int8)[..., None]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis, safe against overflow."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
