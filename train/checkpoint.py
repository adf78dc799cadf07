"""Where a training that was stopped goes on: the weights and the history of every finished epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from edge.atomic import output_error, replacing, write_text
from edge.errors import DataError
from train.run_folder import as_json

STATE_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """The epochs that are finished: a row of the history for each, and the seconds that they took."""

    history: tuple[dict[str, float], ...] = field(default=())
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, with the least validation loss; 0 before the first."""
        losses = [row["val_loss"] for row in self.history]
        return losses.index(min(losses)) + 1 if losses else 0

    def with_epoch(self, row: dict[str, float], seconds: float) -> Progress:
        """One epoch further."""
        return Progress((*self.history, row), self.seconds + seconds)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with the models, optimizer included, of the last epoch and of the best one.

    `settings` is all that the training depends on; a checkpoint of other settings is refused. An epoch
    counts once the state file names it, which is written after its model.
    """

    folder: Path
    settings: dict[str, Any]

    def progress(self) -> Progress:
        """What an earlier start has finished; nothing where there is no checkpoint.

        Raises
        ------
        DataError
            The checkpoint is damaged, or of a training with other settings.
        """
        path = self.folder / STATE_FILE
        if not path.is_file():
            return Progress()
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            found, progress = state["settings"], Progress(tuple(state["history"]), state["seconds"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: cannot be read ({error}); add --fresh to train from the start") from error
        differing = [key for key in self.settings if found.get(key) != self.settings[key]]
        if differing:
            raise DataError(
                f"{self.folder.parent}: a stopped training lies here that differs in {', '.join(differing)}; "
                "name another folder with --out, or add --fresh to train from the start"
            )
        return progress

    def model(self, epoch: int) -> keras.Model:
        """The model as it was after `epoch`, counted from 1, compiled as it was.

        Raises
        ------
        DataError
            It is missing or damaged.
        """
        path = self._model_path(epoch)
        try:
            return keras.models.load_model(path)
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path}: cannot be loaded; add --fresh to train from the start") from error

    def save(self, model: keras.Model, progress: Progress) -> None:
        """Keep an epoch: its model first, then the state that names it; models that are no longer needed go."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.folder, error) from error
        with replacing(self._model_path(progress.epochs)) as beside:
            model.save(beside)
        state = {"settings": self.settings, "seconds": progress.seconds, "history": list(progress.history)}
        write_text(self.folder / STATE_FILE, as_json(state))
        needed = {self._model_path(progress.epochs), self._model_path(progress.best_epoch)}
        for path in set(self.folder.glob("epoch-*.keras")) - needed:
            path.unlink(missing_ok=True)

    def _model_path(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:03}.keras"
