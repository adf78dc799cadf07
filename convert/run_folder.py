"""The folder that `train` leaves: the card of the run, its glyphs and its Keras model."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import DataError
from edge.inference.bundle import Confidence, DataSet, Preprocessing
from edge.inference.preprocessing import ways
from edge.nouns import Gray

SCHEMA_VERSION = 1
SHAPES = tuple(way.shape for way in ways())
"""Of the inputs that there are."""

MODEL_FILE = "model.keras"
CARD_FILE = "run.json"


class RunCard(BaseModel):
    """What `convert` needs of `run.json`; its other keys are for people."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    recipe: str
    labels: list[str]
    command: str
    seed: int
    started_from: list[str] = []
    data: list[DataSet]
    evaluation_split: str
    calibration_split: str
    preprocessing: Preprocessing
    confidence: Confidence
    versions: dict[str, str]
    builtin: bool
    limits: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class GlyphSet:
    """Glyphs (n, 28, 28) or cells (n, 32, 20), uint8, and the index of each one's label, (n) int64; or strips
    (n, 32, 160), and the strings on them, (n, length) int64, see `edge.paper.strings`.
    """

    glyphs: Gray
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.glyphs)
        shape = next((shape for shape in SHAPES if shape == self.glyphs.shape[1:]), SHAPES[0])
        _require("glyphs", self.glyphs, "uint8", (max(n, 1), *shape))
        _require("labels", self.labels, "int64", (n, *self.labels.shape[1:2]))

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The glyphs that fix the int8 ranges, and which of the training split they are, (n) int64."""

    samples: GlyphSet
    indices: NDArray[np.int64]

    def __post_init__(self) -> None:
        _require("indices", self.indices, "int64", self.samples.labels.shape[:1])

    @property
    def sha256(self) -> str:
        """Hex sha256 of the indices as int64, little-endian."""
        return hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest()

    def first(self, count: int | None) -> Calibration:
        """The first `count`, as many of each class, or length of a string, as of any other; all where there are few."""
        if count is None or count >= len(self.indices):
            return self
        labels = self.samples.labels
        classes = labels if labels.ndim == 1 else np.count_nonzero(labels, axis=1)
        chosen = np.argsort(rank_within_class(classes), kind="stable")[:count]
        return Calibration(GlyphSet(self.samples.glyphs[chosen], self.samples.labels[chosen]), self.indices[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class RunFolder:
    """A finished run; `validation` chose the temperature and cutoff, `evaluation` nothing."""

    path: Path
    card: RunCard
    calibration: Calibration
    validation: GlyphSet
    evaluation: GlyphSet


def load_run(path: Path) -> RunFolder:
    """Read a run folder, all but its Keras model.

    Raises
    ------
    DataError
        It is not the folder of a finished run, or one of its files is damaged.
    """
    if not (path / MODEL_FILE).is_file():
        raise DataError(
            f"{path}: no {MODEL_FILE} in it; give the folder of a finished run, or make one with: make train"
        )
    card = _read_card(path / CARD_FILE)
    calibration = _read_arrays(path / "calibration.npz", ("glyphs", "labels", "indices"))
    sets = {name: _read_arrays(path / f"{name}.npz", ("glyphs", "labels")) for name in ("validation", "evaluation")}
    try:
        samples = Calibration(GlyphSet(calibration["glyphs"], calibration["labels"]), calibration["indices"])
        validation, evaluation = (
            GlyphSet(sets[name]["glyphs"], sets[name]["labels"]) for name in ("validation", "evaluation")
        )
    except TypeError as error:
        raise DataError(f"{path}: {error}; train again") from error
    for name, part in (("calibration", samples.samples), ("validation", validation), ("evaluation", evaluation)):
        _check_labels(path / f"{name}.npz", part.labels, len(card.labels))
    return RunFolder(path, card, samples, validation, evaluation)


def rank_within_class(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same label stand before each one."""
    ranks = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = labels == label
        ranks[members] = np.arange(np.count_nonzero(members))
    return ranks


def _require(name: str, array: np.ndarray, dtype: str, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise TypeError(f"{name} must be {shape} {dtype}, got {array.shape} {array.dtype}")


def _read_card(path: Path) -> RunCard:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the card of a run ({type(error).__name__}: {error}); train again") from error
    if version != SCHEMA_VERSION:
        raise DataError(f"{path}: schema version {version}, this package reads {SCHEMA_VERSION}; train again")
    try:
        return RunCard.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; train again") from error


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:  # by path, NumPy 1 leaves a damaged file open
            return {name: arrays[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}: {error}); train again") from error


def _check_labels(path: Path, labels: NDArray[np.int64], count: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= count:
        raise DataError(f"{path}: labels from {low} to {high}, but the run has {count} classes; train again")
