"""A bundle that needs no network: its classifier takes every glyph for a 5."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.inference.bundle import Card, sha256_file
from edge.inference.preprocessing import glyphs as glyph_way
from edge.nouns import Prediction
from edge.paper.normalize import normalize_glyph, preprocessing_constants
from edge.paper.reader import Reader

LABELS = [*"0123456789", ""]


def card_record(folder: Path) -> dict[str, object]:
    """A card that fits the files in a folder and this package's preprocessing."""
    score = {"n": 100, "errors": 1, "accuracy": 0.99, "interval": [0.95, 0.999]}
    return {
        "schema_version": 1,
        "name": "fake",
        "recipe": "digits",
        "created": "2026-11-21T00:00:00Z",
        "model_sha256": sha256_file(folder / "model.tflite"),
        "golden_sha256": sha256_file(folder / "golden.npz"),
        "labels": LABELS,
        "input": {"shape": [1, 28, 28, 1], "dtype": "int8", "scale": 1.0, "zero_point": -128},
        "output": {"shape": [1, 11], "dtype": "int8", "scale": 0.1, "zero_point": 0},
        "preprocessing": {"sha256": glyph_way().sha256, "constants": preprocessing_constants()},
        "confidence": {
            "method": "temperature",
            "temperature": 1.0,
            "cutoff": 0.9,
            "split": "validation",
            "expected_calibration_error": 0.01,
            "coverage": 0.99,
            "risk": 0.001,
        },
        "data": [],
        "seed": 0,
        "command": "none",
        "calibration_set": {"split": "train", "count": 1, "sha256": "0"},
        "accuracy": {"split": "fake test", "keras": score, "int8": score, "agreement": 1.0},
        "runtimes": None,
        "size_bytes": 1,
        "parameters": 1,
        "multiply_adds": 1,
        "versions": {},
        "git_commit": "0",
        "limits": [],
    }


class FakeClassifier:
    """What `edge.inference.classifier.Classifier` offers; every glyph is a 5 with probability 0.99."""

    runtime = "litert"

    def __init__(self, card: Card) -> None:
        self.card = card
        self.labels = tuple(card.labels)

    def quantized(self, pixels):
        row = [120 if label == "5" else 0 for label in self.labels]
        return np.tile(np.array(row, np.int8), (len(pixels), 1))

    def predict(self, glyphs):
        scores = {label: 0.99 if label == "5" else 0.001 for label in self.labels}
        return [Prediction("5", 0.99, scores) for _ in glyphs]


@pytest.fixture
def golden() -> dict[str, np.ndarray]:
    """The arrays of a golden replay that `FakeClassifier` passes."""
    coverage = np.zeros((40, 30), np.uint8)
    coverage[5:35, 12:18] = 255
    quantized = np.zeros((4, 11), np.int8)
    quantized[:, 5] = 117
    return {
        "glyphs": np.zeros((4, 28, 28), np.uint8),
        "quantized": quantized,
        "labels": np.full(4, 5, np.int64),
        "coverage_0": coverage,
        "normalized_0": normalize_glyph(coverage),
    }


@pytest.fixture
def fake_bundle(tmp_path, monkeypatch, golden) -> Path:
    """A bundle folder in `tmp_path/models/digits` that opens as `FakeClassifier`."""
    folder = tmp_path / "models" / "digits"
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(b"not a model")
    np.savez(folder / "golden.npz", **golden)
    (folder / "card.json").write_text(json.dumps(card_record(folder)))

    def open_fake(folder, runtime=None, threads=1):
        return FakeClassifier(Card.model_validate_json((folder / "card.json").read_text()))

    monkeypatch.setattr("edge.inference.classifier.Classifier.open", open_fake)
    return folder


@pytest.fixture
def fake_reader(fake_bundle) -> Reader:
    """A reader that takes every glyph for a 5."""
    return Reader.open(fake_bundle)
