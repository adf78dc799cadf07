"""A run becomes a bundle that edge opens, or nothing changes."""

import json

import keras
import numpy as np
import pytest

from convert.build import build_bundle, choose_target, verify_bundle
from convert.run_folder import load_run
from edge.errors import BundleError, DataError, OutputError
from edge.inference.bundle import CARD_FILE, GOLDEN_FILE, MODEL_FILE, load_card
from edge.inference.classifier import Classifier


def contents(folder):
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def change_card(path, **changes):
    card = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**card, **changes}))


def test_a_good_run_passes_every_gate_and_its_bundle_opens(report, run):
    assert [gate for gate in report.gates if gate.verdict != "ok" and "tflite-runtime" not in gate.name] == []
    card = load_card(report.bundle)
    assert card.name == "digits"
    assert card.labels == run.card.labels
    assert (card.input.scale, card.input.zero_point) == (1.0, -128)
    assert card.calibration_set.count == 80
    assert card.accuracy.int8.n == len(run.evaluation)
    assert card.size_bytes == (report.bundle / MODEL_FILE).stat().st_size


def test_the_bundle_reads_the_glyphs_it_was_made_for(report, run):
    predictions = Classifier.open(report.bundle).probabilities(run.evaluation.glyphs[:60]).argmax(axis=1)
    assert predictions.tolist() == run.evaluation.labels[:60].tolist()


def test_only_the_bundle_is_left_where_it_was_built(report):
    assert sorted(contents(report.bundle)) == sorted([CARD_FILE, GOLDEN_FILE, MODEL_FILE])
    assert [entry.name for entry in report.bundle.parent.iterdir()] == ["digits"]


def test_building_twice_gives_the_same_model_and_replay_and_replaces_the_bundle(run_path, bundle):
    before = contents(bundle)
    (bundle / CARD_FILE).write_text("{}")
    assert build_bundle(run_path, bundle).failed == ()
    after = contents(bundle)
    assert [after[name] == before[name] for name in (MODEL_FILE, GOLDEN_FILE)] == [True, True]
    assert load_card(bundle).model_sha256 == json.loads(before[CARD_FILE])["model_sha256"]
    assert [entry.name for entry in bundle.parent.iterdir()] == ["digits"]


def test_a_failed_build_leaves_the_old_bundle_untouched(run_copy, bundle):
    with np.load(run_copy / "calibration.npz") as arrays:
        dim = {**arrays, "glyphs": np.minimum(arrays["glyphs"], 200)}
    np.savez(run_copy / "calibration.npz", **dim)
    before = contents(bundle)
    failed = build_bundle(run_copy, bundle).failed
    assert "input" in [gate.name for gate in failed]
    assert contents(bundle) == before
    assert [entry.name for entry in bundle.parent.iterdir()] == ["digits"]


@pytest.fixture
def quick(monkeypatch, model, measurement):
    """Builds that take the model and its measurement from the one bundle, for tests of what is written where."""
    monkeypatch.setattr("convert.build.quantize_model", lambda *_: model)
    monkeypatch.setattr("convert.build.measure", lambda *_: measurement)


@pytest.mark.usefixtures("quick")
def test_a_build_that_fails_after_it_wrote_leaves_the_old_bundle_untouched(run_path, bundle, monkeypatch):
    monkeypatch.setattr("convert.build.pack_golden", lambda _: b"no replay")
    before = contents(bundle)
    assert [gate.name for gate in build_bundle(run_path, bundle).failed] == ["opens in edge"]
    assert contents(bundle) == before
    assert [entry.name for entry in bundle.parent.iterdir()] == ["digits"]


@pytest.mark.usefixtures("quick")
def test_a_rename_that_fails_brings_the_old_bundle_back(run_path, bundle, monkeypatch):
    before, rename = contents(bundle), type(bundle).rename
    refused = []

    def refuse_the_second(self, target):
        if target == bundle and not refused:
            refused.append(self)
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(type(bundle), "rename", refuse_the_second)
    with pytest.raises(OutputError, match="No space left"):
        build_bundle(run_path, bundle)
    assert len(refused) == 1
    assert contents(bundle) == before
    assert [entry.name for entry in bundle.parent.iterdir()] == ["digits"]


def test_fewer_calibration_glyphs_are_taken_evenly_and_the_card_says_so(run_path, tmp_path):
    report = build_bundle(run_path, tmp_path / "few", calibration_count=40)
    assert report.failed == ()
    assert load_card(report.bundle).calibration_set.count == 40
    assert np.bincount(load_run(run_path).calibration.first(40).samples.labels).tolist() == [10, 10, 10, 10]


def test_verify_passes_what_build_made(report, run_path):
    gates = verify_bundle(report.bundle, run_path).gates
    assert [gate.name for gate in gates] == [gate.name for gate in report.gates]
    assert all(gate.is_passed for gate in gates)


def test_verify_catches_another_models_weights(bundle, run_copy):
    model = keras.models.load_model(run_copy / "model.keras", compile=False)
    weights, biases = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.roll(weights, 1, axis=1), np.roll(biases, 1)])
    model.save(run_copy / "model.keras")
    failed = [gate.name for gate in verify_bundle(bundle, run_copy).failed]
    assert "agreement, litert" in failed


def test_without_out_the_bundle_goes_by_recipe_or_to_builtin(run_copy):
    assert choose_target(load_run(run_copy), None).parts[-2:] == ("models", "digits")
    change_card(run_copy, builtin=True)
    assert choose_target(load_run(run_copy), None).parts[-2:] == ("models", "builtin")


def test_a_run_on_builtin_data_never_replaces_the_shipped_bundle(run_copy, bundle):
    change_card(run_copy, builtin=True)
    before = contents(bundle)
    with pytest.raises(OutputError, match="shipped"):
        build_bundle(run_copy, bundle)
    assert contents(bundle) == before


def test_a_folder_that_is_no_bundle_is_never_replaced(run, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"photo\.jpg"):
        choose_target(run, tmp_path)
    with pytest.raises(OutputError, match="is a file"):
        choose_target(run, tmp_path / "photo.jpg")


def test_what_is_no_bundle_or_no_run_is_said(run_path, bundle, tmp_path):
    with pytest.raises(BundleError, match=r"model\.tflite"):
        verify_bundle(tmp_path, run_path)
    with pytest.raises(DataError, match=r"model\.keras"):
        verify_bundle(bundle, tmp_path)
    (bundle / MODEL_FILE).write_bytes(b"x" * 100)
    with pytest.raises(BundleError, match="not a TFLite model"):
        verify_bundle(bundle, run_path)
