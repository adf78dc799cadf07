"""A run folder as `train` leaves it, made in seconds: a tiny network on drawn digits, and the bundle built of it."""

import json
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from convert.build import build_bundle
from convert.measure import measure
from convert.quantize import load_keras
from convert.run_folder import load_run
from edge.inference.bundle import MODEL_FILE
from edge.inference.preprocessing import glyphs as glyph_way
from edge.inference.runtime import RUNTIMES
from edge.paper.normalize import normalize_glyph, preprocessing_constants

LABELS = ["0", "1", "7", ""]


def draw(label, rng):
    """A digit set by OpenCV at some size, or a blot for what is none."""
    canvas = np.zeros((64, 64), np.uint8)
    if LABELS[label]:
        scale, weight = float(rng.uniform(1.0, 1.5)), int(rng.integers(2, 5))
        cv2.putText(canvas, LABELS[label], (15, 50), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, weight, cv2.LINE_AA)
    else:
        cv2.ellipse(canvas, (32, 32), tuple(map(int, rng.integers(12, 25, 2))), 0, 0, 360, 255, cv2.FILLED)
    return normalize_glyph(canvas)


def glyph_set(count, classes, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return np.stack([draw(label, rng) for label in labels]), labels.astype(np.int64)


def network():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(len(LABELS)),
        ]
    )


def run_card(**changes):
    confidence = {"method": "temperature", "temperature": 1.0, "cutoff": 0.9, "split": "drawn, validation"}
    card = {
        "schema_version": 1,
        "recipe": "digits",
        "labels": LABELS,
        "created": "2026-01-01T00:00:00+00:00",
        "command": "python -m train fit digits",
        "seed": 7,
        "started_from": ["ab" * 32],
        "data": [{"name": "drawn", "licence": "MIT", "source": "tests", "sha256": {}, "splits": {"train": 400}}],
        "evaluation_split": "drawn, test",
        "calibration_split": "drawn, train",
        "preprocessing": {"sha256": glyph_way().sha256, "constants": preprocessing_constants()},
        "confidence": {**confidence, "expected_calibration_error": 0.0, "coverage": 1.0, "risk": 0.0},
        "versions": {"keras": keras.__version__},
        "builtin": False,
        "limits": ["reads three drawn digits"],
    }
    return {**card, **changes}


@pytest.fixture(scope="session")
def run_path(tmp_path_factory):
    """A finished run folder; copy it before changing anything in it."""
    keras.utils.set_random_seed(3)
    path = tmp_path_factory.mktemp("runs") / "digits"
    path.mkdir()
    glyphs, labels = glyph_set(400, 4, seed=1)
    model = network()
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(glyphs[..., None].astype(np.float32), labels, epochs=8, batch_size=32, verbose=0)
    model.save(path / "model.keras")
    indices = np.arange(80, dtype=np.int64)
    np.savez(path / "calibration.npz", glyphs=glyphs[:80], labels=labels[:80], indices=indices)
    for name, arrays in (("validation", glyph_set(80, 4, seed=2)), ("evaluation", glyph_set(1000, 3, seed=3))):
        np.savez(path / f"{name}.npz", glyphs=arrays[0], labels=arrays[1])
    (path / "run.json").write_text(json.dumps(run_card()))
    return path


@pytest.fixture(scope="session")
def run(run_path):
    return load_run(run_path)


@pytest.fixture(scope="session")
def float_model(run_path):
    return load_keras(run_path / "model.keras")


@pytest.fixture(scope="session")
def report(run_path, tmp_path_factory):
    """The report of a build that passes; its bundle is shared, so copy it before changing it."""
    return build_bundle(run_path, tmp_path_factory.mktemp("models") / "digits")


@pytest.fixture(scope="session")
def model(report):
    return (report.bundle / MODEL_FILE).read_bytes()


@pytest.fixture(scope="session")
def measurement(run, float_model, model):
    return measure(float_model, model, run.evaluation, tuple(RUNTIMES))


@pytest.fixture
def bundle(report, tmp_path):
    """A bundle of one's own."""
    return shutil.copytree(report.bundle, tmp_path / "models" / "digits")


@pytest.fixture
def run_copy(run_path, tmp_path):
    """A run folder of one's own."""
    return shutil.copytree(run_path, tmp_path / "runs" / "digits")
