"""How well a network reads a meter that it has never seen: each of the largest groups left out in turn.

    nice -n 19 python -m tests.meters.leave_one_out --groups 20 --out tests/meters/leave_one_out.json

For each group two short trainings of the recipe's network without it, one with rendered cells and one on real crops
only, each as long as the other. The report is written after every training, and a second start goes on with
what is missing. The trainings are shorter than the bundle's: compare the two columns, not either with the bundle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.atomic import write_text
from edge.cell import CELL_LABELS
from edge.classifier import softmax
from tests.meters.measure import Answers, Sample, share, verdicts
from train.data.dataset import Crops, cells_of
from train.data.meter import load_meter
from train.quiet import import_keras_quietly
from train.run_folder import as_json

SETS = 2


def all_crops() -> Crops:
    """Every crop, whatever its published split: each is judged by networks that have not seen its group."""
    dataset = load_meter()
    parts = dataset.train, dataset.test
    return Crops(*(np.concatenate([getattr(part, name) for part in parts]) for name in Crops.__slots__))


def largest_groups(crops: Crops, count: int) -> list[int]:
    """The groups with the most crops, the largest first."""
    groups, sizes = np.unique(crops.groups, return_counts=True)
    return [int(group) for group in groups[np.argsort(-sizes, kind="stable")][:count]]


def judge_left_out(crops: Crops, group: int, is_rendered: bool, epochs: int, cells: int, seed: int) -> dict[str, Any]:
    """Train without a group, and read it."""
    from train.cells import TRAINING, meter_set
    from train.evaluate import logits_of
    from train.fit import CosineSchedule, build, soft_targets
    from train.recipes import RECIPES

    recipe = RECIPES["meter"]
    real = cells // 2 if is_rendered else cells
    mix = replace(TRAINING, real=real, rendered=cells - real)
    others = crops.take(np.flatnonzero(crops.groups != group))
    model = build(recipe, seed)
    made = [partial(meter_set, mix=mix)(others, number, seed) for number in range(SETS)]
    for epoch in range(epochs):
        glyphs, labels = made[epoch % SETS]
        schedule = CosineSchedule(recipe.learning_rate, epoch, epochs)
        targets = soft_targets(recipe.bell_tenths)[labels]
        model.fit(glyphs[..., None], targets, batch_size=recipe.batch_size, callbacks=[schedule], verbose=0)
    left_out = crops.take(np.flatnonzero(crops.groups == group))
    logits = logits_of(model, cells_of(left_out.images))
    right = verdicts(Sample([], left_out.labels, left_out.groups), read(logits))
    settled = Sample([], left_out.labels, left_out.groups).is_settled
    return {"within 0.1": share(right["within 0.1"]), "settled digit": share(right["digit"][settled])}


def read(logits: np.ndarray) -> Answers:
    """The answers in logits (n, 103)."""
    from edge.cell import scores_of
    from tests.meters.measure import answers_of

    return answers_of([scores_of(row) for row in softmax(logits.astype(np.float64))])


def missing(done: dict[str, Any], groups: list[int]) -> Iterator[tuple[int, bool]]:
    """The trainings that a report lacks."""
    for group in groups:
        for is_rendered in (True, False):
            if column(is_rendered) not in done.get(str(group), {}):
                yield group, is_rendered


def column(is_rendered: bool) -> str:
    """The name of a column of the report."""
    return "with rendered cells" if is_rendered else "real crops only"


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Means over the groups that have both columns, each group counting once."""
    whole = [row for row in rows.values() if len(row) == 3]
    return {
        "groups": len(whole),
        **{
            column(each): {
                name: round(float(np.mean([row[column(each)][name]["share"] for row in whole])), 4)
                for name in ("within 0.1", "settled digit")
            }
            for each in (True, False)
            if whole
        },
    }


@click.command()
@click.option("--groups", type=click.IntRange(1), default=20, show_default=True, help="How many of the largest groups.")
@click.option("--epochs", type=click.IntRange(1), default=4, show_default=True)
@click.option("--cells", type=click.IntRange(500), default=12_000, show_default=True, help="In each training set.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def main(groups: int, epochs: int, cells: int, seed: int, out: Path) -> None:
    """Leave each of the largest groups out in turn."""
    import_keras_quietly()
    settings = {"epochs": epochs, "cells": cells, "seed": seed, "labels": len(CELL_LABELS)}
    crops = all_crops()
    found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {"settings": settings, "rows": {}}
    if found["settings"] != settings:
        raise click.UsageError(f"{out} was made with {found['settings']}; name another file, or give the same settings")
    for group, is_rendered in missing(found["rows"], largest_groups(crops, groups)):
        row = found["rows"].setdefault(str(group), {"crops": int((crops.groups == group).sum())})
        row[column(is_rendered)] = judge_left_out(crops, group, is_rendered, epochs, cells, seed)
        found["means"] = summary(found["rows"])
        write_text(out, as_json(found))
        click.echo(f"group {group}, {column(is_rendered)}: {row[column(is_rendered)]}", err=True)


if __name__ == "__main__":
    main()
