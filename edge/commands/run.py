"""`edge run`: the service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.commands.opening import open_configured
from edge.commands.options import EXIT_FAILURE, Command, config_option, json_option, model_option
from edge.errors import EdgeError

if TYPE_CHECKING:
    from edge.pipeline import Sink
    from edge.schema import Config
    from edge.service.loop import Setup, Signals
    from edge.service.notify import Log

ANSWER_S = 10.0
"""Who asks for a reading over HTTP waits for the time that a camera has for a burst, and this long for its reading."""


@click.command(cls=Command)
@config_option
@click.option("--source", "uri", help="Source to read; overrides the configuration's.")
@model_option
@json_option
@click.option("--frames", type=click.IntRange(min=1), help="End after this many frames.  [default: until stopped]")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep every frame that is read in DIR, for edge replay and edge tune; one that is there goes on.",
)
def run(
    config_path: Path | None,
    uri: str | None,
    model: Path | None,
    as_json: bool,
    frames: int | None,
    record: Path | None,
) -> None:
    """Read a source until it ends or Ctrl-C, and print a line for each new reading.

    [run] in the configuration sets a schedule. SIGUSR1, MQTT and HTTP ask for a reading now, SIGHUP loads the
    configuration again.
    """
    from edge.service.loop import Signals, Surroundings, serve
    from edge.service.notify import Log, Supervisor

    if config_path is None and uri is None:
        raise click.UsageError("name a source: --source camera, or --config FILE; without a camera try --source demo:")
    failures: list[EdgeError] = []
    with closing(Log.open()) as log, closing(Supervisor()) as supervisor, Signals() as signals:

        def on_error(error: EdgeError) -> None:
            failures.append(error)
            log.say("error", error)

        with _stopped_by_interrupt():
            load = partial(_load_setup, config_path, uri, model, as_json, log, signals, record)
            serve(load, Surroundings(signals, log, supervisor, on_error=on_error), frames=frames)
    if failures:
        raise click.exceptions.Exit(EXIT_FAILURE)


def _load_setup(
    config_path: Path | None,
    uri: str | None,
    model: Path | None,
    as_json: bool,
    log: Log,
    signals: Signals,
    record: Path | None,
) -> Setup:
    """What `edge run` does with a configuration: loaded anew at each SIGHUP."""
    from edge.fields import FieldReader
    from edge.meters.tracker import Tracker
    from edge.outputs import open_outputs
    from edge.pipeline import read_frame
    from edge.service.loop import Setup
    from edge.sources import keeps_time

    config, reader = open_configured(config_path, uri, model)
    warn = partial(log.say, "warning")

    @contextmanager
    def open_sinks() -> Iterator[list[Sink]]:
        with open_outputs(config, warn, signals.ask) as outputs, _opened_endpoint(config, signals) as answers:
            yield [_printer(as_json, config.run.is_scheduled, log), *outputs, *answers]

    setup = Setup(
        config, uri or config.source.uri, lambda frame: read_frame(frame, reader), open_sinks, must_open=uri is not None
    )
    is_meter = any(field.is_meter for field in config.field)
    if isinstance(reader, FieldReader) and is_meter and keeps_time(setup.uri):  # pictures of a folder have no time
        state = Path(config.state.path) if config.state else None
        tracker = Tracker(reader, state, warn, may_stand_still=config.source.frozen_after == 0)
        setup = replace(setup, read=tracker.read, combine=tracker.combine, memory=tracker, set_value=tracker.set_value)
    if record is None:
        return setup
    from edge.replay.command import recorded_setup

    return recorded_setup(setup, record, config_path, warn)


@contextmanager
def _opened_endpoint(config: Config, signals: Signals) -> Iterator[list[Sink]]:
    """The port that takes triggers, if there is one."""
    if config.http is None:
        yield []
        return
    from edge.service.command import Command
    from edge.service.endpoint import Endpoint
    from edge.service.loop import burst_limit_s

    limit_s = burst_limit_s(config) + ANSWER_S
    with closing(Endpoint(config.http, partial(signals.ask, Command("trigger")), limit_s)) as endpoint:
        yield [endpoint]


def _printer(as_json: bool, every_reading: bool, log: Log) -> Sink:
    """Lines on stdout: of every reading, or of those that differ from the one before."""
    from edge.service.loop import OverStatus
    from edge.sinks import JsonLines, OnChange, TextLines

    lines = OverStatus(JsonLines(sys.stdout) if as_json else TextLines(sys.stdout, with_time=True), log)
    return lines if every_reading else OnChange(lines, whole_frames=as_json)


@contextmanager
def _stopped_by_interrupt() -> Iterator[None]:
    """Ctrl-C ends the block like the source's end; before the service heeds signals itself, or when it hangs."""
    with suppress(KeyboardInterrupt):
        yield
