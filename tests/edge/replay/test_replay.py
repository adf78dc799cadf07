"""A replay tells right from wrong, says what a planted fault did, and what has changed since the last run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from edge.cli import main
from edge.errors import SourceError
from edge.nouns import Frame, Reading, Truth
from edge.replay.measure import outcomes_of, tally, tolerance_of
from edge.replay.report import change_lines, count_wrong, keep, lines_of, read_kept
from edge.schema import FieldTable
from edge.sources import simulated_setup
from tests.edge.test_cli import ROOT

BOXES = [[10 * k, 0, 8, 12] for k in range(3)]
DRUM = FieldTable(name="water", kind="drum", digits=BOXES, decimals=1)
LCD = FieldTable(name="water", kind="lcd", digits=BOXES, decimals=1)
GRAY = np.zeros((20, 40), np.uint8)
CALM = "demo:?meter=water-5&seed=1&without=all"


def frame(index: int, value: float | None, is_shown: bool = True) -> Frame:
    truth = () if value is None else (Truth("water", value, is_shown),)
    return Frame(GRAY, "demo:", index, 60.0 * index, 60.0 * index, truth=truth)


def reading(value: float | None, status: str = "uncertain", reason: str | None = None) -> Reading:
    return Reading(
        "water", "" if value is None else str(value), value, "ok" if value is not None else status, 1.0, None, reason
    )


def outcomes(pairs, table=DRUM):
    frames = [frame(k, truth) for k, (truth, _) in enumerate(pairs)]
    said = iter([each for _, each in pairs])
    return outcomes_of(frames, lambda _: [next(said)], [table])


def verdicts(found) -> list[str]:
    return [each.verdict for each in found["water"]]


def test_a_value_is_right_within_a_unit_of_a_drums_last_place_and_exactly_on_a_display():
    pairs = [(5.0, reading(5.0)), (5.0, reading(5.1)), (5.0, reading(5.2)), (99.9, reading(0.0))]
    assert verdicts(outcomes(pairs)) == ["right", "right", "wrong", "right"]
    assert verdicts(outcomes(pairs, LCD)) == ["right", "wrong", "wrong", "wrong"]
    assert tolerance_of(LCD) < 1e-6


def test_what_has_no_value_is_neither_and_without_a_truth_nothing_is_known():
    pairs = [(5.0, reading(None)), (5.0, reading(None, "rejected")), (None, reading(4.0))]
    assert verdicts(outcomes(pairs)) == ["uncertain", "rejected", "given"]
    assert count_wrong(outcomes(pairs)) == 0
    assert any("nobody said" in line for line in lines_of(outcomes([(None, reading(4.0))])))


def test_readings_are_counted_and_the_time_to_recover():
    values = [5.0, 5.0, 9.0, 9.0, None, 5.0, None, None, None, 5.0]
    found = outcomes([(5.0, reading(value)) for value in values])["water"]
    counted = tally(found)
    assert counted.counts == {"right": 4, "wrong": 2, "uncertain": 4}
    assert (counted.minutes, counted.minutes_with_value) == (10, 4)
    assert (counted.slowest_recovery, counted.longest_without) == (3, 3)
    never = outcomes([(5.0, reading(value)) for value in (9.0, None, None)])["water"]
    assert tally(never).slowest_recovery == 3


def test_after_a_bump_the_readings_until_the_next_value_are_counted():
    moved = reading(None, "rejected", "moved: does not match the reference picture")
    pairs = [(5.0, reading(5.0)), (5.0, moved), (5.0, moved), (5.0, reading(5.0))]
    assert tally(outcomes(pairs)["water"]).slowest_after_move == 2


def test_a_screen_that_shows_something_else_is_no_minute_without_a_value():
    frames = [frame(0, 5.0), frame(1, 5.0, is_shown=False)]
    said = iter([reading(5.0), reading(None)])
    counted = tally(outcomes_of(frames, lambda _: [next(said)], [LCD])["water"])
    assert (counted.minutes, counted.minutes_with_value) == (1, 1)


def test_a_planted_wrong_value_is_said_with_its_frame_and_its_truth():
    found = outcomes([(5.0, reading(5.0)), (5.0, reading(77.7)), (5.0, reading(5.0))])
    assert count_wrong(found) == 1
    text = "\n".join(lines_of(found))
    assert "WRONG and ok: 1; right again within 1 readings" in text
    assert "1 at 1970-01-01T00:01:00.000Z: 77.7, the meter showed 5" in text
    assert "no wrong value" not in text


def test_what_changed_since_the_last_run_is_listed_wrong_ones_first(tmp_path):
    before = outcomes([(5.0, reading(5.0)), (5.0, reading(None)), (5.0, reading(5.0))])
    keep(tmp_path / "replay.json", before)
    kept = read_kept(tmp_path / "replay.json")
    assert change_lines(kept, before) == ["water: the same as in the last run, reading by reading"]
    after = outcomes([(5.0, reading(5.0)), (5.0, reading(5.0)), (5.0, reading(9.0)), (5.0, reading(5.0))])
    lines = change_lines(kept, after)
    assert lines[0] == "water: changed since the last run: 1 uncertain -> right, 1 right -> wrong, 1 new"
    assert lines[1] == "  2: right 5 -> wrong 9"
    assert read_kept(tmp_path / "none.json") is None


def test_a_kept_file_that_is_none_is_one_line(tmp_path):
    (tmp_path / "replay.json").write_text('{"schema_version": 9}')
    with pytest.raises(SourceError, match="is not what a replay kept"):
        read_kept(tmp_path / "replay.json")


# The whole way, with the shipped bundle


def call(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=200)


def test_a_recording_of_a_simulated_meter_replays_as_it_ran_and_a_planted_truth_is_found_out(tmp_path):
    ran = call("run", "--source", f"{CALM}&frames=6", "--record", tmp_path / "rec", "--json")
    assert ran.returncode == 0, ran.stderr
    first = call("replay", tmp_path / "rec")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[0] == "meter: 6 readings: 5 right, 1 uncertain"
    assert "no wrong value was given as ok" in first.stdout
    again = call("replay", tmp_path / "rec")
    assert "meter: the same as in the last run, reading by reading" in again.stdout
    (tmp_path / "rec" / "truth.csv").write_text("frame,field,value\n0000003.png,meter,4711\n")
    planted = call("replay", tmp_path / "rec")
    assert planted.returncode == 1
    assert planted.stderr.strip().endswith("1 wrong value given as ok")
    assert "WRONG and ok: 1" in planted.stdout
    assert "changed since the last run: 1 right -> wrong" in planted.stdout


def test_a_recording_of_a_marked_screen_replays_where_its_pictures_are_not(tmp_path):
    uri = "demo:?meter=power-screens&seed=5&without=all&frames=2"
    setup = simulated_setup(uri)
    (tmp_path / "here").mkdir()
    for name in ("reference.png", "screen.png"):
        (tmp_path / "here" / name).write_bytes(setup.png)
    config = tmp_path / "here" / "readout.toml"
    config.write_text(setup.text + 'marker_image = "screen.png"\n')
    ran = call("run", "--config", config, "--record", tmp_path / "rec")
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "here").rename(tmp_path / "gone")
    assert (tmp_path / "rec" / "marker-1.png").read_bytes() == setup.png
    played = call("replay", tmp_path / "rec")
    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout.startswith("meter: 2 readings")


def test_a_folder_of_pictures_replays_by_the_time_between_them_and_its_truth(tmp_path):
    assert call("run", "--source", f"{CALM}&frames=4", "--record", tmp_path / "rec").returncode == 0
    config, pictures = tmp_path / "rec" / "readout.toml", tmp_path / "rec" / "frames"
    rows = [json.loads(line) for line in (tmp_path / "rec" / "recording.jsonl").read_text().splitlines()]
    truths = "".join(f"{row['file']},meter,{row['truth'][0][1]}\n" for row in rows)
    (tmp_path / "what-i-saw.csv").write_text(f"frame,field,value\n{truths}")
    words = ["replay", pictures, "--config", config, "--every", "60", "--truth", tmp_path / "what-i-saw.csv", "--json"]
    found = call(*words, "--last", tmp_path / "last.json")
    assert found.returncode == 0, found.stderr
    counts = json.loads(found.stdout)["fields"]["meter"]
    assert (counts["right"], counts["wrong"], counts["uncertain"], counts["minutes"]) == (3, 0, 1, 4)
    assert (tmp_path / "last.json").is_file()
    unnamed = call("replay", pictures, "--config", config, "--every", "60", "--truth", tmp_path / "rec" / "none.csv")
    assert (unnamed.returncode, len(unnamed.stderr.splitlines())) == (1, 1)


def test_a_wrong_value_in_the_pipeline_is_said(capfd, monkeypatch):
    from edge.meters import tracker

    as_published = tracker._as_published
    calls = []

    def misled(reading, published, meter):
        calls.append(1)
        found = as_published(reading, published, meter)
        return replace(found, value=found.value + 7.0) if found.value is not None and len(calls) == 4 else found

    monkeypatch.setattr(tracker, "_as_published", misled)
    assert main(["replay", f"{CALM}&frames=6"]) == 1
    out, err = capfd.readouterr()
    assert "WRONG and ok: 1" in out
    assert "1 wrong value given as ok" in err


def test_a_replay_as_json_has_its_counts(capfd):
    assert main(["replay", f"{CALM}&frames=4", "--json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["fields"]["meter"]["right"] == 3
    assert record["fields"]["meter"]["wrong"] == 0
    assert record["fields"]["meter"]["minutes"] == 4


def test_a_restart_in_between_is_replayed_through_the_file_of_the_state(tmp_path):
    ran = [call("run", "--source", f"{CALM}&frames=4", "--record", tmp_path / "rec") for _ in range(2)]
    assert [each.returncode for each in ran] == [0, 0]
    lines = (tmp_path / "rec" / "recording.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for number, row in enumerate(rows):
        later = number >= 4
        row |= {"boot": "second" if later else "first", "time": row["time"] + 9000.0 * later}
    (tmp_path / "rec" / "recording.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = call("replay", tmp_path / "rec", "--json")
    counts = json.loads(found.stdout)["fields"]["meter"]
    assert (counts["readings"], counts["wrong"], counts["right"]) == (8, 0, 7)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no such file or folder"),
        (["demo:"], "a replay needs the configuration"),
        (["demo:?meter=water-5"], "runs for ever; record it first"),
        ([f"{CALM}&frames=2", "--truth", "nowhere.csv"], "nowhere.csv: cannot be read"),
    ],
)
def test_a_mistake_is_one_line(capfd, words, message):
    assert main(["replay", *words]) == 1
    err = capfd.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
