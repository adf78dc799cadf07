"""The nouns of the data: pictures with their labels, and a data set with where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import DataError
from edge.meters.cell import CELL_COLUMNS, CELL_ROWS, normalize_cell
from edge.nouns import GLYPH_SIDE
from edge.paper.normalize import normalize_glyph

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


CROP_SHAPE = (64, 40, 3)
"""Rows, columns and colours of a meter's crop; most are smaller, and enlarging loses nothing."""


class DataNotFoundError(DataError):
    """A data set lies nowhere that was looked, and could not be downloaded; nothing is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Pictures of characters with their labels.

    Parameters
    ----------
    images : (n, 28, 28) uint8
        As the source has them, 0 paper and 255 ink; `glyphs_of` makes them the network's.
    labels : (n,) int64
    writers : (n,) int64, optional
        Who wrote each, or for rendered ones the family of its font; a split keeps them apart.
    series : (n,) int64, optional
        Part of the collection that each comes from; MNIST's hsf 0 to 3 (staff) and 4 (students).
    """

    images: Images
    labels: Labels
    writers: Labels | None = None
    series: Labels | None = None

    def __post_init__(self) -> None:
        found = f"{self.images.shape} {self.images.dtype}"
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (GLYPH_SIDE, GLYPH_SIDE):
            raise TypeError(f"Digits.images must be (n, {GLYPH_SIDE}, {GLYPH_SIDE}) uint8, got {found}")
        for name in ("labels", "writers", "series"):
            values = getattr(self, name)
            if values is not None and (values.dtype != np.int64 or values.shape != (len(self.images),)):
                raise TypeError(f"Digits.{name} must be ({len(self.images)},) int64, got {values.shape} {values.dtype}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Labels) -> Digits:
        """The pictures at `indices`, in that order."""
        return Digits(
            self.images[indices],
            self.labels[indices],
            None if self.writers is None else self.writers[indices],
            None if self.series is None else self.series[indices],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Colour pictures of a meter's cells with their labels.

    Parameters
    ----------
    images : (n, 64, 40, 3) uint8
        As cameras cut them, brought to one size; blue, green, red.
    labels : (n,) int64
        Places in `edge.meters.cell.CELL_LABELS`.
    groups : (n,) int64
        The meter or the contributor of each; a split keeps them apart.
    sources : (n,) int64
        The folder of each, within its group.
    """

    images: Images
    labels: Labels
    groups: Labels
    sources: Labels

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.shape[1:] != CROP_SHAPE:
            found = f"{self.images.shape} {self.images.dtype}"
            raise TypeError(f"Crops.images must be (n, {', '.join(map(str, CROP_SHAPE))}) uint8, got {found}")
        for name in ("labels", "groups", "sources"):
            values = getattr(self, name)
            if values.dtype != np.int64 or values.shape != (len(self.images),):
                raise TypeError(f"Crops.{name} must be ({len(self.images)},) int64, got {values.shape} {values.dtype}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Labels) -> Crops:
        """The crops at `indices`, in that order."""
        return Crops(self.images[indices], self.labels[indices], self.groups[indices], self.sources[indices])


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set with its published split, and what its model's card has to say of it.

    `sha256` has the hash of each file, empty for what is rendered; `labels` the characters in the
    order of the classes; `limits` what a model trained on it cannot be trusted with; `held_out` which of
    `train` validate, where that is not left to chance.
    """

    name: str
    licence: str
    source: str
    sha256: Mapping[str, str]
    train: Digits | Crops
    test: Digits | Crops
    labels: tuple[str, ...]
    limits: tuple[str, ...] = field(default=())
    is_builtin: bool = False
    held_out: Labels | None = None

    def __post_init__(self) -> None:
        for part in (self.train, self.test):
            if len(part) == 0 or not 0 <= part.labels.min() <= part.labels.max() < len(self.labels):
                raise DataError(
                    f"{self.name}: its labels must be 0 to {len(self.labels) - 1}; the files are not its own"
                )


def cells_of(images: Images) -> Images:
    """Each crop (rows, columns, 3) as the network sees it, (n, 32, 20) uint8."""
    cells = np.empty((len(images), CELL_ROWS, CELL_COLUMNS), np.uint8)
    for cell, image in zip(cells, images, strict=True):
        cell[:] = normalize_cell(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return cells


def glyphs_of(images: Images) -> Images:
    """Each picture as the network sees it, through the same function as the camera's, (n, 28, 28) uint8."""
    glyphs = np.empty((len(images), GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    for glyph, image in zip(glyphs, images, strict=True):
        glyph[:] = normalize_glyph(image)
    return glyphs


def hash_file(path: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file, read in pieces.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def check_hash(path: Path, algorithm: str, published: str) -> None:
    """Raise DataError unless a file is the published one."""
    found = hash_file(path, algorithm)
    if found != published:
        raise DataError(
            f"{path}: its {algorithm} is {found[:12]}…, published is {published[:12]}…; "
            "it is damaged or another file: delete it, and it is downloaded again"
        )
