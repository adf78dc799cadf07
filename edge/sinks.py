"""Where readings go: lines of text or JSON, annotated pictures, a window."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import cv2

from edge.atomic import output_error, write_bytes
from edge.draw import annotate
from edge.errors import OutputError
from edge.nouns import Digit, Frame, Reading, Status
from edge.pictures import PDF_SUFFIX, PICTURE_SUFFIXES
from edge.pipeline import Sink
from edge.stderr import caught_stderr

STDOUT = "standard output"

WINDOW = "readout"


class TextLines:
    """A line a reading: source or time, name, text, status, confidence, and the reason where there is one.

    Columns widen as longer entries come, and never narrow.
    """

    def __init__(self, stream: TextIO, *, with_time: bool = False) -> None:
        self._stream = stream
        self._with_time = with_time
        self._widths = [0, 6, 8]

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:  # noqa: ARG002
        """A line a reading."""
        first = _shown_time(frame) if self._with_time else _place(frame)
        write_lines(self._stream, [self._line(first, reading) for reading in readings])

    def _line(self, first: str, reading: Reading) -> str:
        cells = [one_line(first), one_line(reading.name), one_line(reading.text) or "-"]
        self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, cells, strict=True)]
        columns = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        confidence = "     " if reading.status == "empty" else shown_confidence(reading.confidence)
        return "  ".join([*columns, f"{reading.status:<9}", confidence, one_line(reading.reason or "")]).rstrip()


class JsonLines:
    """A line of JSON a frame, with the keys of DESIGN.md in their order."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """A line a frame."""
        write_lines(self._stream, [json.dumps(frame_record(frame, readings, latency_ms), allow_nan=False)])


class OnChange:
    """Passes on the readings whose text, value or status is not what it was, so that a still meter is silent."""

    def __init__(self, sink: Sink, *, whole_frames: bool = False) -> None:
        self._sink = sink
        self._whole_frames = whole_frames
        self._last: dict[str, tuple[str, float | None, Status]] = {}

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """Pass on what is new."""
        now = {reading.name: (reading.text, reading.value, reading.status) for reading in readings}
        new = [reading for reading in readings if self._last.get(reading.name) != now[reading.name]]
        self._last = now
        if new:
            self._sink.write(frame, readings if self._whole_frames else new, latency_ms)


class AnnotatedPictures:
    """A picture a frame in a folder, named after the source, with what was read drawn on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sources: dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from error

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:  # noqa: ARG002
        """A picture a frame."""
        is_encoded, data = cv2.imencode(".png", annotate(frame, readings))
        if not is_encoded:
            raise OutputError(
                f"{self._folder}: OpenCV could not encode a PNG of {frame.gray.shape}; "
                "install opencv-python-headless again"
            )
        write_bytes(self._folder / self._name(frame), data.tobytes())

    def _name(self, frame: Frame) -> str:
        """A picture keeps its name, frames are numbered; two sources of one name are told apart."""
        stem = picture_stem(frame)
        name, count = f"{stem}.png", 1
        while self._sources.setdefault(name, frame.source) != frame.source:
            count += 1
            name = f"{stem}-{count}.png"
        return name


class Window:
    """A live window with what was read; where OpenCV was built with one.

    Raises
    ------
    OutputError
        This OpenCV has no window toolkit, or there is no display.
    """

    def __init__(self) -> None:
        try:
            with caught_stderr():
                cv2.namedWindow(WINDOW, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise OutputError(
                "--show needs an OpenCV with windows and a display; install opencv-python instead of the headless one, "
                "or use --annotate DIR"
            ) from error

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:  # noqa: ARG002
        """Show the frame."""
        cv2.imshow(WINDOW, annotate(frame, readings))
        cv2.waitKey(1)


def frame_record(frame: Frame, readings: Sequence[Reading], latency_ms: float) -> dict[str, Any]:
    """A frame's readings as the JSON contract has them; `time_unsure` only where the clock was not set."""
    unsure = {} if frame.is_time_sure else {"time_unsure": True}
    return {
        "source": frame.source,
        "frame": frame.index,
        "time": iso_time(frame.timestamp_s),
        "latency_ms": round(latency_ms, 2),
        "readings": [_reading_record(reading) for reading in readings],
        **unsure,
    }


def iso_time(timestamp_s: float) -> str:
    """UTC with milliseconds: 2026-11-21T07:00:00.123Z."""
    moment = datetime.fromtimestamp(round(timestamp_s * 1000) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown_time(frame: Frame) -> str:
    """The frame's time, with a tilde where the clock was not set."""
    return iso_time(frame.timestamp_s) + ("" if frame.is_time_sure else "~")


def shown_confidence(confidence: float) -> str:
    """Three digits, rounded down: only certainty itself is shown as 1.000."""
    return f"{math.floor(confidence * 1000) / 1000:.3f}"


def one_line(text: str) -> str:
    """The text with what would break a line or a terminal written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def picture_stem(frame: Frame) -> str:
    """A file name for a frame, without suffix: `page`, `clip-000012`, `v4l2-dev-video0-000003`.

    Of several pages of a TIFF the first has the bare name, for a frame does not say how many there are.
    """
    path = Path(frame.source)
    is_picture = path.suffix.lower() in PICTURE_SUFFIXES and "://" not in frame.source and frame.index == 0
    named = path.stem if path.suffix and "://" not in frame.source else frame.source
    safe = re.sub(r"[^\w.-]+", "-", named).strip("-.")[:100] or "frame"
    return safe if is_picture else f"{safe}-{frame.index:06d}"


def write_lines(stream: TextIO, lines: Sequence[str]) -> None:
    """Write and flush lines, so that a reader of the pipe has them at once.

    Raises
    ------
    OutputError
        The disk is full or the file cannot be written.
    BrokenPipeError
        The reader has gone.
    """
    try:
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise output_error(STDOUT, error) from error


def _place(frame: Frame) -> str:
    """The source, and where it is not a picture by itself the page (as RFC 8118 has it) or the frame's number."""
    suffix = Path(frame.source).suffix.lower()
    if suffix == PDF_SUFFIX or (suffix in PICTURE_SUFFIXES and frame.index):
        return f"{frame.source}#page={frame.index + 1}"
    return frame.source if suffix in PICTURE_SUFFIXES else f"{frame.source}#{frame.index}"


def _reading_record(reading: Reading) -> dict[str, Any]:
    return {
        "name": reading.name,
        "text": reading.text,
        "value": None if reading.value is None else float(reading.value),
        "status": reading.status,
        "confidence": round(float(reading.confidence), 4),
        "box": None if reading.box is None else [int(edge) for edge in reading.box],
        "reason": reading.reason,
        "digits": [_digit_record(digit) for digit in reading.digits],
    }


def _digit_record(digit: Digit) -> dict[str, Any]:
    return {
        "text": digit.text,
        "confidence": round(float(digit.confidence), 4),
        "box": [int(edge) for edge in digit.box],
        "position": None if digit.position is None else round(float(digit.position), 3),
    }
