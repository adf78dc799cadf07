"""What `edge replay` and `edge run --record` do, from the files at one end to the lines at the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.meters.tracker import boot_id
from edge.pictures import read_bytes
from edge.pipeline import FrameReader
from edge.replay.measure import outcomes_of
from edge.replay.play import Player, open_film
from edge.replay.recording import REFERENCE, Recorder, marker_file, recorded, write_setup
from edge.replay.report import change_lines, count_wrong, keep, lines_of, read_kept, record_of
from edge.schema import Config
from edge.service.loop import Setup
from edge.service.notify import Log
from edge.sources import simulated_setup

LEFT_OUT = frozenset({"csv", "state", "store", "mqtt", "influx", "webhook", "prometheus"})
"""Tables of a configuration that a recording does not need."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found: as lines, as JSON takes it, and how many wrong values were given as ok."""

    lines: list[str]
    record: dict[str, Any]
    wrong: int


def replay(
    uri: str,
    config: Config,
    reader: FrameReader,
    *,
    truth: Path | None = None,
    every_s: float | None = None,
    last: Path | None = None,
) -> Replayed:
    """Read a recording again, hold it against the last replay, and keep it for the next.

    Raises
    ------
    EdgeError
        There is nothing to replay, or a file of it is not what it should be.
    """
    with ExitStack() as stack:
        film = open_film(uri, config, stack, every_s, truth)
        kept = last or film.kept
        before = read_kept(kept) if kept else None
        log = stack.enter_context(closing(Log.open()))
        player = stack.enter_context(Player(reader, config))
        outcomes = outcomes_of(
            film.frames, player.read, config.field, film.bursts, lambda count: log.show_status(f"{count} frames")
        )
        log.clear_status()
    if kept:
        keep(kept, outcomes)
    changes = change_lines(before, outcomes) if before is not None else []
    record = {"source": uri, "fields": record_of(outcomes), "changes": changes}
    return Replayed([*lines_of(outcomes), *changes], record, count_wrong(outcomes))


def recorded_setup(setup: Setup, folder: Path, config_path: Path | None, say: Callable[[str], None]) -> Setup:
    """The setup of a service that keeps every frame it reads.

    Raises
    ------
    ConfigError, OutputError
        There is no field to record for, or the folder cannot be written to.
    """
    if not setup.config.field:
        raise ConfigError("--record keeps what a configuration's fields are read from; add --config FILE with a field")
    if config_path is None:
        own = simulated_setup(setup.uri)
        assert own is not None  # nothing else has a field without a configuration
        write_setup(folder, own.text, {REFERENCE: own.png})
    else:
        write_setup(folder, _as_recorded(config_path.read_text(encoding="utf-8")), _pictures_of(setup.config))
    recorder = Recorder(folder, boot_id(), say)
    run = setup.config.run
    in_bursts = (run.burst or 0) > 1 or (run.is_scheduled and run.burst is None)
    read, combine = recorded(recorder, setup.read, setup.combine, in_bursts=in_bursts)
    return replace(setup, read=read, combine=combine)


def _pictures_of(config: Config) -> dict[str, bytes]:
    """The pictures that a configuration names, by the names that they have in a recording."""
    images = {REFERENCE: config.reference.image} if config.reference else {}
    markers = [field.marker_image for field in config.field if field.marker_image is not None]
    images |= {marker_file(number): image for number, image in enumerate(markers, 1)}
    return {name: read_bytes(Path(image)) for name, image in images.items()}


def _as_recorded(text: str) -> str:
    """A configuration as it lies beside its recording: without its outputs, whose secrets are nobody's business there,
    and its pictures by the names that they have in a recording.
    """
    kept, table, markers = [], "", 0
    for line in text.splitlines():
        header = re.match(r"\s*\[\[?\s*([\w-]+)\s*\]", line)
        table = header[1] if header else table
        if table == "reference" and re.match(r"\s*image\s*=", line):
            line = f'image = "{REFERENCE}"'
        if table == "field" and re.match(r"\s*marker_image\s*=", line):
            markers += 1
            line = f'marker_image = "{marker_file(markers)}"'
        kept += [] if table in LEFT_OUT else [line]
    return "\n".join(kept) + "\n"
