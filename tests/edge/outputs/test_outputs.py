"""What goes out and when, how fast it rises, and that a failing output never stops the reading."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.config import parse_config
from edge.nouns import Digit, Frame, Reading
from edge.outputs import open_outputs
from edge.outputs.due import Due, Rule, parse_rule
from edge.outputs.opening import CROP_SIDE, crop_of
from edge.outputs.record import Rates, Record, record_json, record_of

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
GRAY = np.full((240, 320), 200, np.uint8)
RECORD = Record(NOON, "water", 453.012, "m³", "453.012", "453012", "ok", 0.998, None, 0.25, "demo:", 0)


def frame(second: float) -> Frame:
    return Frame(GRAY, "demo:", int(second), NOON + second, 5000.0 + second)


def ok(value: float, name: str = "water") -> Reading:
    return Reading(name, f"{value:g}", value, "ok", 0.99, (10, 10, 50, 30))


DOUBT = Reading("water", "4?", None, "uncertain", 0.41, (10, 10, 50, 30), "digit 2 is below the cutoff")

# what is due


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("each", Rule()),
        ("change", Rule(only_new=True)),
        ("5m", Rule(least_s=300)),
        ("each 5m", Rule(least_s=300)),
        ("change 30s", Rule(only_new=True, least_s=30)),
        ("ok change 1h", Rule(only_ok=True, only_new=True, least_s=3600)),
        ("ok 1d", Rule(only_ok=True, least_s=86400)),
        ("never", Rule(is_off=True)),
    ],
)
def test_a_line_says_what_goes_out_and_when(text, rule):
    assert parse_rule(text) == rule


def sent(text: str, *steps: tuple[float, str, str]) -> list[float]:
    """The times at which a rule lets (time, text, status) out."""
    due = Due({"water": parse_rule(text)}, Rule(is_off=True))
    return [time_s for time_s, read, status in steps if due.is_due(replace(RECORD, text=read, status=status), time_s)]


STEPS = [
    *((0, "1", "ok"), (10, "1", "ok"), (20, "2", "ok"), (25, "3", "ok"), (60, "3", "ok")),
    *((70, "?", "uncertain"), (130, "3", "ok")),
]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("each", [0, 10, 20, 25, 60, 70, 130]),
        ("change", [0, 20, 25, 70, 130]),
        ("ok change", [0, 20, 25]),
        ("1m", [0, 60, 130]),
        ("change 1m", [0, 60]),
        ("never", []),
    ],
)
def test_what_is_due_follows_the_rule(text, times):
    assert sent(text, *STEPS) == times


def test_a_change_that_had_to_wait_is_sent_when_its_time_comes():
    assert sent("change 1m", (0, "1", "ok"), (5, "2", "ok"), (30, "2", "ok"), (61, "2", "ok"), (130, "2", "ok")) == [
        0,
        61,
    ]


def test_fields_do_not_disturb_each_other():
    due = Due({"a": parse_rule("change")}, parse_rule("each"))
    assert due.is_due(replace(RECORD, name="a"), 0)
    assert due.is_due(replace(RECORD, name="other"), 0)
    assert due.is_due(replace(RECORD, name="other"), 1)
    assert not due.is_due(replace(RECORD, name="a"), 1)
    assert due.is_due(replace(RECORD, name="a", value=453.013), 2), "another value behind the same text"


def test_what_is_asked_for_goes_out_though_it_is_not_new_unless_it_never_does():
    due = Due({"a": parse_rule("ok change 1h"), "b": parse_rule("never")}, parse_rule("each"))
    a, b = replace(RECORD, name="a"), replace(RECORD, name="b")
    assert (due.is_due(a, 0), due.is_due(a, 1)) == (True, False)
    due.ask()
    assert not due.is_due(replace(a, status="uncertain", value=None), 2)
    assert (due.is_due(a, 3), due.is_due(a, 4)) == (True, False)
    assert not due.is_due(b, 5)


# rates


def test_a_rate_is_the_rise_over_the_last_minutes():
    rates = Rates(window_s=600, span_s=60)
    found = [rates.add("water", second, value) for second, value in ((0, 1.0), (30, 1.0), (60, 1.1), (600, 2.0))]
    assert found[:2] == [None, None]
    assert found[2:] == [pytest.approx(6.0), pytest.approx(6.0)]
    assert rates.add("water", 1200, 2.0) == pytest.approx(0.0)
    assert rates.add("gas", 1200, 2.0) is None


def test_many_frames_a_second_neither_change_a_rate_nor_fill_memory():
    rates = Rates(window_s=600, span_s=60)
    found = [rates.add("water", second / 30, 10.0 + second / 30 / 3600) for second in range(30 * 700)]
    assert found[-1] == pytest.approx(1.0)
    assert len(rates._values["water"]) < 700


def test_a_rate_over_an_hour_between_readings_is_known():
    rates = Rates()
    assert rates.add("water", 0, 10.0) is None
    assert rates.add("water", 3600, 10.5) == pytest.approx(0.5)
    assert rates.add("water", 7200, 12.5) == pytest.approx(2.0)


def test_a_fall_begins_anew_and_is_no_negative_rate():
    rates = Rates()
    rates.add("water", 0, 9999.0)
    assert rates.add("water", 100, 3.0) is None
    assert rates.add("water", 200, 4.0) == pytest.approx(36.0)


# records


def test_a_record_has_the_raw_digits_beside_the_text():
    digits = tuple(Digit(text, 0.9, (0, 0, 1, 1)) for text in "453")
    record = record_of(frame(0), Reading("water", "45.3", 45.3, "ok", 0.9, None, None, digits), "m³", 1.5)
    assert record_json(record) == {
        **{"time": "2026-11-21T12:00:00.000Z", "name": "water", "value": 45.3, "unit": "m³", "text": "45.3"},
        **{"raw": "453", "status": "ok", "confidence": 0.9, "reason": None, "rate": 1.5, "source": "demo:", "frame": 0},
    }


def test_a_crop_of_doubt_shows_the_box_and_a_margin():
    gray = np.zeros((240, 320), np.uint8)
    gray[100:140, 50:150] = 255
    crop = crop_of(gray, replace(RECORD, status="uncertain", box=(50, 100, 100, 40)))
    picture = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (52, 130)
    assert picture[26, 65] > 250
    assert picture[2, 2] < 5


def test_a_crop_at_the_border_stays_inside_and_a_large_one_is_reduced():
    gray = np.zeros((1000, 2000), np.uint8)
    at_border = crop_of(gray, replace(RECORD, status="rejected", box=(0, 0, 20, 10)))
    assert cv2.imdecode(np.frombuffer(at_border, np.uint8), 0).shape == (12, 23)
    large = crop_of(gray, replace(RECORD, status="uncertain", box=(0, 0, 2000, 1000)))
    assert cv2.imdecode(np.frombuffer(large, np.uint8), 0).shape == (CROP_SIDE // 2, CROP_SIDE)
    assert crop_of(gray, replace(RECORD, box=(0, 0, 20, 10))) is None
    assert crop_of(gray, replace(RECORD, status="empty")) is None


# all together


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


FIELD = '[[field]]\nname = "water"\nkind = "drum"\nunit = "m³"\ndigits = [[0, 0, 9, 9]]\n'


def test_readings_that_are_due_are_in_the_file_and_in_the_store(tmp_path):
    said: list[str] = []
    config = parse_config(f'{FIELD}[csv]\npath = "{tmp_path}/a.csv"\n[store]\npath = "{tmp_path}/a.db"')
    with open_outputs(config, said.append) as sinks:
        for second, reading in enumerate((ok(1.0), ok(1.0), DOUBT, ok(2.0))):
            for sink in sinks:
                sink.write(frame(second), [reading, ok(7.0, "line-1")], 1.0)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        table = [(row["name"], row["text"], row["status"], row["unit"]) for row in csv.DictReader(file)]
    expected = [
        ("water", "1", "ok", "m³"),
        ("line-1", "7", "ok", ""),
        ("water", "4?", "uncertain", "m³"),
        ("water", "2", "ok", "m³"),
    ]
    assert table == expected
    assert rows(tmp_path / "a.db", "SELECT name, text, status, unit FROM readings ORDER BY id") == expected
    assert [jpeg[:2] for (jpeg,) in rows(tmp_path / "a.db", "SELECT jpeg FROM crops")] == [b"\xff\xd8"]
    assert [kind for (kind,) in rows(tmp_path / "a.db", "SELECT kind FROM events")] == ["start", "stop"]
    assert said == []


def test_without_outputs_there_is_nothing_to_write_to(tmp_path):
    with open_outputs(parse_config(FIELD), print) as sinks:
        assert sinks == []


def test_a_csv_file_that_cannot_be_written_is_one_line_and_the_store_goes_on(tmp_path):
    said: list[str] = []
    config = parse_config(f'[csv]\npath = "{tmp_path}/no/a.csv"\n[store]\npath = "{tmp_path}/a.db"')
    with open_outputs(config, said.append) as (sink,):
        for second in range(5):
            sink.write(frame(second), [ok(float(second))], 1.0)
    assert said == [
        f"{tmp_path}/no/a.csv: cannot be written (No such file or directory); make its folder first; "
        "its rows are left out until then"
    ]
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM readings") == [(5,)]


def test_a_run_fills_the_outputs_and_history_shows_them(tmp_path, capfd, fake_bundle):
    (tmp_path / "a.toml").write_text("[csv]\n[store]\n")
    command = ["run", "--config", tmp_path / "a.toml", "--source", "demo:?frames=5", "--model", fake_bundle]
    assert main([str(word) for word in command]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    read = {(line.split()[1], line.split()[2]) for line in out.splitlines()}
    assert read
    assert main(["history", "--config", str(tmp_path / "a.toml"), "--format", "json"]) == 0
    kept = {(json.loads(line)["name"], json.loads(line)["text"]) for line in capfd.readouterr().out.splitlines()}
    assert kept == read
    assert len((tmp_path / "readings.csv").read_text().splitlines()) == len(read) + 1
