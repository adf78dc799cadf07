"""Trains a recipe on a data set and leaves a run folder; a training that was stopped goes on where it was."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from edge.errors import DataError
from edge.meters.cell import has_positions, read_indices, read_labels
from edge.nouns import NOT_A_DIGIT
from edge.paper.strings import STRANGE, STRING_LABELS, has_strings
from edge.paper.strip import STRIP_COLUMNS
from train import figures
from train.card import Parts, Settings, limits_of, run_card, split_names
from train.cells import soft_targets
from train.checkpoint import Checkpoint, Progress
from train.confidence import Tolerance, junk_excess
from train.data.dataset import Crops, Dataset, Digits, Images, Labels
from train.data.split import Split, calibration_indices, split_validation, subset
from train.drums import answered
from train.epochs import epoch_sets
from train.evaluate import Evaluation, evaluate, logits_of
from train.further import LEARNING_RATE, PICTURES, Start, open_start
from train.members import joined, member_seed, told_in_turn
from train.recipes import Recipe, build_strings
from train.run_folder import (
    CALIBRATION_FILE,
    CARD_FILE,
    CHECKPOINT_FOLDER,
    EVALUATION_FILE,
    VALIDATION_FILE,
    RunFolder,
)
from train.transcribe import (
    StripBatches,
    accuracy,
    evaluate_strings,
    lengths_of,
    string_loss,
    with_fixed_width,
)

GRADIENT_NORM = 5.0
"""Of a step in training on strings, at the most: an impossible alignment has a loss of any size."""

CALIBRATION_GLYPHS = 1000
"""Of all classes together; int8 ranges settle with some hundreds."""

log = logging.getLogger(__name__)


def fit(recipe: Recipe, dataset: Dataset, out: Path, settings: Settings | None = None) -> RunFolder:
    """Train, evaluate, and write the run folder `out`.

    Raises
    ------
    DataError
        The data set's labels are not the recipe's, it is too small, or `out` has a checkpoint of another training.
    OutputError
        The folder is not writable or the disk full.
    """
    settings = settings or Settings()
    recipe = adapt(recipe, dataset, settings)
    start = None
    if settings.start:
        start = open_start(settings.start, recipe.name, recipe.labels, settings.seed, dataset)
    parts = cut(dataset, settings)
    run = RunFolder(out)
    run.make()
    recipes = (recipe, *recipe.joined_with)
    checkpoints = _checkpoints(out, [_fingerprint(each, dataset, settings, start) for each in recipes])
    if settings.is_fresh:
        shutil.rmtree(out / CHECKPOINT_FOLDER, ignore_errors=True)
    validation = recipe.validation_set(parts.validation, 0, settings.seed)
    progresses = _learn_all(recipes, parts.train, validation, checkpoints, settings.seed, start)
    members = [_kept(*each) for each in zip(recipes, checkpoints, progresses, strict=True)]
    model = finished(joined(members), recipe, validation)
    ancestors = start.ancestors if start else ()
    _leave(run, recipe, dataset, parts, validation, model, told_in_turn(progresses), settings, ancestors)
    shutil.rmtree(out / CHECKPOINT_FOLDER, ignore_errors=True)
    return run


def finished(model: keras.Model, recipe: Recipe, validation: tuple[Images, Labels]) -> keras.Model:
    """The trained network as it is quantized and shipped."""
    if has_strings(recipe.labels):
        return with_fixed_width(model, build_strings(len(recipe.labels), STRIP_COLUMNS))
    if has_positions(recipe.labels):
        return with_centred_logits(model)
    return with_lower_junk(model, recipe, validation)


def choose_again(recipe: Recipe, dataset: Dataset, run: RunFolder, settings: Settings) -> dict[str, Any]:
    """Choose temperature and cutoff of a finished run by validation pictures that are made anew, and write its card.

    For a run whose recipe makes them otherwise by now; the network stays as it is.
    """
    parts, card = cut(dataset, settings), run.card()
    validation = recipe.validation_set(parts.validation, 0, settings.seed)
    run.write_arrays(VALIDATION_FILE, glyphs=validation[0], labels=validation[1])
    splits = split_names(recipe, dataset)
    found = judged(run, run.model(), recipe.labels, splits["evaluation"], splits["validation"], recipe.tolerance)
    chosen = {"confidence": found.confidence.as_card(), "accuracy": asdict(found.accuracy)}
    named = {"evaluation_split": splits["evaluation"], "calibration_split": splits["calibration"]}
    run.write_card({**card, **chosen, **named, "limits": limits_of(recipe, dataset, settings)})
    return run.card()


def judged(
    run: RunFolder, model: keras.Model, labels: tuple[str, ...], evaluation: str, validation: str, tolerance: Tolerance
) -> Evaluation:
    """`evaluate`, or for a network that answers with strings `evaluate_strings`; the splits by their names."""
    if has_strings(labels):
        return evaluate_strings(run, model, evaluation, validation, tolerance)
    return evaluate(run, model, labels, evaluation, validation, tolerance)


def adapt(recipe: Recipe, dataset: Dataset, settings: Settings) -> Recipe:
    """The recipe, and those that it is joined with, with the data set's labels and the wanted number of epochs.

    Raises
    ------
    DataError
        A recipe that knows what is not a digit was given something other than digits, or one for meters no crops.
    """
    labels = _labels(recipe, dataset)
    pace = LEARNING_RATE if settings.start else 1
    adapted = [
        replace(each, labels=labels, epochs=settings.epochs or each.epochs, learning_rate=each.learning_rate * pace)
        for each in (recipe, *recipe.joined_with)
    ]
    return replace(adapted[0], joined_with=tuple(adapted[1:]))


def _labels(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    if isinstance(dataset.train, Crops) != has_positions(recipe.labels):
        raise DataError(f"recipe {recipe.name} is not for {dataset.name}; crops of meters are for recipe meter")
    if has_positions(recipe.labels):
        return recipe.labels
    if has_strings(recipe.labels) and tuple(dataset.labels) == STRING_LABELS[1:STRANGE]:
        return recipe.labels
    if NOT_A_DIGIT in recipe.labels and recipe.labels != (*dataset.labels, NOT_A_DIGIT):
        raise DataError(
            f"recipe {recipe.name} reads digits only, {dataset.name} has {len(dataset.labels)} classes; "
            "use recipe characters"
        )
    return recipe.labels if NOT_A_DIGIT in recipe.labels else tuple(dataset.labels)


def cut(dataset: Dataset, settings: Settings) -> Parts:
    """Training and validation part of the published training set, and the test set, each of at most `limit`."""
    split = _split(dataset, settings.seed)
    train, validation, test = (
        subset(indices, settings.limit, settings.seed)
        for indices in (split.train, split.validation, np.arange(len(dataset.test)))
    )
    return Parts(dataset.train.take(train), dataset.train.take(validation), dataset.test.take(test), train)


def _split(dataset: Dataset, seed: int) -> Split:
    """What the data set itself holds out, else a part of it, cut by chance."""
    if dataset.held_out is None:
        return split_validation(dataset.train, seed)
    others = np.delete(np.arange(len(dataset.train)), dataset.held_out)
    return Split(others, dataset.held_out)


def learn(
    recipe: Recipe,
    train: Digits | Crops,
    validation: tuple[Images, Labels],
    checkpoint: Checkpoint,
    seed: int,
    begin: Callable[[Recipe, int], keras.Model] | None = None,
) -> Progress:
    """Train epoch by epoch, each kept in the checkpoint, from the last one that is there to the recipe's end.

    `begin` gives the network that the first epoch starts with, of the recipe and the seed; `build` unless given.
    """
    progress = checkpoint.progress()
    if is_over(recipe, progress):
        return progress
    model = checkpoint.model(progress.epochs) if progress.epochs else (begin or build)(recipe, seed)
    if progress.epochs:
        log.info("continuing after epoch %d", progress.epochs)
    targets = _batches(recipe, *validation)
    with closing(epoch_sets(recipe, train, seed, progress.epochs, recipe.epochs)) as sets:
        start_s = time.monotonic()  # the first epoch's time has the making of the sets in it
        for epoch, glyphs, labels in sets:
            row = _one_epoch(recipe, model, epoch, (glyphs, labels), targets, seed)
            took_s = time.monotonic() - start_s
            progress = progress.with_epoch(row, took_s)
            checkpoint.save(model, progress)
            log.info("%s", _line(row, recipe.epochs, took_s))
            start_s = time.monotonic()
            if is_over(recipe, progress):
                break
    return progress


def with_lower_junk(model: keras.Model, recipe: Recipe, validation: tuple[Images, Labels]) -> keras.Model:
    """The model with its last bias lowered by what `junk_excess` finds, where the recipe knows what is no character."""
    excess = junk_excess(logits_of(model, validation[0]), validation[1], recipe.labels, recipe.tolerance.lost)
    if excess > 0:
        weights, bias = model.layers[-1].get_weights()
        bias[recipe.labels.index(NOT_A_DIGIT)] -= excess
        model.layers[-1].set_weights([weights, bias])
        log.info("logit of what is no character lowered by %.2f", excess)
    return model


def with_centred_logits(model: keras.Model) -> keras.Model:
    """The model with logits whose mean is 0, which says the same: int8 then spends no steps on what all have alike."""
    weights, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()])
    return model


def is_over(recipe: Recipe, progress: Progress) -> bool:
    """Whether the recipe's epochs are done, or with early stopping none of the last `patience` was the best."""
    if recipe.schedule == "early-stopping" and progress.epochs - progress.best_epoch >= recipe.patience:
        return True
    return progress.epochs >= recipe.epochs


def build(recipe: Recipe, seed: int) -> keras.Model:
    """The recipe's network, compiled, its weights drawn from the seed."""
    keras.utils.set_random_seed(seed)
    model = recipe.build(len(recipe.labels))
    if has_strings(recipe.labels):
        model.compile(_optimizer(recipe), string_loss, metrics=[accuracy])
        return model
    if recipe.bell_tenths:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    elif recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(_optimizer(recipe), loss, metrics=["accuracy"])
    return model


def _optimizer(recipe: Recipe) -> keras.Optimizer:
    clipped = {"global_clipnorm": GRADIENT_NORM} if has_strings(recipe.labels) else {}
    return keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay, **clipped)


class CosineSchedule(keras.callbacks.Callback):
    """Lowers the learning rate batch by batch along half a cosine, to nothing at the end of the last epoch.

    References
    ----------
    Loshchilov, Hutter: SGDR, stochastic gradient descent with warm restarts, 2017
    """

    def __init__(self, highest: float, epoch: int, epochs: int) -> None:
        super().__init__()
        self._highest, self._epoch, self._epochs = highest, epoch, epochs

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Set the rate of this batch."""
        done = (self._epoch + batch / self.params["steps"]) / self._epochs
        self.model.optimizer.learning_rate.assign(self._highest * 0.5 * (1 + math.cos(math.pi * done)))


class ProgressBar(keras.callbacks.Callback):
    """An epoch's batches on stderr, where that is a terminal."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Open the bar."""
        self._bar = tqdm(total=self.params["steps"], desc=self._title, unit="batch", leave=False, disable=None)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Move it on."""
        self._bar.update()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Close it."""
        self._bar.close()


def _checkpoints(out: Path, fingerprints: Sequence[dict[str, Any]]) -> list[Checkpoint]:
    """One for each member, in a folder of its own where there are several."""
    folder = out / CHECKPOINT_FOLDER
    if len(fingerprints) == 1:
        return [Checkpoint(folder, fingerprints[0])]
    return [Checkpoint(folder / f"member-{k}", {**each, "member": k}) for k, each in enumerate(fingerprints)]


def _kept(recipe: Recipe, checkpoint: Checkpoint, progress: Progress) -> keras.Model:
    """The trained network of a member: its best epoch's or its last one's, as its recipe says."""
    return checkpoint.model(progress.best_epoch if recipe.schedule == "early-stopping" else progress.epochs)


def _learn_all(
    recipes: Sequence[Recipe],
    train: Digits | Crops,
    validation: tuple[Images, Labels],
    checkpoints: Sequence[Checkpoint],
    seed: int,
    start: Start | None,
) -> list[Progress]:
    """Train the members one after the other; what is finished already is not trained again.

    One that goes on from a start draws as a member of its own would: it has had the sets of before.
    """
    progresses = []
    earlier = start.generation * len(recipes) if start else 0
    for k, (recipe, checkpoint) in enumerate(zip(recipes, checkpoints, strict=True)):
        if len(recipes) > 1:
            log.info("member %d of %d", k + 1, len(recipes))
        begin = partial(taken_up, start=start, number=k, train=train) if start else build
        progresses.append(learn(recipe, train, validation, checkpoint, member_seed(seed, earlier + k), begin))
    return progresses


def taken_up(recipe: Recipe, seed: int, start: Start, number: int, train: Digits | Crops) -> keras.Model:
    """The recipe's network with the weights that the start has for the member of this number."""
    model = build(recipe, seed)
    some = train.take(subset(np.arange(len(train)), PICTURES, seed))
    start.give(model, number, recipe.training_set(some, 0, seed)[0])
    return model


def _one_epoch(
    recipe: Recipe, model: keras.Model, epoch: int, training: tuple[Images, Labels], validation: Any, seed: int
) -> dict[str, float]:
    """Train one epoch, counted from 0, and give its row of the history; it depends on no earlier random draw."""
    glyphs, labels = training
    _seed_epoch(model, seed, epoch)
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(labels))
    seen = recipe.vary(glyphs, rng) if recipe.vary else glyphs
    callbacks: list[keras.callbacks.Callback] = [ProgressBar(f"epoch {epoch + 1}/{recipe.epochs}")]
    if recipe.schedule == "cosine":
        callbacks.append(CosineSchedule(recipe.learning_rate, epoch, recipe.epochs))
    shown = _batches(recipe, seen[order], labels[order], rng)
    options = {"callbacks": callbacks, "verbose": 0, "shuffle": False, "validation_data": validation}
    if isinstance(shown, StripBatches):
        logs = model.fit(shown, **options).history
    else:
        logs = model.fit(*shown, batch_size=recipe.batch_size, validation_batch_size=1024, **options).history
    row = {key: round(float(logs[key][0]), 6) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
    return {"epoch": epoch + 1, **row, "learning_rate": round(float(model.optimizer.learning_rate.numpy()), 9)}


def _batches(
    recipe: Recipe, pictures: Images, labels: Labels, rng: np.random.Generator | None = None
) -> tuple[np.ndarray, np.ndarray] | StripBatches:
    """What Keras is given: pictures and targets, or strips in batches of about the same width."""
    if has_strings(recipe.labels):
        return StripBatches(pictures, labels, recipe.batch_size, rng)
    return pictures[..., None], _targets(recipe, labels)


def _seed_epoch(model: keras.Model, seed: int, epoch: int) -> None:
    """Dropout draws from generators that a saved model does not keep; a resumed epoch must draw the same."""
    own = (seed * 1009 + epoch) % 2**32
    keras.utils.set_random_seed(own)
    for k, layer in enumerate(model.layers):
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign([own, k])


def _targets(recipe: Recipe, labels: Labels) -> np.ndarray:
    """A bell over a drum's positions, one-hot where labels are smoothed, else as they are."""
    if recipe.bell_tenths:
        return soft_targets(recipe.bell_tenths)[labels]
    return np.eye(len(recipe.labels), dtype=np.float32)[labels] if recipe.label_smoothing else labels


def _line(row: dict[str, float], epochs: int, seconds: float) -> str:
    return (
        f"epoch {row['epoch']:.0f}/{epochs}: loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}; "
        f"validation loss {row['val_loss']:.4f}, accuracy {row['val_accuracy']:.4f}; {seconds:.1f} s"
    )


def _leave(
    run: RunFolder,
    recipe: Recipe,
    dataset: Dataset,
    parts: Parts,
    validation: tuple[Images, Labels],
    model: keras.Model,
    progress: Progress,
    settings: Settings,
    ancestors: Sequence[str],
) -> None:
    """Write the run folder, its card last: until then the run does not count as finished."""
    (run.path / CARD_FILE).unlink(missing_ok=True)
    run.write_model(model)
    run.write_history(progress.history)
    _write_glyphs(run, recipe, dataset, parts, validation, settings.seed)
    splits = split_names(recipe, dataset)
    evaluation = judged(run, model, recipe.labels, splits["evaluation"], splits["validation"], recipe.tolerance)
    run.write_card(run_card(recipe, dataset, parts, evaluation, progress, settings, ancestors))


def _write_glyphs(
    run: RunFolder, recipe: Recipe, dataset: Dataset, parts: Parts, validation: tuple[Images, Labels], seed: int
) -> None:
    """The glyphs that calibrate, validate and evaluate, and a sheet of those that trained."""
    run.write_arrays(VALIDATION_FILE, glyphs=validation[0], labels=validation[1])
    has_series = getattr(parts.test, "series", None) is not None and not has_strings(recipe.labels)
    series = {"series": parts.test.series} if has_series else {}
    pictures, labels = (recipe.evaluation_set or recipe.plain)(parts.test, 0, seed)
    run.write_arrays(EVALUATION_FILE, glyphs=pictures, labels=labels, **series)
    per_class = max(1, CALIBRATION_GLYPHS // len(dataset.labels))
    indices = calibration_indices(dataset.train.labels, parts.train_indices, per_class, seed)
    pictures, labels = recipe.plain(dataset.train.take(indices), 0, seed)
    run.write_arrays(CALIBRATION_FILE, glyphs=pictures, labels=labels, indices=indices)
    first = subset(np.arange(len(parts.train)), 60 * len(read_labels(recipe.labels)), seed)
    pictures, labels = recipe.training_set(parts.train.take(first), 0, seed)
    if has_strings(recipe.labels):
        classes, names = lengths_of(labels)
    else:
        seen = answered(labels) if has_positions(recipe.labels) else labels
        classes, names = read_indices(seen, recipe.labels), read_labels(recipe.labels)
    title = f"{dataset.name}, as {recipe.name} sees it"
    run.write_figure("samples.png", figures.samples(pictures, classes, names, title))


def _fingerprint(recipe: Recipe, dataset: Dataset, settings: Settings, start: Start | None) -> dict[str, Any]:
    """All that a training depends on, by the name under which a user knows it."""
    numbers = (
        "batch_size",
        "learning_rate",
        "schedule",
        "patience",
        "weight_decay",
        "label_smoothing",
        "bell_tenths",
        "sets",
    )
    return {
        "recipe": recipe.name,
        "data": dataset.name,
        "epochs": recipe.epochs,
        "seed": settings.seed,
        "limit": settings.limit,
        "preprocessing": recipe.preprocessing().sha256,
        "started_from": list(start.ancestors) if start else [],
        **{number: getattr(recipe, number) for number in numbers},
    }
