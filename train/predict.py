"""A picture of one character, from anywhere, through a run's network: its label and the score of each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from edge.errors import BundleError
from edge.inference.classifier import softmax
from edge.meters.cell import has_positions, normalize_cell, prediction_of, scores_of
from edge.nouns import Gray, Prediction
from edge.paper.crop import glyph_of_crop
from edge.paper.strings import has_strings
from edge.pictures import load_picture
from train.evaluate import logits_of
from train.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Network:
    """A run's Keras model with what its logits mean."""

    model: keras.Model
    labels: tuple[str, ...]
    temperature: float

    @classmethod
    def open(cls, run: RunFolder) -> Network:
        """The network of a finished run.

        Raises
        ------
        BundleError
            See `RunFolder.card` and `RunFolder.model`.
        """
        card = run.card()
        if has_strings(card["labels"]):
            raise BundleError(
                f"{run.path}: reads touching digits, not single ones; convert it and try the bundle with: edge read"
            )
        return cls(run.model(), tuple(card["labels"]), card["confidence"]["temperature"])

    def predict(self, pixels: Gray) -> Prediction:
        """Label and calibrated scores of a glyph (28, 28) or of a meter's cell (32, 20)."""
        logits = logits_of(self.model, pixels[None])[0]
        scores = softmax(logits.astype(np.float64) / self.temperature)
        if has_positions(self.labels):
            return prediction_of(scores_of(scores))
        best = int(scores.argmax())
        return Prediction(self.labels[best], float(scores[best]), dict(zip(self.labels, scores.tolist(), strict=True)))


def predict_picture(path: Path, network: Network) -> tuple[Gray, Gray | None, Prediction | None]:
    """The picture, the glyph or cell that the network sees in it, and what it is; the latter two None without ink.

    Raises
    ------
    PictureError
        See `edge.pictures.load_picture`.
    """
    gray = load_picture(path)
    if has_positions(network.labels):
        cell = normalize_cell(gray)
        return gray, cell, network.predict(cell)
    glyph = glyph_of_crop(gray)
    return (gray, None, None) if glyph is None else (gray, glyph.pixels, network.predict(glyph.pixels))
