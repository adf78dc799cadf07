"""Several trainings joined to one network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from train.card import Settings
from train.checkpoint import Progress
from train.data.dataset import Dataset
from train.fit import build, fit
from train.members import SEEDS_APART, joined, member_seed, told_in_turn
from train.recipes import RECIPES, as_they_are, build_digits

GLYPHS = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1)).astype(np.float32)


def settled(seed: int) -> keras.Model:
    """A network whose batch norm has averages of its own."""
    model = build(RECIPES["digits"], seed)
    model.fit(GLYPHS, np.arange(5), verbose=0)
    return model


def test_the_joined_network_says_what_its_members_say_on_average():
    members = [settled(seed) for seed in (1, 2, 3)]
    alone = np.stack([member.predict(GLYPHS, verbose=0) for member in members])
    assert np.abs(alone[0] - alone[1]).max() > 0.01
    together = joined(members).predict(GLYPHS, verbose=0)
    assert together == pytest.approx(alone.mean(axis=0), abs=1e-4)


def test_one_member_is_the_network_itself():
    member = build(RECIPES["dense"], 0)
    assert joined([member]) is member


def test_no_two_runs_share_a_member():
    given = (0, 1, 2**20)
    assert len({member_seed(seed, member) for seed in given for member in (0, 1)}) == 6
    assert [member_seed(seed, 0) for seed in given] == list(given)


def test_the_epochs_of_all_members_are_counted_through():
    first, second = (Progress(({"epoch": 1, "loss": loss}, {"epoch": 2, "loss": loss / 2}), 3.0) for loss in (4, 8))
    told = told_in_turn([first, second])
    assert [(row["epoch"], row["loss"]) for row in told.history] == [(1, 4), (2, 2), (3, 8), (4, 4)]
    assert told.seconds == 6.0


def test_a_stop_in_the_second_member_loses_nothing_of_the_first(
    tmp_path: Path, builtin: Dataset, monkeypatch: pytest.MonkeyPatch
):
    dense = replace(RECIPES["dense"], training_set=as_they_are, sets=1, epochs=2)
    recipe = replace(dense, joined_with=(dense,))
    settings = Settings(epochs=2, limit=200)
    whole = fit(recipe, builtin, tmp_path / "whole", settings)
    import train.fit

    one_epoch, seeds = train.fit._one_epoch, []

    def stops_in_the_second(*arguments):
        seeds.append(arguments[-1])
        if len(seeds) == 4:
            raise KeyboardInterrupt
        return one_epoch(*arguments)

    monkeypatch.setattr("train.fit._one_epoch", stops_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, builtin, tmp_path / "run", settings)
    monkeypatch.undo()
    assert seeds == [0, 0, SEEDS_APART, SEEDS_APART]
    resumed = fit(recipe, builtin, tmp_path / "run", settings)
    assert resumed.history() == whole.history()
    assert [row["epoch"] for row in resumed.history()] == [1, 2, 3, 4]
    for mine, theirs in zip(resumed.model().get_weights(), whole.model().get_weights(), strict=True):
        assert np.array_equal(mine, theirs)
    assert not (resumed.path / "checkpoint").exists()


def test_members_unlike_each_other_are_trained_each_by_its_own_recipe(tmp_path: Path, builtin: Dataset):
    dense = replace(RECIPES["dense"], training_set=as_they_are, sets=1, epochs=2)
    recipe = replace(dense, joined_with=(replace(dense, build=build_digits, epochs=1),))
    run = fit(recipe, builtin, tmp_path / "run", Settings(limit=200))
    assert [row["epoch"] for row in run.history()] == [1, 2, 3]
    names = [layer.name for layer in run.model().layers]
    assert any(name.startswith("flatten") and name.endswith("_of_0") for name in names)
    assert any(name.startswith("conv") and name.endswith("_of_1") for name in names)
