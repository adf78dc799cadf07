"""A CSV file that grows by whole groups of rows, so that a stop at any moment leaves only whole ones.

References
----------
RFC 4180 for the format: commas, CRLF, quotes where needed and doubled within. UTF-8 with a byte order mark, by which
Excel knows it; readers that do not skip the mark name it (Python: encoding="utf-8-sig").
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import errno
import fcntl
import io
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from edge.atomic import output_error
from edge.errors import OutputError

SYNC_S = 1.0
"""How often rows are forced to the disk. A power cut loses at most the rows since, which are then read again."""

MAX_TAIL = 1 << 16
"""Most bytes that are taken for a half-written group and cut off; more is damage of another kind, for a user to see."""

Row = Sequence[str]


class RowFile:
    """A CSV file opened to go on after the rows that it has. Nobody else may write it meanwhile.

    Parameters
    ----------
    path : Path
    header : sequence of str
    ends_group : callable
        Whether a row is the last of those that belong together; a group without its end is cut off.

    Raises
    ------
    OutputError
        The file cannot be written, is another's table, or another process writes it.
    """

    def __init__(self, path: Path, header: Row, ends_group: Callable[[Row], bool] = lambda _: True) -> None:
        self.path = path
        self.cut_bytes = 0
        self._columns = list(header)
        self._ends_group = ends_group
        self._is_new = not path.exists()
        self._handle = _open_locked(path)
        self._synced_s = time.monotonic()
        try:
            self._end = self._recover()
        except BaseException as error:
            os.close(self._handle)
            if isinstance(error, OSError) and not isinstance(error, OutputError):
                raise output_error(path, error) from error
            raise

    def rows(self) -> Iterator[list[str]]:
        """The rows that the file has, without the header, one at a time."""
        with self._reading() as file:
            for end, record in islice(complete_records(file), 1, None):
                if end > self._end:
                    return
                yield parse_record(record)

    def append(self, rows: Sequence[Row]) -> None:
        """Add a group of rows; after an error the file is as it was.

        Raises
        ------
        OutputError
            The disk is full, or someone else moved or changed the file.
        """
        self._check_untouched()
        data = encode_rows(rows)
        try:
            self._write(data, self._end)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._end)
            if isinstance(error, OSError):
                raise output_error(self.path, error) from error
            raise
        self._end += len(data)
        if time.monotonic() - self._synced_s >= SYNC_S:
            self._sync()

    def close(self) -> None:
        """Force the rows to the disk and let others write the file; harmless when done twice.

        A file that this one made and that got no row is removed.
        """
        if self._handle >= 0:
            try:
                self._sync()
                if self._is_new and self._end == len(self._head):
                    with contextlib.suppress(OSError):  # moved or gone: then it is no longer this one's
                        self._check_untouched()
                        self.path.unlink()
            finally:
                os.close(self._handle)
                self._handle = -1

    @property
    def _head(self) -> bytes:
        """The file's beginning: the mark of UTF-8, and the header."""
        return codecs.BOM_UTF8 + encode_rows([self._columns])

    def _recover(self) -> int:
        """Where the next row goes: after the header, which a new file gets, and after the last whole group."""
        head = self._head
        size = os.fstat(self._handle).st_size
        if size < len(head) and head.startswith(os.pread(self._handle, len(head), 0)):
            self._write(head, 0)
            self._sync()
            return len(head)
        self._check_header()
        end = self._last_group()
        self.cut_bytes = size - end
        if self.cut_bytes > MAX_TAIL:
            raise OutputError(
                f"{self.path}: damaged after byte {end}; name another file, or cut it off there: "
                f"truncate --size={end} {self.path}"
            )
        os.ftruncate(self._handle, end)
        self._sync()
        return end

    def _check_header(self) -> None:
        with self._reading() as file:
            found = parse_record(file.readline(MAX_TAIL))
        if found == self._columns:
            return
        missing = [column for column in self._columns if column not in found]
        if len(missing) > len(self._columns) // 2:
            raise OutputError(f"{self.path}: is there already and is no table of readings; name another file")
        differs = f"{missing[0]} is not among its columns" if missing else f"its columns are {', '.join(found)}"
        raise OutputError(f"{self.path}: is a table of other columns ({differs}); name another file")

    def _last_group(self) -> int:
        end = 0
        with self._reading() as file:
            for number, (place, record) in enumerate(complete_records(file), 1):
                row = parse_record(record)
                if len(row) != len(self._columns):
                    raise OutputError(
                        f"{self.path}: row {number} has {len(row)} cells where the header has {len(self._columns)}; "
                        "was it edited? mend the row, or name another file"
                    )
                end = place if number == 1 or self._ends_group(row) else end
        return end

    def _reading(self) -> io.BufferedReader:
        file = os.fdopen(os.dup(self._handle), "rb")
        file.seek(0)
        return file

    def _write(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            count = os.pwrite(self._handle, view, at)
            view, at = view[count:], at + count

    def _sync(self) -> None:
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise output_error(self.path, error) from error
        self._synced_s = time.monotonic()

    def _check_untouched(self) -> None:
        mine = os.fstat(self._handle)
        if mine.st_size != self._end or not _is_at(self.path, mine):
            raise OutputError(
                f"{self.path}: another program moved or changed it while forms were read into it; close it there, and "
                "see that the rows are right before you go on"
            )


def encode_rows(rows: Iterable[Row]) -> bytes:
    """The rows as RFC 4180 has them, in UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def parse_record(record: bytes) -> list[str]:
    """The cells of one row, its line end left off."""
    text = record.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    try:
        return next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error:  # a cell of more than 128 kB: no row of ours
        return []


def complete_records(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(where it ends, its bytes) of each row up to the first that is cut off or was never written.

    Where a power cut comes between a file's growth and its data, zeros stand there.
    """
    record, end = b"", 0
    for line in file:
        record += line
        end += len(line)
        if b"\0" in line or not line.endswith(b"\n"):
            return
        if record.count(b'"') % 2 == 0:
            yield end, record
            record = b""


def _is_at(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), status)
    except FileNotFoundError:
        return False


def _open_locked(path: Path) -> int:
    """A handle for reading and writing that no other process has a lock on."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise output_error(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OutputError(f"{path}: is not a regular file; name a file")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            raise OutputError(f"{path}: another readout writes it; wait until it ends, or name another file") from None
        raise error if isinstance(error, OutputError) else output_error(path, error) from error
    return handle
