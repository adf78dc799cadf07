"""Files are written whole or not at all."""

import errno
import os

import pytest

from edge.atomic import replacing, write_bytes, write_text
from edge.errors import OutputError


def test_bytes_arrive_and_nothing_is_left_beside_them(tmp_path):
    write_bytes(tmp_path / "a.bin", b"\0\1")
    assert (tmp_path / "a.bin").read_bytes() == b"\0\1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_text_is_utf8_and_line_ends_stay(tmp_path):
    write_text(tmp_path / "a.txt", "m³\r\n")
    assert (tmp_path / "a.txt").read_bytes() == b"m\xc2\xb3\r\n"


def test_a_failing_block_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "model.keras"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as beside:
            beside.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_path_beside_keeps_the_suffix_that_libraries_look_at(tmp_path):
    with replacing(tmp_path / "curves.png") as beside:
        assert beside.suffix == ".png"
        assert beside.parent == tmp_path
        beside.write_bytes(b"x")
    assert (tmp_path / "curves.png").read_bytes() == b"x"


def test_a_new_file_has_the_permissions_that_the_umask_gives(tmp_path):
    write_bytes(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "write elsewhere"), (errno.EACCES, "permissions")],
)
def test_what_the_system_refuses_is_one_line_with_path_reason_and_remedy(tmp_path, monkeypatch, number, remedy):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(OutputError, match=remedy) as caught:
        write_bytes(tmp_path / "a.json", b"{}")
    assert str(tmp_path / "a.json") in str(caught.value)
    assert os.strerror(number) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="make its folder first"):
        write_bytes(tmp_path / "no" / "a", b"")


def test_a_block_that_wrote_nothing_is_an_error(tmp_path):
    with pytest.raises(OutputError), replacing(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folders_and_devices_are_not_replaced(tmp_path):
    with pytest.raises(OutputError, match="is a folder"):
        write_bytes(tmp_path, b"")
    with pytest.raises(OutputError, match="not a regular file"):
        write_bytes("/dev/null", b"")
