"""The mean of a network and the bundle that it went on from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import DataError, OutputError
from edge.inference.classifier import open_network
from tests.train.test_further import of_the_bundle, quick
from train.card import Settings
from train.data.dataset import Dataset
from train.fit import fit
from train.mean import folded, mean_with
from train.recipes import RECIPES
from train.run_folder import EVALUATION_FILE, RunFolder

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def trained(builtin: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    """A run that went on from the shipped bundle for single digits, by one epoch."""
    dataset, recipe = of_the_bundle(builtin, "digits"), quick(RECIPES["digits"])
    settings = Settings(start=MODELS / "digits", limit=200, epochs=1, command="python -m train fit digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.mean.open_dataset", lambda *_: dataset)
        patch.setitem(RECIPES, "digits", recipe)
        yield fit(recipe, dataset, tmp_path_factory.mktemp("mean") / "run", settings)


@pytest.fixture
def run(trained: RunFolder, tmp_path: Path) -> RunFolder:
    """The same, to be changed by a test."""
    return RunFolder(shutil.copytree(trained.path, tmp_path / "run"))


def said(run: RunFolder) -> np.ndarray:
    return run.model().predict(run.arrays(EVALUATION_FILE)["glyphs"][..., None], verbose=0)


def test_the_mean_lies_between_the_run_and_its_bundle(run: RunFolder, tmp_path: Path):
    glyphs = run.arrays(EVALUATION_FILE)["glyphs"]
    before = open_network(MODELS / "digits").logits(glyphs)
    mean = {share: said(of_share(run, share, tmp_path)) for share in (0.0, 0.5, 1.0)}
    apart = np.abs(said(run) - before).mean()
    assert np.abs(mean[0.0] - before).mean() < 0.2 * apart
    assert np.abs(mean[1.0] - said(run)).mean() < 0.2 * apart
    for end in (before, said(run)):
        assert 0.2 * apart < np.abs(mean[0.5] - end).mean() < 0.8 * apart


def of_share(run: RunFolder, share: float, folder: Path) -> RunFolder:
    out = folder / f"mean-{share}"
    mean_with(run, MODELS / "digits", share, out, "python -m train mean")
    return RunFolder(out)


def test_the_card_says_both_commands_and_its_own_figures(run: RunFolder, tmp_path: Path):
    card = mean_with(run, MODELS / "digits", 0.5, tmp_path / "mean", "python -m train mean run")
    assert card["command"].startswith("python -m train fit digits (at ")
    assert card["command"].endswith("), then python -m train mean run")
    labels = run.arrays(EVALUATION_FILE)["labels"]
    wrong = int((said(RunFolder(tmp_path / "mean")).argmax(axis=1) != labels).sum())
    assert card["accuracy"]["errors"] == wrong
    assert card["started_from"] == run.card()["started_from"]


def test_a_batch_norm_is_folded_into_the_weights_before_it(run: RunFolder):
    model = run.model()
    kernels = [layer.get_weights()[0] for layer in model.layers if "conv" in layer.name or "dense" in layer.name]
    assert [each[0].shape for each in folded(model)] == [each.shape for each in kernels]
    assert all(bias.any() for _, bias in folded(model))


def test_a_run_that_did_not_go_on_from_the_bundle_is_refused(run: RunFolder, tmp_path: Path):
    run.write_card({**run.card(), "started_from": []})
    with pytest.raises(DataError, match="did not go on from"):
        mean_with(run, MODELS / "digits", 0.5, tmp_path / "mean", "")
    assert not (tmp_path / "mean").exists()


def test_several_networks_and_the_run_s_own_folder_are_refused(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(DataError, match="is the run itself"):
        mean_with(run, MODELS / "digits", 0.5, run.path, "")
    monkeypatch.setitem(RECIPES, "digits", replace(RECIPES["digits"], joined_with=(RECIPES["dense"],)))
    with pytest.raises(DataError, match="joins several networks"):
        mean_with(run, MODELS / "digits", 0.5, tmp_path / "mean", "")


def test_a_folder_that_cannot_be_made_is_one_line(run: RunFolder, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        mean_with(run, MODELS / "digits", 0.5, tmp_path / "file" / "mean", "")
