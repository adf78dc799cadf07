import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import DataError
from train.data.dataset import DataNotFoundError
from train.data.download import Remote
from train.data.emnist import BALANCED_LABELS, SHA256, file_names, load_emnist

NOWHERE = Remote((), "md5", "")


def lying_seven() -> np.ndarray:
    """A 7 (a bar on top, a stem on the right) as EMNIST stores it: rows and columns exchanged."""
    seven = np.zeros((28, 28), np.uint8)
    seven[4:7, 6:20] = 255
    seven[4:24, 17:20] = 255
    return seven.T.copy()


def make_files(split: str, first_label: int, classes: int, make_idx: Callable) -> dict[str, bytes]:
    files = {}
    for part, count in (("train", 3 * classes), ("test", classes)):
        labels = (np.arange(count) % classes + first_label).astype(np.uint8)
        images = np.repeat(lying_seven()[None], count, axis=0)
        files[f"emnist-{split}-{part}-images-idx3-ubyte.gz"] = gzip.compress(make_idx(images))
        files[f"emnist-{split}-{part}-labels-idx1-ubyte.gz"] = gzip.compress(make_idx(labels))
    return {name: files[name] for name in file_names(split)}


def sha256_of(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def archive_of(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"gzip/{name}", data)
    return content.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("split", "first_label", "classes"), [("letters", 1, 26), ("balanced", 0, 47), ("digits", 0, 10)]
)
def test_pictures_stand_upright_and_labels_count_from_0(
    tmp_path: Path, make_idx: Callable, split: str, first_label: int, classes: int
):
    files = make_files(split, first_label, classes, make_idx)
    dataset = load_emnist(split, [write(tmp_path, files)], NOWHERE, sha256_of(files))
    np.testing.assert_array_equal(dataset.train.images[0], lying_seven().T)
    assert dataset.train.images[0, 5, 6:20].all(), "the bar of the 7 is on top"
    np.testing.assert_array_equal(dataset.test.labels, np.arange(classes))
    assert len(dataset.labels) == classes
    assert len(dataset.train) == 3 * classes


def test_balanced_has_47_different_characters():
    assert len(set(BALANCED_LABELS)) == 47
    assert (BALANCED_LABELS[10], BALANCED_LABELS[35], BALANCED_LABELS[36], BALANCED_LABELS[46]) == ("A", "Z", "a", "t")


def test_the_published_hashes_are_twelve():
    assert len(set(SHA256.values())) == 12
    assert SHA256["emnist-letters-test-labels-idx1-ubyte.gz"].startswith("924955c3")
    assert SHA256["emnist-balanced-train-images-idx3-ubyte.gz"].startswith("74295e75")
    assert SHA256["emnist-digits-test-images-idx3-ubyte.gz"].startswith("20ebe435")


def test_labels_that_are_not_the_splits_are_refused(tmp_path: Path, make_idx: Callable):
    files = make_files("letters", 0, 26, make_idx)
    with pytest.raises(DataError, match="labels must be 0 to 25"):
        load_emnist("letters", [write(tmp_path, files)], NOWHERE, sha256_of(files))


def test_an_archive_that_lies_there_is_unpacked(tmp_path: Path, make_idx: Callable):
    files = make_files("letters", 1, 26, make_idx)
    data = archive_of(files | {"emnist-mnist-train-images-idx3-ubyte.gz": b"not wanted"})
    write(tmp_path / "mine", {"gzip.zip": data})
    archive = Remote((), "md5", hashlib.md5(data).hexdigest())
    dataset = load_emnist("letters", [tmp_path / "mine", tmp_path / "cache"], archive, sha256_of(files))
    assert len(dataset.train) == 78
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(files)


def test_an_archive_unpacked_by_hand_is_found(tmp_path: Path, make_idx: Callable):
    files = make_files("digits", 0, 10, make_idx)
    write(tmp_path / "gzip", files)
    assert len(load_emnist("digits", [tmp_path], NOWHERE, sha256_of(files)).test) == 10


def test_the_archive_is_downloaded_and_unpacked(tmp_path: Path, make_idx: Callable, make_mirror: Callable):
    files = make_files("letters", 1, 26, make_idx)
    data = archive_of(files)
    mirror = make_mirror({"gzip.zip": data})
    archive = Remote((mirror.url("gzip.zip"),), "md5", hashlib.md5(data).hexdigest())
    dataset = load_emnist("letters", [tmp_path / "cache"], archive, sha256_of(files))
    assert list(dataset.sha256) == list(files)
    assert (tmp_path / "cache" / "gzip.zip").read_bytes() == data


def test_a_wrong_archive_is_refused(tmp_path: Path):
    write(tmp_path, {"gzip.zip": b"something else"})
    with pytest.raises(DataError, match=r"gzip\.zip: its md5 is"):
        load_emnist("letters", [tmp_path], Remote((), "md5", "0" * 32))


@pytest.mark.parametrize(
    ("data", "said"), [(b"PK\3\4 no archive", "damaged archive"), (archive_of({}), "is not in it")]
)
def test_an_archive_without_the_files_is_named(tmp_path: Path, data: bytes, said: str):
    write(tmp_path, {"gzip.zip": data})
    with pytest.raises(DataError, match=said):
        load_emnist("letters", [tmp_path], Remote((), "md5", hashlib.md5(data).hexdigest()))


def test_without_a_network_the_user_is_told_what_to_put_where(tmp_path: Path, dead_url: str, empty_cache: Path):
    with pytest.raises(DataNotFoundError, match=r"put gzip\.zip into"):
        load_emnist("letters", archive=Remote((dead_url + "gzip.zip",), "md5", ""))
