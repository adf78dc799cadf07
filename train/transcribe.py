"""Training and judging networks that answer with strings: connectionist temporal classification, in batches of strips
of about the same width, and the confidence of whole strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from edge.atomic import write_text
from edge.nouns import Gray
from edge.paper.strings import GAP, Strings, codes_of, is_all_digits, log_likelihoods, read_strings, text_of
from edge.paper.strip import MARGIN, STRIP_COLUMNS
from train import figures
from train.confidence import TEMPERATURE_RANGE, Tolerance, Verdicts, choose_cutoff, confidence_of
from train.evaluate import Accuracy, Evaluation, logits_of, score
from train.run_folder import EVALUATION_FILE, VALIDATION_FILE, RunFolder, as_json

ALIGNED = 16
"""A batch's width is a multiple of so many pixels."""

LOOSENESS = 12.0
"""Strips whose widths differ by up to so many pixels may come into one batch, so that batches are not always alike."""

LOGIT_COST = 2e-4
"""Of the sum of a frame's squared logits. Without it some of a gap's grow to 200, and int8's steps to 0.9."""

SHIFT_ROWS = 1
"""The most that a strip is moved up or down by."""


@keras.saving.register_keras_serializable("readout")
def string_loss(strings: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-log P of each string (n, length), 0 after its end, by logits (n, frames, labels): `edge.paper.strings`; and a
    little for logits far from 0, which say no more and leave int8 coarse steps.
    """
    frames = tf.fill([tf.shape(logits)[0]], tf.shape(logits)[1])
    written = tf.sparse.from_dense(tf.cast(strings, tf.int32))
    likelihood = tf.nn.ctc_loss(written, logits, None, frames, logits_time_major=False, blank_index=GAP)
    return likelihood + LOGIT_COST * tf.reduce_mean(tf.reduce_sum(tf.square(logits), axis=2), axis=1)


@keras.saving.register_keras_serializable("readout")
def accuracy(strings: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Whether the likeliest label of each frame, taken together, gives the string."""
    likeliest = tf.argmax(logits, axis=-1)
    before = tf.pad(likeliest[:, :-1], [[0, 0], [1, 0]], constant_values=GAP)
    is_new = tf.logical_and(likeliest != before, likeliest != GAP)
    count = tf.reduce_sum(tf.cast(is_new, tf.int64), axis=1)
    written = tf.cast(strings, tf.int64)
    wanted = tf.reduce_sum(tf.cast(written != GAP, tf.int64), axis=1)
    length = tf.shape(written)[1]
    read = tf.pad(tf.ragged.boolean_mask(likeliest, is_new).to_tensor(GAP), [[0, 0], [0, length]])[:, :length]
    is_right = tf.logical_and(count == wanted, tf.reduce_all(read == written, axis=1))
    return tf.ensure_shape(is_right, (None,))


class StripBatches(keras.utils.PyDataset):
    """Batches of strips of about the same width, cut to it, in the order of a seed.

    Parameters
    ----------
    strips : (n, 32, 160) uint8
    strings : (n, length) int64
    rng : numpy.random.Generator, optional
        Of the order, and of where in its batch's width a strip stands; without it all stay at the left, as on the
        device.
    """

    def __init__(self, strips: Gray, strings: Strings, batch_size: int, rng: np.random.Generator | None = None) -> None:
        super().__init__()
        self._strips, self._strings, self._rng = strips, strings, rng
        self._widths = widths_of(strips)
        loose = 0.0 if rng is None else rng.uniform(-LOOSENESS, LOOSENESS, len(strips))
        order = np.argsort(self._widths + loose, kind="stable")
        narrowest, *others = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        if rng is not None:
            rng.shuffle(others)
        others.sort(key=lambda batch: self._widths[batch].max() < self._widths.max())
        self._batches = [narrowest, *others]  # Keras takes for fixed what the first two batches have in common

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Strings]:
        """Strips (batch, 32, width, 1) float32 and their strings."""
        chosen = self._batches[index]
        width = min(STRIP_COLUMNS, -(-int(self._widths[chosen].max()) // ALIGNED) * ALIGNED)
        strips = self._strips[chosen][:, :, :width]
        if self._rng is not None:
            strips = np.stack([self._moved(*each, width) for each in zip(strips, self._widths[chosen], strict=True)])
        return strips[..., None].astype(np.float32), self._strings[chosen]

    def _moved(self, strip: Gray, own: int, width: int) -> Gray:
        assert self._rng is not None
        right, down = self._rng.integers(0, width - own + 1), self._rng.integers(-SHIFT_ROWS, SHIFT_ROWS + 1)
        return np.roll(strip, (int(down), int(right)), axis=(0, 1))


def widths_of(strips: Gray) -> NDArray[np.int64]:
    """Columns of each strip up to its ink's end and margin."""
    inked = strips.any(axis=1)
    last = inked.shape[1] - inked[:, ::-1].argmax(axis=1)
    return np.minimum(np.where(inked.any(axis=1), last, 1) + MARGIN, strips.shape[2]).astype(np.int64)


def with_fixed_width(model: keras.Model, built: keras.Model) -> keras.Model:
    """`built`, the same network for strips of one width, with the weights of `model`."""
    built.set_weights(model.get_weights())
    return built


def judge_strings(logits: NDArray[np.float32], strings: Strings, temperature: float) -> Verdicts:
    """The verdicts of logits (n, frames, labels) on strips with these strings."""
    codes, confidence = read_strings(softmax(logits.astype(np.float64) / temperature, axis=-1))
    written = codes_of(strings)
    return Verdicts(codes, confidence, codes == written, is_all_digits(codes), is_all_digits(written))


def fit_string_temperature(logits: NDArray[np.float32], strings: Strings) -> float:
    """The divisor of the logits that makes the strings most likely."""

    def loss(log_temperature: float) -> float:
        frames = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=-1)
        return -float(np.maximum(log_likelihoods(frames, strings), -100.0).mean())

    bounds = np.log(TEMPERATURE_RANGE)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-2})
    return round(float(np.exp(found.x)), 4)


def evaluate_strings(
    run: RunFolder, model: keras.Model, evaluation_split: str, validation_split: str, tolerance: Tolerance
) -> Evaluation:
    """Judge a model on the run folder's validation and evaluation strips, and write its reports and figures there."""
    validation, evaluation = run.arrays(VALIDATION_FILE), run.arrays(EVALUATION_FILE)
    logits, strings = logits_of(model, validation["glyphs"]), validation["labels"]
    temperature = fit_string_temperature(logits, strings)
    before, after = (judge_strings(logits, strings, each) for each in (1.0, temperature))
    cutoff = choose_cutoff(after, tolerance.risk)
    confidence = confidence_of(after, temperature, cutoff, validation_split)
    run.write_figure("reliability.png", figures.reliability(before, after, validation_split))
    curve = figures.risk_coverage_curve(after, confidence, tolerance.risk, validation_split)
    run.write_figure("risk_coverage.png", curve)
    run.write_figure("curves.png", figures.curves(run.history()))
    verdicts = judge_strings(logits_of(model, evaluation["glyphs"]), evaluation["labels"], temperature)
    accuracy = score(verdicts.is_right, evaluation_split)
    _write_report(run, evaluation["labels"], verdicts, accuracy)
    codes = codes_of(evaluation["labels"])
    names = {code: text_of(code) for code in {*codes.tolist(), *verdicts.predicted.tolist()}}
    run.write_figure("mistakes.png", figures.mistakes(evaluation["glyphs"], codes, verdicts, names, evaluation_split))
    return Evaluation(accuracy, confidence)


def _write_report(run: RunFolder, strings: Strings, verdicts: Verdicts, accuracy: Accuracy) -> None:
    """report.txt and report.json: all strips, and those of each length without and with what is no digit."""
    lengths = (strings != GAP).sum(axis=1)
    parts = {
        f"{length} characters": score(verdicts.is_right[verdicts.is_written & (lengths == length)], f"{length} digits")
        for length in np.unique(lengths[verdicts.is_written]).tolist()
    }
    if not verdicts.is_written.all():
        parts["with what is no digit"] = score(verdicts.is_right[~verdicts.is_written], "with what is no digit")
    write_text(run.path / "report.txt", "\n".join([str(accuracy), *map(str, parts.values())]) + "\n")
    report: dict[str, Any] = {**asdict(accuracy), "lengths": {name: asdict(part) for name, part in parts.items()}}
    write_text(run.path / "report.json", as_json(report))


def lengths_of(strings: Strings) -> tuple[NDArray[np.int64], Sequence[str]]:
    """Each string's length as a class, and the classes' names, for a sheet of samples."""
    lengths = (strings != GAP).sum(axis=1)
    return lengths.astype(np.int64), [f"{length} characters" for length in range(int(lengths.max()) + 1)]
