"""The int8 networks behind one call: glyphs or cells in, calibrated scores out, a frame's digits in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.inference.bundle import MODEL_FILE, STRIPS_FOLDER, Card, load_card
from edge.inference.runtime import load_interpreter
from edge.meters.cell import has_positions, scores_of
from edge.nouns import CellScores, Glyph, Gray, Prediction
from edge.paper.strings import Frames, has_strings, inked_frames
from edge.paper.strip import normalize_strip


class Network:
    """A bundle opened for inference, whatever its labels mean; holds an interpreter, so one thread at a time.

    Use `Network.open(folder)`, or that of `Classifier` or `CellClassifier`.
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
    def open(cls, folder: Path, runtime: str | None = None, threads: int = 1) -> Self:
        """Load a bundle after checking it.

        Raises
        ------
        BundleError, MissingRuntimeError
            See `edge.inference.bundle.load_card` and `edge.inference.runtime.load_interpreter`.
        """
        card = load_card(folder)
        cls.check_card(card, folder)
        interpreter, name = load_interpreter((folder / MODEL_FILE).read_bytes(), runtime, threads)
        return cls(card, interpreter, name)

    @classmethod
    def check_card(cls, card: Card, folder: Path) -> None:
        """Raise BundleError where the bundle is not for this class."""

    def quantized(self, pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
        """The network's raw output, (n, classes) int8, for uint8 glyphs (n, 28, 28) or cells (n, 32, 20); of strips
        (n, 32, 160) it is (n, frames, classes).
        """
        rows, columns = self.card.input.shape[1:3]
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (rows, columns):
            raise TypeError(f"{self.card.name} takes (n, {rows}, {columns}) uint8, got {pixels.shape} {pixels.dtype}")
        if len(pixels) == 0:
            return np.zeros((0, *self.card.output.shape[1:]), np.int8)
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

    def _resize(self, count: int) -> None:
        if self._input["shape"][0] != count:
            self._interpreter.resize_tensor_input(
                self._input["index"], [count, *self.card.input.shape[1:]], strict=True
            )
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


class Classifier(Network):
    """A bundle that labels glyphs."""

    @classmethod
    def check_card(cls, card: Card, folder: Path) -> None:
        """Raise BundleError where the bundle is for a meter's cells."""
        if has_strings(card.labels):
            raise BundleError(f"{folder}: reads touching digits for another bundle, not single ones; take models/paper")
        if has_positions(card.labels):
            raise BundleError(
                f"{folder}: reads the cells of a meter, not lines of digits; name it as the model of a field of kind "
                "drum or lcd, or take models/paper here"
            )

    def predict(self, glyphs: Sequence[Glyph]) -> list[Prediction]:
        """Label and calibrated scores of each glyph, in one inference."""
        if not glyphs:
            return []
        return [self._prediction(row) for row in self.probabilities(np.stack([glyph.pixels for glyph in glyphs]))]

    def _prediction(self, row: NDArray[np.float64]) -> Prediction:
        best = int(row.argmax())
        return Prediction(self.labels[best], float(row[best]), dict(zip(self.labels, row.tolist(), strict=True)))


class CellClassifier(Network):
    """A bundle that says what the cells of a meter show."""

    @classmethod
    def check_card(cls, card: Card, folder: Path) -> None:
        """Raise BundleError where the bundle is for glyphs."""
        if not has_positions(card.labels):
            raise BundleError(f"{folder}: reads single glyphs, not the cells of a meter; take models/meter here")

    def predict(self, cells: Sequence[Gray]) -> list[CellScores]:
        """What each of the cells shows, (32, 20) uint8 from `edge.meters.cell.normalize_cell`, in one inference."""
        return [scores_of(row) for row in self.probabilities(np.stack(cells))] if len(cells) else []


class StripNetwork(Network):
    """A bundle that says which digits stand on a strip of ink, without cutting them apart."""

    @classmethod
    def check_card(cls, card: Card, folder: Path) -> None:
        """Raise BundleError where the bundle is for something else."""
        if not has_strings(card.labels):
            raise BundleError(f"{folder}: reads no strips; build one there from a run of the recipe strings")

    def read(self, coverages: Sequence[Gray]) -> list[Frames]:
        """Logarithms of the probability of each label in each frame, of pieces of ink (rows, columns) uint8, each up to
        its ink's end; in one inference.
        """
        if not coverages:
            return []
        strips = np.stack([normalize_strip(coverage) for coverage in coverages])
        probabilities = np.maximum(self.probabilities(strips), np.finfo(np.float64).tiny)
        return [inked_frames(np.log(each), strip) for each, strip in zip(probabilities, strips, strict=True)]


def open_network(folder: Path, runtime: str | None = None, threads: int = 1) -> Classifier | CellClassifier:
    """The bundle opened as what it is.

    Raises
    ------
    BundleError, MissingRuntimeError
        See `edge.inference.bundle.load_card` and `edge.inference.runtime.load_interpreter`.
    """
    if has_positions(load_card(folder).labels):
        return CellClassifier.open(folder, runtime, threads)
    return Classifier.open(folder, runtime, threads)


def open_strips(folder: Path, runtime: str | None = None, threads: int = 1) -> StripNetwork | None:
    """The network for touching digits that lies in a bundle's folder; None where there is none.

    Raises
    ------
    BundleError, MissingRuntimeError
    """
    inner = folder / STRIPS_FOLDER
    return StripNetwork.open(inner, runtime, threads) if inner.exists() else None


def as_int8_input(pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Gray levels less 128, (n, rows, columns) uint8 to (n, rows, columns, 1) int8: exact at scale 1, zero -128."""
    return (pixels ^ 0x80).view(np.int8)[..., None]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis, safe against overflow."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
