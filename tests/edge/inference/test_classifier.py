"""The shipped bundle through the real runtime, and what happens when a bundle or a runtime is not as it should be."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.errors import BundleError, MissingRuntimeError
from edge.inference import runtime
from edge.inference.bundle import load_card, sha256_file
from edge.inference.classifier import Classifier, as_int8_input, softmax
from edge.inference.runtime import load_interpreter, runtime_versions
from edge.nouns import Glyph

BUNDLE = Path(__file__).parents[3] / "models" / "paper"


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.open(BUNDLE)


@pytest.fixture(scope="module")
def glyphs() -> np.ndarray:
    with np.load(BUNDLE / "golden.npz") as golden:
        return golden["glyphs"]


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))


def rewrite(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_text()) | changes
    (folder / "card.json").write_text(json.dumps(card))


def test_a_batch_gives_what_each_glyph_gives_alone(classifier, glyphs):
    together = classifier.quantized(glyphs[:9])
    alone = np.concatenate([classifier.quantized(glyphs[k : k + 1]) for k in range(9)])
    assert together.shape == (9, 11)
    assert (together == alone).all()


def test_predictions_are_probabilities_over_the_labels(classifier, glyphs):
    predictions = classifier.predict([Glyph(pixels) for pixels in glyphs[:5]])
    assert len(predictions) == 5
    for prediction in predictions:
        assert tuple(prediction.scores) == classifier.labels
        assert sum(prediction.scores.values()) == pytest.approx(1)
        assert prediction.confidence == max(prediction.scores.values())
        assert prediction.scores[prediction.label] == prediction.confidence


def test_no_glyphs_give_no_predictions(classifier):
    assert classifier.predict([]) == []
    assert classifier.quantized(np.zeros((0, 28, 28), np.uint8)).shape == (0, 11)


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 27), (1, 28, 28, 1)])
def test_glyphs_of_another_shape_are_refused(classifier, shape):
    with pytest.raises(TypeError, match=r"\(n, 28, 28\) uint8"):
        classifier.quantized(np.zeros(shape, np.uint8))


def test_the_int8_input_is_the_pixel_less_128_for_every_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert (as_int8_input(levels)[..., 0].astype(int) == levels.astype(int) - 128).all()


def test_softmax_does_not_overflow():
    assert softmax(np.array([[1000.0, 0.0]])) == pytest.approx(np.array([[1.0, 0.0]]))


def test_both_runtimes_give_the_golden_labels(glyphs):
    with np.load(BUNDLE / "golden.npz") as golden:
        labels = golden["labels"]
    names = runtime_versions()
    assert "litert" in names
    for name in names:
        found = Classifier.open(BUNDLE, runtime=name).quantized(glyphs).argmax(axis=1)
        assert (found == labels).all(), name


@pytest.mark.parametrize("name", ["model.tflite", "card.json", "golden.npz"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        Classifier.open(copy)


@pytest.mark.parametrize("name", ["model.tflite", "golden.npz"])
def test_an_altered_file_is_refused(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match="altered or copied in part"):
        Classifier.open(copy)


def test_a_newer_schema_is_refused(copy):
    rewrite(copy, schema_version=2)
    with pytest.raises(BundleError, match="schema version 2, this package reads 1"):
        load_card(copy)


def test_another_preprocessing_is_refused_and_the_difference_named(copy):
    card = json.loads((copy / "card.json").read_text())
    constants = card["preprocessing"]["constants"] | {"box_side": 18}
    rewrite(copy, preprocessing={"sha256": "0" * 64, "constants": constants})
    with pytest.raises(BundleError, match="box_side is 18, here 20"):
        load_card(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema_version": 1}'])
def test_a_card_that_is_none_is_one_line(copy, text):
    (copy / "card.json").write_text(text)
    with pytest.raises(BundleError) as caught:
        load_card(copy)
    assert "\n" not in str(caught.value)


def test_a_card_that_does_not_fit_the_model_is_refused(copy):
    card = json.loads((copy / "card.json").read_text())
    rewrite(copy, input=card["input"] | {"zero_point": 0})
    with pytest.raises(BundleError, match="the model's input is"):
        Classifier.open(copy)


def test_a_truncated_model_is_refused_by_the_runtime(copy):
    data = (copy / "model.tflite").read_bytes()[:500]
    (copy / "model.tflite").write_bytes(data)
    rewrite(copy, model_sha256=sha256_file(copy / "model.tflite"))
    with pytest.raises(BundleError, match="refuses the model"):
        Classifier.open(copy)


def test_an_unknown_runtime_is_named():
    with pytest.raises(MissingRuntimeError, match="'torch' is unknown"):
        load_interpreter(b"", "torch")


def test_numpy_2_beside_tflite_runtime_is_said(monkeypatch):
    monkeypatch.setattr(runtime.np, "__version__", "2.1.0")
    with pytest.raises(MissingRuntimeError, match="does not work with numpy 2"):
        load_interpreter(b"", "tflite-runtime")


def test_a_missing_runtime_says_what_to_install(monkeypatch):
    def none(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(runtime.importlib, "import_module", none)
    with pytest.raises(MissingRuntimeError, match="pip install ai-edge-litert"):
        load_interpreter(b"")
    assert runtime_versions() == {}
