"""The golden replay: glyphs with the answers the model gave here, and crops with the glyphs made of them.

A device that gives the same for both has the model, the runtime and the preprocessing that were gated.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.inference import from_int8, run_apart
from convert.measure import REFERENCE, Measurement
from convert.run_folder import GlyphSet, RunCard, RunFolder, rank_within_class
from edge.errors import BundleError
from edge.inference.bundle import Card
from edge.inference.classifier import softmax
from edge.inference.preprocessing import cells as cell_way
from edge.inference.preprocessing import glyphs as glyph_way
from edge.inference.preprocessing import preprocessing_of
from edge.inference.verdicts import verdicts_of
from edge.meters.cell import read_indices, read_labels
from edge.nouns import Gray
from edge.paper.normalize import cut_to_ink
from edge.paper.strings import STRANGE, codes_of, has_strings

GLYPH_COUNT = 64
"""About how many glyphs are replayed; every class gets the same number."""

SAFE_STEPS = 24
"""Steps by which the best score leads the second where the choice is free: runtimes differ by up to 11 (measured)."""

CROP_SIDES = (9, 14, 20, 28, 45, 70, 120, 200)
"""Longer side of each crop's ink in pixels: below, at and far above the glyph's box of 20."""

FAINT_EVERY, FAINT = 3, 0.6
"""Every third crop has its ink at this share, so that stretching is replayed too."""


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """What is replayed.

    Parameters
    ----------
    glyphs : (n, 28, 28), (n, 32, 20) or (n, 32, 160) uint8
        Glyphs, cells of a meter, or strips.
    quantized : (n, classes) or (n, frames, classes) int8
        The reference runtime's output.
    labels : (n) or (n, length) int64
        The truth, which the model answers too; of a drum's positions at least the digit.
    coverages : tuple of (rows, columns) uint8
        Crops of ink of many sizes.
    normalized : tuple of (28, 28) uint8
        The glyph of each crop.
    """

    glyphs: Gray
    quantized: NDArray[np.int8]
    labels: NDArray[np.int64]
    coverages: tuple[Gray, ...]
    normalized: tuple[Gray, ...]


def make_golden(run: RunFolder, model: bytes, measurement: Measurement) -> Golden:
    """Choose glyphs of every class, evenly and seeded, from the evaluation set, and crops from the calibration set.

    A class that the evaluation set does not have (what is not a digit) comes from the validation set.
    """
    rng = np.random.default_rng(run.card.seed)
    names = run.card.labels
    if has_strings(names):
        glyphs, labels, quantized = run.evaluation.glyphs, run.evaluation.labels, measurement.quantized[REFERENCE]
        chosen = _choose_strips(measurement, labels, run.card, rng)
    else:
        glyphs, labels, quantized = _candidates(run, model, measurement)
        count = max(1, round(GLYPH_COUNT / len(read_labels(names))))
        chosen = choose_glyphs(_read_as_one(quantized, names), read_indices(labels, names), count, rng)
    way = preprocessing_of(run.card.preprocessing.sha256) or glyph_way()
    draw = draw_cell if way.makes == cell_way().makes else draw_crop
    coverages = tuple(draw(run.calibration.samples.glyphs, number, rng) for number in range(len(CROP_SIDES)))
    normalized = tuple(way.normalize(coverage) for coverage in coverages)
    return Golden(glyphs[chosen], quantized[chosen], labels[chosen], coverages, normalized)


def _choose_strips(
    measurement: Measurement, strings: NDArray[np.int64], card: RunCard, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Indices of about `GLYPH_COUNT` strips that the model reads rightly and surely: as many of each length, and of
    those with what is no digit.
    """
    codes, sure = measurement.verdicts(card.labels, card.confidence.temperature, REFERENCE)
    order = rng.permutation(np.flatnonzero((codes == measurement.labels) & (sure >= card.confidence.cutoff)))
    kinds = np.where((strings == STRANGE).any(axis=1), 0, np.count_nonzero(strings, axis=1))[order]
    each = -(-GLYPH_COUNT // max(1, len(np.unique(kinds))))
    return np.sort(order[rank_within_class(kinds) < each])


def answers_of(quantized: NDArray[np.int8], card: Card) -> NDArray[np.int64]:
    """What some raw output says, as it is read: places in `read_labels`, or codes of strings."""
    if has_strings(card.labels):
        scale = card.output.scale / card.confidence.temperature
        return verdicts_of(softmax(from_int8(quantized, scale, card.output.zero_point)), card.labels)[0]
    return read_indices(quantized.argmax(axis=1), card.labels)


def truth_of(labels: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.int64]:
    """Labels, or strings, in the same way."""
    return codes_of(labels) if has_strings(names) else read_indices(labels, names)


def choose_glyphs(
    quantized: NDArray[np.int8], labels: NDArray[np.int64], per_class: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Indices of up to `per_class` glyphs of each label that the model gets right, sure ones first, else at random."""
    lead = lead_in_steps(quantized, labels)
    order = rng.permutation(len(labels))
    order = order[lead[order] > 0]
    order = order[np.argsort(-np.minimum(lead[order], SAFE_STEPS), kind="stable")]
    order = order[rank_within_class(labels[order]) < per_class]
    return order[np.argsort(labels[order], kind="stable")]


def lead_in_steps(quantized: NDArray[np.int8], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """By how many steps each glyph's own score leads the best other one; negative where the model is wrong."""
    scores = quantized.astype(np.int64)
    own = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    np.put_along_axis(scores, labels[:, None], np.iinfo(np.int64).min // 2, axis=1)
    return own - scores.max(axis=1)


def draw_crop(glyphs: Gray, number: int, rng: np.random.Generator) -> Gray:
    """Ink of one of the glyphs at the size of crop `number`, with some paper round it."""
    inked = [glyph for glyph in glyphs if cut_to_ink(glyph) is not None]
    ink = cut_to_ink(inked[rng.integers(len(inked))])
    longer = max(ink.shape)
    size = tuple(max(1, round(length * CROP_SIDES[number] / longer)) for length in ink.shape[::-1])
    crop = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if CROP_SIDES[number] < longer else cv2.INTER_CUBIC)
    if number % FAINT_EVERY == FAINT_EVERY - 1:
        crop = cv2.convertScaleAbs(crop, alpha=FAINT)
    return np.pad(crop, rng.integers(0, 4, (2, 2)))


def draw_cell(cells: Gray, number: int, rng: np.random.Generator) -> Gray:
    """One of a meter's cells at the size of crop `number`, faint at times."""
    height = CROP_SIDES[number]
    width = max(1, round(height * rng.uniform(0.4, 0.9)))
    is_smaller = height < cells.shape[1]
    interpolation = cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC
    cell = cv2.resize(cells[rng.integers(len(cells))], (width, height), interpolation=interpolation)
    return cv2.convertScaleAbs(cell, alpha=FAINT) if number % FAINT_EVERY == FAINT_EVERY - 1 else cell


def _read_as_one(quantized: NDArray[np.int8], names: Sequence[str]) -> NDArray[np.int8]:
    """The best score (n, m) of the labels that are read as the same one: the positions of a digit."""
    groups = read_indices(np.arange(len(names)), names)
    return np.column_stack([quantized[:, groups == group].max(axis=1) for group in range(len(read_labels(names)))])


def pack_golden(golden: Golden) -> bytes:
    """The content of `golden.npz`: glyphs, quantized, labels, and coverage_i with normalized_i."""
    arrays: dict[str, Any] = {"glyphs": golden.glyphs, "quantized": golden.quantized, "labels": golden.labels}
    arrays |= {f"coverage_{i}": coverage for i, coverage in enumerate(golden.coverages)}
    arrays |= {f"normalized_{i}": glyph for i, glyph in enumerate(golden.normalized)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def read_golden(path: Path) -> Golden:
    """Read what `pack_golden` packed.

    Raises
    ------
    BundleError
        The file is missing, damaged, or not a golden replay.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:  # by path, NumPy 1 leaves a damaged file open
            count = sum(name.startswith("coverage_") for name in arrays)
            crops = [tuple(arrays[f"{kind}_{i}"] for i in range(count)) for kind in ("coverage", "normalized")]
            return Golden(arrays["glyphs"], arrays["quantized"], arrays["labels"], *crops)
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"{path}: not a golden replay ({type(error).__name__}: {error}); build the bundle again with: make convert"
        ) from error


def _candidates(
    run: RunFolder, model: bytes, measurement: Measurement
) -> tuple[Gray, NDArray[np.int64], NDArray[np.int8]]:
    """Evaluation glyphs, and validation glyphs of the classes that those lack, with labels and outputs."""
    evaluation, quantized = run.evaluation, measurement.quantized[REFERENCE]
    validation_labels, evaluation_labels = (
        read_indices(part.labels, run.card.labels) for part in (run.validation, evaluation)
    )
    lacking = ~np.isin(validation_labels, evaluation_labels)
    if not lacking.any():
        return evaluation.glyphs, evaluation.labels, quantized
    others = GlyphSet(run.validation.glyphs[lacking], run.validation.labels[lacking])
    more = run_apart(model, others.glyphs, REFERENCE)
    parts = ((evaluation.glyphs, others.glyphs), (evaluation.labels, others.labels), (quantized, more))
    glyphs, labels, outputs = (np.concatenate(pair) for pair in parts)
    return glyphs, labels, outputs
