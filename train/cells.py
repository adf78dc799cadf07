"""The sets of the recipe `meter`: real crops of many meters in even measure, and rendered cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.meters.cell import CELL_COLUMNS, CELL_ROWS
from edge.meters.drums import mirrored_scores
from edge.nouns import POSITIONS, Gray
from train.data.dataset import Crops, cells_of
from train.data.fonts import Face, faces_of, family
from train.drums import Shares, draw_labelled_scenes, draw_scenes
from train.scene import HARD, MILD, Handling, photograph_cell, surround
from train.wheels import BACKWARD

Cells = NDArray[np.uint8]
Labels = NDArray[np.int64]

UNUSED_FAMILIES = frozenset({"AmaticSC", "Intuitive", "Hershey gothiceng", "Hershey scripts", "Hershey cursive"})
"""Handwriting and blackletter: no meter is set in them."""

TEMPER = 0.5
"""A folder of n crops is drawn from n to this power times as often as one of a single crop: nights count less."""

FLOOR = 0.003
"""Share of a target that all labels have alike."""

MOST_VALIDATING = 700
"""Real crops that validate; of the largest meter among them, so, not many more than of the others together."""

TAKES = 2
"""Pictures taken of each rendered scene, for rendering takes longer than a picture."""

MIX_COLOURS = 0.5
"""Share of the real crops whose gray mixes the colours in another way than a camera: a red gets darker or lighter."""


@dataclass(frozen=True, slots=True)
class CellMix:
    """What a set is made of: how many real and rendered cells, and the share of those that are taken carefully."""

    real: int
    rendered: int
    mild: float
    shares: Shares


TRAINING = CellMix(real=15_000, rendered=15_000, mild=0.5, shares=Shares())
SETTLING = CellMix(real=15_000, rendered=15_000, mild=0.7, shares=Shares())
VALIDATION = CellMix(real=0, rendered=2000, mild=1.0, shares=Shares(blank=0.08, unreadable=0.15))

SETTLED_SET = 5
"""From this set on cells are taken more carefully: the weights settle on them."""


def meter_set(crops: Crops, number: int, seed: int, mix: CellMix | None = None) -> tuple[Cells, Labels]:
    """A set of real cells, every folder of every group in even measure, and of rendered ones."""
    rng = np.random.default_rng([seed, number])
    mix = mix or (SETTLING if number >= SETTLED_SET else TRAINING)
    share = min(1.0, len(crops) / 2000)  # a trial on few crops gets a small set
    chosen = draw_evenly(crops, round(mix.real * share), rng)
    real = [_photograph_crop(crops, k, _handling(mix, rng), rng) for k in chosen]
    scenes, labels = draw_scenes(round(mix.rendered * share / TAKES), meter_faces("train"), rng, mix.shares)
    rendered = [photograph_cell(scene, rng, _handling(mix, rng)) for _ in range(TAKES) for scene in scenes]
    return _shuffled([*real, *rendered], np.concatenate([crops.labels[chosen], *([labels] * TAKES)]), rng)


def meter_validation_set(crops: Crops, _number: int, seed: int) -> tuple[Cells, Labels]:
    """Real cells of other meters as they are and twice taken by a careful camera, many of one meter thinned out, and
    rendered cells in other faces.
    """
    rng = np.random.default_rng([seed, 1 << 20])
    chosen = draw_evenly(crops, min(len(crops), MOST_VALIDATING), rng, is_repeating=False)
    plain = list(cells_of(crops.images[chosen]))
    taken = [_photograph_crop(crops, k, MILD, rng) for _ in range(TAKES) for k in chosen]
    share = min(1.0, len(crops) / 1000)
    count = round(VALIDATION.rendered * share)
    scenes, labels = draw_labelled_scenes(count, meter_faces("validation"), rng, VALIDATION.shares)
    rendered = [photograph_cell(scene, rng, _handling(VALIDATION, rng)) for scene in scenes]
    own = [crops.labels[chosen]] * (1 + TAKES)
    return _shuffled([*plain, *taken, *rendered], np.concatenate([*own, labels]), rng)


def invert_some(cells: Cells, rng: np.random.Generator) -> Cells:
    """Every second cell with dark and light exchanged, which no two epochs do to the same ones."""
    is_inverted = rng.random(len(cells)) < 0.5
    return np.where(is_inverted[:, None, None], 255 - cells, cells)


def draw_evenly(crops: Crops, count: int, rng: np.random.Generator, is_repeating: bool = True) -> Labels:
    """Indices of `count` crops; folders with many near-doubles give little more than those with few."""
    folders = np.unique(np.column_stack([crops.groups, crops.sources]), axis=0, return_inverse=True)[1].ravel()
    sizes = np.bincount(folders)
    weights = (sizes**TEMPER / sizes)[folders]
    return rng.choice(len(crops), count, replace=is_repeating, p=weights / weights.sum())


def meter_faces(split: Literal["train", "validation", "test"]) -> list[Face]:
    """The faces of a split that a counter could be printed in."""
    return [face for face in faces_of(split) if family(face) not in UNUSED_FAMILIES]


def soft_targets(sigma: float) -> NDArray[np.float32]:
    """What a network should answer to each label, (203, 103): a bell of `sigma` tenths round the circle of positions.

    A label that is true to a tenth says that its neighbours are nearly as right. The last 100 rows, from `BACKWARD` on,
    are of the tenths of drums that turn the other way: the bell about where the drum is, each tenth of it where it
    seems to be, so that one near half-way has two halves of a bell. `FLOOR` goes to all alike: logits that need not run
    away to minus infinity span little, and int8 has finer steps for them.
    """
    apart = np.abs(np.arange(POSITIONS)[:, None] - np.arange(POSITIONS)[None, :])
    bell = np.exp(-0.5 * (np.minimum(apart, POSITIONS - apart) / sigma) ** 2)
    bell /= bell.sum(axis=1, keepdims=True)
    targets = np.eye(BACKWARD + POSITIONS, BACKWARD, dtype=np.float32)
    targets[:POSITIONS, :POSITIONS] = bell
    targets[BACKWARD:, :POSITIONS] = mirrored_scores(bell)
    return (1 - FLOOR) * targets + np.float32(FLOOR / BACKWARD)


def _photograph_crop(crops: Crops, k: int, handling: Handling, rng: np.random.Generator) -> Gray:
    """The k-th crop taken by a camera, at times beside another of its folder."""
    near = int(np.clip(k + rng.integers(-40, 41), 0, len(crops) - 1))
    neighbour = near if crops.groups[near] == crops.groups[k] and crops.sources[near] == crops.sources[k] else k
    box, other = _grays(crops.images[[k, neighbour]], rng)
    return photograph_cell(surround(box, other, rng), rng, handling)


def _handling(mix: CellMix, rng: np.random.Generator) -> Handling:
    return MILD if rng.random() < mix.mild else HARD


def _grays(images: Cells, rng: np.random.Generator) -> list[Gray]:
    """The gray pictures of colour crops, at times by another mixture than a camera's."""
    if rng.random() >= MIX_COLOURS:
        return [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images]
    mixture = rng.dirichlet((0.6, 1.2, 0.9)).astype(np.float32)[None, :]
    return [cv2.transform(image, mixture) for image in images]


def _shuffled(cells: Sequence[Gray], labels: Labels, rng: np.random.Generator) -> tuple[Cells, Labels]:
    order = rng.permutation(len(labels))
    stacked = np.stack(cells) if len(cells) else np.zeros((0, CELL_ROWS, CELL_COLUMNS), np.uint8)
    return stacked[order], labels[order]
