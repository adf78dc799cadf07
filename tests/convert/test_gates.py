"""Every gate falls for the fault it is there for, and for that reason."""

import dataclasses
import hashlib
import json
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from convert.flatbuffer import Network, Operator, Tensor
from convert.gates import bundle_gates, format_table, model_gates
from convert.golden import pack_golden, read_golden
from convert.measure import Measurement, measure
from convert.quantize import quantize_model
from edge.inference.bundle import CARD_FILE, GOLDEN_FILE, MODEL_FILE, load_card
from edge.inference.runtime import RUNTIMES, runtime_versions

BOTH = tuple(RUNTIMES)
needs_both = pytest.mark.skipif(len(runtime_versions()) < 2, reason="tflite-runtime has no wheel for this Python")


def failed(gates):
    return [gate.name for gate in gates if not gate.is_passed]


def verdict(gates, name):
    (gate,) = [gate for gate in gates if gate.name == name]
    return gate.verdict


def float_tflite(model, optimize):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimize else []
    return bytes(converter.convert())


def answers(n, wrong, classes=4):
    """Logits or scores that label the first `wrong` of n glyphs 1, all others 0."""
    scores = np.zeros((n, classes), np.int8)
    scores[:, 0] = 100
    scores[:wrong] = np.roll(scores[:wrong], 1, axis=1)
    return scores


def made_up(measurement, n=10_000, float_wrong=0, int8_wrong=0, other_wrong=None):
    """A measurement with so many wrong labels; the truth is always 0."""
    quantized = {"litert": answers(n, int8_wrong)}
    quantized["tflite-runtime"] = answers(n, int8_wrong if other_wrong is None else other_wrong)
    changes = {"labels": np.zeros(n, np.int64), "keras": answers(n, float_wrong).astype(np.float32)}
    return dataclasses.replace(measurement, quantized=quantized, missing={}, refused={}, **changes)


def test_a_good_model_passes(model, run, measurement):
    gates = model_gates(model, run, measurement)
    assert failed(gates) == []
    assert len(gates) >= 11


@pytest.mark.filterwarnings("ignore")
def test_a_float_model_is_caught(run, float_model):
    model = float_tflite(float_model, optimize=False)
    gates = model_gates(model, run, measure(float_model, model, run.evaluation, BOTH))
    assert {"input", "output", "floats", "runs in litert", "both runtimes"} <= set(failed(gates))


@pytest.mark.filterwarnings("ignore")
def test_a_dynamic_range_model_is_caught_as_floats_and_as_too_new(run, float_model):
    model = float_tflite(float_model, optimize=True)
    gates = model_gates(model, run, measure(float_model, model, run.evaluation, BOTH))
    assert {"input", "floats", "operator versions"} <= set(failed(gates))
    if len(runtime_versions()) == 2:
        assert "runs in tflite-runtime" in failed(gates)


def test_an_input_scale_other_than_one_is_caught(run, float_model):
    model = quantize_model(float_model, np.minimum(run.calibration.samples.glyphs, 200))
    gates = model_gates(model, run, measure(float_model, model, run.evaluation, BOTH))
    assert failed(gates)[0] == "input"


def test_scrambled_weights_are_caught(run, float_model):
    other = keras.models.clone_model(float_model)
    other.set_weights(float_model.get_weights())
    weights, biases = other.layers[-1].get_weights()
    other.layers[-1].set_weights([np.roll(weights, 1, axis=1), np.roll(biases, 1)])
    model = quantize_model(other, run.calibration.samples.glyphs)
    gates = model_gates(model, run, measure(float_model, model, run.evaluation, ("litert",)))
    assert {"agreement, litert", "accuracy drop, litert"} <= set(failed(gates))


def test_an_oversize_model_is_caught(model, run, measurement):
    room = 120_000 - len(model)
    assert verdict(model_gates(model + bytes(room), run, measurement), "size") == "ok"
    assert failed(model_gates(model + bytes(room + 1), run, measurement)) == ["size"]


def test_another_preprocessing_is_caught(model, run, measurement):
    other = run.card.preprocessing.model_copy(update={"sha256": "0" * 64})
    other_run = dataclasses.replace(run, card=run.card.model_copy(update={"preprocessing": other}))
    assert failed(model_gates(model, other_run, measurement)) == ["preprocessing"]


def test_an_output_without_a_score_for_each_label_is_caught(model, run, measurement):
    other_run = dataclasses.replace(run, card=run.card.model_copy(update={"labels": [*run.card.labels, "9"]}))
    assert failed(model_gates(model, other_run, measurement)) == ["output"]


@pytest.mark.parametrize("operators", [(), (Operator("CONV_2D", 8, (), ()),), (Operator("STABLEHLO_ADD", 1, (), ()),)])
def test_no_operator_or_one_that_is_too_new_is_caught(model, run, measurement, operators):
    network = dataclasses.replace(measurement.network, operators=operators)
    assert failed(model_gates(model, run, dataclasses.replace(measurement, network=network))) == ["operator versions"]


def test_agreement_fails_from_one_glyph_beyond_a_thousandth(model, run, measurement):
    at_limit = model_gates(model, run, made_up(measurement, float_wrong=10))
    beyond = model_gates(model, run, made_up(measurement, float_wrong=11))
    assert failed(at_limit) == []
    assert failed(beyond) == ["agreement, litert", "agreement, tflite-runtime"]


def test_accuracy_fails_from_one_glyph_beyond_the_drop_allowed(model, run, measurement):
    assert failed(model_gates(model, run, made_up(measurement, int8_wrong=5))) == []
    beyond = model_gates(model, run, made_up(measurement, int8_wrong=6))
    assert failed(beyond) == ["accuracy drop, litert", "accuracy drop, tflite-runtime"]


def test_a_gain_in_accuracy_passes(model, run, measurement):
    gates = model_gates(model, run, made_up(measurement, float_wrong=100))
    assert verdict(gates, "accuracy drop, litert") == "ok"


def test_another_label_from_the_other_runtime_counts_above_the_cutoff_only(model, run, measurement):
    one_differs = made_up(measurement, other_wrong=1)
    assert failed(model_gates(model, run, one_differs)) == ["both runtimes"]
    timid = run.card.confidence.model_copy(update={"temperature": 1e9})
    other_run = dataclasses.replace(run, card=run.card.model_copy(update={"confidence": timid}))
    assert failed(model_gates(model, other_run, one_differs)) == []


def test_a_glyph_counts_where_only_one_of_the_runtimes_is_sure(model, run, measurement):
    sure, unsure = answers(1000, 0), answers(1000, 0)
    unsure[0] = [0, 1, 0, 0]
    network = with_output_scale(measurement.network, 0.1)
    split = dataclasses.replace(
        made_up(measurement, n=1000), network=network, quantized={"litert": sure, "tflite-runtime": unsure}
    )
    assert "both runtimes" in failed(model_gates(model, run, split))


def with_output_scale(network: Network, scale: float) -> Network:
    return dataclasses.replace(network, outputs=(dataclasses.replace(network.outputs[0], scales=(scale,)),))


@pytest.mark.parametrize(("version", "expected"), [((3, 11), "FAILED"), ((3, 12), "not run")])
def test_a_missing_tflite_runtime_is_excused_only_where_it_has_no_wheel(
    model, run, measurement, monkeypatch, version, expected
):
    monkeypatch.setattr("convert.gates.sys", SimpleNamespace(version_info=version))
    gates = model_gates(model, run, without(measurement, "tflite-runtime"))
    assert [verdict(gates, name) for name in ("runs in tflite-runtime", "both runtimes")] == [expected] * 2


def test_a_missing_litert_is_never_excused(model, run, measurement, monkeypatch):
    monkeypatch.setattr("convert.gates.sys", SimpleNamespace(version_info=(3, 13)))
    assert failed(model_gates(model, run, without(measurement, "litert"))) == ["runs in litert", "both runtimes"]


def without(measurement: Measurement, runtime: str) -> Measurement:
    quantized = {name: scores for name, scores in made_up(measurement).quantized.items() if name != runtime}
    return dataclasses.replace(made_up(measurement), quantized=quantized, missing={runtime: "not installed"})


def test_a_good_bundle_passes(bundle, run, measurement):
    gates = bundle_gates(bundle, run, measurement)
    assert failed(gates) == []
    assert len(gates) >= 5


@pytest.mark.parametrize("name", [MODEL_FILE, GOLDEN_FILE])
def test_an_altered_file_is_caught(bundle, run, measurement, name):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    (gate,) = bundle_gates(bundle, run, measurement)
    assert gate.verdict == "FAILED"
    assert "sha256" in gate.found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), 8),
        (("parameters",), 1),
        (("labels",), ["0", "1", "8", ""]),
        (("calibration_set", "sha256"), "0" * 64),
        (("confidence", "cutoff"), 0.5),
        (("accuracy", "int8", "errors"), 400),
        (("accuracy", "int8", "accuracy"), 1.1),
        (("accuracy", "keras", "interval"), [1.0, 1.0]),
        (("accuracy", "agreement"), 0.9),
    ],
)
def test_a_card_that_lies_is_caught(bundle, run, measurement, monkeypatch, path, value):
    monkeypatch.setattr("convert.gates.run_apart", lambda *_: read_golden(bundle / GOLDEN_FILE).quantized)
    card = json.loads((bundle / CARD_FILE).read_text())
    table = card
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    (bundle / CARD_FILE).write_text(json.dumps(card))
    gates = bundle_gates(bundle, run, measurement)
    assert "card" in failed(gates)
    assert path[0] in next(gate.found for gate in gates if gate.name == "card")


def plant(bundle, **changes):
    """Alter the replay, and the card's hash of it, so that only the replay itself can tell."""
    golden = dataclasses.replace(read_golden(bundle / GOLDEN_FILE), **changes)
    data = pack_golden(golden)
    (bundle / GOLDEN_FILE).write_bytes(data)
    card = json.loads((bundle / CARD_FILE).read_text())
    (bundle / CARD_FILE).write_text(json.dumps({**card, "golden_sha256": hashlib.sha256(data).hexdigest()}))


def test_a_replay_with_other_scores_or_labels_is_caught(bundle, run, measurement):
    golden = read_golden(bundle / GOLDEN_FILE)
    plant(bundle, quantized=np.clip(golden.quantized.astype(int) + 2, -128, 127).astype(np.int8))
    assert failed(bundle_gates(bundle, run, measurement)) == ["golden replay, litert"]
    plant(bundle, quantized=golden.quantized, labels=np.roll(golden.labels, 1))
    replays = [f"golden replay, {runtime}" for runtime in measurement.quantized]
    assert failed(bundle_gates(bundle, run, measurement)) == replays


def test_a_crop_that_normalizes_to_another_glyph_is_caught(bundle, run, measurement):
    crops = read_golden(bundle / GOLDEN_FILE).normalized
    plant(bundle, normalized=(crops[1], *crops[1:]))
    assert failed(bundle_gates(bundle, run, measurement)) == ["golden crops"]
    plant(bundle, coverages=(), normalized=())
    assert failed(bundle_gates(bundle, run, measurement)) == ["golden crops"]


def test_a_replay_without_one_of_the_classes_is_caught(bundle, run, measurement):
    golden = read_golden(bundle / GOLDEN_FILE)
    kept = golden.labels != 2
    plant(bundle, glyphs=golden.glyphs[kept], quantized=golden.quantized[kept], labels=golden.labels[kept])
    assert failed(bundle_gates(bundle, run, measurement)) == ["golden classes"]


@needs_both
def test_the_replay_holds_in_both_runtimes(bundle, run, measurement):
    names = [gate.name for gate in bundle_gates(bundle, run, measurement) if gate.verdict == "ok"]
    assert {"golden replay, litert", "golden replay, tflite-runtime"} <= set(names)


@needs_both
def test_the_card_states_the_runtimes_largest_difference(report):
    runtimes = load_card(report.bundle).runtimes
    assert set(runtimes.versions) == {"litert", "tflite-runtime"}
    assert runtimes.different_labels_above_cutoff == 0
    assert 0 <= runtimes.largest_difference_steps <= 11


def test_the_table_has_a_line_for_each_gate_with_its_verdict(report):
    lines = format_table(report.gates).splitlines()
    assert len(lines) == len(report.gates) + 1
    assert all(line.endswith(gate.verdict) for line, gate in zip(lines[1:], report.gates, strict=True))
    assert all(gate.name in line and gate.found in line for line, gate in zip(lines[1:], report.gates, strict=True))


def test_a_real_tensor_anywhere_is_caught(model, run, measurement):
    spare = Tensor("spare", (1,), "FLOAT16", (), (), False)
    network = dataclasses.replace(measurement.network, tensors=(*measurement.network.tensors, spare))
    assert failed(model_gates(model, run, dataclasses.replace(measurement, network=network))) == ["floats"]


def test_a_missing_card_is_caught(report, run, measurement, tmp_path):
    shutil.copy(report.bundle / MODEL_FILE, tmp_path)
    assert failed(bundle_gates(tmp_path, run, measurement)) == ["opens in edge"]
