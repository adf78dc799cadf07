"""CSV: whole rows only, whatever the power does, and a new file each day or at a size."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import OutputError
from edge.outputs.csvfiles import COLUMNS, CsvFile, csv_row
from edge.outputs.record import Record, record_json

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
DAY_S = 86400.0
RECORD = Record(NOON, "water", 453.012, "m³", "453.012", "453012", "ok", 0.998, None, 0.25, "demo:", 7)
HEADER = f"{COLUMNS}\r\n".encode()
ROW = b"2026-11-21T12:00:00.000Z,water,453.012,m\xc2\xb3,453.012,453012,ok,0.998,,0.25,demo:,7\r\n"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(path: Path, *records: Record, **settings: object) -> None:
    file = CsvFile(path, **{"max_bytes": 10**6, **settings})
    file.write(records)
    file.close()


def test_a_file_is_its_header_and_a_row_a_record(tmp_path):
    written(tmp_path / "a.csv", RECORD, replace(RECORD, value=None, status="uncertain", text="45?", reason='a, "b"'))
    assert (tmp_path / "a.csv").read_bytes().startswith(HEADER + ROW)
    first, second = rows(tmp_path / "a.csv")
    assert list(first) == list(record_json(RECORD))
    assert (second["value"], second["text"], second["reason"]) == ("", "45?", 'a, "b"')


def test_a_later_start_appends_without_a_second_header(tmp_path):
    written(tmp_path / "a.csv", RECORD)
    written(tmp_path / "a.csv", RECORD)
    assert (tmp_path / "a.csv").read_bytes() == HEADER + ROW + ROW


def test_what_a_power_cut_left_of_a_row_is_cut_off(tmp_path):
    path = tmp_path / "a.csv"
    for length in range(len(HEADER + ROW + ROW) + 1):
        path.write_bytes((HEADER + ROW + ROW)[:length])
        written(path, RECORD)
        whole = max(0, (length - len(HEADER)) // len(ROW))
        assert path.read_bytes() == HEADER + ROW * (whole + 1), length


def test_a_line_break_in_quotes_ends_no_row(tmp_path):
    path = tmp_path / "a.csv"
    broken = csv_row(replace(RECORD, reason="first\nsecond, and more"))
    assert broken.count(b"\n") == 2
    path.write_bytes(HEADER + ROW + broken[: broken.index(b"\n") + 3])
    written(path, RECORD)
    assert path.read_bytes() == HEADER + ROW + ROW
    written(path, replace(RECORD, reason="first\nsecond"), RECORD)
    assert [row["reason"] for row in rows(path)] == ["", "", "first\nsecond", ""]


def test_a_new_day_begins_a_new_file_named_after_the_old_day(tmp_path):
    path = tmp_path / "a.csv"
    written(path, RECORD, replace(RECORD, time_s=NOON + DAY_S))
    assert (tmp_path / "a-2026-11-21-1.csv").read_bytes() == HEADER + ROW
    assert [row["time"][:10] for row in rows(path)] == ["2026-11-22"]


def test_a_new_day_is_seen_across_a_restart(tmp_path):
    written(tmp_path / "a.csv", RECORD)
    written(tmp_path / "a.csv", replace(RECORD, time_s=NOON + DAY_S))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2026-11-21-1.csv", "a.csv"]
    written(tmp_path / "b.csv", RECORD, replace(RECORD, time_s=NOON + DAY_S), daily=False)
    assert len(rows(tmp_path / "b.csv")) == 2


def test_files_stay_below_the_size_and_no_row_is_lost(tmp_path):
    records = [replace(RECORD, frame=number) for number in range(50)]
    written(tmp_path / "a.csv", *records, max_bytes=1000)
    paths = list(tmp_path.iterdir())
    assert len(paths) > 4
    assert all(path.stat().st_size <= 1000 for path in paths)
    assert sorted(int(row["frame"]) for path in paths for row in rows(path)) == list(range(50))


def test_only_the_newest_full_files_are_kept(tmp_path):
    for day in range(5):
        written(tmp_path / "a.csv", replace(RECORD, time_s=NOON + day * DAY_S), files=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2026-11-23-1.csv", "a-2026-11-24-1.csv", "a.csv"]


def test_a_day_with_many_files_keeps_its_newest(tmp_path):
    (tmp_path / "a-notes.csv").touch()
    for number in range(13):
        written(tmp_path / "a.csv", replace(RECORD, frame=number), max_bytes=len(HEADER + ROW) + 1, files=3)
    kept = {path.name: rows(path)[0]["frame"] for path in tmp_path.iterdir() if path.stat().st_size}
    assert kept == {"a-2026-11-21-10.csv": "9", "a-2026-11-21-11.csv": "10", "a-2026-11-21-12.csv": "11", "a.csv": "12"}


def test_a_file_of_another_kind_is_not_touched(tmp_path):
    (tmp_path / "a.csv").write_text("name;age\r\nme;3\r\n")
    with pytest.raises(OutputError, match=r"a.csv: has other columns than this version writes; name another file"):
        CsvFile(tmp_path / "a.csv", 10**6)
    assert (tmp_path / "a.csv").read_text() == "name;age\nme;3\n"


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"no/a.csv: cannot be written .No such file.*; make its folder first"):
        CsvFile(tmp_path / "no" / "a.csv", 10**6)


def test_a_full_disk_is_one_line_and_leaves_whole_rows(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    file = CsvFile(path, 10**6)
    file.write([RECORD])
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
    with pytest.raises(OutputError, match=r"No space left on device.; free some space"):
        file.write([RECORD])
    monkeypatch.undo()
    assert path.read_bytes() == HEADER + ROW
    file.write([RECORD])
    assert path.read_bytes() == HEADER + ROW + ROW


WRITER = """
import sys
from pathlib import Path
from tests.edge.outputs.test_csvfiles import RECORD
from edge.outputs.csvfiles import CsvFile
file = CsvFile(Path(sys.argv[1]), 10**6)
while True:
    file.write([RECORD])
"""


def test_a_writer_that_is_killed_leaves_a_file_that_goes_on(tmp_path):
    path = tmp_path / "a.csv"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as writer:
            before = path.stat().st_size if path.exists() else 0
            for _ in range(200):
                time.sleep(0.05)
                if path.exists() and path.stat().st_size > before + 2000:
                    break
            writer.kill()
    written(path, RECORD)
    assert len(rows(path)) > 20
    assert {tuple(row.values()) for row in rows(path)} == {tuple(rows(path)[0].values())}
    assert path.read_bytes().endswith(ROW)
