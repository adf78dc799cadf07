"""`edge history`: what was stored comes out again, by field and time, as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from edge.cli import main
from edge.outputs.history import moment_s
from edge.outputs.record import Record, record_json
from edge.outputs.store import Limits, Store

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
WATER = Record(NOON, "water", 453.012, "m³", "453.012", "453012", "ok", 0.9987, None, 0.25, "demo:", 0)
GAS = replace(
    WATER, name="gas", time_s=NOON + 3600, value=None, text="12?4", raw="12?4", status="uncertain", reason="digit 3"
)


@pytest.fixture
def store(tmp_path):
    """A store file that a service still has open."""
    store = Store(tmp_path / "a.db", Limits(), print)
    store.add([WATER, GAS, replace(WATER, time_s=NOON + 7200, frame=2)], crops=[None, b"picture", None])
    store.add_event("start", "edge run began", NOON)
    yield tmp_path / "a.db"
    store.close()


def call(capfd, *words: object) -> tuple[int, str, str]:
    return main(["history", *(str(word) for word in words)]), *capfd.readouterr()


def test_text_is_a_line_a_reading(capfd, store):
    status, out, err = call(capfd, "--store", store)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "2026-11-21T12:00:00.000Z  water    453.012 m³  ok         0.998",
        "2026-11-21T13:00:00.000Z  gas       12?4 m³  uncertain  0.998  digit 3",
        "2026-11-21T14:00:00.000Z  water    453.012 m³  ok         0.998",
    ]


def test_json_and_csv_hold_the_same_values(capfd, store):
    _, out, _ = call(capfd, "--store", store, "--format", "json")
    assert [json.loads(line) for line in out.splitlines()] == [
        record_json(each) for each in (WATER, GAS, replace(WATER, time_s=NOON + 7200, frame=2))
    ]
    _, table, _ = call(capfd, "--store", store, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["value"] for row in rows] == ["453.012", "", "453.012"]
    assert list(rows[0]) == list(json.loads(out.splitlines()[0]))


@pytest.mark.parametrize(
    ("words", "times"),
    [
        (["--field", "gas"], ["13:00"]),
        (["--field", "gas", "--field", "water"], ["12:00", "13:00", "14:00"]),
        (["--since", "2026-11-21T13:00Z"], ["13:00", "14:00"]),
        (["--until", "2026-11-21T13:00Z"], ["12:00"]),
        (["--since", "2026-11-21T13:00Z", "--until", "2026-11-21T14:00Z", "--field", "water"], []),
        (["--since", "2026-11-22T00:00+00:00"], []),
    ],
)
def test_fields_and_times_choose(capfd, store, words, times):
    status, out, _ = call(capfd, "--store", store, *words)
    assert status == 0
    assert [line[11:16] for line in out.splitlines()] == times


def test_events_are_listed_in_each_form(capfd, store):
    assert call(capfd, "--store", store, "--events")[1] == "2026-11-21T12:00:00.000Z  start  edge run began\n"
    assert call(capfd, "--store", store, "--events", "--format", "csv")[1] == (
        "time,kind,detail\n2026-11-21T12:00:00.000Z,start,edge run began\n"
    )
    assert json.loads(call(capfd, "--store", store, "--events", "--format", "json")[1])["kind"] == "start"
    status, _, err = call(capfd, "--store", store, "--events", "--field", "a")
    assert status == 2
    assert "leave --field and --crops out" in err


def test_crops_of_doubt_are_exported(capfd, store, tmp_path):
    assert call(capfd, "--store", store, "--crops", tmp_path / "out") == (0, "", "")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "2026-11-21T130000.000Z_gas_12-4.jpg": b"picture"
    }


def test_the_configuration_names_the_store(capfd, store, tmp_path):
    (tmp_path / "a.toml").write_text('[store]\npath = "a.db"')
    assert len(call(capfd, "--config", tmp_path / "a.toml")[1].splitlines()) == 3
    (tmp_path / "b.toml").write_text("")
    status, _, err = call(capfd, "--config", tmp_path / "b.toml")
    assert (status, err) == (1, f"readout: {tmp_path}/b.toml: has no [store]; add one, or name the file with --store\n")


def test_a_newcomers_mistakes_are_one_line(capfd, store, tmp_path):
    (tmp_path / "text.db").write_text("hello, this is not a database" * 50)
    for words, status, message in [
        ([], 2, "name the store: --store FILE, or --config FILE"),
        (["--store", tmp_path / "no.db"], 1, f"readout: {tmp_path}/no.db: no such store"),
        (["--store", tmp_path / "text.db"], 1, "text.db: cannot be read (file is not a database)"),
        (["--store", store, "--since", "yesterday"], 2, "'yesterday' is no time; write 2026-11-21"),
    ]:
        found, out, err = call(capfd, *words)
        assert (found, out) == (status, "")
        assert message in err
        assert "Traceback" not in err


def test_times_are_dates_instants_or_spans_ago():
    assert moment_s("2026-11-21T12:00Z", 0) == NOON
    assert moment_s("2026-11-21T13:00+01:00", 0) == NOON
    assert moment_s("7d", NOON) == NOON - 7 * 86400
    assert moment_s("2026-11-22", 0) - moment_s("2026-11-21", 0) == 86400
