"""The simulator as a source of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from edge.errors import SourceError
from edge.nouns import Frame, Truth
from edge.sources.base import Source, SourceSettings
from edge.sources.simulator.events import ALL_KINDS
from edge.sources.simulator.face import SIZE
from edge.sources.simulator.flow import DAY_S
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.meter import FIELD, SimulatedMeter
from edge.sources.simulator.settings import SimulatorSettings

START_S = 1_767_225_600.0
"""The simulated clock's first moment: 2026-01-01, 0 o'clock UTC."""

DEFAULT_FPS = 5.0


class SimulatorSource(Source):
    """Frames of a simulated meter with what it shows: for so many days as fast as they are taken, else in real time."""

    def __init__(self, simulator: SimulatorSettings, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.is_live = simulator.count == 0
        self._simulator = simulator
        if settings.size not in (None, SIZE):
            raise SourceError(f"{simulator.uri}: a simulated meter's frames are {SIZE[0]} x {SIZE[1]}; leave size out")
        self.meter = meter_of(simulator)

    def __iter__(self) -> Iterator[Frame]:
        return self._newest() if self.is_live else self._all()

    def frame_at(self, index: int, time_s: float) -> Frame | None:
        """The frame at a simulated time; None where the camera gives none."""
        meter = self.meter
        if meter.is_lost(time_s):
            return None
        colour = meter.colour(time_s) if self.settings.with_colour else None
        frame = self.frame(meter.frame(time_s), self._simulator.uri, index, START_S + time_s, colour=colour)
        truth = (Truth(FIELD, meter.shown(time_s), meter.is_shown(time_s)),)
        return replace(frame, monotonic_s=time_s, boot=f"simulated-{meter.course.reboots(time_s)}", truth=truth)

    def _all(self) -> Iterator[Frame]:
        for index in range(self._simulator.count):
            frame = self.frame_at(index, float(index * self._simulator.every))
            if frame is not None:
                yield frame

    def _newest(self) -> Iterator[Frame]:
        """In real time, from this hour of the day on, by the machine's own clocks."""
        fps = self.settings.fps or DEFAULT_FPS
        start_s, hour_s, index = time.monotonic(), time.time() % DAY_S, 0
        while not self.pause(start_s + index / fps - time.monotonic()):
            frame = self.frame_at(index, hour_s + time.monotonic() - start_s)
            if frame is not None:
                yield replace(frame, timestamp_s=time.time(), monotonic_s=time.monotonic(), boot=None)
            index = max(index + 1, int((time.monotonic() - start_s) * fps))


def meter_of(simulator: SimulatorSettings) -> SimulatedMeter:
    """The meter that an address asks for."""
    kind = next(kind for kind in KINDS if kind.name == simulator.meter)
    start = None if simulator.start is None else float(simulator.start)
    return SimulatedMeter.of(kind, simulator.seed, start, ALL_KINDS - frozenset(simulator.without))
