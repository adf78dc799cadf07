"""What a bundle must be before it may be used: one row a gate, each with what was found and what was wanted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from convert.card import FACTS, are_near, make_card
from convert.flatbuffer import Tensor, real_operators, real_tensors, unknown_operators
from convert.golden import Golden, answers_of, read_golden, truth_of
from convert.inference import run_apart
from convert.measure import REFERENCE, Measurement
from convert.run_folder import RunFolder
from edge.errors import BundleError
from edge.inference.bundle import GOLDEN_FILE, MODEL_FILE, Card, load_card
from edge.inference.preprocessing import glyphs, preprocessing_of, ways
from edge.inference.runtime import RUNTIMES
from edge.meters.cell import has_positions, is_near, is_same, read_indices, read_labels
from edge.paper.strings import has_strings
from edge.paper.strip import STRIP_COLUMNS

Verdict = Literal["ok", "FAILED", "not run"]

LEAST_AGREEMENT = (999, 1000)
"""Share of evaluation glyphs with the same label from float and int8, as a fraction."""

MOST_DROP = (5, 10_000)
"""Accuracy that int8 may lose, as a fraction: 0.05 points."""

MOST_DROP_OF_POSITIONS = (1, 1000)
"""The same where answers are a drum's positions: there are 1,426 crops of unseen meters, and one is 0.07 points."""

SIZE_LIMITS = {"strings": 330_000, "digits": 120_000, "dense": 60_000, "paper": 640_000, "characters": 240_000}
"""Bytes of `model.tflite`, by recipe."""

OTHER_SIZE_LIMIT = 250_000
"""Bytes for a recipe without a limit of its own."""

GOLDEN_STEPS = 1
"""LiteRT on x86 and on ARM differ by at most this many steps of 256 (measured, 0.06 % of output values)."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One demand on a bundle; "not run" is for what cannot run here and need not."""

    name: str
    found: str
    wanted: str
    verdict: Verdict

    @property
    def is_passed(self) -> bool:
        """Whether it does not stop the bundle."""
        return self.verdict != "FAILED"


def model_gates(model: bytes, run: RunFolder, measurement: Measurement) -> list[Gate]:
    """The gates that need the .tflite file and the run it came from."""
    runtimes, names = tuple(measurement.quantized), run.card.labels
    return [
        _preprocessing(run),
        _input(measurement, run),
        _output(measurement, names),
        _no_floats(measurement),
        _operators(measurement),
        _size(model, run.card.recipe),
        *(_loads(measurement, runtime) for runtime in RUNTIMES),
        *(_agreement(measurement, runtime, run) for runtime in runtimes),
        *(_sure(measurement, runtime, run) for runtime in runtimes if has_positions(names) or has_strings(names)),
        *(_accuracy(measurement, runtime, run) for runtime in runtimes),
        _same_labels(measurement, run),
    ]


def bundle_gates(folder: Path, run: RunFolder, measurement: Measurement) -> list[Gate]:
    """The gates that need the whole bundle: that edge opens it, its card is true and its replay holds."""
    try:
        card = load_card(folder)
        golden = read_golden(folder / GOLDEN_FILE)
    except BundleError as error:
        return [_gate("opens in edge", str(error), "card, model and replay belong together", False)]
    opens = _gate("opens in edge", "yes", "card, model and replay belong together", True)
    model = (folder / MODEL_FILE).read_bytes()
    replays = [_replay(model, golden, runtime, card) for runtime in measurement.quantized]
    return [opens, _card(card, model, folder, run, measurement), _classes(golden, card), _crops(golden, card), *replays]


def format_table(gates: Sequence[Gate]) -> str:
    """The gates as lines of aligned columns."""
    rows = [("gate", "found", "wanted", ""), *((gate.name, gate.found, gate.wanted, gate.verdict) for gate in gates)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    )


def _gate(name: str, found: str, wanted: str, is_met: bool) -> Gate:
    return Gate(name, found, wanted, "ok" if is_met else "FAILED")


def _preprocessing(run: RunFolder) -> Gate:
    """The inputs' shape says which of them it must be."""
    found, shape = run.card.preprocessing.sha256, run.evaluation.glyphs.shape[1:]
    wanted = next((way for way in ways() if way.shape == shape), glyphs())
    return _gate("preprocessing", found[:12], f"{wanted.sha256[:12]} (edge's, {wanted.makes})", found == wanted.sha256)


def _input(measurement: Measurement, run: RunFolder) -> Gate:
    shape = (1, *run.evaluation.glyphs.shape[1:], 1)
    wanted = f"int8 {shape}, scale 1.0, zero point -128"
    tensors = measurement.network.inputs
    is_met = (
        len(tensors) == 1
        and tensors[0].dtype == "INT8"
        and tensors[0].shape == shape
        and tensors[0].scales == (1.0,)
        and tensors[0].zero_points == (-128,)
    )
    return _gate("input", _describe(tensors), wanted, is_met)


def _output(measurement: Measurement, labels: Sequence[str]) -> Gate:
    tensors = measurement.network.outputs
    wanted = (1, STRIP_COLUMNS // 2, len(labels)) if has_strings(labels) else (1, len(labels))
    is_met = (
        len(tensors) == 1 and tensors[0].dtype == "INT8" and tensors[0].shape == wanted and len(tensors[0].scales) == 1
    )
    return _gate("output", _describe(tensors), f"int8 {wanted}, one scale", is_met)


def _describe(tensors: Sequence[Tensor]) -> str:
    return "; ".join(_describe_one(tensor) for tensor in tensors) or "none"


def _describe_one(tensor: Tensor) -> str:
    kind = f"{tensor.dtype.lower()} {tensor.shape}"
    if len(tensor.scales) != 1:
        return f"{kind}, {len(tensor.scales) or 'no'} scales"
    return f"{kind}, scale {tensor.scales[0]:.6g}, zero point {tensor.zero_points[0]}"


def _no_floats(measurement: Measurement) -> Gate:
    tensors, operators = real_tensors(measurement.network), real_operators(measurement.network)
    found = f"{len(tensors)} tensors ({', '.join(operators) or 'unused'})" if tensors else "none"
    return _gate("floats", found, "no float tensor or operator", not tensors)


def _operators(measurement: Measurement) -> Gate:
    unknown = unknown_operators(measurement.network)
    count = len(measurement.network.operators)
    found = f"too new: {', '.join(unknown)}" if unknown else f"{count} operators, all known"
    return _gate("operator versions", found, "at least 1, all known to tflite-runtime 2.14", count > 0 and not unknown)


def _size(model: bytes, recipe: str) -> Gate:
    limit = SIZE_LIMITS.get(recipe, OTHER_SIZE_LIMIT)
    return _gate("size", f"{len(model):,} bytes", f"at most {limit:,}", len(model) <= limit)


def _loads(measurement: Measurement, runtime: str) -> Gate:
    name, wanted = f"runs in {runtime}", "runs on every evaluation glyph"
    if runtime in measurement.quantized:
        return _gate(name, f"yes, {measurement.versions.get(runtime, 'an unknown version')}", wanted, True)
    if runtime in measurement.missing:
        return Gate(
            name, f"not run: {measurement.missing[runtime]}", wanted, "not run" if _may_be_absent(runtime) else "FAILED"
        )
    return _gate(name, measurement.refused.get(runtime, "not tried"), wanted, False)


def _may_be_absent(runtime: str) -> bool:
    """tflite-runtime has wheels up to Python 3.11 only; LiteRT has them for every Python that this package takes."""
    return runtime != REFERENCE and sys.version_info >= (3, 12)


def _agreement(measurement: Measurement, runtime: str, run: RunFolder) -> Gate:
    """Positions of a drum agree where they are read as the same digit, or lie a tenth apart at most; of strings, of
    which some cannot be read by anybody, the likeliest labels of the frames, and `_sure` looks at what is believed.
    """
    names, temperature = run.card.labels, run.card.confidence.temperature
    if has_strings(names):
        differs = measurement.keras.argmax(axis=-1) != measurement.quantized[runtime].argmax(axis=-1)
    else:
        differs = ~is_same(*(measurement.answers(names, temperature, each) for each in (None, runtime)), names)
    differing, n = int(np.count_nonzero(differs)), differs.size
    least, of = LEAST_AGREEMENT
    found = f"{100 * (1 - differing / n):.2f} % ({differing} of {n:,} differ)"
    return _gate(
        f"agreement, {runtime}",
        found,
        f"float and int8: at least {100 * least / of:.1f} %",
        differing * of <= (of - least) * n,
    )


def _sure(measurement: Measurement, runtime: str, run: RunFolder) -> Gate:
    """Float and int8 read the same wherever either would be believed."""
    names, confidence = run.card.labels, run.card.confidence
    pair = [measurement.verdicts(names, confidence.temperature, each) for each in (None, runtime)]
    is_sure = np.max([sure for _, sure in pair], axis=0) >= confidence.cutoff
    differing = int(np.count_nonzero(is_sure & (pair[0][0] != pair[1][0])))
    found = f"{differing} of {int(is_sure.sum()):,} differ"
    return _gate(f"above the cutoff, {runtime}", found, "float and int8: none", differing == 0 and bool(is_sure.any()))


def most_drop(names: Sequence[str]) -> tuple[int, int]:
    """Accuracy that int8 may lose with these labels, as a fraction."""
    return MOST_DROP_OF_POSITIONS if has_positions(names) else MOST_DROP


def _accuracy(measurement: Measurement, runtime: str, run: RunFolder) -> Gate:
    """A drum's position is right within a tenth."""
    n = len(measurement.labels)
    names, temperature = run.card.labels, run.card.confidence.temperature
    float_errors, int8_errors = (
        int(np.count_nonzero(~is_near(measurement.answers(names, temperature, each), measurement.labels, names)))
        for each in (None, runtime)
    )
    lost = int8_errors - float_errors
    most, of = most_drop(names)
    found = f"{100 * lost / n:.2f} points ({int8_errors} errors, float {float_errors}, of {n:,})"
    return _gate(f"accuracy drop, {runtime}", found, f"at most {100 * most / of:.2f} points", lost * of <= most * n)


def _same_labels(measurement: Measurement, run: RunFolder) -> Gate:
    """A glyph counts where either runtime is as sure as the cutoff asks: either would have let it pass."""
    name, wanted = "both runtimes", "the same label wherever either is above the cutoff"
    absent = [runtime for runtime in RUNTIMES if runtime not in measurement.quantized]
    if absent:
        is_excused = all(runtime in measurement.missing and _may_be_absent(runtime) for runtime in absent)
        return Gate(name, f"not run: no {', '.join(absent)}", wanted, "not run" if is_excused else "FAILED")
    seen = measurement.compare(run.card.labels, run.card.confidence)
    found = f"{seen.differing} of {seen.above_cutoff:,} differ; scores by up to {seen.largest_steps} of 256 steps"
    return _gate(name, found, wanted, seen.differing == 0)


def _card(card: Card, model: bytes, folder: Path, run: RunFolder, measurement: Measurement) -> Gate:
    """The card is made anew and compared: exactly in what is known, within the drop allowed in what is measured."""
    calibration = run.calibration.first(card.calibration_set.count)
    golden = (folder / GOLDEN_FILE).read_bytes()
    expected = make_card(card.name, run, calibration, model, golden, measurement)
    wrong = [fact for fact in FACTS if getattr(card, fact) != getattr(expected, fact)]
    wrong += [] if are_near(card.accuracy, expected.accuracy, most_drop(card.labels)) else ["accuracy"]
    return _gate(
        "card",
        f"differs in {', '.join(wrong)}" if wrong else "as measured",
        "says what the run and the model say",
        not wrong,
    )


def _classes(golden: Golden, card: Card) -> Gate:
    """A drum's positions count as their digit; in strings every label stands, and the gap after their end."""
    seen = golden.labels if has_strings(card.labels) else read_indices(golden.labels, card.labels)
    found, count = len(np.unique(seen)), len(read_labels(card.labels))
    return _gate(
        "golden classes",
        f"{len(golden.labels)} glyphs of {found} classes",
        f"every one of the {count} classes",
        found == count,
    )


def _crops(golden: Golden, card: Card) -> Gate:
    way = preprocessing_of(card.preprocessing.sha256)
    assert way is not None, "load_card has looked"
    pairs = zip(golden.coverages, golden.normalized, strict=True)
    wrong = sum(not np.array_equal(way.normalize(coverage), glyph) for coverage, glyph in pairs)
    count = len(golden.coverages)
    return _gate(
        "golden crops", f"{count - wrong} of {count} the same bits", "all, and at least 1", wrong == 0 and count > 0
    )


def _replay(model: bytes, golden: Golden, runtime: str, card: Card) -> Gate:
    """The same labels in every runtime; in the reference also the same scores, but for a step."""
    is_reference = runtime == REFERENCE
    name, wanted = (
        f"golden replay, {runtime}",
        f"the same labels{f', scores within {GOLDEN_STEPS} step' if is_reference else ''}",
    )
    try:
        quantized = run_apart(model, golden.glyphs, runtime)
    except BundleError as error:
        return _gate(name, str(error), wanted, False)
    if quantized.shape != golden.quantized.shape:
        return _gate(name, f"scores {quantized.shape}, recorded {golden.quantized.shape}", wanted, False)
    steps = int(np.abs(quantized.astype(int) - golden.quantized).max())
    wrong = int(np.count_nonzero(answers_of(quantized, card) != truth_of(golden.labels, card.labels)))
    found = f"{wrong} of {len(golden.labels)} labels differ; scores by up to {steps} steps"
    return _gate(name, found, wanted, wrong == 0 and (steps <= GOLDEN_STEPS or not is_reference))
