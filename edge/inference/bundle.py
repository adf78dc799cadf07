"""The model bundle: a folder with `model.tflite`, `card.json` and `golden.npz`, moved as one thing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import BundleError
from edge.inference.preprocessing import nearest_preprocessing, preprocessing_of

SCHEMA_VERSION = 1
MODEL_FILE = "model.tflite"
CARD_FILE = "card.json"
GOLDEN_FILE = "golden.npz"

STRIPS_FOLDER = "strings"
"""In a bundle's folder, the bundle of the network that reads its touching digits; a bundle may do without."""


class Strict(BaseModel):
    """Base of every table of the card: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tensor(Strict):
    """Shape (first axis the batch, written as 1), dtype and affine quantization of an input or output."""

    shape: list[int]
    dtype: Literal["int8"]
    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)


class Preprocessing(Strict):
    """The constants of `edge.paper.normalize` or `edge.meters.cell` that made the training images, and their hash."""

    sha256: str
    constants: dict[str, float | int | str]


class Confidence(Strict):
    """How logits become confidences, and from which confidence on a digit is accepted."""

    method: Literal["temperature"]
    temperature: float = Field(gt=0)
    cutoff: float = Field(gt=0, lt=1)
    split: str = Field(description="the split that chose temperature and cutoff")
    expected_calibration_error: float = Field(ge=0, description="on that split, 15 equal-mass bins")
    coverage: float = Field(ge=0, le=1, description="share of that split's digits at or above the cutoff")
    risk: float = Field(ge=0, le=1, description="share of wrong ones among those")
    junk_accepted: float | None = Field(
        default=None, ge=0, le=1, description="share of that split's non-digits that is accepted all the same"
    )


class DataSet(Strict):
    """A data set that the model saw."""

    name: str
    licence: str
    source: str
    sha256: dict[str, str] = Field(description="file name to hash; empty for what is rendered")
    splits: dict[str, int] = Field(description="split name to number of glyphs")


class CalibrationSet(Strict):
    """The glyphs that fixed the int8 ranges."""

    split: str
    count: int = Field(gt=0)
    sha256: str = Field(description="of the int64 little-endian indices into that split")


class Score(Strict):
    """Share right of n, with its 95 % Wilson interval."""

    n: int = Field(gt=0)
    errors: int = Field(ge=0)
    accuracy: float
    interval: tuple[float, float]


class Accuracy(Strict):
    """The float model and its int8 twin on the same evaluation glyphs."""

    split: str
    keras: Score
    int8: Score
    agreement: float = Field(
        ge=0, le=1, description="share with the same label from both; positions may lie a tenth apart"
    )


class Runtimes(Strict):
    """tflite-runtime beside LiteRT on the evaluation glyphs; absent where only one could be run."""

    versions: dict[str, str]
    different_labels_above_cutoff: int = Field(ge=0)
    largest_difference_steps: int = Field(ge=0, le=255)


class Card(Strict):
    """What is known of a model. `schema_version` stands first, and nothing else is read if it differs."""

    schema_version: Literal[1] = 1
    name: str
    recipe: str
    created: str = Field(description="UTC, ISO 8601")
    model_sha256: str
    golden_sha256: str
    labels: list[str] = Field(description='in output order; "" is what is not a digit, "?" what cannot be told')
    input: Tensor
    output: Tensor
    preprocessing: Preprocessing
    confidence: Confidence
    data: list[DataSet]
    seed: int
    started_from: list[str] = Field([], description="sha256 of the models that it was trained on from, oldest first")
    command: str = Field(description="what trained it")
    calibration_set: CalibrationSet
    accuracy: Accuracy
    runtimes: Runtimes | None
    size_bytes: int = Field(gt=0)
    parameters: int = Field(gt=0)
    multiply_adds: int = Field(gt=0)
    versions: dict[str, str]
    git_commit: str
    limits: list[str]


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_card(folder: Path, any_preprocessing: bool = False) -> Card:
    """Read and check a bundle's card and files; a training may begin with weights for another preprocessing.

    Raises
    ------
    BundleError
        A file is missing or altered, the schema is newer, or the preprocessing is not this package's.
    """
    for name in (CARD_FILE, MODEL_FILE, GOLDEN_FILE):
        if not (folder / name).is_file():
            raise BundleError(
                f"{folder}: {name} is missing; copy the whole bundle folder, or make one with: make train convert"
            )
    card = _parse_card(folder / CARD_FILE)
    _check_hash(folder / MODEL_FILE, card.model_sha256)
    _check_hash(folder / GOLDEN_FILE, card.golden_sha256)
    if preprocessing_of(card.preprocessing.sha256) is None and not any_preprocessing:
        raise BundleError(
            f"{folder}: made for another preprocessing ({_differences(card.preprocessing.constants)}); "
            "train it again with this version"
        )
    return card


def _parse_card(path: Path) -> Card:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{path}: not a model card ({type(error).__name__}: {error}); copy the whole bundle again"
        ) from None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{path}: schema version {version}, this package reads {SCHEMA_VERSION}; "
            "update readout or build the bundle again"
        )
    try:
        return Card.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {where}: {first['msg']}; build the bundle again with: make convert") from None


def _check_hash(path: Path, expected: str) -> None:
    found = sha256_file(path)
    if found != expected:
        raise BundleError(
            f"{path}: sha256 {found[:12]}… is not the card's {expected[:12]}…; "
            "the file was altered or copied in part, copy the bundle again"
        )


def _differences(constants: dict[str, float | int | str]) -> str:
    ours = nearest_preprocessing(constants).constants
    names = sorted(set(ours) | set(constants))
    changed = [
        f"{name} is {constants.get(name)}, here {ours.get(name)}"
        for name in names
        if constants.get(name) != ours.get(name)
    ]
    return "; ".join(changed) or "same constants, other code version"
