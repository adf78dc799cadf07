"""What the store holds, asked from outside while the service writes to it."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edge.atomic import output_error, write_bytes
from edge.errors import OutputError
from edge.outputs.csvfiles import COLUMNS, csv_line
from edge.outputs.record import Record, record_json
from edge.outputs.store import READING, require_own
from edge.sinks import iso_time, one_line, shown_confidence
from edge.units import DURATION, duration_s


def readings(
    path: Path, names: Iterable[str] = (), since_s: float | None = None, until_s: float | None = None
) -> Iterator[Record]:
    """The readings of a store in the order of their times, of some fields or all.

    Parameters
    ----------
    path : Path
    names : iterable of str
        Fields; all if empty.
    since_s, until_s : float, optional
        Seconds since the epoch; the first counts, the second does not.

    Raises
    ------
    OutputError
        The store cannot be read.
    """
    where, values = _where(names, since_s, until_s)
    rows = _rows(path, f"SELECT {READING} FROM readings WHERE {where} ORDER BY time_s, id", values)
    return (Record(*row) for row in rows)


def events(path: Path, since_s: float | None = None, until_s: float | None = None) -> Iterator[tuple[float, str, str]]:
    """Time, kind and line of what happened, in order."""
    where, values = _where((), since_s, until_s)
    return _rows(path, f"SELECT time_s, kind, detail FROM events WHERE {where} ORDER BY time_s, id", values)


def export_crops(
    path: Path, folder: Path, names: Iterable[str] = (), since_s: float | None = None, until_s: float | None = None
) -> None:
    """Put the pictures of readings in doubt into a folder, named by time, field and status."""
    where, values = _where(names, since_s, until_s)
    crop = "SELECT jpeg FROM crops WHERE reading = id"
    sql = f"SELECT {READING}, ({crop}) FROM readings WHERE EXISTS ({crop}) AND {where} ORDER BY id"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    for *row, jpeg in _rows(path, sql, values):
        record = Record(*row)
        words = (iso_time(record.time_s).replace(":", ""), record.name, record.text or record.status)
        write_bytes(folder / (re.sub(r"[^\w.-]+", "-", "_".join(words)) + ".jpg"), jpeg)


def event_lines(rows: Iterable[tuple[float, str, str]], form: str) -> Iterator[str]:
    """A line an event, as text, CSV or JSON."""
    if form == "csv":
        yield "time,kind,detail"
    for time_s, kind, detail in rows:
        event = {"time": iso_time(time_s), "kind": kind, "detail": detail}
        if form == "json":
            yield json.dumps(event)
        else:
            yield csv_line(event.values()) if form == "csv" else "  ".join(one_line(each) for each in event.values())


def csv_lines(records: Iterable[Record]) -> Iterator[str]:
    """The header and the rows of the CSV output."""
    yield COLUMNS
    for record in records:
        yield csv_line(record_json(record).values())


def json_lines(records: Iterable[Record]) -> Iterator[str]:
    """A line of JSON a record."""
    return (json.dumps(record_json(record), allow_nan=False) for record in records)


def text_lines(records: Iterable[Record]) -> Iterator[str]:
    """A line a record for people: time, field, number, unit, status, confidence, reason."""
    for record in records:
        number = one_line(f"{record.text or '-'} {record.unit}".strip())
        cells = [iso_time(record.time_s), one_line(record.name), f"{number:>12}", f"{record.status:<9}"]
        yield "  ".join([*cells, shown_confidence(record.confidence), one_line(record.reason or "")]).rstrip()


def moment_s(text: str, now_s: float) -> float:
    """Seconds since the epoch of `2026-11-21`, `2026-11-21T07:00`, `2026-11-21T07:00Z` or `7d` (that long ago).

    A date or time without a zone is local.

    Raises
    ------
    ValueError
        It is none of these.
    """
    if re.fullmatch(DURATION, text):
        return now_s - duration_s(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2026-11-21, 2026-11-21T07:00, or 7d for seven days ago") from None
    return (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC).timestamp()


def _where(names: Iterable[str], since_s: float | None, until_s: float | None) -> tuple[str, list[Any]]:
    """The condition that chooses readings, with its values."""
    names = list(names)
    bounds = [-math.inf if since_s is None else since_s, math.inf if until_s is None else until_s]
    chosen = f"name IN ({', '.join('?' * len(names))})" if names else "1"
    return f"{chosen} AND time_s >= ? AND time_s < ?", [*names, *bounds]


def _rows(path: Path, sql: str, values: list[Any]) -> Iterator[Any]:
    """The rows of a query on a store that may be written to meanwhile."""
    if not path.is_file():
        raise OutputError(f"{path}: no such store; name it with --store, or the configuration with --config")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5)) as db:
            require_own(db, path)
            yield from db.execute(sql, values)
    except sqlite3.Error as error:
        raise OutputError(f"{path}: cannot be read ({error}); name a store that you may read") from error
