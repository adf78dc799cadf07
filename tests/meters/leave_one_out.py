"""How well a network reads a meter that it has never seen: each of the largest groups left out in turn.

    nice -n 19 python -m tests.meters.leave_one_out --groups 20 --out tests/meters/leave_one_out.json

First the bundle reads those of the groups that it never saw, which takes no training. Then two short trainings of the
recipe's network without each group, one with rendered cells and one on real crops only, each as long as the other. With
`--at-once N` the largest is left out alone and the others N at a time: fewer trainings, and each group is judged by a
network that has seen neither it nor those left out with it. The report is written after every training, with the commit
that it ran at, and a second start goes on with what is missing. The trainings are shorter than the bundle's: compare
their two columns, not either with the bundle's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from numpy.typing import NDArray

from edge.atomic import write_text
from edge.inference.classifier import CellClassifier, softmax
from edge.meters.cell import scores_of
from tests.meters.measure import BATCH, Answers, Sample, answers_of, share, verdicts
from train.card import git_commit
from train.cells import invert_some
from train.data.dataset import Crops, cells_of
from train.data.meter import HELD_OUT, load_meter
from train.quiet import import_keras_quietly
from train.run_folder import as_json

SETS = 2

BUNDLE = "the bundle, never seen"
FIGURES = ("within 0.1", "settled digit")

Cells = NDArray[np.uint8]


def all_crops() -> Crops:
    """Every crop, whatever its published split: each is judged by networks that have not seen its group."""
    dataset = load_meter()
    parts = dataset.train, dataset.test
    return Crops(*(np.concatenate([getattr(part, name) for part in parts]) for name in Crops.__slots__))


def largest_groups(crops: Crops, count: int) -> list[int]:
    """The groups with the most crops, the largest first."""
    groups, sizes = np.unique(crops.groups, return_counts=True)
    return [int(group) for group in groups[np.argsort(-sizes, kind="stable")][:count]]


def deal(groups: Sequence[int], at_once: int) -> list[tuple[int, ...]]:
    """What is left out together: the largest group alone, the others `at_once`, large with small."""
    others = groups[1:]
    count = -(-len(others) // at_once)
    return [(groups[0],), *(tuple(others[k::count]) for k in range(count))]


def train_without(crops: Crops, groups: Sequence[int], is_rendered: bool, settings: dict[str, int]) -> Any:
    """The recipe's network after a short training without some groups."""
    from train.cells import TRAINING, meter_set
    from train.fit import CosineSchedule, build, soft_targets
    from train.recipes import RECIPES

    recipe, epochs = RECIPES["meter"], settings["epochs"]
    real = settings["cells"] // 2 if is_rendered else settings["cells"]
    mix = replace(TRAINING, real=real, rendered=settings["cells"] - real)
    others = crops.take(np.flatnonzero(~np.isin(crops.groups, groups)))
    model = build(recipe, settings["seed"])
    made = [meter_set(others, number, settings["seed"], mix) for number in range(SETS)]
    for epoch in range(epochs):
        glyphs, labels = made[epoch % SETS]
        seen = invert_some(glyphs, np.random.default_rng([settings["seed"], epoch]))
        schedule = CosineSchedule(recipe.learning_rate, epoch, epochs)
        targets = soft_targets(recipe.bell_tenths)[labels]
        model.fit(seen[..., None], targets, batch_size=recipe.batch_size, callbacks=[schedule], verbose=0)
    return model


def judge(read: Callable[[Cells], Answers], crops: Crops, group: int) -> dict[str, Any]:
    """How well a group is read, and by which commit's code."""
    left_out = crops.take(np.flatnonzero(crops.groups == group))
    sample = Sample([], left_out.labels, left_out.groups)
    right = verdicts(sample, read(cells_of(left_out.images)))
    figures = {"within 0.1": share(right["within 0.1"]), "settled digit": share(right["digit"][sample.is_settled])}
    return figures | {"commit": git_commit()}


def reader_of(model: keras.Model) -> Callable[[Cells], Answers]:
    """What a network answers to cells."""
    from train.evaluate import logits_of

    return lambda cells: answers_of([scores_of(row) for row in softmax(logits_of(model, cells).astype(np.float64))])


def bundle_reader(classifier: CellClassifier) -> Callable[[Cells], Answers]:
    """What a bundle answers to cells."""
    return lambda cells: answers_of(
        [each for k in range(0, len(cells), BATCH) for each in classifier.predict(list(cells[k : k + BATCH]))]
    )


def unseen_groups() -> set[int]:
    """Groups that no training of the recipe sees: those of the published val split, and those that validate."""
    dataset = load_meter()
    return {*dataset.test.groups.tolist(), *HELD_OUT}


def missing(done: dict[str, Any], parts: Sequence[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], bool]]:
    """The trainings that a report lacks."""
    for part in parts:
        for is_rendered in (True, False):
            if any(column(is_rendered) not in done.get(str(group), {}) for group in part):
                yield part, is_rendered


def column(is_rendered: bool) -> str:
    """The name of a column of the report."""
    return "with rendered cells" if is_rendered else "real crops only"


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Means over groups, each counting once: of the bundle, and of the groups that have both columns of trainings."""
    whole = [row for row in rows.values() if column(True) in row and column(False) in row]
    judged = [row for row in rows.values() if BUNDLE in row]
    parts = {BUNDLE: judged, column(True): whole, column(False): whole}
    return {name: _means(part, name) for name, part in parts.items() if part}


def _means(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    """Mean over groups of each figure of a column; a group without a settled digit has none of those."""
    shares = {figure: [row[name][figure]["share"] for row in rows if row[name][figure]] for figure in FIGURES}
    means = {figure: round(float(np.mean(values)), 4) for figure, values in shares.items() if values}
    return {"groups": len(rows), **means}


@click.command()
@click.option("--groups", type=click.IntRange(1), default=20, show_default=True, help="How many of the largest groups.")
@click.option("--at-once", type=click.IntRange(1), default=1, show_default=True, help="How many are left out together.")
@click.option("--epochs", type=click.IntRange(1), default=6, show_default=True)
@click.option("--cells", type=click.IntRange(500), default=12_000, show_default=True, help="In each training set.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--model", type=click.Path(path_type=Path), default=Path("models/meter"), show_default=True)
@click.option("--bundle-only", is_flag=True, help="No trainings.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def main(
    groups: int, at_once: int, epochs: int, cells: int, seed: int, model: Path, bundle_only: bool, out: Path
) -> None:
    """Leave each of the largest groups out in turn."""
    import_keras_quietly()
    settings = {"groups": groups, "at_once": at_once, "epochs": epochs, "cells": cells, "seed": seed}
    crops = all_crops()
    found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {"settings": settings, "rows": {}}
    if found["settings"] != settings:
        raise click.UsageError(f"{out} was made with {found['settings']}; name another file, or give the same settings")
    classifier = CellClassifier.open(model)
    read, unseen = bundle_reader(classifier), unseen_groups()
    for group in largest_groups(crops, groups):
        row = found["rows"].setdefault(str(group), {"crops": int((crops.groups == group).sum())})
        row |= {BUNDLE: judge(read, crops, group)} if group in unseen else {}
    found |= {"model_sha256": classifier.card.model_sha256, "means": summary(found["rows"])}
    write_text(out, as_json(found))
    if bundle_only:
        return
    for part, is_rendered in missing(found["rows"], deal(largest_groups(crops, groups), at_once)):
        network = train_without(crops, part, is_rendered, settings)
        for group in part:
            row = found["rows"][str(group)]
            row[column(is_rendered)] = judge(reader_of(network), crops, group)
            click.echo(f"group {group}, {column(is_rendered)}: {row[column(is_rendered)]}", err=True)
        found["means"] = summary(found["rows"])
        write_text(out, as_json(found))


if __name__ == "__main__":
    main()
