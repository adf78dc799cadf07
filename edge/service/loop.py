"""The service: takes a reading all the time, at a schedule or on a trigger, until it is told to end."""

from __future__ import annotations

import os
import queue
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import time as TimeOfDay  # noqa: N812  # `time` is the module
from types import FrameType, TracebackType
from typing import Any, Literal, Self

from edge.errors import CommandError, ConfigError, EdgeError, OutputError
from edge.nouns import Frame, Reading
from edge.pipeline import Sink
from edge.schema import Config
from edge.service.burst import agree
from edge.service.command import Command
from edge.service.lamp import Lamp
from edge.service.notify import Log, Supervisor
from edge.service.schedule import Clock, Schedule, is_clock_set, parse_duration
from edge.sources import Backoff, LiveSource, Source, SourceSettings, open_source
from edge.sources.base import raise_error

TICK_S = 0.2
"""Longest wait for a frame before signals and the watchdog are looked after."""

LONGEST_WAIT_S = 3600.0

DEFAULT_BURST = 5
"""Frames of a scheduled reading."""

Event = Literal["stop", "reload", "trigger", "set"]
Combine = Callable[[Sequence[Sequence[Reading]]], Sequence[Reading]]

EVENTS: dict[int, Event] = {
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGHUP: "reload",
    signal.SIGUSR1: "trigger",
}

SET = 0
"""Stands for the event "set" among the numbers of signals."""


class OverStatus:
    """Takes the status line of a terminal away before a sink writes to that terminal."""

    def __init__(self, sink: Sink, log: Log) -> None:
        self._sink = sink
        self._log = log

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """Pass the readings on."""
        self._log.clear_status()
        self._sink.write(frame, readings, latency_ms)


class Signals:
    """Signals and commands as events that are asked for, so that none breaks into what is being written.

    A second SIGINT or SIGTERM interrupts at once. Made and used in the main thread; `ask` may be called from any.
    """

    def __init__(self) -> None:
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._before: dict[int, Any] = {}
        self._stops = 0

    def __enter__(self) -> Self:
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._count) for number in EVENTS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def ask(self, command: Command) -> None:
        """Put a command before the service."""
        if command.kind == "set":
            self._commands.put(command)
        with suppress(BlockingIOError):  # so many are waiting already
            os.write(self._write, bytes([SET if command.kind == "set" else signal.SIGUSR1]))

    def commands(self) -> list[Command]:
        """The commands to set a value that were not taken yet."""
        return [self._commands.get() for _ in range(self._commands.qsize())]

    def wait(self, timeout_s: float) -> set[Event]:
        """What was asked for, as soon as there is something; nothing after the time."""
        if not select.select([self._read], [], [], min(timeout_s, LONGEST_WAIT_S))[0]:
            return set()
        return {"set" if number == SET else EVENTS[number] for number in os.read(self._read, 4096)}

    def _count(self, number: int, _frame: FrameType | None) -> None:
        """The event is in the pipe already."""
        self._stops += EVENTS[number] == "stop"
        if self._stops > 1:
            raise KeyboardInterrupt


def refuse_value(name: str, value: float, _wall_s: float | None, _monotonic_s: float) -> str:
    """What there is to say to a value where nothing is remembered of any field."""
    raise CommandError(f"{name} is not set to {value:g}: only meters before a camera are remembered")


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What one configuration asks for, checked and loaded; nothing is open yet.

    Parameters
    ----------
    config : Config
    uri : str
        Of the source.
    read : callable
        Gives the readings of a frame.
    open_sinks : callable
        Opens where readings go, for the time of a `with`.
    combine : callable
        Makes one reading of those of a burst of frames.
    memory : context manager
        What `read` remembers, held from before the first frame to after the last.
    set_value : callable
        Takes a field's name, a value, and the time, by the wall clock, None where that is not set, and the monotonic
        one; gives a line about what it did. CommandError where that field takes no such value.
    must_open : bool
        Whether a source that is not there at the start is an error; else it is waited for.
    """

    config: Config
    uri: str
    read: Callable[[Frame], Sequence[Reading]]
    open_sinks: Callable[[], AbstractContextManager[Sequence[Sink]]]
    combine: Combine = agree
    memory: AbstractContextManager[object] = field(default_factory=nullcontext)
    set_value: Callable[[str, float, float | None, float], str] = refuse_value
    must_open: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What a service needs of the machine that it runs on; a test brings its own.

    Parameters
    ----------
    signals : Signals
    log : Log
    supervisor : Supervisor
    clock : Clock
    recovery : Backoff
        How a lost source is opened again.
    is_clock_set : callable
        Whether a wall time, seconds since the epoch, can be believed.
    on_error : callable
        Takes the error of one picture among several.
    """

    signals: Signals
    log: Log
    supervisor: Supervisor
    clock: Clock = field(default_factory=Clock)
    recovery: Backoff = field(default_factory=Backoff)
    is_clock_set: Callable[[float], bool] = is_clock_set
    on_error: Callable[[EdgeError], None] = raise_error


def serve(load: Callable[[], Setup], around: Surroundings, frames: int | None = None) -> None:
    """Take readings until the source ends, SIGTERM or Ctrl-C; SIGHUP loads the configuration again.

    Parameters
    ----------
    load : callable
        Loads the configuration and what it names; called again at each SIGHUP.
    around : Surroundings
    frames : int, optional
        End after so many frames of one configuration.

    Raises
    ------
    EdgeError
        The first configuration, its source or its outputs cannot be used. A later one that cannot is refused.
    """
    setup: Setup | None = load()
    before: Setup | None = None
    while setup is not None:
        with ExitStack() as stack:
            session = None
            try:
                session = Session(setup, around, load, frames)
                stack.callback(session.close)
                around.supervisor.tell(READY="1")
                if before is not None:
                    around.log.say("notice", "the configuration was loaded again")
                before, setup = setup, session.run()
            except EdgeError as error:
                if before is None or (session is not None and session.has_read):
                    raise
                around.log.say("error", f"{error}; the configuration stays as it was")
                before, setup = None, before
    around.supervisor.tell(STOPPING="1")


def burst_limit_s(config: Config) -> float:
    """How long a camera has to start and to give the frames of a scheduled reading."""
    return config.run.settle + config.source.timeout * 2


class Session:
    """One configuration at work: its source, lamp, outputs and schedule, open until `close`."""

    def __init__(self, setup: Setup, around: Surroundings, load: Callable[[], Setup], frames: int | None) -> None:
        self.setup = setup
        self._around = around
        self._load = load
        self._frames_left = float("inf") if frames is None else frames
        self._following: Setup | None = None
        self._is_ending = self._is_sure = self._is_asked = self._has_missed = False
        self._readings = 0
        run = setup.config.run
        self._schedule = Schedule(
            parse_duration(run.every), [TimeOfDay.fromisoformat(at) for at in run.at], around.clock
        )
        self._burst = run.burst or (DEFAULT_BURST if run.is_scheduled else 1)
        with ExitStack() as stack:
            self._lamp = Lamp(setup.config.source.led_pin)
            stack.callback(self._lamp.close)
            self._source = stack.enter_context(self._open_source())
            self._check_schedule()
            stack.enter_context(setup.memory)
            self._sinks = stack.enter_context(setup.open_sinks())
            self._stack = stack.pop_all()

    @property
    def has_read(self) -> bool:
        """Whether this configuration has shown that it works."""
        return self._readings > 0

    def close(self) -> None:
        """Let everything go, outputs first: what was read is written while the camera comes to its end."""
        self._source.interrupt()
        self._stack.close()

    def run(self) -> Setup | None:
        """Take readings until the end, None, or until another setup is to follow."""
        self._wait_for_clock()
        if self._is_ending:
            return self._following
        if isinstance(self._source, LiveSource) and self.setup.config.run.is_scheduled:
            self._run_schedule(self._source)
        else:
            self._run_frames()
        return self._following

    def _open_source(self) -> Source:
        settings = SourceSettings.of(
            self.setup.config.source,
            with_colour=self.setup.config.needs_colour,
            recovery=self._around.recovery,
            on_note=lambda note: self._around.log.say("warning", note),
            on_error=self._around.on_error,
        )
        source = open_source(self.setup.uri, settings)
        if self.setup.must_open and isinstance(source, LiveSource):
            source.wait_open()
        return source

    def _check_schedule(self) -> None:
        is_camera = isinstance(self._source, LiveSource) and not self._source.keeps_all
        if self.setup.config.run.is_scheduled and not is_camera:
            raise ConfigError(
                f"[run] every and at: {self.setup.uri} gives pictures when it has them; "
                "a schedule needs a camera, or leave both out"
            )

    def _run_frames(self) -> None:
        """Every frame of a file, or the newest of a live source again and again."""
        held: list[Frame] = []
        with self._lamp.lit():
            for frame in self._frames():
                held += [] if frame is None else [frame]
                if len(held) == self._burst:
                    self._read(held)
                    held = []
                if self._heed(self._around.signals.wait(0.0)) or self._frames_left <= 0:
                    return
        if held:
            self._read(held)

    def _frames(self) -> Iterator[Frame | None]:
        if isinstance(self._source, LiveSource):
            while True:
                yield self._source.poll(TICK_S)
        yield from self._source

    def _run_schedule(self, source: LiveSource) -> None:
        """A burst when one is due or asked for; in between the source rests."""
        source.rest()
        while not self._is_ending and self._frames_left > 0:
            wait_s = self._schedule.wait_s()
            wait_s = 0.0 if self._is_asked else min(wait_s, self._around.supervisor.interval_s)
            heard = self._around.signals.wait(wait_s)
            is_due = self._schedule.wait_s() == 0
            if not self._heed(heard) and (is_due or self._is_asked):
                self._schedule.take()
                self._is_asked = False
                self._take_burst(source)
                source.rest()

    def _take_burst(self, source: LiveSource) -> None:
        """Light once the camera runs, settle, take the frames, read them; a camera that gives none is said once."""
        config = self.setup.config
        limit_s = burst_limit_s(config)
        end_s = time.monotonic() + limit_s
        frames: list[Frame] = []
        if self._newest(source, end_s, after_s=0.0):
            with self._lamp.lit() as lit_s:
                while len(frames) < self._burst and (frame := self._newest(source, end_s, lit_s + config.run.settle)):
                    frames.append(frame)
        if self._is_ending:
            return
        if frames:
            self._read(frames)
        elif not self._has_missed:
            self._around.log.say("warning", f"no reading: no frame within {limit_s:g} s")
        self._has_missed = not frames

    def _newest(self, source: LiveSource, end_s: float, after_s: float) -> Frame | None:
        """The newest frame taken after a moment; None when there is none in time, or this session is to end."""
        while time.monotonic() < end_s:
            frame = source.poll(TICK_S)
            if self._heed(self._around.signals.wait(0.0)):
                return None
            if frame is not None and frame.monotonic_s >= after_s:
                return frame
        return None

    def _read(self, frames: Sequence[Frame]) -> None:
        """One reading of a burst, to all sinks; it bears the time of the last frame."""
        start_s = time.perf_counter()
        frames = [self._dated(frame) for frame in frames]
        burst = [self.setup.read(frame) for frame in frames]
        readings = burst[0] if len(burst) == 1 else self.setup.combine(burst)
        latency_ms = (time.perf_counter() - start_s) * 1e3
        frame = frames[-1]
        for sink in self._sinks:
            sink.write(frame, readings, latency_ms)
        self._frames_left -= len(frames)
        self._readings += 1
        self._show(frame, readings)

    def _dated(self, frame: Frame) -> Frame:
        """The frame, marked where the clock cannot be believed; a file's time is its own."""
        self._is_sure = self._is_sure or self._around.is_clock_set(frame.timestamp_s)
        return frame if self._is_sure or not self._source.is_live else replace(frame, is_time_sure=False)

    def _show(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """What is going on, for a terminal and for `systemctl status`."""
        numbers = "  ".join(f"{reading.text or '-'} {reading.status}" for reading in readings[:3])
        age_ms = (time.monotonic() - frame.monotonic_s) * 1e3
        self._around.log.show_status(f"{self._readings} readings, {age_ms:.0f} ms after the frame: {numbers}")
        self._around.supervisor.status(f"{numbers}")

    def _heed(self, heard: set[Event]) -> bool:
        """Do what was asked for and feed the watchdog; whether this session is to end."""
        if not (isinstance(self._source, LiveSource) and self._source.is_stuck):
            self._around.supervisor.alive()
        if "reload" in heard:
            self._around.supervisor.tell(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))
            self._reload()
        for command in self._around.signals.commands():
            self._set(command)
        self._is_asked = self._is_asked or "trigger" in heard
        self._is_ending = self._is_ending or "stop" in heard or self._following is not None
        return self._is_ending

    def _set(self, command: Command) -> None:
        """Take a value for a field's, and say what became of that."""
        assert command.value is not None
        clock = self._around.clock
        wall_s = clock.wall() if self._around.is_clock_set(clock.wall()) else None
        try:
            line = self.setup.set_value(command.name, command.value, wall_s, clock.monotonic())
            self._around.log.say("notice", line)
        except CommandError as error:
            line = str(error)
            self._around.log.say("warning", line)
        with suppress(OutputError):  # the outputs that it came by may be closed already
            command.report(line)

    def _reload(self) -> None:
        try:
            self._following = self._load()
        except EdgeError as error:
            self._around.log.say("error", f"{error}; the configuration stays as it was")
            self._around.supervisor.tell(READY="1")

    def _wait_for_clock(self) -> None:
        """Give the clock its time to be set after a boot; later than that, times are marked as unsure."""
        clock, wait_s = self._around.clock, self.setup.config.run.clock_wait
        end_s = clock.monotonic() + wait_s
        if not self._source.is_live or self._around.is_clock_set(clock.wall()):
            return
        self._around.log.say("warning", f"the clock is not set yet; waiting up to {wait_s:g} s for the time")
        while not self._around.is_clock_set(clock.wall()):
            if clock.monotonic() >= end_s:
                self._around.log.say("warning", "the clock is still not set; times are marked as unsure")
                return
            if self._heed(self._around.signals.wait(1.0)):
                return
