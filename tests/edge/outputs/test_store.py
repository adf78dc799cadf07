"""The store keeps what it is given: in order, over power cuts, full disks, locks and damage, and within its limits."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import OutputError
from edge.outputs import store as store_module
from edge.outputs.record import Record, record_json
from edge.outputs.store import (
    MIGRATIONS,
    Limits,
    Store,
    migrate,
    open_file,
)

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
DAY_S = 86400.0
RECORD = Record(NOON, "water", 453.012, "m³", "453.012", "453012", "ok", 0.998, None, 0.25, "demo:", 0)


def numbered(*numbers: int) -> list[Record]:
    return [replace(RECORD, frame=number, time_s=NOON + number) for number in numbers]


def query(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def frames(path: Path) -> list[int]:
    return [frame for (frame,) in query(path, "SELECT frame FROM readings ORDER BY id")]


def taken(store: Store, destination: str = "mqtt", count: int = 10**6) -> list[int]:
    return [message.body["frame"] for message in store.take(destination, count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "readout.db"


@pytest.fixture
def said():
    return []


@pytest.fixture
def store(path, said):
    store = Store(path, Limits(), said.append)
    yield store
    store.close()


def test_a_reading_is_kept_with_all_it_has(store, path):
    doubt = replace(RECORD, value=None, status="uncertain", reason="digit 3 is below the cutoff", rate=None)
    store.add([RECORD, doubt], crops=[None, b"jpeg"])
    kept = query(path, "SELECT * FROM readings ORDER BY id")
    expected = (NOON, "water", 453.012, "m³", "453.012", "453012", "ok", 0.998, None, 0.25, "demo:", 0)
    assert kept[0] == (1, *expected)
    assert kept[1][3:9] == (None, "m³", "453.012", "453012", "uncertain", 0.998)
    assert query(path, "SELECT reading, jpeg FROM crops") == [(2, b"jpeg")]


def test_the_file_is_in_wal_mode_and_safe_in_a_power_cut(store):
    pragmas = {name: store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}


def test_messages_wait_in_order_for_each_destination_until_they_are_done(store, path, said):
    store.add(numbered(0, 1, 2), ["mqtt", "webhook"])
    first = store.take("mqtt", 2)
    assert [message.body for message in first] == [record_json(record) for record in numbered(0, 1)]
    assert store.take("mqtt", 2) == first
    store.done(first)
    assert taken(store) == [2]
    assert taken(store, "webhook") == [0, 1, 2]
    store.close()
    again = Store(path, Limits(), said.append)
    assert again.waiting() == {"mqtt": 1, "webhook": 3}
    uids = {message.uid for message in again.take("webhook", 9)}
    assert len(uids) == 3
    again.close()
    assert said == []


WRITER = """
import sys
from pathlib import Path
from tests.edge.outputs.test_store import numbered
from edge.outputs.store import Limits, Store
store = Store(Path(sys.argv[1]), Limits(outbox_keep_s=1e9), print)
for number in range(10**6):
    store.add(numbered(number), ["mqtt"])
    print(number, flush=True)
"""


def test_what_was_written_is_there_after_a_kill(path, said):
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        last = next(int(line) for line in writer.stdout if int(line) >= 50)
        writer.kill()
        last = max([last, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    store = Store(path, Limits(), said.append)
    assert taken(store) == frames(path)
    assert frames(path)[: last + 1] == list(range(last + 1))
    store.close()
    assert said == []


def test_a_full_disk_is_one_line_and_nothing_is_lost_when_there_is_room_again(store, path, said, monkeypatch):
    store.add(numbered(0, 1), ["mqtt"])
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(2, 300):
        store.add(numbered(number), ["mqtt"])
    assert said == [
        f"{path}: cannot be used (database or disk is full); free some space; readings are kept in memory until then"
    ]
    in_file = len(frames(path))
    assert 2 <= in_file < 300
    assert taken(store) == list(range(300))
    store.done(store.take("mqtt", 3))
    monkeypatch.setattr(store, "_return_at", 0.0)
    store.add(numbered(300), ["mqtt"])
    assert said[1:] == [f"{path}: is written again; {300 - in_file} readings that were kept in memory are in it"]
    assert frames(path) == list(range(301))
    assert taken(store) == list(range(3, 301))


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 2 MB, of which 1 MB is free."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    (disk / "other").write_bytes(bytes(1_000_000))
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_is_really_full_is_one_line_and_nothing_is_lost(small_disk, said, monkeypatch):
    store = Store(small_disk / "a.db", Limits(), said.append)
    for number in range(2000):
        store.add(numbered(number), ["mqtt"])
    assert len(said) == 1
    assert "full" in said[0]
    assert "; free some space; readings are kept in memory until then" in said[0]
    assert taken(store) == list(range(2000))
    (small_disk / "other").unlink()
    monkeypatch.setattr(store, "_return_at", 0.0)
    store.add(numbered(2000), ["mqtt"])
    assert taken(store) == list(range(2001))
    assert frames(small_disk / "a.db") == list(range(2001))
    store.close()
    assert len(said) == 2


def test_what_never_came_to_the_disk_is_said_at_the_end(tmp_path, said):
    store = Store(tmp_path / "no" / "a.db", Limits(), said.append)
    store.add(numbered(1, 2, 3), ["mqtt"])
    store.close()
    assert said[1:] == [f"{tmp_path}/no/a.db: still cannot be written; 3 readings that were kept in memory are lost"]


def test_a_locked_file_is_one_line_and_reading_goes_on(store, path, said, monkeypatch):
    monkeypatch.setattr(store_module, "BUSY_S", 0.1)
    store.add(numbered(0), ["mqtt"])
    store._db.execute("PRAGMA busy_timeout = 100")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store.add(numbered(1), ["mqtt"])
    store.done(store.take("mqtt", 1))
    monkeypatch.setattr(store, "_return_at", 0.0)
    store.add(numbered(2), ["mqtt"])
    assert said == [
        f"{path}: cannot be used (database is locked); end the program that holds it; "
        "readings are kept in memory until then"
    ]
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.setattr(store, "_return_at", 0.0)
    assert taken(store) == [1, 2]
    assert frames(path) == [0, 1, 2]
    assert len(said) == 2


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough" * 100, b"SQLite format 3\0" + bytes(4080)]
)
def test_a_file_that_is_no_database_is_set_aside(path, said, content):
    path.write_bytes(content)
    store = Store(path, Limits(), said.append)
    store.add([RECORD], ["mqtt"])
    store.close()
    aside = [each for each in path.parent.iterdir() if ".damaged-" in each.name]
    assert [each.read_bytes() for each in aside] == [content]
    assert "is damaged" in said[0]
    assert f"kept as {aside[0].name}, and a new one begins" in said[0]
    assert frames(path) == [0]


def test_damage_that_shows_later_loses_nothing_new(path, said):
    store = Store(path, Limits(), said.append)
    store.add(numbered(*range(200)))
    store.close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    store = Store(path, Limits(), said.append)
    store.add(numbered(200), ["mqtt"])
    store.add(numbered(201), ["mqtt"])
    assert taken(store) == [200, 201]
    store.close()
    assert frames(path) == [200, 201]
    assert [line for line in said if "is damaged" in line]


def test_a_folder_that_is_missing_is_one_line_and_reading_goes_on(tmp_path, said):
    store = Store(tmp_path / "no" / "a.db", Limits(), said.append)
    store.add([RECORD], ["mqtt"])
    assert len(store.take("mqtt", 5)) == 1
    assert "no/a.db: cannot be used (unable to open database file); make its folder" in said[0]
    (tmp_path / "no").mkdir()
    store.close()
    assert frames(tmp_path / "no" / "a.db") == [0]


def test_another_programs_database_is_refused(path, said):
    query(path, "CREATE TABLE theirs (a)")
    with pytest.raises(OutputError, match="is the database of another program; name another file"):
        Store(path, Limits(), said.append)


def test_a_later_versions_database_is_refused_and_left_as_it_is(path, said):
    Store(path, Limits(), said.append).close()
    query(path, "PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="has schema 99, this version knows 1; install the version that wrote it"):
        Store(path, Limits(), said.append)


def test_an_older_schema_is_brought_up_and_keeps_its_readings(path, said):
    store = Store(path, Limits(), said.append)
    store.add([RECORD])
    store.close()
    db = open_file(path)
    later = (*MIGRATIONS, ("ALTER TABLE readings ADD COLUMN extra TEXT DEFAULT 'x'",))
    migrate(db, later)
    migrate(db, later)
    assert db.execute("SELECT value, extra FROM readings").fetchall() == [(453.012, "x")]
    assert db.execute("PRAGMA user_version").fetchone() == (len(later),)
    db.close()


def test_a_step_that_fails_leaves_the_schema_before_it(path):
    db = open_file(path)
    failing = (*MIGRATIONS, ("ALTER TABLE readings ADD COLUMN extra TEXT", "ALTER TABLE nothing ADD COLUMN b"))
    with pytest.raises(sqlite3.Error):
        migrate(db, failing)
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert "extra" not in [row[1] for row in db.execute("PRAGMA table_info(readings)")]
    db.close()


def test_what_is_too_old_is_deleted_and_what_an_unset_clock_wrote_is_not(path, said):
    store = Store(path, Limits(keep_s=10 * DAY_S, crops_keep_s=2 * DAY_S), said.append)
    times = [NOON - 11 * DAY_S, NOON - 3 * DAY_S, NOON, 86400.0]
    store.add([replace(RECORD, time_s=each) for each in times], crops=[b"a", b"b", b"c", b"d"])
    store.add_event("start", "old", NOON - 11 * DAY_S)
    store.prune(NOON)
    store.close()
    assert [row[0] for row in query(path, "SELECT time_s FROM readings ORDER BY id")] == times[1:]
    assert query(path, "SELECT jpeg FROM crops ORDER BY reading") == [(b"c",), (b"d",)]
    assert query(path, "SELECT * FROM events") == []


def test_the_size_is_kept_by_deleting_crops_first_and_then_the_oldest_readings(path, said):
    store = Store(path, Limits(max_bytes=200_000, crops_max_bytes=100_000), said.append)
    store.add(numbered(*range(20)), crops=[bytes(10_000)] * 20)
    store.prune(NOON)
    crops = [row[0] for row in query(path, "SELECT reading FROM crops ORDER BY reading")]
    assert len(crops) in (8, 9, 10)
    assert crops[-1] == 20
    store.add(numbered(*range(20, 3000)))
    store.prune(NOON)
    kept = frames(path)
    assert 300 < len(kept) < 2000
    assert kept == list(range(3000 - len(kept), 3000))
    store.close()
    assert path.stat().st_size < 1_000_000
    assert said == []


def test_too_many_messages_lose_the_oldest_and_that_is_said(path, said):
    store = Store(path, Limits(outbox_max=100), said.append)
    store.add(numbered(*range(101)), ["mqtt"])
    store.add(numbered(*range(5)), ["webhook"])
    store.prune(NOON)
    assert taken(store) == list(range(11, 101))
    assert taken(store, "webhook") == list(range(5))
    assert said[0].startswith("11 messages for mqtt dropped undelivered")
    assert query(path, "SELECT kind, detail FROM events") == [("dropped", said[0])]
    store.close()


def test_messages_that_are_too_old_are_dropped_and_that_is_said(path, said):
    store = Store(path, Limits(outbox_keep_s=DAY_S), said.append)
    store.add([replace(RECORD, time_s=NOON - 2 * DAY_S), replace(RECORD, time_s=3.0), RECORD], ["mqtt"])
    store.prune(NOON)
    assert len(store.take("mqtt", 9)) == 2
    assert said[0].startswith("1 messages for mqtt dropped undelivered")
    store.close()


def test_adding_prunes_by_itself(path, said, monkeypatch):
    store = Store(path, Limits(outbox_max=10), said.append)
    monkeypatch.setattr(store, "_prune_at", 0.0)
    store.add(numbered(*range(20)), ["mqtt"])
    assert taken(store) == list(range(11, 20))
    assert store._prune_at > time.monotonic() + 30
    store.close()


def test_a_closed_store_takes_nothing(store):
    store.close()
    with pytest.raises(OutputError, match="was closed"):
        store.add([RECORD])
