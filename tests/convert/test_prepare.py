"""The float model is made ready for int8 without saying anything else."""

import keras
import numpy as np
import pytest

from convert.flatbuffer import parse_network
from convert.prepare import REACH, round_columns, with_rounded_weights, without_lowest_logits
from convert.quantize import float_logits, quantize_model
from edge.inference.classifier import softmax


def nearest(weights):
    scale = np.abs(weights).max(axis=0) / 127
    return np.rint(weights / scale) * scale


def inputs(rng, n=4000):
    """Sixteen inputs that go together, as neighbouring pixels do."""
    return rng.normal(1, 1, (n, 1)) + rng.normal(0, 0.3, (n, 16))


def test_rounded_weights_lie_on_the_steps_of_their_channel_and_the_largest_stays():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (16, 5))
    seen = inputs(rng)
    found = round_columns(weights, seen.T @ seen / len(seen))
    steps = found / (np.abs(weights).max(axis=0) / 127)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert np.abs(steps).max() == pytest.approx(127)
    kept = np.abs(weights).argmax(axis=0), np.arange(5)
    np.testing.assert_allclose(found[kept], weights[kept])


def test_rounding_to_each_others_errors_changes_outputs_less_than_rounding_to_the_nearest():
    rng = np.random.default_rng(1)
    weights, seen = rng.normal(0, 1, (16, 8)), inputs(rng)
    found = round_columns(weights, seen.T @ seen / len(seen))
    errors = [np.square(inputs(rng) @ (each - weights)).mean() for each in (found, nearest(weights))]
    assert errors[0] < 0.5 * errors[1]


def test_weights_that_see_nothing_are_rounded_too():
    found = round_columns(np.ones((4, 2)) * 0.3, np.zeros((4, 4)))
    np.testing.assert_allclose(found, 0.3)


def test_the_rounded_network_is_a_copy_that_says_nearly_the_same(float_model, run):
    before = [weights.copy() for weights in float_model.get_weights()]
    glyphs = run.calibration.samples.glyphs
    logits = float_logits(with_rounded_weights(float_model, glyphs), glyphs)
    assert np.abs(logits - float_logits(float_model, glyphs)).max() < 0.5
    assert not np.array_equal(logits, float_logits(float_model, glyphs))
    for weights, kept in zip(float_model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, kept)


def test_the_converter_finds_the_rounded_weights_on_its_own_steps(float_model, run):
    """Else it would round them a second time: int8 of the rounded network is then its float within the activations."""
    glyphs = run.calibration.samples.glyphs
    rounded = with_rounded_weights(float_model, glyphs)
    again = with_rounded_weights(rounded, glyphs)
    for first, second in zip(rounded.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def test_without_its_lowest_logits_a_network_gives_the_same_probabilities_in_finer_steps(float_model, run):
    glyphs = run.calibration.samples.glyphs
    cut = without_lowest_logits(float_model, glyphs)
    before, after = float_logits(float_model, glyphs), float_logits(cut, glyphs)
    assert after.min() == 0
    assert after.max(axis=1).min() == pytest.approx(REACH, abs=1e-4)
    np.testing.assert_allclose(softmax(after), softmax(before), atol=4 * np.exp(-REACH))
    steps = [parse_network(quantize_model(model, glyphs)).outputs[0].scales[0] for model in (float_model, cut)]
    assert steps[1] < steps[0]


def test_a_network_that_ends_otherwise_keeps_its_output(run):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    )
    assert without_lowest_logits(model, run.calibration.samples.glyphs) is model
