"""Rendered cells in the place of real crops, for those who have none: `--data builtin` of the recipe meter."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from edge.meters.cell import CELL_LABELS
from train.cells import meter_faces
from train.data.dataset import Crops, Dataset
from train.drums import draw_labelled_scenes
from train.scene import box_of

COUNT = 6000
"""Rendered crops that stand for the real ones of training; the training sets render more about them."""

TEST_COUNT = 3000


def load_rendered_cells(seed: int = 0, count: int = COUNT, test_count: int = TEST_COUNT) -> Dataset:
    """Rendered crops; those of the test set are in faces that training does not have."""
    return Dataset(
        name="rendered cells",
        licence="MIT",
        source="rendered by train/drums.py",
        sha256={},
        train=_render(count, "train", seed),
        test=_render(test_count, "test", seed),
        labels=CELL_LABELS,
        limits=("Trained on rendered cells only, on no photograph of a meter.",),
        is_builtin=True,
    )


def _render(count: int, split: Literal["train", "test"], seed: int) -> Crops:
    rng = np.random.default_rng([seed, count, len(split)])
    scenes, labels = draw_labelled_scenes(count, meter_faces(split), rng)
    images = np.stack([cv2.cvtColor(box_of(scene), cv2.COLOR_GRAY2BGR) for scene in scenes])
    groups = rng.integers(0, 40, len(labels))
    return Crops(images, labels, groups, np.zeros(len(labels), np.int64))
