"""The one store: an SQLite file of readings, events and crops of doubt, and the outbox of what is to be delivered.

Whatever happens to the file, reading goes on: where it cannot be written the store keeps what comes in memory, says so
in one line, and puts it into the file when that works again. A damaged file is set aside, never deleted.

References
----------
SQLite: Write-Ahead Logging, https://www.sqlite.org/wal.html; PRAGMA synchronous,
https://www.sqlite.org/pragma.html#pragma_synchronous: in WAL mode only FULL keeps a committed transaction over a power
cut.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from edge.errors import OutputError
from edge.outputs.record import Record, record_json

T = TypeVar("T")

APPLICATION_ID = 0x524F5554
"""Marks the file as this program's: "ROUT"."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE readings (id INTEGER PRIMARY KEY, time_s REAL NOT NULL, name TEXT NOT NULL, value REAL,
        unit TEXT NOT NULL, text TEXT NOT NULL, raw TEXT NOT NULL, status TEXT NOT NULL, confidence REAL NOT NULL,
        reason TEXT, rate REAL, source TEXT NOT NULL, frame INTEGER NOT NULL)""",
        "CREATE INDEX readings_by_time ON readings (time_s)",
        "CREATE INDEX readings_by_name ON readings (name, time_s)",
        "CREATE TABLE events (id INTEGER PRIMARY KEY, time_s REAL NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL)",
        """CREATE TABLE crops (reading INTEGER PRIMARY KEY REFERENCES readings ON DELETE CASCADE, time_s REAL NOT NULL,
        jpeg BLOB NOT NULL)""",
        """CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE,
        destination TEXT NOT NULL, time_s REAL NOT NULL, body TEXT NOT NULL)""",
        "CREATE INDEX outbox_by_destination ON outbox (destination, id)",
    ),
)
"""The statements that bring a file from each schema version to the next; the first make it."""

BUSY_S = 1.0
"""How long another program may hold the file before a write goes to memory."""

RETURN_S, RETURN_MAX_S = 15.0, 600.0
"""How long after a failure the file is tried again: at first, and at the most."""

PRUNE_S = 60.0
"""Seconds from one look at sizes and ages to the next."""

EARLIEST_S = 1767225600.0
"""2026-01-01: what is dated before was written by a clock not yet set, and has no age."""

SLICE = 10
"""What is over its size loses its oldest tenth at a time."""

MEMORY_BYTES, MEMORY_MESSAGES = 16_000_000, 10_000
"""What is kept in memory at the most while the file cannot be written."""

JOURNAL_BYTES = 4_000_000
"""Size that the write-ahead log is cut back to."""

READING = "time_s, name, value, unit, text, raw, status, confidence, reason, rate, source, frame"
"""Columns of a reading, in the order of `_reading_row`."""

NEW_MESSAGE = "INSERT INTO outbox (uid, destination, time_s, body) VALUES (?, ?, ?, ?)"

NEW_EVENT = "INSERT INTO events (time_s, kind, detail) VALUES (?, ?, ?)"

MESSAGES = "SELECT uid, destination, time_s, body FROM outbox ORDER BY id"

DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

REMEDIES = {
    sqlite3.SQLITE_FULL: "free some space",
    sqlite3.SQLITE_CANTOPEN: "make its folder, or change its permissions",
    sqlite3.SQLITE_READONLY: "change its permissions, or those of its folder",
    sqlite3.SQLITE_BUSY: "end the program that holds it",
    sqlite3.SQLITE_LOCKED: "end the program that holds it",
    sqlite3.SQLITE_IOERR: "check the disk",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: ages in seconds, sizes in bytes, and messages for each destination."""

    keep_s: float = 3650 * 86400.0
    max_bytes: int = 500_000_000
    crops_keep_s: float = 30 * 86400.0
    crops_max_bytes: int = 50_000_000
    outbox_keep_s: float = 30 * 86400.0
    outbox_max: int = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be delivered: a record's JSON, and an id that stays the same however often it is sent."""

    uid: str
    body: dict[str, Any]


class Store:
    """The store, open. Its methods may be called from any thread.

    Parameters
    ----------
    path : Path
    limits : Limits
    say : callable
        Takes one line for each failure and each recovery.

    Raises
    ------
    OutputError
        The file is another program's, or a later version's.
    """

    def __init__(self, path: Path, limits: Limits, say: Callable[[str], None]) -> None:
        self._path = path
        self._limits = limits
        self._say = say
        self._lock = threading.RLock()
        self._seeded: set[str] = set()
        self._wait_s = RETURN_S
        self._return_at = 0.0
        self._prune_at = 0.0
        self._is_in_memory = False
        self._is_closed = False
        try:
            self._db = open_file(path)
        except sqlite3.Error as error:
            self._db = open_memory()
            self._keep_in_memory(error, [])

    def add(
        self, records: Sequence[Record], destinations: Sequence[str] = (), crops: Sequence[bytes | None] = ()
    ) -> None:
        """Keep records, with their crops where they have one, and put them into each outbox: all or none."""
        rows = [_reading_row(record) for record in records]
        bodies = [json.dumps(record_json(record), allow_nan=False) for record in records]
        pictures = [*crops, *[None] * (len(records) - len(crops))]
        messages = [
            (secrets.token_hex(8), destination, record.time_s, body)
            for record, body in zip(records, bodies, strict=True)
            for destination in destinations
        ]

        def insert(db: sqlite3.Connection) -> None:
            for row, jpeg in zip(rows, pictures, strict=True):
                reading = _insert_reading(db, row)
                if jpeg is not None:
                    db.execute("INSERT INTO crops VALUES (?, ?, ?)", (reading, row[0], jpeg))
            db.executemany(NEW_MESSAGE, messages)

        self._do(insert)
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_S
            self.prune(time.time())

    def add_event(self, kind: str, detail: str, time_s: float | None = None) -> None:
        """Note what happened: a word for its kind, and a line."""
        row = (time.time() if time_s is None else time_s, kind, detail)
        self._do(lambda db: db.execute(NEW_EVENT, row))

    def take(self, destination: str, count: int) -> list[Message]:
        """The oldest messages for a destination; they stay until `done`."""
        sql = "SELECT uid, body FROM outbox WHERE destination = ? ORDER BY id LIMIT ?"
        rows: list[tuple[str, str]] = self._do(lambda db: db.execute(sql, (destination, count)).fetchall())
        return [Message(uid, json.loads(body)) for uid, body in rows]

    def done(self, messages: Sequence[Message]) -> None:
        """Forget messages that were delivered, or that never can be."""
        rows = [(message.uid,) for message in messages]
        self._do(lambda db: db.executemany("DELETE FROM outbox WHERE uid = ?", rows))

    def waiting(self) -> dict[str, int]:
        """How many messages wait for each destination."""
        sql = "SELECT destination, count(*) FROM outbox GROUP BY destination"
        return dict(self._do(lambda db: db.execute(sql).fetchall()))

    def prune(self, now_s: float) -> None:
        """Delete what is too old or too much; messages that are dropped undelivered are said."""
        limits = _memory_limits(self._limits) if self._is_in_memory else self._limits
        for destination, count in self._do(lambda db: prune(db, limits, now_s)).items():
            line = (
                f"{count} messages for {destination} dropped undelivered: "
                f"older than [store] outbox_keep or more than outbox_max; is {destination} still in use?"
            )
            self._say(line)
            self.add_event("dropped", line, now_s)

    def close(self) -> None:
        """Put what is in memory into the file where that works now, and close it."""
        with self._lock:
            if self._is_in_memory:
                self._return_at = 0.0
                self._return_to_file()
            if self._is_in_memory:
                (lost,) = self._db.execute("SELECT count(*) FROM readings").fetchone()
                self._say(f"{self._path}: still cannot be written; {lost} readings that were kept in memory are lost")
            self._is_closed = True
            self._db.close()

    def _do(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """The result of an operation, a transaction of its own; in memory where the file fails."""
        with self._lock:
            if self._is_closed:
                raise OutputError(f"{self._path}: was closed; open it again")
            if self._is_in_memory and time.monotonic() >= self._return_at:
                self._return_to_file()
            try:
                with transaction(self._db):
                    return operation(self._db)
            except sqlite3.Error as error:
                if self._is_in_memory:
                    raise
                self._leave_file(error)
                with transaction(self._db):
                    return operation(self._db)

    def _leave_file(self, error: sqlite3.Error) -> None:
        """Go on in memory, with what the file still holds for delivery, so that the order stays."""
        waiting: list[tuple[Any, ...]] = []
        with suppress(sqlite3.Error):
            waiting = self._db.execute(MESSAGES).fetchall()
        with suppress(sqlite3.Error):
            self._db.close()
        self._db = open_memory()
        self._keep_in_memory(error, waiting)

    def _keep_in_memory(self, error: sqlite3.Error, waiting: Sequence[tuple[Any, ...]]) -> None:
        self._is_in_memory = True
        with transaction(self._db):
            self._db.executemany(NEW_MESSAGE, waiting)
        self._seeded = {row[0] for row in waiting}
        self._return_at = time.monotonic() + self._wait_s
        if _code(error) in DAMAGED:
            self._set_aside(error)
            return
        remedy = REMEDIES.get(_code(error), "check the file")
        self._say(f"{self._path}: cannot be used ({error}); {remedy}; readings are kept in memory until then")

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Rename a damaged file with its journal, so that a new one can begin at once."""
        name = f"{self._path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).rename(self._path.with_name(name + suffix))
        self._return_at = 0.0
        self._say(f"{self._path}: is damaged ({error}); kept as {name}, and a new one begins")

    def _return_to_file(self) -> None:
        """Put what is in memory into the file and go on there; stay in memory where that fails."""
        try:
            file = open_file(self._path)
        except (sqlite3.Error, OutputError):
            self._wait()
            return
        try:
            with transaction(file):
                count = copy_into(file, self._db, self._seeded)
        except sqlite3.Error as error:
            file.close()
            self._wait()
            if _code(error) in DAMAGED:
                self._set_aside(error)
            return
        self._db.close()
        self._db, self._is_in_memory, self._wait_s = file, False, RETURN_S
        self._say(f"{self._path}: is written again; {count} readings that were kept in memory are in it")

    def _wait(self) -> None:
        self._wait_s = min(2 * self._wait_s, RETURN_MAX_S)
        self._return_at = time.monotonic() + self._wait_s


def open_file(path: Path) -> sqlite3.Connection:
    """The database in a file, made or brought to this version's schema.

    Raises
    ------
    sqlite3.Error
        The file cannot be opened, is locked or damaged.
    OutputError
        It is another program's, or a later version's.
    """
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        require_own(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
        db.execute("PRAGMA foreign_keys = ON")
        migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def open_memory() -> sqlite3.Connection:
    """An empty database in memory."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA foreign_keys = ON")
    migrate(db)
    return db


def require_own(db: sqlite3.Connection, path: Path) -> None:
    """Raise OutputError unless a database is new, or of this program and no later version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise OutputError(f"{path}: is the database of another program; name another file in [store] path")
    if version > len(MIGRATIONS):
        raise OutputError(
            f"{path}: has schema {version}, this version knows {len(MIGRATIONS)}; "
            "install the version that wrote it, or name another file in [store] path"
        )


def migrate(db: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a database to the newest schema, each step whole or not at all."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number in range(version, len(migrations)):
        with transaction(db):
            for statement in migrations[number]:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number + 1}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """What the block does to a database, all or nothing, and on the disk when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def copy_into(file: sqlite3.Connection, memory: sqlite3.Connection, seeded: set[str]) -> int:
    """Put what was kept in memory into a file, and take out what was delivered meanwhile; how many readings it was.

    Parameters
    ----------
    file, memory : sqlite3.Connection
    seeded : set of str
        Ids of the messages that were in the file when memory took over.
    """
    rows = memory.execute(f"SELECT id, {READING} FROM readings ORDER BY id").fetchall()
    numbers = {number: _insert_reading(file, row) for number, *row in rows}
    for number, time_s, jpeg in memory.execute("SELECT reading, time_s, jpeg FROM crops"):
        file.execute("INSERT INTO crops VALUES (?, ?, ?)", (numbers[number], time_s, jpeg))
    events = memory.execute("SELECT time_s, kind, detail FROM events ORDER BY id").fetchall()
    file.executemany(NEW_EVENT, events)
    messages = memory.execute(MESSAGES).fetchall()
    delivered = seeded - {message[0] for message in messages}
    file.executemany("DELETE FROM outbox WHERE uid = ?", [(uid,) for uid in delivered])
    new = [message for message in messages if message[0] not in seeded]
    file.executemany(NEW_MESSAGE, new)
    return len(rows)


def prune(db: sqlite3.Connection, limits: Limits, now_s: float) -> dict[str, int]:
    """Delete what is too old or too much; the number of undelivered messages among it, by destination."""
    dropped = _prune_outbox(db, limits, now_s)
    for table, keep_s in (("readings", limits.keep_s), ("events", limits.keep_s), ("crops", limits.crops_keep_s)):
        db.execute(f"DELETE FROM {table} WHERE time_s BETWEEN ? AND ?", (EARLIEST_S, now_s - keep_s))
    while _crop_bytes(db) > limits.crops_max_bytes:
        _delete_oldest(db, "crops")
    while _used_bytes(db) > limits.max_bytes and (_delete_oldest(db, "crops") or _delete_oldest(db, "readings")):
        pass
    return dropped


def _prune_outbox(db: sqlite3.Connection, limits: Limits, now_s: float) -> dict[str, int]:
    """Drop messages that are too old, and of too many the oldest, with room for a tenth."""
    dropped: dict[str, int] = {}
    sql = "DELETE FROM outbox WHERE destination = ? AND time_s BETWEEN ? AND ?"
    for destination, count in db.execute("SELECT destination, count(*) FROM outbox GROUP BY destination").fetchall():
        old = db.execute(sql, (destination, EARLIEST_S, now_s - limits.outbox_keep_s)).rowcount
        kept = limits.outbox_max - limits.outbox_max // SLICE
        excess = count - old - kept if count - old > limits.outbox_max else 0
        db.execute(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE destination = ? ORDER BY id LIMIT ?)",
            (destination, excess),
        )
        if old + excess:
            dropped[destination] = old + excess
    return dropped


def _delete_oldest(db: sqlite3.Connection, table: str) -> int:
    """Delete the oldest tenth of a table, at least one row; how many rows that was."""
    (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    oldest = f"SELECT rowid FROM {table} ORDER BY rowid LIMIT ?"
    return db.execute(f"DELETE FROM {table} WHERE rowid IN ({oldest})", (count // SLICE + 1,)).rowcount


def _crop_bytes(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM crops").fetchone()[0])


def _used_bytes(db: sqlite3.Connection) -> int:
    """Bytes of the pages in use; free ones are used again before the file grows."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)


def _insert_reading(db: sqlite3.Connection, row: Sequence[Any]) -> int:
    """Add a row of `_reading_row`; its id."""
    marks = ", ".join("?" * len(row))
    number = db.execute(f"INSERT INTO readings ({READING}) VALUES ({marks})", row).lastrowid
    assert number is not None
    return number


def _reading_row(record: Record) -> tuple[Any, ...]:
    return (
        *(record.time_s, record.name, record.value, record.unit, record.text, record.raw, record.status),
        *(record.confidence, record.reason, record.rate, record.source, record.frame),
    )


def _memory_limits(limits: Limits) -> Limits:
    return replace(
        limits,
        max_bytes=min(limits.max_bytes, MEMORY_BYTES),
        crops_max_bytes=min(limits.crops_max_bytes, MEMORY_BYTES // 2),
        outbox_max=min(limits.outbox_max, MEMORY_MESSAGES),
    )


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
