"""The lies that are planted in a day: they are told where they can be, and the count sees those that are published."""

from __future__ import annotations

from dataclasses import replace

from edge.meters.overtime import Candidate, Evidence, Moment
from edge.schema import FieldTable
from tests.meters.planted import Day, Shot, course_of, heading, kept_day, lies_of, line_of, most_steps


def standing(kind: str, minutes: int = 60) -> Day:
    """A meter of tenths that stands still and is always read as surely; its machine starts anew half-way."""
    boxes = [(20.0 * k, 0.0, 16.0, 24.0) for k in range(5)]
    table = FieldTable(name="meter", kind=kind, digits=boxes, decimals=1, max_rate_per_hour=60.0)  # type: ignore[arg-type]
    shots = []
    for minute in range(minutes):
        moment = Moment(60.0 * minute, 60.0 * minute, str(minute // (minutes // 2)))
        evidence = Evidence("", moment, (Candidate(452.1, 0.9999),), "ok")
        shots.append(Shot(60.0 * minute, 452.1, True, evidence))
    return Day("water-5", 1, table, tuple(shots))


def test_no_lie_about_a_meter_that_stands_still_is_published():
    day = standing("drum")
    course = course_of(day)
    assert (course.minutes, course.with_value, course.wrong) == (60, 59, 0)
    for steps in (2, 3, 9, most_steps(day.meter)):
        lies = lies_of(day, course.before, steps)
        assert (lies.told, lies.at_once, lies.later) == (60, 0, 0)


def test_a_lie_that_is_published_is_counted():
    """A display's next step is believed at once, and of a display it is wrong."""
    day = standing("lcd")
    lies = lies_of(day, course_of(day).before, 1)
    assert lies.at_once >= 57


def test_a_lie_of_one_step_about_drums_is_none():
    day = standing("drum")
    assert lies_of(day, course_of(day).before, 1).at_once == 0


def test_a_frame_that_says_nothing_tells_no_lie():
    day = standing("drum", 4)
    blind = Evidence("", Moment(120.0, 120.0, "1"), (), "rejected", "dark")
    shots = (*day.shots[:2], Shot(120.0, 452.1, True, blind), Shot(180.0, 452.1, True, None))
    spoilt = Day(day.kind, day.seed, day.table, shots)
    assert lies_of(spoilt, course_of(spoilt).before, 3).told == 2


def test_of_a_burst_no_more_frames_are_taken_than_until_one_has_a_value():
    day = standing("drum")
    shots = [
        replace(shot, evidence=replace(shot.evidence, moment=Moment(later_s, later_s, "0")), time_s=later_s)
        for shot in day.shots[:3]
        for later_s in (shot.time_s, shot.time_s + 0.2)
    ]
    burst = replace(day, shots=tuple(shots))
    course = course_of(burst)
    assert [each is None for each in course.before] == [False, False, False, True, False, True]
    assert (course.minutes, course.with_value, course.wrong) == (3, 2, 0)
    assert lies_of(burst, course.before, 3).told == 4


def test_a_line_has_a_cell_for_each_head():
    assert len(heading().split()) == len(line_of(standing("drum")).split())


def test_a_day_that_is_kept_is_the_day_that_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.meters.planted.read_day", lambda *_: standing("drum"))
    read = kept_day("water-5", 1, 1, tmp_path)
    monkeypatch.setattr("tests.meters.planted.read_day", None)
    assert kept_day("water-5", 1, 1, tmp_path).shots == read.shots
