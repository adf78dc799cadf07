"""Frames of a camera before a meter: spoilt ones are held back, bumps followed, values weighed, and the state kept."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import count

import cv2
import numpy as np
import pytest

from edge.config import parse_config
from edge.errors import CommandError
from edge.fields import FieldReader, meter_cells, open_fields
from edge.forms.form import BoxField
from edge.geometry import mapped
from edge.meters.judge import traits_of
from edge.meters.marker import Marker
from edge.meters.overtime import Meter, Moment
from edge.meters.register import Reference
from edge.meters.state import read_state
from edge.meters.tracker import CHANGE_S, REST_S, Tracker, boot_id, evidence_of, meter_of
from edge.nouns import Candidate, Digit, Frame, Reading
from edge.schema import FieldTable
from tests.edge.meters.test_own_digits import sight
from tests.edge.test_cli import ROOT
from tests.meters.frames import ASKEW, CELL, SPOILT, bump, draw_face, noisy, view_of, with_digits

FACE = draw_face(np.random.default_rng(3))
BOXES = [(*np.round(cell[0]).astype(int).tolist(), *CELL) for cell in FACE.cells]
WATER = FieldTable(name="water", kind="drum", digits=BOXES, max_rate_per_hour=2.5)
SURE = 0.9999
STILL = np.eye(3)


class Scripted:
    """Reads what it is told where it looks at the cells, and a wrong number with the same confidence beside them."""

    def __init__(self) -> None:
        self.says: tuple[Candidate, ...] = ()
        self.truth = STILL
        self.calls = 0

    def read(self, gray, table, digits, dials, colour=None):
        self.calls += 1
        apart = np.abs(np.array(digits) - [mapped(cell, self.truth) for cell in FACE.cells]).max()
        says = self.says if apart < ASKEW * CELL[0] else (Candidate(77_777.0, SURE),)
        best = says[0]
        text = f"{best.value:06.0f}" if best.probability >= 0.9 else "0004??"
        places = tuple(Digit(symbol, best.probability, (0, 0, 1, 1)) for symbol in text)
        if best.probability >= 0.9:
            return Reading(table.name, text, best.value, "ok", best.probability, None, None, places, says)
        reason = f"{best.value:.0f} or {says[1].value:.0f}"
        return Reading(table.name, text, None, "uncertain", best.probability, None, reason, places, says)


class Camera:
    """Gives frames of the face, one for each minute that is asked for, and tells the reader what they show."""

    def __init__(self, seed: int = 0) -> None:
        self.meter = Scripted()
        self.rng = np.random.default_rng(seed)
        areas = meter_cells([WATER])
        fields = (BoxField.of(WATER, None),)
        place = Reference.of(FACE.gray, BOXES)
        self.reader = FieldReader(fields, {}, {"meter": self.meter}, place, 0.6, traits_of(FACE.gray, areas))

    def frame(self, minute, *says, view=STILL, change=None, **keys) -> Frame:
        self.meter.says = tuple(each if isinstance(each, Candidate) else Candidate(float(each), SURE) for each in says)
        self.meter.truth = view
        gray = with_digits(FACE.gray, FACE.cells, self.rng)
        gray = noisy(gray if view is STILL else view_of(gray, view, self.rng), self.rng, 2.0)
        gray = change(gray, self.rng) if change else gray
        return Frame(gray, "camera", round(minute), 1.7e9 + 60 * minute, 60.0 * minute, **keys)

    def settle(self, tracker, value=452, minutes=90, start=0) -> None:
        """Let the meter stand still, a frame every three minutes."""
        for minute in range(start, start + minutes, 3):
            tracker.read(self.frame(minute, value))


@pytest.fixture
def camera() -> Camera:
    return Camera()


def only(readings) -> Reading:
    (reading,) = readings
    return reading


def test_the_first_value_takes_two_frames_and_keeps_its_text_and_digits(camera):
    tracker = Tracker(camera.reader)
    first, second = (only(tracker.read(camera.frame(k, 452))) for k in range(2))
    assert (first.text, first.value, first.status) == ("000452", None, "uncertain")
    assert first.reason == "the first reading; waits for another that agrees"
    assert (second.text, second.value, second.status, second.reason) == ("000452", 452.0, "ok", None)
    assert "".join(digit.text for digit in second.digits) == "000452"


@pytest.mark.parametrize("kind", ["dark", "overexposed", "torn, foot missing"])
def test_a_spoilt_frame_is_refused_with_its_reason_and_never_read(camera, kind):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    calls, before = camera.meter.calls, tracker.histories
    reading = only(tracker.read(camera.frame(90, 999_999, change=SPOILT[kind])))
    assert (reading.value, reading.status, reading.text) == (None, "rejected", "")
    assert reading.reason.startswith(kind.partition(",")[0] + ":")
    assert camera.meter.calls == calls
    assert tracker.histories == before
    assert only(tracker.read(camera.frame(91, 452))).value == 452.0


def test_a_frame_of_something_else_is_moved(camera):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    wall = np.random.default_rng(1).integers(60, 200, FACE.gray.shape).astype(np.uint8)
    reading = only(tracker.read(Frame(wall, "camera", 0, 1.7e9, 5400.0)))
    assert reading.status == "rejected"
    assert reading.reason.startswith("moved: ")


def test_the_same_bytes_again_are_no_second_opinion_and_then_a_frozen_camera(camera):
    tracker = Tracker(camera.reader)
    frame = camera.frame(0, 452)
    again = [only(tracker.read(replace(frame, monotonic_s=60.0 * k))) for k in range(4)]
    assert [each.status for each in again] == ["uncertain", "uncertain", "rejected", "rejected"]
    assert again[2].reason.startswith("frozen: the same 3 times in a row")
    assert camera.meter.calls == 1
    patient = Tracker(camera.reader, may_stand_still=True)
    assert {only(patient.read(replace(frame, monotonic_s=60.0 * k))).status for k in range(9)} == {"uncertain"}


def test_what_rises_too_fast_is_refused_and_its_text_stays_as_read(camera):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    reading = only(tracker.read(camera.frame(90, 458)))
    assert (reading.text, reading.value, reading.status) == ("000458", None, "rejected")
    assert reading.reason == "rises by 6 from 452 in 180 s, faster than 2.5 an hour"


def test_of_two_candidates_the_one_that_follows_is_published_and_named(camera):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    reading = only(tracker.read(camera.frame(90, Candidate(458.0, 0.6), Candidate(453.0, 0.395))))
    assert (reading.text, reading.value, reading.status) == ("0004??", 453.0, "ok")
    assert reading.reason == "453 may also read 458, which does not follow from before"


def test_a_value_in_doubt_that_others_bear_out_says_what_the_frame_alone_would(camera):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    reading = only(tracker.read(camera.frame(90, Candidate(452.0, 0.7), Candidate(552.0, 0.2))))
    assert (reading.text, reading.value, reading.status) == ("0004??", 452.0, "ok")
    assert reading.reason == "452 by the readings before; this one alone: 452 or 552"


def test_a_bump_is_followed_and_said(camera):
    said = []
    tracker = Tracker(camera.reader, say=said.append)
    camera.settle(tracker)
    view = bump(np.random.default_rng(8), 0.6)
    after = [only(tracker.read(camera.frame(90 + k, 452, view=view))) for k in range(10)]
    first = next(k for k, each in enumerate(after) if each.value is not None)
    assert {each.value for each in after[first:]} == {452.0}
    assert len(said) == 1
    assert said[0].startswith("anchored again: the picture has moved by ")
    assert after[first].reason == said[0]
    assert after[-1].reason is None


def test_a_frame_is_tracked_from_the_last_one(camera, monkeypatch):
    tracker = Tracker(camera.reader)
    view = bump(np.random.default_rng(8), 0.6)
    tracker.read(camera.frame(0, 452, view=view))
    monkeypatch.setattr("edge.meters.register._find_features", lambda *_: pytest.fail("features were looked for"))
    assert only(tracker.read(camera.frame(1, 452, view=view))).value == 452.0


def test_a_meter_that_was_exchanged_is_accepted_without_a_person(camera):
    tracker = Tracker(camera.reader)
    camera.settle(tracker, minutes=30)
    after = [only(tracker.read(camera.frame(30 + 3 * k, 3))) for k in range(20)]
    accepted = next(k for k, each in enumerate(after) if each.value is not None)
    assert {each.status for each in after[:accepted]} == {"rejected"}
    assert {each.value for each in after[accepted:]} == {3.0}
    assert after[accepted].reason.startswith("accepted after ")


def test_a_burst_is_the_last_frame_that_is_ok(camera):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    minutes = [90 + k / 60 for k in range(3)]
    burst = [tracker.read(camera.frame(minute, 453)) for minute in minutes[:2]]
    burst.append(tracker.read(camera.frame(minutes[2], 453, change=SPOILT["dark"])))
    assert only(burst[0]).value is None or only(burst[1]).value == 453.0
    reading = only(tracker.combine(burst))
    assert (reading.value, reading.status) == (453.0, "ok")
    refused = [tracker.read(camera.frame(92 + k, 453, change=SPOILT["dark"])) for k in range(2)]
    assert only(tracker.combine(refused)).reason.startswith("dark: ")


def cut_power(*_):
    raise PowerCut


class PowerCut(BaseException):
    """Nothing after it runs."""


def test_after_a_power_cut_the_value_goes_on_where_it_stood(camera, tmp_path):
    path = tmp_path / "state.json"
    with_power = Tracker(camera.reader, path).__enter__()
    camera.settle(with_power)
    with Tracker(camera.reader, path) as again:
        assert set(again.histories) == {"water"}
        again._boot = "another"
        refused = only(again.read(camera.frame(100, 999)))
        assert refused.reason.startswith("rises by 547 from 452 in ")
        assert only(again.read(camera.frame(101, 452))).value == 452.0


@pytest.mark.parametrize("call", ["pathlib.Path.write_bytes", "edge.atomic.os.fsync", "pathlib.Path.replace"])
def test_a_power_cut_within_a_write_leaves_the_state_before_or_after(camera, tmp_path, monkeypatch, call):
    path = tmp_path / "state.json"
    tracker = Tracker(camera.reader, path).__enter__()
    camera.settle(tracker, minutes=9)
    before = read_state(path).state.histories
    with monkeypatch.context() as patch:
        patch.setattr(call, cut_power)
        with pytest.raises(PowerCut):
            camera.settle(tracker, value=453, start=9, minutes=60)
    assert read_state(path).remark is None
    assert read_state(path).state.histories in (before, tracker.histories)


def test_a_new_value_is_written_at_once_and_a_still_meter_seldom(camera, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("edge.meters.tracker.write_state", lambda _, state: written.append(state))
    tracker = Tracker(camera.reader, tmp_path / "state.json").__enter__()
    camera.settle(tracker, minutes=60)
    still = len(written)
    assert still <= 2 + 3600 / REST_S
    tracker.read(camera.frame(57.5, 453))
    tracker.read(camera.frame(57.5 + 2 * CHANGE_S / 60, 453))
    assert [state.histories["water"].accepted.value for state in written[still:]][-1] == 453.0
    count = len(written)
    tracker.__exit__()
    assert len(written) == count + 1


def test_a_disk_that_refuses_is_said_once_and_readings_go_on(camera, tmp_path):
    said = []
    with Tracker(camera.reader, tmp_path / "none" / "state.json", said.append) as tracker:
        camera.settle(tracker)
        assert only(tracker.read(camera.frame(100, 452))).value == 452.0
    assert len(said) == 1
    assert "cannot be written (No such file or directory); make its folder first" in said[0]


def test_a_state_that_cannot_be_believed_is_said(camera, tmp_path):
    said = []
    (tmp_path / "state.json").write_text("{")
    with Tracker(camera.reader, tmp_path / "state.json", said.append) as tracker:
        assert tracker.histories == {}
    assert said[0].endswith("set aside as state.json.unreadable; starts from nothing")


def test_a_time_that_is_not_sure_is_not_remembered_as_one(camera, tmp_path):
    tracker = Tracker(camera.reader)
    for minute in range(3):
        tracker.read(camera.frame(minute, 452, is_time_sure=False))
    assert tracker.histories["water"].accepted.moment == Moment(None, 120.0, boot_id())


def test_a_day_of_disturbances_publishes_no_wrong_value(camera, tmp_path):
    path, rng = tmp_path / "state.json", np.random.default_rng(5)
    tracker = Tracker(camera.reader, path).__enter__()
    view, ok, missing, longest = STILL, 0, 0, 0
    wrong_read = 0
    for index in range(200):
        minute, value = 3 * index, 452 + index // 16
        view = bump(np.random.default_rng(index), 0.5) if index in (70, 150) else view
        if index == 110:  # power comes back, with another name for the boot
            tracker = Tracker(camera.reader, path).__enter__()
            tracker._boot = "another"
        misread = value + int(rng.integers(1, 9)) * 10 ** int(rng.integers(0, 5))
        is_misread, is_spoilt = rng.random() < 0.04, rng.random() < 0.04
        wrong_read += is_misread
        shown = misread if is_misread else value
        change = SPOILT["dark"] if is_spoilt else None
        reading = only(tracker.read(camera.frame(minute, shown, view=view, change=change)))
        if reading.value is not None:
            assert abs(reading.value - value) <= 1, f"frame {index} shows {value}: {reading}"
            assert reading.value == float(reading.text)
        ok += reading.value is not None
        missing = 0 if reading.value is not None else missing + 1
        longest = max(longest, missing)
    assert wrong_read > 3
    assert ok > 0.85 * 200
    assert longest <= 5


def test_a_field_tells_its_meter():
    assert meter_of(WATER) == Meter(1e6, 1.0, 2.5, 1.0)
    fine = FieldTable(name="w", kind="drum", digits=BOXES[:5], dials=BOXES[5:], decimals=3)
    assert meter_of(fine) == Meter(1e3, 1e-3, None, 1e-3)
    display = FieldTable(name="e", kind="lcd", digits=BOXES, decimals=1, max_rate_per_hour=9)
    assert meter_of(display) == Meter(1e5, 0.1, 9.0, 0.0)


def test_a_display_that_is_not_said_to_rise_is_read_frame_by_frame(camera):
    table = FieldTable(name="degrees", kind="lcd", digits=BOXES)
    reader = replace(camera.reader, fields=(BoxField.of(table, None),))
    tracker = Tracker(reader)
    assert [only(tracker.read(camera.frame(k, 30 - k))).value for k in range(3)] == [30.0, 29.0, 28.0]
    assert tracker.histories == {}


@pytest.mark.parametrize(
    ("reading", "candidates"),
    [
        (Reading("m", "452", 452.0, "ok", 0.97, None), (Candidate(452.0, 0.97),)),
        (Reading("m", "4?2", None, "uncertain", 0.5, None), ()),
        (Reading("m", "", None, "empty", 0.9, None, "blank"), ()),
    ],
)
def test_what_another_model_read_is_evidence_too(reading, candidates):
    evidence = evidence_of(reading, Moment(0.0, 0.0))
    assert evidence.candidates == candidates
    assert evidence.reason or candidates


def test_the_shipped_model_reads_a_counter_over_time(tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), FACE.gray)
    text = f'[reference]\nimage = "{tmp_path / "face.png"}"\n[[field]]\nname = "water"\nkind = "drum"\njumps = true\n'
    config = parse_config(f"{text}digits = {[list(box) for box in BOXES]}\nmax_rate_per_hour = 2.5\n")
    tracker = Tracker(open_fields(config, ROOT / "models"))
    rng = np.random.default_rng(0)
    values = [None, *[only(tracker.read(shown(value, k, rng))).value for k, value in enumerate([234, 234, 235, 235])]]
    assert values[2:] == [234.0, 235.0, 235.0]
    assert only(tracker.read(shown(934, 5, rng))).reason == "rises by 699 from 235 in 120 s, faster than 2.5 an hour"


def test_a_high_digit_in_doubt_is_held_against_what_the_low_drums_have_shown(camera, monkeypatch):
    """Each frame says 601xxx at 0.9, or 801xxx: too little for a first value until its own 6s and 8s are known."""
    rng, values, doubt = np.random.default_rng(2), count(601_000.0), (0.9, 0.09)

    def read(gray, table, digits, dials, colour=None):
        value = next(values)
        sights = [sight(6, rng), *(sight(int(symbol), rng) for symbol in f"{value:.0f}"[1:])]
        places = tuple(Digit("?", 0.9, (0, 0, 1, 1), 0.0, each) for each in sights)
        says = tuple(Candidate(value + wrong, each) for wrong, each in zip((0.0, 200_000.0), doubt, strict=True))
        return Reading(table.name, f"?{value:.0f}"[:6], None, "uncertain", 0.9, None, "6 or 8", places, says)

    monkeypatch.setattr(camera.meter, "read", read)
    table = WATER.model_copy(update={"max_rate_per_hour": 100.0})
    camera.reader = replace(camera.reader, fields=(BoxField.of(table, None),))
    tracker = Tracker(camera.reader)
    readings = [only(tracker.read(camera.frame(minute, 601_000))) for minute in range(60)]
    first = next(k for k, reading in enumerate(readings) if reading.value is not None)
    assert 20 <= first < 50
    assert all(reading.value == 601_000 + k for k, reading in enumerate(readings) if k >= first)
    assert "a first value takes 0.975" in str(readings[first - 1].reason)


DEMO = """
[source]
uri = "demo:"
fps = 5
[state]
[[field]]
name = "water"
kind = "drum"
jumps = true
digits = [[87, 190, 78, 110], [183, 190, 78, 110], [279, 190, 78, 110], [372, 190, 78, 110], [468, 190, 78, 110]]
"""


def test_edge_run_keeps_the_state_of_a_camera_and_edge_read_knows_none(tmp_path):
    (tmp_path / "a.toml").write_text(DEMO + "max_rate_per_hour = 7200\n")
    words = [sys.executable, "-m", "edge", "run", "--config", str(tmp_path / "a.toml"), "--json", "--frames", "25"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line)["readings"][0] for line in done.stdout.splitlines()]
    assert lines[0]["reason"] == "the first reading; waits for another that agrees"
    assert set(lines[0]) == {"name", "text", "value", "status", "confidence", "box", "reason", "digits"}
    values = [line["value"] for line in lines if line["status"] == "ok"]
    assert values
    assert values == sorted(values)
    accepted = read_state(tmp_path / "state.json").state.histories["water"].accepted
    assert accepted.value == values[-1]
    words = [sys.executable, "-m", "edge", "read", "demo:", "--config", str(tmp_path / "a.toml"), "--json"]
    alone = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(alone.stdout)["readings"][0]["value"] == 12345.0


def shown(value: int, minute: int, rng) -> Frame:
    gray = FACE.gray.copy()
    for (x, y, width, height), digit in zip(BOXES, f"{value:0{len(BOXES)}d}", strict=True):
        cv2.rectangle(gray, (x, y), (x + width, y + height), 225, -1)
        foot = (x + round(0.14 * width), y + round(0.82 * height))
        cv2.putText(gray, digit, foot, cv2.FONT_HERSHEY_SIMPLEX, height / 34, 30, 3, cv2.LINE_AA)
    return Frame(noisy(gray, rng, 3.0), "camera", minute, 1.7e9 + 60 * minute, 60.0 * minute)


def test_frames_of_another_screen_have_no_say_in_a_burst():
    wanted, other = (
        Reading("energy", "1234", 1234.0, "ok", 0.99, None),
        Reading("energy", "", None, "rejected", 0.0, None, "another screen is shown"),
    )
    tracker = Tracker(FieldReader((), {}, {}, markers={"energy": Marker(np.zeros((24, 30), np.uint8), 1.0)}))
    assert tracker.combine([[other], [wanted], [other]]) == [wanted]
    assert tracker.combine([[other], [other], [other]]) == [other]


def test_a_value_set_by_hand_is_weighed_from_then_on_and_written_at_once(camera, tmp_path):
    path = tmp_path / "state.json"
    with Tracker(camera.reader, path) as tracker:
        camera.settle(tracker, 952)
        said = tracker.set_value("water", 452.0, 1.7e9 + 60 * 91, 60.0 * 91)
        assert said == "water is set to 452 by hand, it was 952; readings go on from there"
        assert read_state(path).state.histories["water"].accepted.value == 452.0
        assert only(tracker.read(camera.frame(93, 452))).value == 452.0
        assert only(tracker.read(camera.frame(96, 952))).status == "rejected"


def test_a_picture_that_stands_still_is_weighed_against_a_value_set_by_hand(camera):
    tracker = Tracker(camera.reader, may_stand_still=True)
    frame = camera.frame(0, 452)
    tracker.read(frame)
    tracker.set_value("water", 452.0, None, 1.0)
    assert only(tracker.read(replace(frame, monotonic_s=3.0))).value == 452.0


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("water", 1e6, "water is not set to 1e.06: it shows 0 to 999999"),
        ("gas", 5.0, "gas is not set to 5: what it shows does not only rise"),
    ],
)
def test_a_value_that_cannot_be_set_is_refused_and_changes_nothing(camera, name, value, says):
    tracker = Tracker(camera.reader)
    camera.settle(tracker)
    before = tracker.histories
    with pytest.raises(CommandError, match=says):
        tracker.set_value(name, value, 1.7e9, 6000.0)
    assert tracker.histories == before
