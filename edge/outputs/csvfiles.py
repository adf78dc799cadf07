"""Readings as rows of a CSV file that begins anew each day or at a size, and never holds half a row.

A row is written by one call and flushed to the disk. What a power cut left of a row is cut off before the next is
written: it ends at the last line break that stands outside quotes.

References
----------
RFC 4180, Common Format and MIME Type for Comma-Separated Values (CSV) Files.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge.atomic import output_error
from edge.errors import OutputError
from edge.outputs.record import Record, record_json

COLUMNS = "time,name,value,unit,text,raw,status,confidence,reason,rate,source,frame"
"""The header: the keys of `record_json`."""

BLOCK = 65536
"""Bytes that the end of a file is looked for in at a time."""


class CsvFile:
    """A CSV file open for rows; full ones are renamed to `readings-2026-11-21-1.csv`, `…-2.csv`.

    Parameters
    ----------
    path : Path
    max_bytes : int
        A row that would make the file larger goes into a new one.
    daily : bool
        Whether a row of another day (UTC) goes into a new file.
    files : int
        How many full files are kept; 0 for all.

    Raises
    ------
    OutputError
        The file cannot be written, or is a CSV file with other columns.
    """

    def __init__(self, path: Path, max_bytes: int, *, daily: bool = True, files: int = 0) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._daily = daily
        self._files = files
        self._handle = -1
        self._size = 0
        self._day = ""
        self._open()

    def write(self, records: Sequence[Record]) -> None:
        """Append a row a record, and wait until they are on the disk."""
        try:
            for record in records:
                self._append(record)
            if records and self._handle >= 0:
                os.fsync(self._handle)
        except OSError as error:
            raise output_error(self._path, error) from error

    def close(self) -> None:
        """Close the file; it ends with a whole row."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _append(self, record: Record) -> None:
        row, day = csv_row(record), day_of(record.time_s)
        if self._handle < 0:
            self._open()
        is_other_day = self._daily and self._day not in ("", day)
        if is_other_day or self._size + len(row) > self._max_bytes:
            self._rotate(day)
        self._write_whole(row)
        self._day = self._day or day

    def _write_whole(self, data: bytes) -> None:
        """Append the bytes, all of them or none."""
        if os.write(self._handle, data) != len(data):
            os.ftruncate(self._handle, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(data)

    def _open(self) -> None:
        """Open the file, without what a power cut left of its last row, and with the header."""
        header = f"{COLUMNS}\r\n".encode()
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._size = whole_rows(self._handle)
            os.ftruncate(self._handle, self._size)
            if self._size == 0:
                self._write_whole(header)
        except OSError as error:
            self.close()
            raise output_error(self._path, error) from error
        if os.pread(self._handle, len(header), 0) != header:
            self.close()
            raise OutputError(f"{self._path}: has other columns than this version writes; name another file or move it")
        self._day = first_day(self._handle, len(header))

    def _rotate(self, day: str) -> None:
        """Put the file away under its day, and begin a new one."""
        day = self._day or day
        number = max((number for each, number, _ in self._full_files() if each == day), default=0) + 1
        self.close()
        self._path.rename(self._path.with_name(f"{self._path.stem}-{day}-{number}{self._path.suffix}"))
        self._open()
        if self._files:
            for _, _, full in self._full_files()[: -self._files]:
                full.unlink(missing_ok=True)

    def _full_files(self) -> list[tuple[str, int, Path]]:
        """Day, number and path of the files put away, oldest first."""
        pattern = rf"{re.escape(self._path.stem)}-(\d{{4}}-\d\d-\d\d)-(\d+){re.escape(self._path.suffix)}"
        found = ((re.fullmatch(pattern, path.name), path) for path in self._path.parent.iterdir())
        return sorted((name[1], int(name[2]), path) for name, path in found if name)


def csv_row(record: Record) -> bytes:
    """A record as a row, with its line break."""
    return f"{csv_line(record_json(record).values())}\r\n".encode("utf-8", "backslashreplace")


def csv_line(values: Iterable[object]) -> str:
    """Values as a row, without its line break; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue().removesuffix("\r\n")


def day_of(time_s: float) -> str:
    """The day, UTC: 2026-11-21."""
    return datetime.fromtimestamp(time_s, UTC).date().isoformat()


def whole_rows(handle: int) -> int:
    """Bytes of a file up to the end of its last whole row."""
    end, position, is_quoted = 0, 0, False
    while block := os.pread(handle, BLOCK, position):
        for line in block.splitlines(keepends=True):
            position += len(line)
            is_quoted ^= line.count(b'"') % 2 == 1
            if line.endswith(b"\n") and not is_quoted:
                end = position
    return end


def first_day(handle: int, start: int) -> str:
    """The day of the first row, at the byte `start`; empty where there is none."""
    return os.pread(handle, len("2026-11-21"), start).decode("ascii", "replace")
