"""A recording, a folder, a clip or a simulated meter, read by the pipeline of `edge run`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.errors import SourceError
from edge.fields import FieldReader
from edge.meters.tracker import Tracker
from edge.nouns import Frame, Reading
from edge.pipeline import FrameReader, read_frame
from edge.replay.recording import CONFIGURATION, INDEX, TRUTH, read_entries, read_truth, recorded_frames, with_truth
from edge.schema import Config
from edge.service.burst import agree
from edge.sources import SourceSettings, is_live_uri, open_source
from edge.sources.base import PiControls


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What is replayed.

    Parameters
    ----------
    frames : iterator of Frame
        Each with its time.
    bursts : tuple of int, optional
        Which of them made one reading.
    kept : Path, optional
        Where a replay keeps what the next one is held against.
    """

    frames: Iterator[Frame]
    bursts: tuple[int, ...] | None
    kept: Path | None


def is_recording(uri: str) -> bool:
    """Whether a folder was made by `edge run --record`."""
    return not uri.startswith("demo:") and (Path(uri) / INDEX).is_file()


def recorded_config(uri: str) -> Path | None:
    """The configuration that a recording was made with; None where there is none."""
    path = Path(uri) / CONFIGURATION
    return path if is_recording(uri) and path.is_file() else None


def open_film(uri: str, config: Config, stack: ExitStack, every_s: float | None, truth: Path | None) -> Film:
    """What `uri` names, open until the stack ends.

    Parameters
    ----------
    every_s : float, optional
        Seconds between two pictures of a folder or frames of a clip; their own times if absent.
    truth : Path, optional
        What somebody saw; beside the pictures as truth.csv if absent.

    Raises
    ------
    SourceError
        There is no such thing, it is live, or its pictures do not tell when they were taken.
    """
    if is_recording(uri):
        entries = read_entries(Path(uri))
        if not entries:
            raise SourceError(f"{uri}: a recording without a frame; record again")
        frames = recorded_frames(Path(uri), entries)
        return Film(_told(frames, truth), tuple(entry.burst for entry in entries), Path(uri) / "replay.json")
    if is_live_uri(uri):
        raise SourceError(f"{uri}: runs for ever; record it first: edge run --record DIR, or give a demo: its days=")
    settings = SourceSettings.of(config.source, with_colour=config.needs_colour, pi=PiControls())
    source = stack.enter_context(open_source(uri, settings))
    if uri.startswith("demo:"):
        return Film(_told(iter(source), truth), None, None)
    beside = Path(uri) / TRUTH if Path(uri).is_dir() else Path(f"{uri}.{TRUTH}")
    frames = _timed(iter(source), every_s, uri)
    kept = Path(uri) / "replay.json" if Path(uri).is_dir() else Path(f"{uri}.replay.json")
    return Film(_told(frames, truth or (beside if beside.is_file() else None)), None, kept)


class Player:
    """Reads bursts as `edge run` does; where the frames tell of a restart, the meters' memory goes through its file.

    A context. What a power cut leaves is what was written by then: nothing is brought to an end.

    Parameters
    ----------
    reader : FrameReader
    config : Config
    """

    def __init__(self, reader: FrameReader, config: Config) -> None:
        self._reader, self._config = reader, config
        self._may_stand_still = config.source.frozen_after == 0
        self._boot: str | None = None
        self._tracker: Tracker | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="readout-")
        if isinstance(self._reader, FieldReader) and any(field.is_meter for field in self._config.field):
            self._tracker = self._restarted(self._reader)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def read(self, burst: Sequence[Frame]) -> Sequence[Reading]:
        """One reading a field of the frames of a burst."""
        readings = [self._read_one(frame) for frame in burst]
        if len(readings) == 1:
            return readings[0]
        return self._tracker.combine(readings) if self._tracker else agree(readings)

    def _read_one(self, frame: Frame) -> Sequence[Reading]:
        if self._tracker is None or not isinstance(self._reader, FieldReader):
            return read_frame(frame, self._reader)
        if self._boot is not None and frame.boot != self._boot:
            self._tracker = self._restarted(self._reader)
        self._boot = frame.boot
        return self._tracker.read(frame)

    def _restarted(self, reader: FieldReader) -> Tracker:
        """A tracker with what the one before had written; a new start, for nobody closed the other."""
        state = Path(self._folder.name) / "state.json"
        return Tracker(reader, state, may_stand_still=self._may_stand_still).__enter__()


def _told(frames: Iterator[Frame], truth: Path | None) -> Iterator[Frame]:
    """The frames with what somebody saw."""
    if truth is None:
        yield from frames
        return
    truths, used = read_truth(truth), 0
    for frame in frames:
        name = Path(frame.source).name
        found = with_truth(frame, truths, name, Path(name).stem, str(frame.index))
        used += found is not frame
        yield found
    if not used:
        raise SourceError(
            f"{truth}: names no frame of these ({len(truths)} rows); `frame` is a file's name or a number"
        )


def _timed(frames: Iterator[Frame], every_s: float | None, uri: str) -> Iterator[Frame]:
    """The frames of files, as if a camera had taken them when they say, or every so many seconds."""
    first_s = last_s = None
    for number, frame in enumerate(frames):
        time_s = frame.timestamp_s if every_s is None or first_s is None else first_s + number * every_s
        if last_s is not None and time_s <= last_s:
            raise SourceError(f"{uri}: {frame.source} is not younger than the picture before it; say --every SECONDS")
        first_s, last_s = time_s if first_s is None else first_s, time_s
        yield replace(frame, timestamp_s=time_s, monotonic_s=time_s, boot="replay")
