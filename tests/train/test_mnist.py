from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import DataError
from train.data.dataset import DataNotFoundError
from train.data.mnist import load_mnist


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_files_give_pictures_labels_and_hashes(tmp_path: Path, mnist_files: dict, mnist_md5: dict):
    dataset = load_mnist([put(tmp_path, mnist_files)], mirrors=[], md5=mnist_md5)
    assert (len(dataset.train), len(dataset.test)) == (40, 20)
    np.testing.assert_array_equal(dataset.test.labels[:12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    assert dataset.train.images[7, 10, 12] == 107
    assert list(dataset.sha256) == list(mnist_files)
    assert all(len(value) == 64 for value in dataset.sha256.values())
    assert dataset.labels == tuple("0123456789")
    assert dataset.train.writers is None


def test_the_first_place_that_has_them_is_taken(tmp_path: Path, mnist_files: dict, mnist_md5: dict):
    places = [tmp_path / "empty", put(tmp_path / "full", mnist_files)]
    assert len(load_mnist(places, mirrors=[], md5=mnist_md5).train) == 40


def test_writers_are_read_where_they_lie_beside(tmp_path: Path, mnist_files: dict, mnist_md5: dict):
    put(tmp_path, mnist_files)
    columns = {"train_writer": np.arange(40, dtype=np.int16), "train_hsf": np.full(40, 4, np.uint8)}
    columns |= {"test_writer": np.arange(20, dtype=np.int16) + 100, "test_hsf": np.full(20, 1, np.uint8)}
    np.savez(tmp_path / "mnist_writers.npz", **columns)
    dataset = load_mnist([tmp_path], mirrors=[], md5=mnist_md5)
    np.testing.assert_array_equal(dataset.train.writers, np.arange(40))
    np.testing.assert_array_equal(dataset.test.writers, np.arange(20) + 100)
    np.testing.assert_array_equal(dataset.test.series, np.ones(20))


@pytest.mark.parametrize("columns", [{"other": np.zeros(40, np.int16)}, {"train_writer": np.zeros(39, np.int16)}])
def test_a_writers_file_that_does_not_fit_is_refused(tmp_path: Path, mnist_files: dict, mnist_md5: dict, columns: dict):
    np.savez(put(tmp_path, mnist_files) / "mnist_writers.npz", **columns)
    with pytest.raises(DataError, match=r"mnist_writers\.npz: train_writer"):
        load_mnist([tmp_path], mirrors=[], md5=mnist_md5)


def test_an_altered_file_is_refused_by_its_name(tmp_path: Path, mnist_files: dict, mnist_md5: dict):
    name = "t10k-images-idx3-ubyte.gz"
    put(tmp_path, mnist_files | {name: mnist_files[name] + b"x"})
    with pytest.raises(DataError, match=f"{name}: its md5 is") as caught:
        load_mnist([tmp_path], mirrors=[], md5=mnist_md5)
    assert not isinstance(caught.value, DataNotFoundError)


def test_a_missing_fourth_file_is_named(tmp_path: Path, mnist_files: dict, mnist_md5: dict):
    del mnist_files["t10k-labels-idx1-ubyte.gz"]
    places = [put(tmp_path / "mine", mnist_files), tmp_path / "cache"]
    with pytest.raises(DataError, match=r"mine: t10k-labels-idx1-ubyte\.gz is missing"):
        load_mnist(places, mirrors=[], md5=mnist_md5)


def test_missing_files_are_downloaded_into_the_last_place(
    tmp_path: Path, mnist_files: dict, mnist_md5: dict, make_mirror: Callable
):
    mirror = make_mirror(mnist_files)
    load_mnist([tmp_path / "mine", tmp_path / "cache"], mirrors=[mirror.url()], md5=mnist_md5)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(mnist_files)
    again = load_mnist([tmp_path / "mine", tmp_path / "cache"], mirrors=[], md5=mnist_md5)
    assert len(again.train) == 40


def test_without_files_and_mirrors_the_user_is_told_where_to_put_them(empty_cache: Path, dead_url: str):
    with pytest.raises(DataNotFoundError) as caught:
        load_mnist(mirrors=[dead_url])
    assert str(empty_cache / "readout" / "mnist") in str(caught.value)
    assert "DIGITS_DATA" in str(caught.value)


def test_digits_data_that_names_no_folder_is_an_error(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DIGITS_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match="typo: no such folder"):
        load_mnist(mirrors=[])


def test_the_published_files_are_accepted(digits_data: Path):
    dataset = load_mnist([digits_data / "mnist"], mirrors=[])
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    np.testing.assert_array_equal(dataset.train.labels[:10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
