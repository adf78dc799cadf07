import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import DataError
from train.data.idx import read_idx, read_images, read_labels

Idx = Callable[[np.ndarray], bytes]
NUMBERS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_a_literal_file_gives_its_numbers(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]))
    np.testing.assert_array_equal(read_idx(path), [[1, 2, 3], [4, 5, 255]])
    assert read_idx(path).dtype == np.uint8


def test_packed_and_plain_files_give_the_same(tmp_path: Path, make_idx: Idx):
    (tmp_path / "plain").write_bytes(make_idx(NUMBERS))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(make_idx(NUMBERS)))
    for name in ("plain", "packed.gz"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), NUMBERS)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: b"", "nothing"),
        (lambda data: b"PNG" + data, "no IDX file"),
        (lambda data: bytes([0, 0, 13, 1]) + data[4:], "no IDX file"),
        (lambda data: data[:10], "truncated in its header"),
        (lambda data: data[:-1], "39 bytes, shape \\(2, 3, 4\\) needs 40"),
        (lambda data: data + b"\0", "too long"),
        (lambda _: bytes([0, 0, 8, 3]) + b"\xff" * 12, "truncated"),
        (lambda data: gzip.compress(data)[:-9], "damaged gzip"),
        (lambda data: gzip.compress(data)[:20] + b"\0" * 40, "damaged gzip"),
    ],
)
def test_a_spoilt_file_is_named_with_its_fault(tmp_path: Path, make_idx: Idx, spoil: Callable, said: str):
    path = tmp_path / "spoilt"
    path.write_bytes(spoil(make_idx(NUMBERS)))
    with pytest.raises(DataError, match=said) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_data_error(tmp_path: Path):
    with pytest.raises(DataError, match="No such file"):
        read_idx(tmp_path / "nowhere")


def test_pictures_must_be_28_by_28(tmp_path: Path, make_idx: Idx):
    (tmp_path / "a").write_bytes(make_idx(NUMBERS))
    with pytest.raises(DataError, match=r"28x28 pictures, got shape \(2, 3, 4\)"):
        read_images(tmp_path / "a")


def test_labels_must_be_as_many_as_pictures(tmp_path: Path, make_idx: Idx):
    (tmp_path / "a").write_bytes(make_idx(np.array([3, 1, 4], np.uint8)))
    np.testing.assert_array_equal(read_labels(tmp_path / "a", 3), [3, 1, 4])
    with pytest.raises(DataError, match="must hold 4 labels"):
        read_labels(tmp_path / "a", 4)
