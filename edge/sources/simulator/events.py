"""What happens before the camera: daylight and its lamp, reflections, fog, hands, knocks, and a camera that fails.

Each day has its own generator, so that any moment can be asked for without those before it; only where the camera
points is what the last knock left. How often things happen is a judgement, not a measurement: a cellar with a window,
and a camera that somebody stuck to the wall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from edge.geometry import Matrix, Points, mapped
from edge.sources.simulator.face import SIZE
from edge.sources.simulator.flow import DAY_S

EventKind = Literal["glare", "fog", "lamp out", "hand", "defocused", "frozen", "outage", "knock"]
FaultKind = Literal["lost", "torn aside", "cut off"]

A_DAY: dict[EventKind, tuple[float, float, float]] = {
    "glare": (1.0, 180.0, 900.0),
    "fog": (0.4, 2400.0, 10_800.0),
    "lamp out": (0.15, 120.0, 480.0),
    "hand": (0.4, 60.0, 120.0),
    "defocused": (0.2, 120.0, 360.0),
    "frozen": (0.1, 180.0, 360.0),
    "outage": (0.1, 60.0, 1200.0),
    "knock": (0.3, 0.0, 0.0),
}
"""How often, and how many seconds for at least and at the most."""

A_FRAME: dict[FaultKind, float] = {"lost": 0.001, "torn aside": 0.0005, "cut off": 0.0005}
"""Probability."""

BY_DAY = frozenset({"glare", "hand"})
"""What happens from 7 to 19 hours."""

KNOCK_SHIFT, KNOCK_DEG, KNOCK_SCALE, KNOCK_TILT = 0.2, 10.0, 0.1, 1e-4
"""How far a knock moves the picture at the most: shares of its sides, degrees, share of its size, and a tilt."""

MARGIN = 6.0
"""Pixels that all windows stay inside the picture by, however it is knocked: else somebody puts the camera right."""

TREMBLE, TREMBLES = 0.25, 7
"""Pixels of standard deviation by which the picture moves from frame to frame, and how many ways it does."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that lasts.

    Parameters
    ----------
    kind : str
    start_s, end_s : float
        After the start of the first day.
    strength : float
        0 to 1.
    seed : int
        Of all else about it.
    """

    kind: EventKind
    start_s: float
    end_s: float
    strength: float
    seed: int

    def share(self, time_s: float) -> float:
        """How much of it has passed, 0 to 1."""
        return (time_s - self.start_s) / max(self.end_s - self.start_s, 1e-9)


@dataclass(frozen=True, slots=True)
class Course:
    """All that happens to one camera.

    Parameters
    ----------
    seed : int
    kinds : frozenset of str
        Of the events that do happen; `fault` stands for single frames that are lost or torn.
    windows : tuple of (x, y)
        Corners of what must stay in the picture.
    """

    seed: int
    kinds: frozenset[str]
    windows: tuple[tuple[float, float], ...]

    def events(self, time_s: float) -> tuple[Event, ...]:
        """What is going on."""
        day = int(time_s // DAY_S)
        return tuple(each for each in _days(self.seed, self.kinds, day) if each.start_s <= time_s < each.end_s)

    def knocks(self, time_s: float) -> int:
        """How often the camera was knocked so far."""
        day = int(time_s // DAY_S)
        before = sum(len(_knocks(self.seed, self.kinds, each)) for each in range(day))
        return before + sum(start <= time_s for start in _knocks(self.seed, self.kinds, day))

    def reboots(self, time_s: float) -> int:
        """How often the machine was without power so far."""
        days = range(int(time_s // DAY_S) + 1)
        all_events = (event for day in days for event in _days(self.seed, self.kinds, day))
        return len({event.start_s for event in all_events if event.kind == "outage" and event.start_s <= time_s})

    def view(self, time_s: float) -> Matrix:
        """Where the face's points lie in the frame, (3, 3): after the last knock, and trembling."""
        count = self.knocks(time_s)
        matrix = _knocked(self.seed, count, self.windows) if count else np.eye(3)
        if "tremble" in self.kinds:
            matrix = matrix.copy()
            way = _stamp(time_s) * 2_654_435_761 % 2**32 % TREMBLES  # Knuth's multiplier: no pattern in a minute
            matrix[:2, 2] += np.random.default_rng([self.seed, 6, way]).normal(0, TREMBLE, 2)
        return matrix

    def fault(self, time_s: float) -> FaultKind | None:
        """What is wrong with this one frame."""
        if "fault" not in self.kinds:
            return None
        draw = float(np.random.default_rng([self.seed, 7, _stamp(time_s)]).random())
        for kind, probability in A_FRAME.items():
            if draw < probability:
                return kind
            draw -= probability
        return None


ALL_KINDS = frozenset({*A_DAY, "fault", "tremble", "light"})
"""Everything that can be asked for; `light` is the course of the daylight."""


def daylight(time_s: float, seed: int) -> float:
    """The sun's light by the window, 0 to 1, with clouds."""
    height = math.sin(2 * math.pi * (time_s / DAY_S - 0.27))
    if height <= -0.1:
        return 0.0
    phases = _phases(seed)
    clouds = sum(
        math.sin(time_s / period + phase) for period, phase in zip((137.0, 611.0, 2903.0), phases, strict=True)
    )
    return min(1.0, (height + 0.1) / 1.1) * (0.7 + 0.1 * clouds)


@lru_cache(maxsize=64)
def _phases(seed: int) -> tuple[float, float, float]:
    first, second, third = np.random.default_rng([seed, 8]).uniform(0, 2 * math.pi, 3)
    return float(first), float(second), float(third)


@lru_cache(maxsize=256)
def _days(seed: int, kinds: frozenset[str], day: int) -> tuple[Event, ...]:
    """The events that begin on a day or reach into it from the one before."""
    before = _begun(seed, kinds, day - 1) if day > 0 else ()
    return (*(each for each in before if each.end_s > day * DAY_S), *_begun(seed, kinds, day))


@lru_cache(maxsize=512)
def _begun(seed: int, kinds: frozenset[str], day: int) -> tuple[Event, ...]:
    """The lasting events that begin on a day; an hour after the very start at the earliest."""
    found: list[Event] = []
    for number, (kind, (rate, least_s, most_s)) in enumerate(A_DAY.items()):
        rng = np.random.default_rng([seed, day, 9, number])
        for _ in range(int(rng.poisson(rate))):
            hour = rng.uniform(7, 19) if kind in BY_DAY else rng.uniform(0, 24)
            start_s = day * DAY_S + max(3600.0 * float(hour), 3600.0 if day == 0 else 0.0)
            length_s, strength, own = (
                float(rng.uniform(least_s, most_s)),
                float(rng.random()),
                int(rng.integers(1 << 31)),
            )
            if kind in kinds and kind != "knock":
                found.append(Event(kind, start_s, start_s + length_s, strength, own))
    return tuple(found)


@lru_cache(maxsize=512)
def _knocks(seed: int, kinds: frozenset[str], day: int) -> tuple[float, ...]:
    """When the camera is knocked on a day; not in its first hour."""
    if "knock" not in kinds:
        return ()
    rng = np.random.default_rng([seed, day, 10])
    times = rng.uniform(3600.0 if day == 0 else 0.0, DAY_S, int(rng.poisson(A_DAY["knock"][0])))
    return tuple(sorted(float(day * DAY_S + each) for each in times))


@lru_cache(maxsize=256)
def _knocked(seed: int, count: int, windows: tuple[tuple[float, float], ...]) -> Matrix:
    """Where a knock leaves the camera: anywhere that all windows can be seen from."""
    rng = np.random.default_rng([seed, count, 11])
    corners = np.array(windows, np.float64)
    while True:
        matrix = any_view(rng)
        if _is_inside(mapped(corners, matrix)):
            return matrix


def any_view(rng: np.random.Generator, strength: float = 1.0) -> Matrix:
    """A camera that was knocked, at strength 1 as far as the constants above say, about the picture's middle."""
    angle = strength * rng.uniform(-KNOCK_DEG, KNOCK_DEG)
    scale = 1 + strength * rng.uniform(-KNOCK_SCALE, KNOCK_SCALE)
    middle = (SIZE[0] / 2, SIZE[1] / 2)
    matrix = np.vstack([cv2.getRotationMatrix2D(middle, angle, scale), (0, 0, 1)])
    matrix[:2, 2] += strength * rng.uniform(-KNOCK_SHIFT, KNOCK_SHIFT, 2) * SIZE
    tilt, centre = np.eye(3), np.eye(3)
    tilt[2, :2] = strength * rng.uniform(-KNOCK_TILT, KNOCK_TILT, 2)
    centre[:2, 2] = (-middle[0], -middle[1])
    return np.asarray(matrix @ np.linalg.inv(centre) @ tilt @ centre, np.float64)


def _is_inside(corners: Points) -> bool:
    return bool((corners >= MARGIN).all() and (corners <= np.array(SIZE) - MARGIN).all())


def corners_of_all(boxes: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """The corners of some boxes, one after the other."""
    return tuple((x + right * w, y + low * h) for x, y, w, h in boxes for right in (0, 1) for low in (0, 1))


def _stamp(time_s: float) -> int:
    """A whole number for a moment, to a millisecond."""
    return round(time_s * 1000)
