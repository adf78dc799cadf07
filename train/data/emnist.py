"""EMNIST (letters, balanced, digits) from its gzip files or the published archive; always checked against sha256.

References
----------
Cohen, Afshar, Tapson, van Schaik: EMNIST, an extension of MNIST to handwritten letters, 2017 (arXiv 1702.05373)
https://www.nist.gov/itl/products-and-services/emnist-dataset
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.atomic import replacing
from edge.errors import DataError
from train.data.dataset import DataNotFoundError, Dataset, Digits, check_hash, hash_file
from train.data.download import Remote, download
from train.data.idx import read_images, read_labels
from train.data.places import data_places, find_files

ARCHIVE = Remote(
    urls=(
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://rds.westernsydney.edu.au/Institutes/MARCS/BENS/EMNIST/emnist-gzip.zip",
    ),
    algorithm="md5",
    digest="58c8d27c78d21e728a6bc7b3cc06412e",
)
"""All splits in one file of 536 MB."""

ARCHIVE_NAMES = ("gzip.zip", "emnist-gzip.zip")

LETTERS_LABELS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Both cases of a letter are one class."""

BALANCED_LABELS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
"""Small letters that look like their capital (c, i, j, k, ...) are in its class."""

CHARACTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"letters": LETTERS_LABELS, "balanced": BALANCED_LABELS, "digits": tuple("0123456789")}
)
"""Classes of each split, in order."""

FIRST_LABEL: Mapping[str, int] = MappingProxyType({"letters": 1, "balanced": 0, "digits": 0})
"""The files of `letters` count from 1."""


def file_names(split: str) -> tuple[str, ...]:
    """Train images, train labels, test images, test labels of a split, as published."""
    kinds = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    return tuple(f"emnist-{split}-{kind}-ubyte.gz" for kind in kinds)


PUBLISHED = {
    "balanced": (
        "74295e75e4e9fa2c102147460ee7eb763653d5132d883a84fb88932bfb8d2db4",
        "b46d41e5156a0a8aaaa4d18979fdd1588850fa8571018acffd5d93b325a7d6ed",
        "117fc12b015e37ea98bfb2cbba3f77c3782c056cdbd219b87abfc8661d7135db",
        "a67cac948379b67270b9a4d0a01c8ec661598accf2f2b1964340b7c83cb175cd",
    ),
    "letters": (
        "6288f418a917e007bf5fddb823a2dc7a5c6a35031401b93292a539cb12bd881f",
        "9759af91ea6bccdf07a6040fd085861f2ec88e37f7c3f5760f6feb57106fbe5c",
        "50f0e93d75b99b463e9760b8345866f22587fa2c2fba472730a5ba09c693412d",
        "924955c31fe7fd809b7303b5c0141282955f4b8390c74cdfd5d80435e0f4b4cb",
    ),
    "digits": (
        "f7c95004d14d81af89522e67d8f0c781dfb3bd544181c81bfe1eb6b41c35b726",
        "6638a6ff5fe2eefd9cca2471995b46c82986b8e4b2a70d2f5ce8e05d7edb319e",
        "20ebe43509264f7639d37c835a3f0b009e90b29e00a099a03101abe1644a3f63",
        "bad1834c45d5988e270b99d43b13edc3fd898f658ffbc2caf2846ef27f7b05b0",
    ),
}
"""The sha256 of each split's files, in the order of `file_names`."""

SHA256: Mapping[str, str] = MappingProxyType(
    {
        name: digest
        for split, digests in PUBLISHED.items()
        for name, digest in zip(file_names(split), digests, strict=True)
    }
)
"""The same by file name."""


def load_emnist(
    split: str,
    places: Sequence[Path] | None = None,
    archive: Remote = ARCHIVE,
    sha256: Mapping[str, str] = SHA256,
) -> Dataset:
    """One split of EMNIST, upright, its labels counted from 0.

    Parameters
    ----------
    split : str
        "letters", "balanced" or "digits".
    places : sequence of Path, optional
        Folders to look in, for the gzip files or the archive; what is downloaded and unpacked goes into the last.
    archive : Remote
    sha256 : mapping of file name to hex sha256

    Raises
    ------
    DataNotFoundError
        Neither files nor archive lie anywhere, and no mirror gave the archive.
    DataError
        A file is altered or missing, or its labels are not the split's.
    """
    places = data_places("emnist") if places is None else places
    names = file_names(split)
    folders = [place / part for place in places for part in ("gzip", ".")]
    paths = find_files(names, folders) or _unpack(_archive(places, archive), names, places[-1])
    for path in paths:
        check_hash(path, "sha256", sha256[path.name])
    train_images, train_labels, test_images, test_labels = paths
    return Dataset(
        name=f"EMNIST {split}",
        licence="NIST Special Database 19, a work of the United States government; cite Cohen et al. 2017",
        source="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        sha256={path.name: hash_file(path) for path in paths},
        train=_read_part(split, train_images, train_labels),
        test=_read_part(split, test_images, test_labels),
        labels=CHARACTERS[split],
        limits=("EMNIST shares writers with MNIST's test set: accuracy on MNIST means nothing for this model.",),
    )


def _archive(places: Sequence[Path], archive: Remote) -> Path:
    for place in places:
        for name in ARCHIVE_NAMES:
            if (place / name).is_file():
                check_hash(place / name, archive.algorithm, archive.digest)
                return place / name
    try:
        return download(archive, places[-1] / ARCHIVE_NAMES[0])
    except DataNotFoundError as error:
        raise DataNotFoundError(
            f"EMNIST: {error}; put gzip.zip into {places[-1]}, or into emnist/ of the folder that DIGITS_DATA names"
        ) from error


def _unpack(archive: Path, names: Sequence[str], folder: Path) -> list[Path]:
    """The files `names` of the archive, unpacked into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as members:
            by_name = {Path(member).name: member for member in members.namelist()}
            for name in names:
                _unpack_member(members, by_name[name], folder / name)
    except KeyError as error:
        raise DataError(f"{archive}: {error.args[0]} is not in it; it must be NIST's archive of gzip files") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{archive}: is a damaged archive ({error}); delete it and get it again") from error
    return [folder / name for name in names]


def _unpack_member(members: zipfile.ZipFile, member: str, target: Path) -> None:
    with members.open(member) as packed, replacing(target) as beside, beside.open("wb") as file:
        shutil.copyfileobj(packed, file)


def _read_part(split: str, images_path: Path, labels_path: Path) -> Digits:
    """EMNIST's pictures lie on their side: rows and columns are exchanged."""
    stored = read_images(images_path)
    labels = read_labels(labels_path, len(stored)) - FIRST_LABEL[split]
    return Digits(np.ascontiguousarray(stored.transpose(0, 2, 1)), labels)
