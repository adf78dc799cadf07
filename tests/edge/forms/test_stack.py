"""A stack in a table: exact cells, and nothing lost or repeated however it is stopped."""

from __future__ import annotations

import codecs
import csv
import errno
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from edge.errors import BundleError, ConfigError, OutputError, PageError
from edge.forms.rowfile import MAX_TAIL, RowFile, complete_records, encode_rows
from edge.forms.stack import Stack, describe_counts, form_status, setup_of, shown_value, table_columns
from edge.nouns import Digit, Frame, Reading
from edge.schema import Config

ROOT = Path(__file__).resolve().parents[3]
GRAY = np.full((60, 200), 220, np.uint8)
SETUP = "readout 1; configuration a; model b"
OK = Reading("amount", "007", 7.0, "ok", 0.99871, (10, 10, 60, 20))
DOUBT = Reading("amount", "0?7", None, "uncertain", 0.4, (10, 10, 60, 20), "1 of 3 digits below the cutoff")
WRONG = Reading("date", "311326", None, "rejected", 0.98, (10, 35, 60, 20), "month 13, at most 12")
BLANK = Reading("date", "", None, "empty", 1.0, (10, 35, 60, 20))


def frame(source: Path | str, index: int = 0) -> Frame:
    return Frame(GRAY, str(source), index, 1795244400.0)


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def open_stack(path: Path, fields: tuple[str, ...] = ("amount", "date"), **options) -> Stack:
    return Stack.open(path, fields, options.pop("setup", SETUP), **options)


@pytest.fixture
def scans(tmp_path) -> list[Path]:
    """Three files, each of other content."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(b"picture %d" % number)
    return sorted(folder.iterdir())


# The table


def test_a_form_is_a_row_with_its_text_as_it_was_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    with open_stack(tmp_path / "o.csv") as stack:
        stack.write(frame(tmp_path / "a.png", 2), [OK, BLANK], 1.0)
    assert (tmp_path / "o.csv").read_bytes() == codecs.BOM_UTF8 + (
        "source,page,time,status,reason,amount,date,amount.value,amount.status,amount.confidence,amount.reason,"
        "date.value,date.status,date.confidence,date.reason,file,read_by\r\n"
        f"{tmp_path}/a.png,3,2026-11-21T07:00:00.000Z,ok,,007,,7,ok,0.998,,,empty,,,sha256:ca978112ca1bbdca,{SETUP}\r\n"
    ).encode()


def test_doubt_and_rejection_have_no_value_and_tell_why(tmp_path):
    with open_stack(tmp_path / "o.csv") as stack:
        stack.write(frame("a.png"), [DOUBT, WRONG], 1.0)
    (row,) = table_of(tmp_path / "o.csv")
    assert [row[key] for key in ("amount", "amount.value", "amount.status", "amount.reason")] == [
        *("0?7", "", "uncertain", "1 of 3 digits below the cutoff")
    ]
    assert [row[key] for key in ("date", "date.value", "date.status", "date.confidence")] == [
        *("311326", "", "rejected", "0.980")
    ]
    assert row["status"] == "rejected"
    assert row["reason"] == "amount: 1 of 3 digits below the cutoff; date: month 13, at most 12"


def test_commas_quotes_and_line_ends_are_quoted(tmp_path):
    nasty = 'a "b", c\r\nd;é\t.png'
    reading = Reading("amount", "1", None, "rejected", 0.5, None, 'not "1,2"\nbut 3')
    with open_stack(tmp_path / "o.csv", ("amount",)) as stack:
        stack.write(frame(nasty), [reading], 1.0)
        assert not stack.is_wanted(nasty, 0)
    (row,) = table_of(tmp_path / "o.csv")
    assert (row["source"], row["amount.reason"]) == (nasty, 'not "1,2"\nbut 3')
    with open_stack(tmp_path / "o.csv", ("amount",)) as stack:
        assert not stack.is_wanted(nasty, 0)


def test_a_name_of_any_bytes_is_found_again(tmp_path):
    for _ in range(2):
        with open_stack(tmp_path / "o.csv", ("amount",)) as stack:
            if stack.is_wanted("a\udcff.png", 0):
                stack.write(frame("a\udcff.png"), [OK], 1.0)
    assert [row["source"] for row in table_of(tmp_path / "o.csv")] == ["a\\udcff.png"]


def test_without_fields_a_reading_is_a_row(tmp_path):
    lines = [
        Reading("line-1", "12", 12.0, "ok", 0.9, (1, 2, 3, 4)),
        Reading("line-2", "1?", None, "uncertain", 0.4, (1, 9, 3, 4), "why"),
    ]
    with open_stack(tmp_path / "o.csv", ()) as stack:
        stack.write(frame("a.png"), lines, 1.0)
        stack.write(frame("b.png"), [Reading("frame", "", None, "empty", 0.0, None, "no ink")], 1.0)
        stack.fail(PageError("c.png: broken", "c.png", None))
    keys = ("source", "page", "line", "lines", "name", "text", "value", "status", "reason", "x", "height")
    assert [[row[key] for key in keys] for row in table_of(tmp_path / "o.csv")] == [
        ["a.png", "1", "1", "2", "line-1", "12", "12", "ok", "", "1", "4"],
        ["a.png", "1", "2", "2", "line-2", "1?", "", "uncertain", "why", "1", "4"],
        ["b.png", "1", "1", "1", "frame", "", "", "empty", "no ink", "", ""],
        ["c.png", "", "1", "1", "", "", "", "failed", "c.png: broken", "", ""],
    ]


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("007", 7.0, "7"),
        ("1234.56", 1234.56, "1234.56"),
        ("0.00001", 0.00001, "0.00001"),
        ("-5", -5.0, "-5"),
        ("123456789012345", 123456789012345.0, "123456789012345"),
        ("1234567890123456789", 1234567890123456789.0, ""),
        ("1?", None, ""),
    ],
)
def test_a_value_is_exact_or_left_out(text, value, shown):
    status = "uncertain" if value is None else "ok"
    assert shown_value(Reading("a", text, value, status, 0.9, None)) == shown


def test_the_gravest_field_names_the_form():
    assert form_status([OK, BLANK]) == "ok"
    assert form_status([BLANK, BLANK]) == "empty"
    assert form_status([OK, DOUBT, BLANK]) == "uncertain"
    assert form_status([WRONG, DOUBT, OK]) == "rejected"


@pytest.mark.parametrize("names", [("status",), ("a", "a.value"), ("file", "a")])
def test_a_field_that_takes_another_columns_name_is_refused(tmp_path, names):
    with pytest.raises(ConfigError, match="give that field another name"):
        open_stack(tmp_path / "o.csv", names)
    assert not (tmp_path / "o.csv").exists()


def test_fields_may_be_called_as_the_columns_of_lines_are(tmp_path):
    fields = ("line", "lines", "text", "name")
    readings = [Reading(name, str(number), float(number), "ok", 0.9, None) for number, name in enumerate(fields)]
    for source in ("a.png", "b.png"):
        with open_stack(tmp_path / "o.csv", fields) as stack:
            assert stack.is_wanted(source, 0)
            stack.write(frame(source), readings, 1.0)
    assert [[row[name] for name in fields] for row in table_of(tmp_path / "o.csv")] == [["0", "1", "2", "3"]] * 2


def test_readings_of_other_fields_are_a_programmers_mistake(tmp_path):
    with open_stack(tmp_path / "o.csv") as stack, pytest.raises(ValueError, match="must be of the fields"):
        stack.write(frame("a.png"), [OK], 1.0)


# Going on


def read_all(stack: Stack, scans: list[Path], fields: bool) -> int:
    """Read what is wanted of the scans, each of two pages, as a source and `run` do; how many pages that were."""
    count = 0
    for scan in scans:
        for index in (0, 1):
            if stack.is_wanted(str(scan), index):
                count += 1
                doubtful = (DOUBT, BLANK) if index else (OK, BLANK)
                stack.write(frame(scan, index), doubtful if fields else [OK, DOUBT, WRONG], 1.0)
    return count


@pytest.mark.parametrize("fields", [True, False])
def test_cut_at_any_byte_the_table_becomes_the_same_again(tmp_path, scans, fields):
    names = ("amount", "date") if fields else ()
    path = tmp_path / "o.csv"
    with open_stack(path, names) as stack:
        read_all(stack, scans, fields)
    whole = path.read_bytes()
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        with open_stack(path, names) as stack:
            count = read_all(stack, scans, fields)
        assert path.read_bytes() == whole, length
        assert (count > 0) == (length < len(whole))


def test_zeros_that_a_power_cut_leaves_are_cut_off(tmp_path, scans):
    path = tmp_path / "o.csv"
    with open_stack(path) as stack:
        read_all(stack, scans, True)
    whole = path.read_bytes()
    notes: list[str] = []
    for keep in (len(whole), len(whole) - 30):
        path.write_bytes(whole[:keep] + bytes(4096))
        with open_stack(path, on_note=notes.append) as stack:
            read_all(stack, scans, True)
        assert path.read_bytes() == whole
    assert f"{path}: cut off 4096 bytes of a form that was half written" in notes


def test_a_restart_says_where_it_goes_on(tmp_path, scans):
    notes: list[str] = []
    for part in (scans[:2], scans):
        with open_stack(tmp_path / "o.csv", on_note=notes.append) as stack:
            read_all(stack, part, True)
    table = tmp_path / "o.csv"
    assert notes == [
        f"{table}: 4 forms (2 ok, 2 uncertain)",
        f"{table}: has 4 forms (2 ok, 2 uncertain) already; reading goes on after them",
        f"{table}: 6 forms (3 ok, 3 uncertain)",
    ]


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, "tests/edge/forms")
import test_stack as t
with t.open_stack(Path(sys.argv[1]) / "o.csv", review=Path(sys.argv[1]) / "review") as stack:
    print("ready", flush=True)
    for scan in sorted(Path(sys.argv[1]).glob("scans/*")):
        if stack.is_wanted(str(scan), 0):
            time.sleep(0.002)
            stack.write(t.frame(scan), [t.DOUBT, t.WRONG], 1.0)
"""


def test_a_killed_stack_loses_and_repeats_nothing(tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(60):
        (scans / f"{number:02d}.png").write_bytes(b"picture %d" % number)
    rng, kills, status = random.Random(3), 0, -1
    while status != 0:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        if kills < 6:
            time.sleep(rng.uniform(0.01, 0.3))
            child.send_signal(rng.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
            kills += 1
        child.stdout.close()
        status = child.wait()
        assert status in (0, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM)
    assert [Path(row["source"]).name for row in table_of(tmp_path / "o.csv")] == [f"{n:02d}.png" for n in range(60)]
    review = tmp_path / "review"
    assert len(list((review / "forms").iterdir())) == 60
    assert len(list((review / "crops").iterdir())) == 120
    assert sorted(path.name for path in review.iterdir()) == ["crops", "forms", "index.html", "stack.json"]
    assert (tmp_path / "review" / "index.html").read_text().count("<article") == 60


def test_what_is_in_the_table_is_known_by_path_and_content(tmp_path, monkeypatch):
    for name in ("a/1.png", "b/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"same" if name != "b/2.png" else b"other")
    monkeypatch.chdir(tmp_path)
    with open_stack(tmp_path / "o.csv") as stack:
        stack.write(frame("a/1.png"), [OK, BLANK], 1.0)
        stack.write(frame("b/2.png"), [OK, BLANK], 1.0)
    with open_stack(tmp_path / "o.csv") as stack:
        assert not stack.is_wanted("a/1.png", 0)
        assert not stack.is_wanted("./a/../a/1.png", 0)
        assert not stack.is_wanted(str(tmp_path / "a/1.png"), 0)
        assert stack.is_wanted("a/1.png", 1)
        assert stack.is_wanted("b/1.png", 0), "the same content in another folder is another form"
        os.utime("b/2.png", (1, 1))
        assert not stack.is_wanted("b/2.png", 0)
    Path("b/2.png").rename("b/3.png")
    with open_stack(tmp_path / "o.csv") as stack:
        assert not stack.is_wanted("b/3.png", 0), "a file that was moved is the same form"
    Path("a/1.png").write_bytes(b"scanned again")
    with open_stack(tmp_path / "o.csv") as stack:
        assert stack.is_wanted("a/1.png", 0), "another content is another form"


def test_a_page_that_failed_is_tried_again_and_stands_in_the_table_once(tmp_path):
    bad = tmp_path / "a.png"
    bad.write_bytes(b"bad")
    for _ in range(2):
        with open_stack(tmp_path / "o.csv") as stack:
            assert stack.is_wanted(str(bad), 0)
            stack.fail(PageError(f"{bad}: damaged", str(bad), 0))
    (row,) = table_of(tmp_path / "o.csv")
    assert [row[key] for key in ("source", "page", "status", "reason", "amount", "amount.status", "time")] == [
        *(str(bad), "1", "failed", f"{bad}: damaged", "", "", "")
    ]
    notes: list[str] = []
    with open_stack(tmp_path / "o.csv", on_note=notes.append) as stack:
        stack.write(frame(bad), [OK, BLANK], 1.0)
        assert not stack.is_wanted(str(bad), 0)
    assert notes[-1] == f"{tmp_path}/o.csv: 1 form (1 ok)"
    with open_stack(tmp_path / "o.csv") as stack:
        assert not stack.is_wanted(str(bad), 0)


# Refusals


def test_another_setup_is_refused_and_the_table_stays(tmp_path):
    path = tmp_path / "o.csv"
    with open_stack(path) as stack:
        stack.write(frame("a.png"), [OK, BLANK], 1.0)
    before = path.read_bytes()
    for setup, what in (
        ("readout 1; configuration c; model b", "another configuration; name another file"),
        ("readout 2; configuration c; model d", "another readout and configuration and model; name"),
    ):
        with pytest.raises(OutputError, match=what):
            open_stack(path, setup=setup)
    assert path.read_bytes() == before


def test_the_setup_is_of_all_that_changes_a_reading(tmp_path):
    def setup(**tables: object) -> str:
        return setup_of(Config.model_validate(tables), [tmp_path / "m"])

    with pytest.raises(BundleError, match=r"card\.json is missing"):
        setup()
    (tmp_path / "m").mkdir()
    (tmp_path / "m/card.json").write_text("{}")
    (tmp_path / "r.png").write_bytes(b"1")
    first = setup()
    assert setup(source={"uri": "elsewhere", "fps": 3}) == first
    assert len({first, setup(read={"cutoff": 0.5}), setup(source={"rotation": 90})}) == 3
    referred = setup(reference={"image": str(tmp_path / "r.png")})
    (tmp_path / "r.png").rename(tmp_path / "s.png")
    assert setup(reference={"image": str(tmp_path / "s.png")}) == referred
    (tmp_path / "s.png").write_bytes(b"2")
    assert setup(reference={"image": str(tmp_path / "s.png")}) != referred
    (tmp_path / "m/card.json").write_text("{ }")
    assert setup().split("; ")[:2] == first.split("; ")[:2]
    assert setup() != first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,price\nbolt,3\n", "is there already and is no table of readings; name another file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is there already and is no table of readings"),
        (b'"' * 70_000, "is there already and is no table of readings"),
        (encode_rows([table_columns(["amount", "day"])]), "is a table of other columns .date is not among its columns"),
        (encode_rows([table_columns(["date", "amount"])]), "is a table of other columns .its columns are source"),
        (encode_rows([table_columns(["amount", "date"]), ["a", "1"]]), "row 2 has 2 cells where the header has 17"),
        (
            encode_rows([table_columns(["amount", "date"]), ["a", "1", "", "fine", *[""] * 12, SETUP]]),
            "row 2 has the status 'fine'",
        ),
        (encode_rows([table_columns(["amount", "date"])]) + b"x" * (MAX_TAIL + 1), "damaged after byte"),
    ],
)
def test_a_file_that_is_not_this_table_is_refused_and_stays(tmp_path, content, message):
    (tmp_path / "o.csv").write_bytes(content)
    with pytest.raises(OutputError, match=message) as caught:
        open_stack(tmp_path / "o.csv")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "o.csv").read_bytes() == content


def test_a_table_saved_by_another_editor_goes_on(tmp_path):
    path = tmp_path / "o.csv"
    with open_stack(path) as stack:
        stack.write(frame("a.png"), [OK, BLANK], 1.0)
    path.write_bytes(path.read_bytes().removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n"))
    with open_stack(path) as stack:
        assert not stack.is_wanted("a.png", 0)
        stack.write(frame("b.png"), [OK, BLANK], 1.0)
    assert [row["source"] for row in table_of(path)] == ["a.png", "b.png"]


def test_an_empty_file_is_taken(tmp_path):
    (tmp_path / "o.csv").touch()
    with open_stack(tmp_path / "o.csv") as stack:
        stack.write(frame("a.png"), [OK, BLANK], 1.0)
    assert len(table_of(tmp_path / "o.csv")) == 1


def test_two_at_once_are_refused(tmp_path):
    with open_stack(tmp_path / "o.csv"), pytest.raises(OutputError, match="another readout writes it; wait"):
        open_stack(tmp_path / "o.csv")
    with open_stack(tmp_path / "o.csv"):
        pass


@pytest.mark.parametrize(
    ("path", "message"),
    [("none/o.csv", "make its folder first"), (".", "Is a directory"), ("pipe", "is not a regular file; name a file")],
)
def test_a_place_where_no_table_can_be_is_one_line(tmp_path, path, message):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match=message):
        open_stack(tmp_path / path)


@pytest.mark.parametrize("how", ["replaced", "removed", "appended"])
def test_a_table_that_another_program_changes_is_not_written_blindly(tmp_path, how):
    path = tmp_path / "o.csv"
    with open_stack(path) as stack:
        stack.write(frame("a.png"), [OK, BLANK], 1.0)
        if how == "appended":
            with path.open("a") as file:
                file.write("mine\n")
        else:
            path.rename(tmp_path / "saved.csv")
        if how == "replaced":
            path.write_bytes((tmp_path / "saved.csv").read_bytes())
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(OutputError, match="another program moved or changed it"):
            stack.write(frame("b.png"), [OK, BLANK], 1.0)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "o.csv"
    write, room = os.pwrite, [10**9]

    def write_while_there_is_room(handle: int, data: bytes, at: int) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = write(handle, data[: room[0]], at)
        room[0] -= count
        return count

    monkeypatch.setattr("edge.forms.rowfile.os.pwrite", write_while_there_is_room)
    with open_stack(path) as stack:
        stack.write(frame("a.png"), [OK, BLANK], 1.0)
        whole = path.read_bytes()
        room[0] = 50
        with pytest.raises(OutputError, match=r"No space left on device.; free some space"):
            stack.write(frame("b.png"), [OK, BLANK], 1.0)
        assert path.read_bytes() == whole
        room[0] = 10**9
        assert stack.is_wanted("b.png", 0)
        stack.write(frame("b.png"), [OK, BLANK], 1.0)
    assert [row["source"] for row in table_of(path)] == ["a.png", "b.png"]


def test_a_disk_that_is_full_from_the_first_is_one_line(tmp_path, monkeypatch):
    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge.forms.rowfile.os.pwrite", write)
        with pytest.raises(OutputError, match=r"o\.csv: cannot be written .No space left on device."):
            open_stack(tmp_path / "o.csv")
    with open_stack(tmp_path / "o.csv"):
        pass


# What it costs


def test_a_form_is_not_kept_in_memory(tmp_path):
    def write(stack: Stack, numbers: range) -> int:
        for number in numbers:
            stack.write(Frame(np.full((300, 300), 9, np.uint8), f"{number}.png"), [DOUBT, WRONG], 1.0)
        return tracemalloc.get_traced_memory()[0]

    with open_stack(tmp_path / "o.csv", review=tmp_path / "review") as stack:
        tracemalloc.start()
        first = write(stack, range(20))
        later = write(stack, range(20, 70))
        tracemalloc.stop()
    assert later - first < 50 * 1000, "bytes for 50 forms"


def test_rows_are_read_one_at_a_time():
    lines = iter([b"a,b\r\n", b'"1\r\n', b'2",3\r\n', b"4,5"])
    assert list(complete_records(lines)) == [(5, b"a,b\r\n"), (15, b'"1\r\n2",3\r\n')]


def test_a_group_without_its_end_is_cut_off(tmp_path):
    path = tmp_path / "o.csv"
    file = RowFile(path, ["key", "is_last"])
    file.append([["a", ""], ["a", "yes"], ["b", ""]])
    file.close()
    again = RowFile(path, ["key", "is_last"], lambda row: row[1] == "yes")
    assert list(again.rows()) == [["a", ""], ["a", "yes"]]
    assert again.cut_bytes == len(b"b,\r\n")
    again.close()


def test_a_new_file_without_a_row_is_removed_and_one_that_was_there_is_not(tmp_path):
    RowFile(tmp_path / "new.csv", ["key"]).close()
    (tmp_path / "old.csv").touch()
    RowFile(tmp_path / "old.csv", ["key"]).close()
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]


def test_counts_are_told_in_words():
    assert describe_counts({}) == "0 forms"
    assert describe_counts({"ok": 1, "failed": 0}) == "1 form (1 ok)"
    assert describe_counts({"failed": 1, "ok": 2}) == "3 forms (2 ok, 1 failed)"


def test_the_digits_of_a_form_may_be_any(tmp_path):
    digits = (Digit("?", 0.2, (190, 50, 30, 30)), Digit("1", 0.9, (-5, -5, 20, 20)))
    reading = Reading("amount", "?1", None, "uncertain", 0.2, None, None, digits)
    with open_stack(tmp_path / "o.csv", ("amount",), review=tmp_path / "review") as stack:
        stack.write(frame("a.png"), [reading], 1.0)
    assert len(table_of(tmp_path / "o.csv")) == 1
