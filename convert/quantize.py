"""Keras to full int8 TFLite: weights an axis at a time, activations by the calibration glyphs."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.errors import DataError
from edge.nouns import Gray
from edge.stderr import caught_stderr


def load_keras(path: Path) -> keras.Model:
    """The float model of a run.

    Raises
    ------
    DataError
        The file is not a Keras model.
    """
    try:
        with caught_stderr():
            return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{path}: not a Keras model that loads here ({reason}); train again") from error


def quantize_model(model: keras.Model, glyphs: Gray) -> bytes:
    """The model as a .tflite file with int8 input, output and weights.

    Parameters
    ----------
    glyphs : (n, 28, 28) uint8
        The calibration set. Weights get a scale for each output channel; the range of every
        activation is what these glyphs span, so they must reach from 0 to 255.

    References
    ----------
    Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference, 2018.
    """
    with _silence():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([_as_float_input(glyph[None])] for glyph in glyphs)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def float_logits(model: keras.Model, glyphs: Gray, batch_size: int = 512) -> NDArray[np.float32]:
    """The float model's output, (n, classes), for (n, 28, 28) uint8 glyphs."""
    starts = range(0, len(glyphs), batch_size)
    batches = [model(_as_float_input(glyphs[start : start + batch_size]), training=False) for start in starts]
    return np.concatenate([np.asarray(batch, np.float32) for batch in batches])


def _as_float_input(glyphs: Gray) -> NDArray[np.float32]:
    """(n, 28, 28) uint8 to (n, 28, 28, 1) float32, 0..255: the model scales by itself."""
    return glyphs[..., None].astype(np.float32)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the converter off the terminal: it prints its steps on stdout and its options on stderr."""
    with contextlib.redirect_stdout(io.StringIO()), caught_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
