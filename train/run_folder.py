"""The run folder: everything that a training leaves, read by `convert` and by `train evaluate` and `predict`."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from edge.atomic import output_error, replacing, write_text
from edge.errors import BundleError, DataError
from edge.inference.preprocessing import preprocessing_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARD_VERSION = 1
CARD_FILE = "run.json"
MODEL_FILE = "model.keras"
HISTORY_FILE = "history.csv"
CALIBRATION_FILE = "calibration.npz"
VALIDATION_FILE = "validation.npz"
EVALUATION_FILE = "evaluation.npz"
CHECKPOINT_FOLDER = "checkpoint"

HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")

History = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder of one training. Every file is written whole or not at all."""

    path: Path

    def make(self) -> None:
        """Make the folder where it is missing."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error

    def card(self) -> dict[str, Any]:
        """The run card.

        Raises
        ------
        BundleError
            There is none, it is damaged, or the run was made with another preprocessing.
        """
        try:
            card = json.loads((self.path / CARD_FILE).read_text(encoding="utf-8"))
            version, preprocessing = card["schema_version"], card["preprocessing"]["sha256"]
        except OSError as error:
            raise BundleError(
                f"{self.path}: holds no finished run ({CARD_FILE}: {error.strerror}); make one with: make train"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{self.path / CARD_FILE}: is damaged ({error}); train again with: make train") from error
        if version != CARD_VERSION:
            raise BundleError(
                f"{self.path / CARD_FILE}: has schema {version}, this version reads {CARD_VERSION}; train again"
            )
        if preprocessing_of(preprocessing) is None:
            raise BundleError(
                f"{self.path}: was trained with another preprocessing ({preprocessing[:12]}…); train again"
            )
        return card

    def model(self) -> keras.Model:
        """The trained network.

        Raises
        ------
        BundleError
            It is missing or damaged.
        """
        path = self.path / MODEL_FILE
        try:
            return keras.models.load_model(path, compile=False)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BundleError(f"{path}: cannot be loaded ({reason}); train again with: make train") from error

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of one of the .npz files.

        Raises
        ------
        DataError
            It is missing or damaged.
        """
        try:
            with np.load(self.path / name, allow_pickle=False) as archive:
                return dict(archive)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.path / name}: cannot be read ({error}); train again with: make train") from error

    def history(self) -> list[dict[str, float]]:
        """The rows of the history, the first epoch first.

        Raises
        ------
        DataError
            It is missing or damaged.
        """
        try:
            with (self.path / HISTORY_FILE).open(newline="", encoding="utf-8") as file:
                return [{column: float(row[column]) for column in HISTORY_COLUMNS} for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path / HISTORY_FILE}: cannot be read ({error}); train again with: make train"
            ) from error

    def write_card(self, card: Mapping[str, Any]) -> None:
        """Write the run card; the last file of a run, for it says that the run is finished."""
        write_text(self.path / CARD_FILE, as_json(card))

    def write_model(self, model: keras.Model) -> None:
        """Write the network, with its scaling, so that it loads on its own."""
        with replacing(self.path / MODEL_FILE) as beside:
            model.save(beside)

    def write_arrays(self, name: str, **arrays: np.ndarray) -> None:
        """Write one of the .npz files."""
        with replacing(self.path / name) as beside:
            np.savez_compressed(beside, **arrays)

    def write_history(self, history: History) -> None:
        """Write the history as CSV."""
        lines = io.StringIO()
        writer = csv.DictWriter(lines, HISTORY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_text(self.path / HISTORY_FILE, lines.getvalue())

    def write_figure(self, name: str, figure: Figure) -> None:
        """Write a figure as PNG."""
        with replacing(self.path / name) as beside:
            figure.savefig(beside, dpi=110)


def as_json(table: Mapping[str, Any]) -> str:
    """Indented JSON with its keys in the given order."""
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"
