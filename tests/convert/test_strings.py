"""A run on strips becomes a bundle of strings: gated by whole strings, and put where the reader of pages finds it."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from convert.build import build_bundle, choose_target, verify_bundle
from convert.golden import GLYPH_COUNT, read_golden
from convert.run_folder import load_run
from edge.check import replay_golden
from edge.errors import BundleError
from edge.inference.bundle import GOLDEN_FILE, STRIPS_FOLDER, load_card
from edge.inference.classifier import Classifier, StripNetwork, open_network, open_strips
from edge.inference.preprocessing import strips as strip_way
from edge.paper.strings import STRING_LABELS, codes_of, likeliest_strings
from edge.paper.strip import STRIP_COLUMNS, STRIP_ROWS, strip_constants

CLASSES = len(STRING_LABELS)
FRAMES = STRIP_COLUMNS // 2
BAND = 2
"""Rows of a strip that are bright where a label stands, from its own row on."""


def draw(string):
    """A strip on which each character is a pillar of its own height: what a network of one layer reads."""
    strip = np.zeros((STRIP_ROWS, STRIP_COLUMNS), np.uint8)
    for place, label in enumerate(string):
        strip[BAND * label : BAND * (label + 1), 4 + 8 * place : 8 + 8 * place] = 255
    return strip


def strip_set(count, seed):
    rng = np.random.default_rng(seed)
    strings = np.zeros((count, 5), np.int64)
    for string in strings:
        length = rng.integers(1, 6)
        string[:length] = rng.integers(1, CLASSES, length)
    return np.stack([draw([label for label in string if label]) for string in strings]), strings


def network():
    """Each frame says the label in whose rows it is bright, else the gap."""
    pixels = keras.Input((STRIP_ROWS, STRIP_COLUMNS, 1))
    features = layers.Conv2D(CLASSES, (STRIP_ROWS, 2), strides=(STRIP_ROWS, 2))(layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, layers.Reshape((FRAMES, CLASSES))(features))
    kernel, bias = np.zeros((STRIP_ROWS, 2, 1, CLASSES), np.float32), np.zeros(CLASSES, np.float32)
    for label in range(1, CLASSES):
        kernel[BAND * label : BAND * (label + 1), :, 0, label] = 4.0
    bias[0] = 8.0
    model.layers[-2].set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def strip_run(run_path, tmp_path_factory):
    """A finished run folder of that network."""
    path = tmp_path_factory.mktemp("runs") / "strings"
    path.mkdir()
    network().save(path / "model.keras")
    strips, strings = strip_set(60, seed=1)
    np.savez(path / "calibration.npz", glyphs=strips, labels=strings, indices=np.arange(60))
    for name, seed in (("validation", 2), ("evaluation", 3)):
        arrays = strip_set(200, seed)
        np.savez(path / f"{name}.npz", glyphs=arrays[0], labels=arrays[1])
    card = json.loads((run_path / "run.json").read_text())
    preprocessing = {"sha256": strip_way().sha256, "constants": strip_constants()}
    card["confidence"]["cutoff"] = 0.6
    (path / "run.json").write_text(
        json.dumps(card | {"recipe": "strings", "labels": STRING_LABELS, "preprocessing": preprocessing})
    )
    return path


@pytest.fixture(scope="module")
def told(strip_run, tmp_path_factory):
    return build_bundle(strip_run, tmp_path_factory.mktemp("models") / "strings")


def test_a_run_on_strips_passes_every_gate(told):
    assert [gate for gate in told.gates if gate.verdict != "ok" and "tflite-runtime" not in gate.name] == []
    found = {gate.name: gate.found for gate in told.gates}
    assert found["input"].startswith(f"int8 (1, {STRIP_ROWS}, {STRIP_COLUMNS}, 1), scale 1,")
    assert found["output"].startswith(f"int8 (1, {FRAMES}, {CLASSES}), scale")
    assert load_card(told.bundle).accuracy.int8.errors == 0


def test_its_bundle_reads_strings_and_replays(told):
    reader = StripNetwork.open(told.bundle)
    frames = reader.read([draw([1, 2, 2, 11, 5])[:, :60], draw([7])[:, :20]])
    assert [len(each) < FRAMES for each in frames] == [True, True]
    assert all(likeliest_strings(each) for each in frames)
    assert "labelled the same" in replay_golden(reader, told.bundle / GOLDEN_FILE)


def test_the_replay_has_strips_of_every_length_and_label(told):
    golden = read_golden(told.bundle / GOLDEN_FILE)
    assert GLYPH_COUNT <= len(golden.labels) <= GLYPH_COUNT + 6
    assert set(np.count_nonzero(golden.labels, axis=1)) == set(range(1, 6))
    assert set(np.unique(golden.labels)) == set(range(CLASSES))


def test_a_string_that_int8_reads_otherwise_is_counted(strip_run, told, tmp_path):
    """The truth of three evaluation strips is another one: both read what stands there, so both are wrong."""
    run = tmp_path / "strings"
    run.mkdir()
    for file in strip_run.iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    with np.load(run / "evaluation.npz") as arrays:
        glyphs, labels = arrays["glyphs"], arrays["labels"].copy()
    labels[:3, 0] = labels[:3, 0] % 11 + 1
    np.savez(run / "evaluation.npz", glyphs=glyphs, labels=labels)
    gates = {gate.name: gate for gate in verify_bundle(told.bundle, run).gates}
    assert "3 errors, float 3" in gates["accuracy drop, litert"].found
    assert gates["card"].verdict == "FAILED"


def test_calibration_takes_strings_of_every_length_alike(strip_run):
    first = load_run(strip_run).calibration.first(10)
    assert len(first.indices) == 10
    assert np.bincount(np.count_nonzero(first.samples.labels, axis=1)).tolist() == [0, 2, 2, 2, 2, 2]


def test_it_goes_into_the_bundle_that_reads_pages_and_stays_there(
    strip_run, run_path, told, bundle, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert choose_target(load_run(strip_run), None).parts[-3:] == ("models", "paper", STRIPS_FOLDER)
    assert open_strips(bundle) is None
    inner = build_bundle(strip_run, bundle / STRIPS_FOLDER)
    assert not inner.failed
    assert not build_bundle(run_path, bundle).failed
    assert open_strips(bundle) is not None
    assert (bundle / STRIPS_FOLDER / GOLDEN_FILE).read_bytes() == (told.bundle / GOLDEN_FILE).read_bytes()


def test_it_is_refused_where_single_digits_are_read_and_single_digits_where_it_is(told, bundle):
    with pytest.raises(BundleError, match="touching digits for another bundle"):
        open_network(told.bundle)
    with pytest.raises(BundleError, match="reads no strips"):
        StripNetwork.open(bundle)
    assert isinstance(open_network(bundle), Classifier)


def test_codes_of_drawn_strings_are_their_own():
    assert len(set(codes_of(strip_set(200, 3)[1]).tolist())) > 150
