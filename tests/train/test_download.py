import hashlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import DataError, OutputError
from train.data.dataset import DataNotFoundError
from train.data.download import Remote, answering, download

DATA = bytes(range(256)) * 400


def remote(*urls: str, data: bytes = DATA) -> Remote:
    return Remote(urls, "sha256", hashlib.sha256(data).hexdigest())


def test_a_file_arrives_whole_and_leaves_no_part(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    path = download(remote(mirror.url("a.gz")), tmp_path / "deep" / "a.gz")
    assert path.read_bytes() == DATA
    assert [found.name for found in path.parent.iterdir()] == ["a.gz"]


def test_a_dead_mirror_is_passed_over(tmp_path: Path, make_mirror: Callable, dead_url: str):
    mirror = make_mirror({"a.gz": DATA})
    assert download(remote(dead_url + "a.gz", mirror.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA


def test_a_mirror_without_the_file_is_passed_over(tmp_path: Path, make_mirror: Callable):
    empty, full = make_mirror({}), make_mirror({"a.gz": DATA})
    assert download(remote(empty.url("a.gz"), full.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA


def test_an_earlier_part_is_continued(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    (tmp_path / "a.gz.part").write_bytes(DATA[:1000])
    assert download(remote(mirror.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA
    assert "bytes=1000-" in mirror.ranges


def test_what_one_mirror_breaks_off_the_next_one_continues(tmp_path: Path, make_mirror: Callable):
    breaking, whole = make_mirror({"a.gz": DATA}), make_mirror({"a.gz": DATA})
    breaking.breaks_after = 70_000
    assert download(remote(breaking.url("a.gz"), whole.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA
    assert "bytes=65536-" in whole.ranges


def test_a_broken_off_file_stays_as_a_part(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    mirror.breaks_after = 70_000
    with pytest.raises(DataNotFoundError, match="the connection broke"):
        download(remote(mirror.url("a.gz")), tmp_path / "a.gz")
    assert (tmp_path / "a.gz.part").read_bytes() == DATA[:65536]  # all whole pieces
    assert not (tmp_path / "a.gz").exists()


def test_a_mirror_without_ranges_starts_anew(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    mirror.knows_ranges = False
    (tmp_path / "a.gz.part").write_bytes(b"x" * 1000)
    assert download(remote(mirror.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA


def test_a_complete_part_needs_no_bytes(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    (tmp_path / "a.gz.part").write_bytes(DATA)
    assert download(remote(mirror.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA


def test_wrong_content_leaves_nothing(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": b"<html>please log in</html>"})
    with pytest.raises(DataNotFoundError, match="its sha256 is"):
        download(remote(mirror.url("a.gz")), tmp_path / "a.gz")
    assert list(tmp_path.iterdir()) == []


def test_after_wrong_content_the_next_mirror_is_asked_for_all(tmp_path: Path, make_mirror: Callable):
    wrong, right = make_mirror({"a.gz": DATA[::-1]}), make_mirror({"a.gz": DATA})
    assert download(remote(wrong.url("a.gz"), right.url("a.gz")), tmp_path / "a.gz").read_bytes() == DATA


def test_an_earlier_file_stays_when_the_download_fails(tmp_path: Path, dead_url: str):
    (tmp_path / "a.gz").write_bytes(b"before")
    with pytest.raises(DataNotFoundError, match="no answer"):
        download(remote(dead_url + "a.gz"), tmp_path / "a.gz")
    assert (tmp_path / "a.gz").read_bytes() == b"before"


def test_a_silent_mirror_costs_the_time_limit_only(make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.gz"
        start_s = time.monotonic()
        assert answering([url, mirror.url("a.gz")], limit_s=0.5) == [mirror.url("a.gz")]
        assert time.monotonic() - start_s < 3


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, make_mirror: Callable):
    mirror = make_mirror({"a.gz": DATA})
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        download(remote(mirror.url("a.gz")), tmp_path / "file" / "a.gz")


def test_two_downloads_of_a_file_do_not_mix(tmp_path: Path, make_mirror: Callable):
    import fcntl

    mirror = make_mirror({"a.gz": DATA})
    with (tmp_path / "a.gz.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process"):
            download(remote(mirror.url("a.gz")), tmp_path / "a.gz")
