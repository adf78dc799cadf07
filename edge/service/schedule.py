"""When a reading is due: every so often by the monotonic clock, and at times of the day by the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as TimeOfDay  # noqa: N812  # `time` is the module
from pathlib import Path

LOOK_S = 20.0
"""The wall clock is looked at this often while a time of the day is waited for, since nobody tells of its steps."""

BACK_S = 3600.0
"""A clock that is put back further than this starts its day again; less, and no time of the day comes twice."""

UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

TIMESYNC = Path("/run/systemd/timesync")
"""Where systemd-timesyncd keeps the file `synchronized`, once it has set the clock (systemd-timesyncd.service(8))."""

LEAST_S = datetime(2026, 1, 1).timestamp()
"""No clock that is set shows a time before this program was written."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is; a test brings its own."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Schedule:
    """Knows when the next reading is due. What was missed, by a long reading or a step of the clock, is due once.

    Parameters
    ----------
    every_s : float, optional
        Seconds from one reading to the next, the first at once. Steps of the wall clock do not matter.
    at : sequence of time of day
        By the local wall clock.
    clock : Clock
    """

    def __init__(self, every_s: float | None, at: Sequence[TimeOfDay], clock: Clock) -> None:
        self._every_s = every_s
        self._at = at
        self._clock = clock
        self._start_s = self._next_s = clock.monotonic()
        self._taken_s = clock.wall()

    def wait_s(self) -> float:
        """Seconds until it is worth looking again: 0 when a reading is due, infinity when none ever will be."""
        waits = []
        if self._every_s is not None:
            waits.append(self._next_s - self._clock.monotonic())
        if self._at:
            now_s = self._clock.wall()
            if now_s < self._taken_s - BACK_S:
                self._taken_s = now_s
            waits.append(min(next_time(self._at, self._taken_s) - now_s, LOOK_S))
        return max(0.0, min(waits, default=float("inf")))

    def take(self) -> None:
        """Count all that is due as done."""
        if self._every_s is not None:
            now_s = self._clock.monotonic()
            periods = int((now_s - self._start_s) // self._every_s) + 1
            self._next_s = self._start_s + periods * self._every_s if now_s >= self._next_s else self._next_s
        self._taken_s = max(self._taken_s, self._clock.wall())


def next_time(at: Sequence[TimeOfDay], after_s: float) -> float:
    """The first of the times of day after a moment, in seconds since the epoch.

    One that a change to summer time leaves out is an hour later that day; one that comes twice counts the first time.
    """
    today = datetime.fromtimestamp(after_s).date()
    moments = [_moment(today + timedelta(days), each) for days in (0, 1, 2) for each in at]
    return min(moment for moment in moments if moment > after_s)


def _moment(day: date, at: TimeOfDay) -> float:
    return datetime.combine(day, at).timestamp()


def parse_duration(text: str) -> float | None:
    """Seconds in "30s", "5m", "1h" or "1d"; None for "frame" and "never"."""
    return float(text[:-1]) * UNIT_S[text[-1]] if text[-1] in UNIT_S and text[0].isdecimal() else None


def is_clock_set(wall_s: float, timesync: Path = TIMESYNC) -> bool:
    """Whether the wall clock can be believed.

    A Raspberry Pi without a battery starts with the time of its last shutdown. Where systemd-timesyncd runs, it says
    once it has set the clock; elsewhere any time since this program was written is taken.
    """
    if wall_s < LEAST_S:
        return False
    return not timesync.is_dir() or (timesync / "synchronized").exists()
