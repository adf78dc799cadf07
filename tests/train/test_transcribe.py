"""Training on strings: the loss is the device's own likelihood, and batches are as wide as they need."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from edge.paper.strings import STRING_LABELS, log_likelihoods, padded, read_strings, text_of
from edge.paper.strip import STRIP_COLUMNS, STRIP_ROWS
from train.recipes import RECIPES, build_strings
from train.transcribe import (
    ALIGNED,
    LOGIT_COST,
    StripBatches,
    accuracy,
    fit_string_temperature,
    judge_strings,
    string_loss,
    widths_of,
    with_fixed_width,
)

CLASSES = len(STRING_LABELS)


def logits(count=6, frames=20, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (count, frames, CLASSES)).astype(np.float32)


def strips(widths, seed=0):
    """Strips with ink up to these columns."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((len(widths), STRIP_ROWS, STRIP_COLUMNS), np.uint8)
    for strip, width in zip(drawn, widths, strict=True):
        strip[4:28, 3:width] = rng.integers(1, 256, (24, width - 3))
    return drawn


def test_the_loss_is_what_the_device_says_of_the_string():
    scores, strings = logits(), padded([(1,), (2, 2), (3, 4, 5), (11, 1), (7, 8, 9, 10), (6,)])
    wanted = -log_likelihoods(log_softmax(scores.astype(np.float64), axis=-1), strings)
    cost = LOGIT_COST * np.square(scores).sum(axis=2).mean(axis=1)
    assert string_loss(strings, scores).numpy() == pytest.approx(wanted + cost, rel=1e-4)


def test_accuracy_is_that_of_the_likeliest_labels_taken_together():
    said = np.full((4, 7, CLASSES), 0.0, np.float32)
    for row, labels in zip(
        said, ([0, 1, 1, 0, 1, 0, 0], [2, 2, 3, 0, 0, 0, 0], [0] * 7, [5, 0, 0, 0, 0, 0, 6]), strict=True
    ):
        row[np.arange(7), labels] = 9.0
    assert accuracy(padded([(1, 1), (2, 3), (4,), (5, 7)]), said).numpy().tolist() == [True, True, False, False]


def test_a_batch_is_as_wide_as_its_widest_strip_and_keeps_all_ink():
    drawn = strips([20, 150, 40, 90, 60, 25, 158, 70])
    strings = np.arange(8)[:, None] + 1
    batches = StripBatches(drawn, strings, 2)
    seen = [batches[k] for k in range(len(batches))]
    assert sorted(int(label) for _, labels in seen for label in labels[:, 0]) == list(range(1, 9))
    for pictures, labels in seen:
        widest = widths_of(drawn[labels[:, 0] - 1]).max()
        assert pictures.shape[2] == min(STRIP_COLUMNS, -(-widest // ALIGNED) * ALIGNED)
        assert pictures.sum() == drawn[labels[:, 0] - 1].sum()
    assert seen[0][0].shape[2] != seen[1][0].shape[2], "Keras takes for fixed what the first two have in common"


def test_strips_are_moved_in_training_and_lose_nothing():
    drawn = strips([20, 50, 33, 47])
    strings = np.arange(4)[:, None] + 1
    (pictures, labels), *_ = [StripBatches(drawn, strings, 4, np.random.default_rng(0))[0]]
    assert pictures.sum() == drawn.sum()
    assert (pictures[:, :, 3] == 0).any()
    assert sorted(labels[:, 0].tolist()) == [1, 2, 3, 4]


def test_the_network_of_fixed_width_says_the_same():
    keras.utils.set_random_seed(0)
    model = build_strings(CLASSES)
    fixed = with_fixed_width(model, build_strings(CLASSES, STRIP_COLUMNS))
    drawn = strips([60, 158])[..., None].astype(np.float32)
    assert fixed.output_shape == (None, STRIP_COLUMNS // 2, CLASSES)
    assert fixed(drawn).numpy() == pytest.approx(model(drawn).numpy(), abs=1e-4)


def test_the_temperature_undoes_what_makes_logits_too_sure():
    rng = np.random.default_rng(0)
    true = logits(60, 12, seed=3) / 2
    chances = softmax(true.astype(np.float64), axis=-1)
    ways = np.array([[rng.choice(CLASSES, p=frame) for frame in strip] for strip in chances])
    strings = padded([[k for n, k in enumerate(way) if k and (n == 0 or k != way[n - 1])] for way in ways.tolist()])
    assert fit_string_temperature(true * 3, strings) == pytest.approx(3.0, rel=0.35)


def test_a_verdict_is_right_where_the_whole_string_is():
    scores = logits(3, 10, seed=1)
    codes, sure = read_strings(softmax(scores.astype(np.float64), axis=-1))
    texts = [text_of(code) for code in codes.tolist()]
    truth = padded([[STRING_LABELS.index(c if c != "?" else "") for c in text] for text in [*texts[:2], "0123"]])
    verdicts = judge_strings(scores, truth, 1.0)
    assert verdicts.is_right.tolist() == [True, True, texts[2] == "0123"]
    assert verdicts.confidence == pytest.approx(sure)
    assert verdicts.is_written.tolist() == ["?" not in text and text != "" for text in [*texts[:2], "0123"]]


def test_the_recipe_is_one_of_those_that_can_be_named():
    recipe = RECIPES["strings"]
    assert recipe.labels == STRING_LABELS
    assert recipe.preprocessing().makes == "strips"
    assert recipe.build(CLASSES).count_params() < 300_000
