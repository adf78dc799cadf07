"""A run folder to a bundle, put in place only when it passes every gate."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from convert.card import make_card
from convert.gates import Gate, bundle_gates, model_gates
from convert.golden import make_golden, pack_golden
from convert.measure import Measurement, measure
from convert.prepare import prepare
from convert.quantize import load_keras, quantize_model
from convert.run_folder import MODEL_FILE as KERAS_FILE
from convert.run_folder import Calibration, RunFolder, load_run
from edge.atomic import output_error, write_bytes, write_text
from edge.errors import BundleError, OutputError
from edge.inference.bundle import CARD_FILE, GOLDEN_FILE, MODEL_FILE, STRIPS_FOLDER
from edge.inference.runtime import RUNTIMES

MODELS = Path("models")
BUILTIN = "builtin"
BUNDLE_FILES = frozenset({MODEL_FILE, CARD_FILE, GOLDEN_FILE})

INSIDE = {"strings": f"paper/{STRIPS_FOLDER}"}
"""Recipes whose bundles go into another one's folder."""

Say = Callable[[str], None]
"""Takes a line about the step that begins."""


def say_nothing(_: str) -> None:
    """For callers who show no progress."""


@dataclass(frozen=True, slots=True)
class Report:
    """The gates of a bundle, and where it lies or would have."""

    bundle: Path
    gates: tuple[Gate, ...]

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that stop it."""
        return tuple(gate for gate in self.gates if not gate.is_passed)


def build_bundle(
    path: Path, out: Path | None = None, calibration_count: int | None = None, say: Say = say_nothing
) -> Report:
    """Quantize a run, gate the result, and put it at `out` if no gate failed; else what is there stays.

    Parameters
    ----------
    path : Path
        The run folder.
    out : Path, optional
        `models/RECIPE` by default, `models/paper/strings` for strings, `models/builtin` for a run on the built-in data.
    calibration_count : int, optional
        How many of the run's calibration glyphs to use; all by default.

    Raises
    ------
    DataError
        The run folder is incomplete or damaged.
    OutputError
        `out` is not a place for a bundle, or cannot be written.
    """
    run = load_run(path)
    target = choose_target(run, out)
    calibration = run.calibration.first(calibration_count)
    float_model = load_keras(path / KERAS_FILE)
    say(f"quantizing {path} with {len(calibration.indices):,} calibration glyphs")
    glyphs = calibration.samples.glyphs
    model = quantize_model(prepare(float_model, glyphs), glyphs)
    say(f"comparing float and int8 on {len(run.evaluation):,} glyphs of {run.card.evaluation_split}")
    measurement = measure(float_model, model, run.evaluation, tuple(RUNTIMES))
    report = Report(target, tuple(model_gates(model, run, measurement)))
    return report if report.failed else _put_in_place(report, run, calibration, model, measurement)


def verify_bundle(folder: Path, path: Path, say: Say = say_nothing) -> Report:
    """All gates again, on the bundle in `folder` and the run that it was made from.

    Raises
    ------
    BundleError
        There is no model in `folder`, or it is not a .tflite file.
    DataError
        The run folder is incomplete or damaged.
    """
    run = load_run(path)
    try:
        model = (folder / MODEL_FILE).read_bytes()
    except OSError as error:
        raise BundleError(
            f"{folder}: {MODEL_FILE} cannot be read ({error.strerror}); give a bundle folder, such as models/paper"
        ) from error
    say(f"comparing float and int8 on {len(run.evaluation):,} glyphs of {run.card.evaluation_split}")
    measurement = measure(load_keras(path / KERAS_FILE), model, run.evaluation, tuple(RUNTIMES))
    return Report(folder, (*model_gates(model, run, measurement), *bundle_gates(folder, run, measurement)))


def choose_target(run: RunFolder, out: Path | None) -> Path:
    """Where the run's bundle goes.

    Raises
    ------
    OutputError
        Something that is no bundle is there, or a run on the built-in data would replace the shipped one.
    """
    name = BUILTIN if run.card.builtin else INSIDE.get(run.card.recipe, run.card.recipe)
    target = (out or MODELS / name).resolve()
    if run.card.builtin and target.parts[-2:] == (MODELS.name, run.card.recipe):
        raise OutputError(f"{target}: is for the shipped bundle, and this run saw built-in data only; leave --out away")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target}: is a file; name a folder for the bundle")
    others = (
        sorted({entry.name for entry in target.iterdir()} - BUNDLE_FILES - {STRIPS_FOLDER}) if target.is_dir() else []
    )
    if others:
        raise OutputError(
            f"{target}: holds {others[0]}, which is no part of a bundle and would be lost; name another folder"
        )
    return target


def _put_in_place(
    report: Report, run: RunFolder, calibration: Calibration, model: bytes, measurement: Measurement
) -> Report:
    """Write the bundle beside its place, gate it there, and move it in if no gate failed."""
    target = report.bundle
    golden = pack_golden(make_golden(run, model, measurement))
    card = make_card(target.name, run, calibration, model, golden, measurement)
    with _staging(target) as staged:
        write_bytes(staged / MODEL_FILE, model)
        write_bytes(staged / GOLDEN_FILE, golden)
        write_text(staged / CARD_FILE, card.model_dump_json(indent=2) + "\n")
        whole = Report(target, (*report.gates, *bundle_gates(staged, run, measurement)))
        if not whole.failed:
            if (target / STRIPS_FOLDER).is_dir():
                shutil.copytree(target / STRIPS_FOLDER, staged / STRIPS_FOLDER)
            _swap(staged, target)
    return whole


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A new folder beside `target`, removed after the block where it is still there."""
    staged = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.mkdir()
    except OSError as error:
        raise output_error(target, error) from error
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _swap(staged: Path, target: Path) -> None:
    """Put `staged` in the place of `target`; if the second rename fails the old folder goes back."""
    old = staged.with_name(staged.name + "-old")
    try:
        if target.exists():
            target.rename(old)
        try:
            staged.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise output_error(target, error) from error
    shutil.rmtree(old, ignore_errors=True)
