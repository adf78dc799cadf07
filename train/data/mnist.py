"""MNIST from its four IDX files: found, or downloaded; always checked against the published md5."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.errors import DataError
from train.data.dataset import DataNotFoundError, Dataset, Digits, Labels, check_hash, hash_file
from train.data.download import Remote, download
from train.data.idx import read_images, read_labels
from train.data.places import data_places, find_file, find_files

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)

MD5: Mapping[str, str] = MappingProxyType(
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    }
)
"""As published at http://yann.lecun.com/exdb/mnist/ (Keras, torchvision and TensorFlow datasets check the same)."""

UNPACKED_MD5: Mapping[str, str] = MappingProxyType(
    {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
)
"""Of the same files unpacked, computed from them."""

WRITERS_FILE = "mnist_writers.npz"


def load_mnist(
    places: Sequence[Path] | None = None, mirrors: Sequence[str] = MIRRORS, md5: Mapping[str, str] | None = None
) -> Dataset:
    """The 60,000 + 10,000 digits, with their writers where `mnist_writers.npz` lies beside the files.

    Parameters
    ----------
    places : sequence of Path, optional
        Folders to look in; downloads go into the last. By default DIGITS_DATA/mnist and the user's cache.
    mirrors : sequence of str
    md5 : mapping of file name to hex md5, optional
        By default the published ones, of the files packed or unpacked.

    Raises
    ------
    DataNotFoundError
        The files lie nowhere and no mirror gave them.
    DataError
        A file is altered or one of the four is missing.
    """
    places = data_places("mnist") if places is None else places
    known = {**MD5, **UNPACKED_MD5} if md5 is None else md5
    names = tuple(name for name in known if name.endswith(".gz"))
    paths = find_files(names, places) or _download_all(names, places[-1], mirrors, known)
    for path in paths:
        check_hash(path, "md5", known[path.name])
    train_images, train_labels, test_images, test_labels = paths
    return Dataset(
        name="MNIST",
        licence="CC BY-SA 3.0",
        source="Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database, from NIST Special Databases 1 and 3",
        sha256={path.name: hash_file(path) for path in paths},
        train=_read_part(train_images, train_labels, "train"),
        test=_read_part(test_images, test_labels, "test"),
        labels=tuple("0123456789"),
        limits=("Handwriting of American employees and students; other hands are read less surely.",),
    )


def _download_all(names: Sequence[str], folder: Path, mirrors: Sequence[str], known: Mapping[str, str]) -> list[Path]:
    """The files in `folder`, those that are not there yet from a mirror."""
    try:
        return [
            find_file(folder, name)
            or download(Remote(tuple(mirror + name for mirror in mirrors), "md5", known[name]), folder / name)
            for name in names
        ]
    except DataNotFoundError as error:
        raise DataNotFoundError(f"MNIST: {error}; {where_to_put(names)}") from error


def where_to_put(names: Sequence[str] = tuple(MD5), folder: str = "mnist") -> str:
    """What a user without a network can do."""
    return (
        f"put {', '.join(names)} into {data_places(folder)[-1]}, or into {folder}/ of the folder that DIGITS_DATA names"
    )


def _read_part(images_path: Path, labels_path: Path, split: str) -> Digits:
    images = read_images(images_path)
    labels = read_labels(labels_path, len(images))
    writers_path = images_path.with_name(WRITERS_FILE)
    if not writers_path.is_file():
        return Digits(images, labels)
    return Digits(
        images,
        labels,
        _read_column(writers_path, f"{split}_writer", len(images)),
        _read_column(writers_path, f"{split}_hsf", len(images)),
    )


def _read_column(path: Path, key: str, count: int) -> Labels:
    try:
        with np.load(path, allow_pickle=False) as archive:
            column = archive[key]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: {key} cannot be read ({error}); move the file away to do without writers") from error
    if column.shape != (count,) or column.dtype.kind not in "iu":
        raise DataError(f"{path}: {key} must be ({count},) integers, got {column.shape} {column.dtype}")
    return column.astype(np.int64)
