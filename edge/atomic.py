"""Files that are written whole or not at all: beside the target, flushed to the disk, then renamed over it."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import EdgeError, OutputError

REMEDIES = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some space or write elsewhere",
    errno.EACCES: "write elsewhere or change its permissions",
    errno.EPERM: "write elsewhere or change its permissions",
    errno.EROFS: "write elsewhere",
    errno.ENOENT: "make its folder first",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def write_bytes(path: Path | str, data: bytes) -> None:
    """Put `data` into the file `path`, whole or not at all.

    Raises
    ------
    OutputError
        The disk is full, the folder is missing or not writable, or `path` is no regular file.
    """
    with replacing(path) as beside:
        beside.write_bytes(data)


def write_text(path: Path | str, text: str) -> None:
    """Put `text` into the file `path` as UTF-8, whole or not at all; line ends stay as they are."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A path beside `path`, with its suffix, that replaces it when the block ends without an error.

    For libraries that write to a path. The file is flushed to the disk before the rename; after an
    error it is removed and `path` is as it was.

    Raises
    ------
    OutputError
        As `write_bytes`, or the block wrote nothing.
    """
    path = Path(path)
    _refuse_special(path)
    beside = path.with_name(f".{path.stem[:80]}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield beside
        _flush(beside)
        beside.replace(path)
        _flush(path.parent)
    except EdgeError:
        raise
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def output_error(path: Path | str, error: OSError) -> OutputError:
    """The one line that says that `path` could not be written, why, and what to do."""
    reason = error.strerror or str(error)
    remedy = REMEDIES.get(error.errno or 0, "write elsewhere")
    return OutputError(f"{path}: cannot be written ({reason}); {remedy}")


def _refuse_special(path: Path) -> None:
    """A rename over a folder fails late, and one over /dev/null would take the device away."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is not a regular file and would be replaced; name a file")


def _flush(path: Path) -> None:
    """Wait until a file's or folder's contents are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
