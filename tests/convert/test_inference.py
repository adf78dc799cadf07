"""int8 is rounded and clipped, and each runtime runs apart from TensorFlow."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.inference import from_int8, run_apart, run_int8, to_int8
from edge.errors import BundleError, MissingRuntimeError
from edge.inference.classifier import as_int8_input
from edge.inference.runtime import runtime_versions


@given(st.floats(0.01, 10), st.integers(-128, 127), st.floats(0, 1))
def test_quantized_and_back_is_within_half_a_step(scale, zero_point, where):
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    value = np.array([low + where * (high - low)])
    assert np.abs(from_int8(to_int8(value, scale, zero_point), scale, zero_point) - value)[0] <= scale * (0.5 + 1e-9)


def test_values_are_rounded_then_clipped_never_wrapped():
    assert to_int8(np.array([0.6, -0.6, 126.7, 300.0, -300.0]), 1.0, 0).tolist() == [1, -1, 127, 127, -128]


def test_every_gray_level_becomes_what_edge_makes_of_it():
    glyphs = np.resize(np.arange(256, dtype=np.uint8), (1, 28, 28))
    ours = to_int8(glyphs[..., None].astype(np.float64), 1.0, -128)
    assert np.array_equal(ours, as_int8_input(glyphs))
    assert np.array_equal(ours[..., 0], glyphs.astype(int) - 128)


@pytest.mark.parametrize("runtime", sorted(runtime_versions()))
def test_each_runtime_answers_beside_an_imported_tensorflow(model, run, measurement, runtime):
    assert "tensorflow" in sys.modules
    scores = run_apart(model, run.evaluation.glyphs[:300], runtime)
    assert np.array_equal(scores, measurement.quantized[runtime][:300])
    assert len(np.unique(scores.argmax(axis=1))) == 3


def test_a_batch_gives_what_single_glyphs_give(model, run):
    glyphs = run.evaluation.glyphs[:7]
    single = [run_int8(model, glyph[None], "litert") for glyph in glyphs]
    assert np.array_equal(np.concatenate(single), run_int8(model, glyphs, "litert"))


def test_a_missing_runtime_and_a_refused_model_are_told_apart(model, run):
    with pytest.raises(MissingRuntimeError, match="unknown"):
        run_apart(model, run.evaluation.glyphs[:1], "torch")
    with pytest.raises(BundleError, match="litert"):
        run_apart(model[:500], run.evaluation.glyphs[:1], "litert")


def test_a_process_that_dies_is_an_error_with_its_last_words(model, run, monkeypatch):
    monkeypatch.setattr("convert.inference.sys.executable", "/bin/false")
    with pytest.raises(BundleError, match="exit status 1"):
        run_apart(model, run.evaluation.glyphs[:1], "litert")
