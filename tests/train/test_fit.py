import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from edge.errors import BundleError, DataError
from edge.inference.preprocessing import glyphs as glyph_way
from edge.nouns import NOT_A_DIGIT
from train.card import Settings
from train.checkpoint import Checkpoint, Progress
from train.data.dataset import Dataset, glyphs_of
from train.epochs import epoch_sets
from train.fit import _one_epoch as one_epoch
from train.fit import adapt, build, cut, fit, is_over, learn
from train.recipes import RECIPES, Recipe, as_they_are
from train.run_folder import RunFolder

FILES = {
    "model.keras", "history.csv", "curves.png", "confusion.png", "report.txt", "report.json", "samples.png",
    "mistakes.png", "reliability.png", "risk_coverage.png", "run.json", "calibration.npz", "validation.npz",
    "evaluation.npz",
}  # fmt: skip


def test_a_run_leaves_every_file_and_no_other(dense_run: RunFolder):
    assert {path.name for path in dense_run.path.iterdir()} == FILES


def test_every_figure_shows_something(dense_run: RunFolder):
    figures = sorted(dense_run.path.glob("*.png"))
    assert len(figures) == 6
    for path in figures:
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert min(gray.shape) > 150, path.name
        assert gray.std() > 5, path.name


def test_the_report_agrees_with_the_confusion_matrix(dense_run: RunFolder):
    report = json.loads((dense_run.path / "report.json").read_text())
    matrix = np.array(report["confusion"]["rows_written_columns_read"])
    assert matrix.sum() == report["n"] == 700
    assert matrix.trace() == report["n"] - report["errors"]
    assert report["accuracy"] == pytest.approx(matrix.trace() / 700)
    assert report["interval"][0] < report["accuracy"] < report["interval"][1]
    for k, label in enumerate(report["confusion"]["labels"]):
        row = report["classes"][label]
        assert row["support"] == matrix[k].sum()
        assert row["recall"] == pytest.approx(matrix[k, k] / max(1, matrix[k].sum()))
        assert row["precision"] == pytest.approx(matrix[k, k] / max(1, matrix[:, k].sum()))
    assert f"{report['accuracy']:.2%} of 700" in (dense_run.path / "report.txt").read_text()


def test_the_report_agrees_with_the_saved_model(dense_run: RunFolder):
    model = keras.models.load_model(dense_run.path / "model.keras")
    evaluation = dense_run.arrays("evaluation.npz")
    logits = model.predict(evaluation["glyphs"][..., None], verbose=0)
    assert logits.shape == (700, 10)
    wrong = int((logits.argmax(axis=1) != evaluation["labels"]).sum())
    assert wrong == dense_run.card()["accuracy"]["errors"]


def test_a_short_training_learns_something(dense_run: RunFolder):
    assert dense_run.card()["accuracy"]["accuracy"] > 0.6


def test_the_card_says_what_was_done(dense_run: RunFolder, builtin: Dataset):
    card = dense_run.card()
    assert next(iter(card)) == "schema_version"
    assert card["labels"] == list("0123456789")
    assert card["preprocessing"]["sha256"] == glyph_way().sha256
    assert card["builtin"] is True
    assert card["limits"][0] == builtin.limits[0]
    assert "trial run" in card["limits"][1]
    assert (card["seed"], card["epochs"], card["command"]) == (2, 8, "a test")
    assert card["data"][0]["splits"] == {"train": 700, "validation": 379, "test": 700}
    assert 0.5 <= card["confidence"]["cutoff"] <= 0.995
    assert (card["evaluation_split"], card["calibration_split"]) == ("builtin test", "builtin train")
    assert {"tensorflow", "keras", "numpy", "python"} <= set(card["versions"])


def test_calibration_glyphs_are_balanced_and_from_the_training_part(
    dense_run: RunFolder, builtin: Dataset, dense_settings: Settings
):
    calibration = dense_run.arrays("calibration.npz")
    counts = np.bincount(calibration["labels"])
    assert len(set(counts)) == 1
    assert counts[0] >= 40
    images = builtin.train.images[calibration["indices"]]
    np.testing.assert_array_equal(calibration["glyphs"], glyphs_of(images))
    assert set(calibration["indices"]) <= set(cut(builtin, dense_settings).train_indices)


def test_the_history_has_a_row_an_epoch(dense_run: RunFolder):
    with (dense_run.path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == list("12345678")
    assert float(rows[7]["loss"]) < float(rows[0]["loss"])
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]


class StoppedError(Exception):
    """Stands for a power cut."""


def stops_at_epoch_2(recipe: Recipe, model: keras.Model, epoch: int, *rest: object) -> dict[str, float]:
    if epoch == 2:
        raise StoppedError
    return one_epoch(recipe, model, epoch, *rest)


def build_with_dropout(classes: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 5, strides=3),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(classes),
        ]
    )


@pytest.fixture
def cosine() -> Recipe:
    return replace(
        RECIPES["dense"],
        build=build_with_dropout,
        schedule="cosine",
        sets=3,
        settling=1,
        weight_decay=1e-3,
        label_smoothing=0.1,
    )


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path, builtin: Dataset, cosine: Recipe, monkeypatch: pytest.MonkeyPatch
):
    settings = Settings(epochs=3, limit=300)
    parts = cut(builtin, settings)
    whole = replace(cosine, epochs=3)
    uninterrupted = learn(
        whole, parts.train, as_they_are(parts.validation, 0, 0), Checkpoint(tmp_path / "whole", {}), 0
    )
    monkeypatch.setattr("train.fit._one_epoch", stops_at_epoch_2)
    with pytest.raises(StoppedError):
        fit(cosine, builtin, tmp_path / "run", settings)
    monkeypatch.undo()
    assert (tmp_path / "run" / "checkpoint" / "epoch-002.keras").is_file()
    with pytest.raises(BundleError, match="holds no finished run"):
        RunFolder(tmp_path / "run").card()
    resumed = fit(cosine, builtin, tmp_path / "run", settings)
    assert resumed.history() == list(uninterrupted.history)
    assert len(resumed.history()) == 3
    assert not (resumed.path / "checkpoint").exists()
    rates = [row["learning_rate"] for row in resumed.history()]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.25 * rates[0]


def test_a_checkpoint_of_other_settings_is_refused_until_fresh(
    tmp_path: Path, builtin: Dataset, cosine: Recipe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("train.fit._one_epoch", stops_at_epoch_2)
    with pytest.raises(StoppedError):
        fit(cosine, builtin, tmp_path, Settings(epochs=3, limit=200))
    with pytest.raises(DataError, match=r"differs in epochs, seed; .*--fresh"):
        fit(cosine, builtin, tmp_path, Settings(epochs=4, limit=200, seed=5))
    with pytest.raises(StoppedError):
        fit(cosine, builtin, tmp_path, Settings(epochs=4, limit=200, seed=5, is_fresh=True))
    state = json.loads((tmp_path / "checkpoint" / "state.json").read_text())
    assert (state["settings"]["seed"], len(state["history"])) == (5, 2)


def test_early_stopping_waits_for_patience_epochs_after_the_best():
    recipe = replace(RECIPES["dense"], schedule="early-stopping", epochs=30, patience=2)
    progress = Progress()
    ends = []
    for epoch, loss in enumerate([0.9, 0.5, 0.6, 0.4, 0.7, 0.8]):
        progress = progress.with_epoch({"epoch": epoch + 1, "val_loss": loss}, 1.0)
        ends.append(is_over(recipe, progress))
    assert ends == [False, False, False, False, False, True]
    assert progress.best_epoch == 4
    assert is_over(replace(recipe, epochs=6, schedule="cosine"), progress)


def test_the_best_epoch_is_kept_with_the_last(tmp_path: Path):
    model = build(RECIPES["dense"], seed=0)
    checkpoint = Checkpoint(tmp_path / "checkpoint", {"seed": 0})
    progress = Progress()
    for loss in (0.5, 0.3, 0.4, 0.6):
        progress = progress.with_epoch({"val_loss": loss}, 1.5)
        checkpoint.save(model, progress)
    names = sorted(path.name for path in checkpoint.folder.iterdir())
    assert names == ["epoch-002.keras", "epoch-004.keras", "state.json"]
    assert checkpoint.progress() == progress
    assert checkpoint.progress().seconds == 6.0


@pytest.fixture
def made_in_the_background(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("train.epochs.BACKGROUND_FROM", 1)
    return


@pytest.mark.usefixtures("made_in_the_background")
def test_sets_made_ahead_are_those_made_in_place(builtin: Dataset):
    recipe = RECIPES["characters"]
    few = builtin.train.take(np.arange(0, 400, 10))
    ahead = list(epoch_sets(recipe, few, seed=7, first=1, last=6))
    assert [epoch for epoch, _, _ in ahead] == [1, 2, 3, 4, 5]
    for number, (_, glyphs, labels) in zip((1, 2, 7, 7, 7), ahead, strict=True):
        expected, expected_labels = recipe.training_set(few, number, 7)
        np.testing.assert_array_equal(glyphs, expected)
        np.testing.assert_array_equal(labels, expected_labels)
    assert not np.array_equal(ahead[0][1], ahead[1][1])


def test_the_digits_recipe_learns_what_is_no_digit(tmp_path: Path, builtin: Dataset):
    run = fit(RECIPES["digits"], builtin, tmp_path, Settings(epochs=1, limit=200))
    card = run.card()
    assert card["labels"] == [*"0123456789", NOT_A_DIGIT]
    validation = run.arrays("validation.npz")
    assert (validation["labels"] == 10).sum() > 20
    assert card["accuracy"]["n"] == 200
    assert (run.arrays("evaluation.npz")["labels"] < 10).all()


def test_the_digits_recipe_refuses_letters(tmp_path: Path, builtin: Dataset):
    letters = replace(builtin, name="EMNIST letters", labels=tuple("ABCDEFGHIJ"))
    with pytest.raises(DataError, match="reads digits only, EMNIST letters has 10 classes"):
        fit(RECIPES["digits"], letters, tmp_path)


def test_another_recipe_takes_the_labels_of_its_data(builtin: Dataset):
    letters = replace(builtin, name="letters", labels=tuple("ABCDEFGHIJ"))
    assert adapt(RECIPES["dense"], letters, Settings(epochs=3)).labels == tuple("ABCDEFGHIJ")
    assert adapt(RECIPES["dense"], letters, Settings(epochs=3)).epochs == 3
    assert adapt(RECIPES["digits"], builtin, Settings()).labels == (*"0123456789", NOT_A_DIGIT)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda card: card | {"schema_version": 2}, "has schema 2, this version reads 1"),
        (lambda card: card | {"preprocessing": {"sha256": "abc"}}, "another preprocessing"),
        (lambda card: {"recipe": card["recipe"]}, "is damaged"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, dense_run: RunFolder, spoil, said: str):
    (tmp_path / "run.json").write_text(json.dumps(spoil(dense_run.card())))
    with pytest.raises(BundleError, match=said):
        RunFolder(tmp_path).card()


def test_a_damaged_model_is_one_line(tmp_path: Path):
    (tmp_path / "model.keras").write_bytes(b"not a model")
    with pytest.raises(BundleError, match=r"model\.keras: cannot be loaded") as caught:
        RunFolder(tmp_path).model()
    assert "\n" not in str(caught.value)
