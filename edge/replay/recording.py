"""A recording: the frames that a service read, to the bit, when each was taken, and the configuration it had then.

A folder with `readout.toml`, `reference.png` and `marker-1.png`, … where the configuration has them, `recording.jsonl`
with a line a frame, and the frames themselves in `frames/`. `truth.csv` may stand beside them: what somebody saw the
meter show, a row a frame with the columns `frame,field,value`.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.atomic import output_error, write_bytes, write_text
from edge.errors import OutputError, SourceError
from edge.faults import require_space
from edge.nouns import Frame, Reading, Truth
from edge.pictures import decode_picture, read_bytes

INDEX, FRAMES, CONFIGURATION, REFERENCE, TRUTH = (
    "recording.jsonl",
    "frames",
    "readout.toml",
    "reference.png",
    "truth.csv",
)

MOST_BYTES = 4_000_000_000
"""Of a recording: two weeks of a frame a minute at 640 x 480. Then it ends, and the service goes on."""

COMPRESSION = [cv2.IMWRITE_PNG_COMPRESSION, 1]
"""Of a frame with noise the fastest level is within a few percent of the best."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a recording.

    Parameters
    ----------
    file : str
        Of the gray frame, in `frames/`; its colour planes have `-colour` before the suffix.
    time_s, monotonic_s : float
        As `edge.nouns.Frame` has them.
    boot : str
    is_time_sure, has_colour : bool
    burst : int
        Frames of one number made one reading.
    truth : tuple of Truth
    """

    file: str
    time_s: float
    monotonic_s: float
    boot: str
    is_time_sure: bool
    has_colour: bool
    burst: int
    truth: tuple[Truth, ...] = ()


class Recorder:
    """Keeps the frames that are read; one that is there is gone on with.

    A disk that refuses, or one that would be filled, ends the recording and is said once; reading goes on.

    Parameters
    ----------
    folder : Path
    boot : str
        The start of this machine.
    say : callable
        Takes what an owner should know.
    most_bytes : int

    Raises
    ------
    OutputError
        The folder cannot be made or written to.
    """

    def __init__(
        self, folder: Path, boot: str, say: Callable[[str], None] = lambda _: None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._folder, self._boot, self._say = folder, boot, say
        try:
            (folder / FRAMES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from error
        require_space(folder)
        entries = []
        if (folder / INDEX).exists():
            _mend(folder / INDEX)
            entries = read_entries(folder)
        self._count = int(Path(entries[-1].file).stem) + 1 if entries else 0
        self._burst = entries[-1].burst + 1 if entries else 0
        self._room = most_bytes - sum(each.stat().st_size for each in (folder / FRAMES).iterdir())
        self._has_ended = False

    def keep(self, frame: Frame) -> None:
        """Put a frame into the recording."""
        if self._has_ended:
            return
        try:
            self._write(frame)
        except OutputError as error:
            self._end(str(error))

    def end_burst(self) -> None:
        """The frames so far made one reading."""
        self._burst += 1

    def _write(self, frame: Frame) -> None:
        file = f"{self._count:07d}.png"
        pictures = {file: frame.gray}
        if frame.colour is not None:
            pictures[colour_file(file)] = frame.colour
        packed = {name: _packed(picture) for name, picture in pictures.items()}
        self._room -= sum(map(len, packed.values()))
        if self._room < 0:
            self._end(f"{self._folder}: holds as much as a recording may; the recording has ended")
            return
        for name, data in packed.items():
            _put(self._folder / FRAMES / name, data)
        boot, has_colour = frame.boot or self._boot, frame.colour is not None
        times = (frame.timestamp_s, frame.monotonic_s, boot, frame.is_time_sure)
        entry = Entry(file, *times, has_colour, self._burst, frame.truth)
        _append(self._folder / INDEX, json.dumps(_record_of(entry)) + "\n")
        self._count += 1

    def _end(self, why: str) -> None:
        self._has_ended = True
        self._say(why)


def marker_file(number: int) -> str:
    """The name of the marker's picture of a field, counted from 1 among those that have one."""
    return f"marker-{number}.png"


def write_setup(folder: Path, text: str, pictures: Mapping[str, bytes]) -> None:
    """Put the configuration of a recording into its folder, or see that it is the same as the one there.

    Parameters
    ----------
    text : str
        The configuration, its pictures named as in `pictures`.
    pictures : dict of str to bytes
        Files by their names: `REFERENCE` and those of `marker_file`, as far as the configuration has them.

    Raises
    ------
    OutputError
        The recording there was made with another one.
    """
    path = folder / CONFIGURATION
    if path.exists():
        if path.read_text(encoding="utf-8") != text or _pictures_in(folder) != pictures:
            raise OutputError(f"{folder}: holds a recording of another configuration; name another folder")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    for name, data in pictures.items():
        write_bytes(folder / name, data)
    write_text(path, text)


def _pictures_in(folder: Path) -> dict[str, bytes]:
    """The pictures of the configuration in a recording's folder."""
    return {
        path.name: path.read_bytes() for path in (folder / REFERENCE, *folder.glob("marker-*.png")) if path.exists()
    }


def read_entries(folder: Path) -> list[Entry]:
    """The lines of a recording; one that a power cut left half at the end is dropped.

    Raises
    ------
    SourceError
        The file cannot be read or a line of it is no entry.
    """
    path = folder / INDEX
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); record again") from None
    whole = [line for line in lines if line.endswith("\n")]
    return [_entry_of(line, f"{path}, line {number}") for number, line in enumerate(whole, 1)]


def recorded_frames(folder: Path, entries: Sequence[Entry]) -> Iterator[Frame]:
    """The frames of a recording, each with what is known of it."""
    truths = read_truth(folder / TRUTH) if (folder / TRUTH).exists() else {}
    for index, entry in enumerate(entries):
        path = folder / FRAMES / entry.file
        gray = decode_picture(read_bytes(path), str(path))
        colour = None
        if entry.has_colour:
            beside = path.with_name(colour_file(entry.file))
            colour = cv2.imdecode(np.frombuffer(read_bytes(beside), np.uint8), cv2.IMREAD_COLOR)
        frame = Frame(gray, str(path), index, entry.time_s, entry.monotonic_s, entry.is_time_sure, colour, entry.boot)
        yield with_truth(replace(frame, truth=entry.truth), truths, entry.file)


def with_truth(frame: Frame, truths: Mapping[str, tuple[Truth, ...]], *names: str) -> Frame:
    """The frame with what somebody saw, by one of its names."""
    return next((replace(frame, truth=truths[name]) for name in names if name in truths), frame)


def read_truth(path: Path) -> dict[str, tuple[Truth, ...]]:
    """What somebody saw the meters show, by the frame's name.

    Raises
    ------
    SourceError
        The file is not CSV with the columns `frame,field,value`, or a value is no number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read ({error}); it is CSV with the columns frame,field,value") from None
    found: dict[str, tuple[Truth, ...]] = {}
    for number, row in enumerate(rows, 2):
        if not {"frame", "field", "value"} <= row.keys():
            raise SourceError(f"{path}: has the columns {', '.join(map(str, row))}; expected frame,field,value")
        truth = Truth(row["field"], _number(row["value"], f"{path}, line {number}"))
        found[row["frame"]] = (*found.get(row["frame"], ()), truth)
    return found


def colour_file(file: str) -> str:
    """The name of a frame's colour planes."""
    return f"{Path(file).stem}-colour.png"


def recorded(
    recorder: Recorder,
    read: Callable[[Frame], Sequence[Reading]],
    combine: Callable[[Sequence[Sequence[Reading]]], Sequence[Reading]],
    *,
    in_bursts: bool,
) -> tuple[Callable[[Frame], Sequence[Reading]], Callable[[Sequence[Sequence[Reading]]], Sequence[Reading]]]:
    """What reads frames and combines bursts, keeping each frame."""

    def read_and_keep(frame: Frame) -> Sequence[Reading]:
        recorder.keep(frame)
        if not in_bursts:
            recorder.end_burst()
        return read(frame)

    def combine_and_end(burst: Sequence[Sequence[Reading]]) -> Sequence[Reading]:
        recorder.end_burst()
        return combine(burst)

    return read_and_keep, combine_and_end


def _packed(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", picture, COMPRESSION)[1].tobytes()


def _put(path: Path, data: bytes) -> None:
    """A frame that is cut off by a power cut has no line, so it need not be whole."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise output_error(path, error) from error


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise output_error(path, error) from error


def _mend(path: Path) -> None:
    """Take away what a power cut left of the last line."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        write_bytes(path, whole)


def _record_of(entry: Entry) -> dict[str, Any]:
    return {
        "file": entry.file,
        "time": entry.time_s,
        "monotonic": entry.monotonic_s,
        "boot": entry.boot,
        "time_sure": entry.is_time_sure,
        "colour": entry.has_colour,
        "burst": entry.burst,
        "truth": [[each.name, each.value, each.is_shown] for each in entry.truth],
    }


def _entry_of(line: str, where: str) -> Entry:
    try:
        row = json.loads(line)
        truth = tuple(Truth(str(name), float(value), bool(shown)) for name, value, shown in row["truth"])
        times = float(row["time"]), float(row["monotonic"])
        if not all(map(math.isfinite, times)) or Path(str(row["file"])).name != row["file"]:
            raise ValueError("a time or a file name that is none")
        flags = bool(row["time_sure"]), bool(row["colour"])
        return Entry(row["file"], *times, str(row["boot"]), *flags, int(row["burst"]), truth)
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"{where}: is no entry of a recording ({error}); take the line out") from None


def _number(text: str | None, where: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{where}: {text!r} is no number; write it like 453.012")
    return number
