"""A picture of one character, from anywhere, through a run's network: its label and the score of each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from edge.classifier import softmax
from edge.crop import glyph_of_crop
from edge.nouns import Glyph, Gray, Prediction
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
        return cls(run.model(), tuple(card["labels"]), card["confidence"]["temperature"])

    def predict(self, glyph: Glyph) -> Prediction:
        """Label and calibrated scores of a glyph."""
        logits = logits_of(self.model, glyph.pixels[None])[0]
        scores = softmax(logits.astype(np.float64) / self.temperature)
        best = int(scores.argmax())
        return Prediction(self.labels[best], float(scores[best]), dict(zip(self.labels, scores.tolist(), strict=True)))


def predict_picture(path: Path, network: Network) -> tuple[Gray, Glyph | None, Prediction | None]:
    """The picture, the character in it as the network sees it, and what it is; the latter two None where there is none.

    Raises
    ------
    PictureError
        See `edge.pictures.load_picture`.
    """
    gray = load_picture(path)
    glyph = glyph_of_crop(gray)
    return gray, glyph, None if glyph is None else network.predict(glyph)
