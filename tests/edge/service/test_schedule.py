"""When a reading is due, with clocks that a test sets: nothing here waits."""

from datetime import datetime
from datetime import time as time_of_day

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.service.schedule import LOOK_S, Clock, Schedule, is_clock_set, next_time, parse_duration

NOON = datetime(2026, 11, 21, 12, 0, 0).timestamp()


class FakeClock:
    """Two clocks that run together, and a wall clock that can be stepped."""

    def __init__(self, wall_s: float = NOON) -> None:
        self.monotonic_s = 100.0
        self.wall_s = wall_s
        self.clock = Clock(lambda: self.monotonic_s, lambda: self.wall_s)

    def pass_s(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds


def readings(schedule: Schedule, clock: FakeClock, seconds: float, step_s: float = 1.0) -> list[float]:
    """Seconds from now at which readings are taken, looking every `step_s`."""
    start_s = clock.monotonic_s
    taken = []
    while clock.monotonic_s - start_s < seconds:
        if schedule.wait_s() == 0:
            taken.append(clock.monotonic_s - start_s)
            schedule.take()
        clock.pass_s(step_s)
    return taken


def test_every_minute_starts_at_once_and_keeps_its_rate():
    clock = FakeClock()
    schedule = Schedule(60.0, [], clock.clock)
    assert readings(schedule, clock, 200) == [0, 60, 120, 180]


@pytest.mark.parametrize("step_s", [-86400.0 * 365, -5.0, 3.0, 86400.0 * 365 * 50])
def test_a_stepped_clock_breaks_no_rate(step_s):
    clock = FakeClock()
    schedule = Schedule(60.0, [], clock.clock)
    assert readings(schedule, clock, 100) == [0, 60]
    clock.wall_s += step_s
    assert readings(schedule, clock, 150) == [20, 80, 140]


def test_readings_that_take_longer_than_their_interval_do_not_pile_up():
    clock = FakeClock()
    schedule = Schedule(10.0, [], clock.clock)
    schedule.take()
    clock.pass_s(35)
    assert schedule.wait_s() == 0
    schedule.take()
    assert schedule.wait_s() == 5


def test_a_trigger_in_between_does_not_move_the_rate():
    clock = FakeClock()
    schedule = Schedule(60.0, [], clock.clock)
    schedule.take()
    clock.pass_s(30)
    schedule.take()
    assert schedule.wait_s() == 30


def test_times_of_the_day_are_met_to_the_second():
    clock = FakeClock()
    schedule = Schedule(None, [time_of_day(12, 1), time_of_day(12, 0, 30)], clock.clock)
    assert readings(schedule, clock, 3600) == [30, 60]
    assert readings(schedule, clock, 24 * 3600) == [23 * 3600 + 30, 23 * 3600 + 60]


def test_a_time_of_the_day_comes_once_when_the_clock_is_put_back_a_little():
    clock = FakeClock()
    schedule = Schedule(None, [time_of_day(12, 1)], clock.clock)
    assert readings(schedule, clock, 65) == [60]
    clock.wall_s -= 30
    assert readings(schedule, clock, 120) == []


def test_a_time_of_the_day_that_the_clock_jumps_over_comes_once():
    clock = FakeClock(datetime(1970, 1, 2, 0, 0).timestamp())
    schedule = Schedule(None, [time_of_day(6, 0)], clock.clock)
    assert schedule.wait_s() == LOOK_S
    clock.wall_s = NOON
    assert readings(schedule, clock, 3600) == [0]


def test_a_clock_put_back_by_days_starts_its_day_again():
    clock = FakeClock()
    schedule = Schedule(None, [time_of_day(12, 1)], clock.clock)
    clock.wall_s -= 10 * 86400
    assert readings(schedule, clock, 120) == [60]


def test_a_wait_for_the_wall_clock_looks_at_it_now_and_then():
    clock = FakeClock()
    assert Schedule(None, [time_of_day(13, 0)], clock.clock).wait_s() == LOOK_S
    assert Schedule(7200.0, [], clock.clock).wait_s() == 0


def test_without_a_schedule_nothing_is_ever_due():
    assert Schedule(None, [], FakeClock().clock).wait_s() == float("inf")


@given(after_s=st.floats(1.5e9, 2.5e9), at=st.lists(st.times(), min_size=1, max_size=5))
def test_the_next_time_is_later_and_within_a_day_and_an_hour(after_s, at):
    at = [each.replace(microsecond=0, tzinfo=None) for each in at]
    assert 0 < next_time(at, after_s) - after_s <= 25 * 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("5m", 300.0), ("1.5h", 5400.0), ("1d", 86400.0), ("frame", None), ("never", None)],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


def test_a_clock_is_believed_once_it_was_set(tmp_path):
    assert not is_clock_set(0.0, tmp_path / "none")
    assert is_clock_set(NOON, tmp_path / "none")
    assert not is_clock_set(NOON, tmp_path)
    (tmp_path / "synchronized").touch()
    assert is_clock_set(NOON, tmp_path)
