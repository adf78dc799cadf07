"""Training on from a bundle."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from edge.errors import DataError
from edge.inference.bundle import CARD_FILE, GOLDEN_FILE, MODEL_FILE, load_card, sha256_file
from train.card import Settings
from train.data.dataset import Dataset
from train.data.rendered import load_rendered_cells
from train.fit import fit
from train.further import open_start
from train.members import SEEDS_APART, joined
from train.recipes import RECIPES, Recipe, as_they_are, build_digits, build_paper

MODELS = Path(__file__).parents[2] / "models"


def folder_of(name: str) -> Path:
    """Where the shipped bundle of a recipe lies."""
    return MODELS / "paper" / "strings" if name == "strings" else MODELS / name


def of_the_bundle(dataset: Dataset, name: str) -> Dataset:
    """Rendered pictures under the names and sums of what the bundle was trained on."""
    return replace(dataset, sha256=load_card(folder_of(name)).data[0].sha256)


def begun(name: str, dataset: Dataset) -> keras.Model:
    """What a training of the recipe starts with from its shipped bundle."""
    recipe = RECIPES[name]
    start = open_start(folder_of(name), name, recipe.labels, 0, dataset)
    train = dataset.train.take(np.arange(0, len(dataset.train), len(dataset.train) // 300))
    members = [each.build(len(each.labels)) for each in (recipe, *recipe.joined_with)]
    for number, member in enumerate(members):
        start.give(member, number, recipe.plain(train, 0, 0)[0])
    return joined(members)


@pytest.fixture(scope="module")
def rendered() -> Dataset:
    return load_rendered_cells(count=600, test_count=20)


@pytest.mark.parametrize("name", ["digits", "paper", "strings", "meter"])
def test_a_training_begins_with_what_the_bundle_says(name: str, builtin: Dataset, rendered: Dataset):
    model = begun(name, of_the_bundle(rendered if name == "meter" else builtin, name))
    golden, card = np.load(folder_of(name) / GOLDEN_FILE), load_card(folder_of(name))
    told = (golden["quantized"].astype(float) - card.output.zero_point) * card.output.scale
    said = model.predict(golden["glyphs"][..., None], verbose=0)
    odds = [np.sort(each)[..., -1] - np.sort(each)[..., -2] for each in (said, told)]
    assert np.median(np.abs(odds[0] - odds[1])) < 2 * card.output.scale
    assert np.mean(said.argmax(axis=-1) == told.argmax(axis=-1)) > 0.9


def quick(recipe: Recipe) -> Recipe:
    """Without the camera, so that an epoch takes a second."""
    return replace(recipe, training_set=as_they_are, validation_set=as_they_are, sets=1)


def test_trainings_add_up_and_the_card_names_all_before(
    tmp_path: Path, builtin: Dataset, monkeypatch: pytest.MonkeyPatch
):
    import train.fit

    one_epoch, seeds = train.fit._one_epoch, []
    monkeypatch.setattr("train.fit._one_epoch", lambda *given: (seeds.append(given[-1]), one_epoch(*given))[1])
    bundle = shutil.copytree(MODELS / "digits", tmp_path / "digits")
    card = json.loads((bundle / CARD_FILE).read_text())
    ancestors = [f"{k:064x}" for k in range(5)]
    (bundle / CARD_FILE).write_text(json.dumps(card | {"started_from": ancestors}))
    settings = Settings(start=bundle, limit=200, epochs=1)
    run = fit(quick(RECIPES["digits"]), of_the_bundle(builtin, "digits"), tmp_path / "run", settings)
    assert run.card()["started_from"] == [*ancestors, card["model_sha256"]]
    assert seeds == [6 * SEEDS_APART]
    assert run.history()[0]["learning_rate"] < RECIPES["digits"].learning_rate / 3
    assert run.card()["accuracy"]["errors"] < 0.1 * 200


@pytest.mark.parametrize(
    ("recipe", "seed", "has_its_data", "word"),
    [
        ("digits", 1, True, "another seed"),
        ("digits", 0, False, "on other files of MNIST"),
        ("dense", 0, True, "another recipe"),
    ],
)
def test_a_bundle_of_another_training_is_refused(
    recipe: str, seed: int, has_its_data: bool, word: str, builtin: Dataset, tmp_path: Path
):
    dataset = of_the_bundle(builtin, "digits") if has_its_data else builtin
    settings = Settings(seed=seed, start=MODELS / "digits", limit=200, epochs=1)
    with pytest.raises(DataError, match=word):
        fit(quick(RECIPES[recipe]), dataset, tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_a_network_of_another_shape_is_refused(builtin: Dataset):
    recipe = RECIPES["digits"]
    start = open_start(MODELS / "digits", "digits", recipe.labels, 0, of_the_bundle(builtin, "digits"))
    glyphs = as_they_are(builtin.train.take(np.arange(20)), 0, 0)[0]
    with pytest.raises(DataError, match="not as the bundle's"):
        start.give(build_paper(11), 0, glyphs)
    with pytest.raises(DataError, match="the recipe more"):
        start.give(build_digits(11), 1, glyphs)


def test_a_file_that_is_no_chain_of_convolutions_is_refused(builtin: Dataset, tmp_path: Path):
    bundle = shutil.copytree(MODELS / "digits", tmp_path / "digits")
    (bundle / MODEL_FILE).write_bytes(b"    TFL3" + bytes(40))
    card = json.loads((bundle / CARD_FILE).read_text())
    (bundle / CARD_FILE).write_text(json.dumps(card | {"model_sha256": sha256_file(bundle / MODEL_FILE)}))
    with pytest.raises(DataError, match="cannot be trained on from"):
        open_start(bundle, "digits", RECIPES["digits"].labels, 0, of_the_bundle(builtin, "digits"))
