"""A run on a meter's cells becomes a bundle that edge opens as one for cells."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from convert.build import build_bundle, verify_bundle
from convert.gates import MOST_DROP, MOST_DROP_OF_POSITIONS, most_drop
from convert.golden import CROP_SIDES, draw_cell, read_golden
from convert.run_folder import load_run
from edge.check import replay_golden
from edge.errors import BundleError
from edge.inference.bundle import GOLDEN_FILE
from edge.inference.classifier import CellClassifier, Classifier, open_network
from edge.inference.preprocessing import cells as cell_way
from edge.meters.cell import CELL_LABELS, cell_constants, normalize_cell, read_indices

KINDS = (*range(0, 100, 10), 100, 101, 102)
"""Ten settled digits, blank, minus and what cannot be told."""


def draw(label, rng):
    """A cell that a tiny network can tell: a bar whose height says the digit, a pillar, nothing, or half a cell."""
    cell = np.full((32, 20), 100, np.uint8)
    if label < 100:
        cell[3 * (label // 10) : 3 * (label // 10) + 4] = 220
    elif label == 101:
        cell[:, 8:12] = 220
    elif label == 102:
        cell[:, :10] = 220
    return normalize_cell(np.clip(cell + rng.normal(0, 2, cell.shape), 0, 255).astype(np.uint8))


def cell_set(count, seed):
    rng = np.random.default_rng(seed)
    labels = np.array([KINDS[k % len(KINDS)] for k in range(count)], np.int64)
    return np.stack([draw(label, rng) for label in labels]), labels


@pytest.fixture(scope="module")
def cell_run(run_path, tmp_path_factory):
    """A finished run folder of a tiny network on drawn cells."""
    keras.utils.set_random_seed(5)
    path = tmp_path_factory.mktemp("runs") / "meter"
    path.mkdir()
    cells, labels = cell_set(780, seed=1)
    model = keras.Sequential(
        [
            keras.Input((32, 20, 1)),
            layers.Rescaling(1 / 255),
            layers.AveragePooling2D((2, 4)),
            layers.Flatten(),
            layers.Dense(48, activation="relu"),
            layers.Dense(len(CELL_LABELS)),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(cells[..., None].astype(np.float32), labels, epochs=15, batch_size=32, verbose=0)
    model.save(path / "model.keras")
    np.savez(path / "calibration.npz", glyphs=cells[:130], labels=labels[:130], indices=np.arange(130))
    for name, seed in (("validation", 2), ("evaluation", 3)):
        arrays = cell_set(390, seed)
        np.savez(path / f"{name}.npz", glyphs=arrays[0], labels=arrays[1])
    preprocessing = {"sha256": cell_way().sha256, "constants": cell_constants()}
    card = json.loads((run_path / "run.json").read_text())
    changes = {"recipe": "meter", "labels": CELL_LABELS, "preprocessing": preprocessing}
    (path / "run.json").write_text(json.dumps(card | changes))
    return path


@pytest.fixture(scope="module")
def report(cell_run, tmp_path_factory):
    return build_bundle(cell_run, tmp_path_factory.mktemp("models") / "meter")


def test_a_run_on_cells_passes_every_gate(report):
    assert [gate for gate in report.gates if gate.verdict != "ok" and "tflite-runtime" not in gate.name] == []
    assert {gate.name: gate.found for gate in report.gates}["input"].startswith("int8 (1, 32, 20, 1), scale 1,")


def test_its_bundle_opens_as_one_for_cells_and_reads_them(report):
    network = open_network(report.bundle)
    assert isinstance(network, CellClassifier)
    cells, labels = cell_set(26, seed=9)
    scores = network.predict(list(cells))
    assert [int(each.positions.argmax()) for each in scores[:10]] == labels[:10].tolist()
    assert [scores[10].blank > 0.5, scores[11].minus > 0.5, scores[12].unreadable > 0.5] == [True, True, True]
    assert "labelled the same" in replay_golden(network, report.bundle / GOLDEN_FILE)


def test_the_replay_has_as_many_cells_of_each_digit_and_of_what_is_none(report):
    golden = read_golden(report.bundle / GOLDEN_FILE)
    assert golden.glyphs.shape[1:] == (32, 20)
    assert np.bincount(read_indices(golden.labels, CELL_LABELS)).tolist() == [5] * 12
    pairs = zip(golden.coverages, golden.normalized, strict=True)
    assert all(np.array_equal(normalize_cell(crop), cell) for crop, cell in pairs)


def test_a_bundle_of_cells_is_verified_again(report, cell_run):
    assert verify_bundle(report.bundle, cell_run).failed == ()


def test_another_preprocessing_than_edges_is_refused(cell_run, tmp_path):
    card = json.loads((cell_run / "run.json").read_text())
    for name in ("model.keras", "calibration.npz", "validation.npz", "evaluation.npz"):
        (tmp_path / name).write_bytes((cell_run / name).read_bytes())
    card["preprocessing"]["sha256"] = "0" * 64
    (tmp_path / "run.json").write_text(json.dumps(card))
    failed = [gate.name for gate in build_bundle(tmp_path, tmp_path / "meter").failed]
    assert "preprocessing" in failed


def test_cells_of_the_replay_have_every_size(cell_run):
    cells = load_run(cell_run).calibration.samples.glyphs
    for number, side in enumerate(CROP_SIDES):
        crop = draw_cell(cells, number, np.random.default_rng(1))
        assert crop.shape[0] == side
        assert crop.dtype == np.uint8


def test_int8_may_lose_what_one_crop_of_a_small_sample_is():
    assert most_drop(CELL_LABELS) == MOST_DROP_OF_POSITIONS == (1, 1000)
    assert most_drop(("0", "1")) == MOST_DROP == (5, 10_000)


def test_a_bundle_for_cells_is_no_classifier_of_glyphs(report):
    with pytest.raises(BundleError, match="cells of a meter"):
        Classifier.open(report.bundle)
