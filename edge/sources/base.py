"""What every source of frames is: a context manager that iterates `Frame`s."""

from __future__ import annotations

import random
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError, SourceError, UnusableSourceError
from edge.nouns import Box, Colour, Frame, Gray
from edge.pictures import halve

if TYPE_CHECKING:
    from edge.schema import SourceTable

Rotation = Literal[0, 90, 180, 270]
PixelFormat = Literal["auto", "mjpg", "yuyv"]

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

HALF_SHARE = 8
"""A picture whose last rows, at least one part in this many, are one flat level is half a frame: decoders fill what
they did not get."""

HALF_FRAMES = 10
"""Half frames in a row that are left out before the source counts as lost."""


def print_note(note: str) -> None:
    """Put a remark that is no failure on stderr."""
    print(f"readout: {note}", file=sys.stderr)


def want_all(source: str, index: int) -> bool:  # noqa: ARG001
    """Every page and frame of a file is wanted."""
    return True


def raise_error(error: EdgeError) -> None:
    """End the iteration with the error."""
    raise error


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a lost source is left alone before it is opened again: twice as long each time, up to a limit.

    Parameters
    ----------
    first_s, longest_s : float
    draw : callable
        Gives a number from 0 to 1 that shortens each wait by up to half, so that many devices do not ask at once.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    draw: Callable[[], float] = random.random

    def delays(self) -> Iterator[float]:
        """Seconds to wait before each attempt, without end."""
        delay_s = self.first_s
        while True:
            yield delay_s * (1 - self.draw() / 2)
            delay_s = min(2 * delay_s, self.longest_s)


@dataclass(frozen=True, slots=True)
class PiControls:
    """What is asked of a Pi camera's sensor and lens; what is None stays as the camera has it.

    Parameters
    ----------
    exposure_us : int, optional
        Exposure time in microseconds; turns the automatic exposure off.
    gain : float, optional
        Analogue gain, from 1; turns the automatic exposure off.
    focus : float, optional
        Position of the lens in dioptres, 0 for infinity, 10 for 10 cm; turns the automatic focus off.
    sensor_crop : (x, y, width, height), optional
        Part of the sensor that the picture is made of, in its pixels: a zoom without loss.
    """

    exposure_us: int | None = None
    gain: float | None = None
    focus: float | None = None
    sensor_crop: Box | None = None


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What is asked of a source; each is free to have less to give.

    Parameters
    ----------
    size : (width, height), optional
        Of the frames of a camera; the default is the source's own choice.
    fps : float, optional
        Frames a second of a live source; of a stream that sends more the others are left out. Files give every frame,
        as fast as it is read.
    crop : (x, y, width, height), optional
        Region of interest: the part of each frame that is kept, in pixels before it is turned.
    rotation : 0, 90, 180 or 270
        Degrees clockwise that each frame is turned by.
    timeout_s : float
        After this long without a frame a live source counts as lost.
    max_age_s : float
        A frame older than this is never given as fresh.
    frozen_after_s : float
        A live source whose frames stay the same to the last bit for so long counts as lost; 0 turns this off.
    pixel_format : "auto", "mjpg" or "yuyv"
        What a V4L2 camera sends; "auto" asks for MJPG from `MJPG_PIXELS` on.
    pi : PiControls
        Exposure, gain, focus and zoom of a Pi camera.
    with_colour : bool
        Frames carry their colour planes as well, at half size; what has none, such as a rendered page, stays gray.
    recovery : Backoff, optional
        How a lost live source is opened again; by default it is not, and raises.
    on_note : callable
        Takes remarks that are no failure, such as files that were skipped.
    on_error : callable
        Takes the error of one picture or page among several; the next is read when it returns.
    is_wanted : callable
        Takes the source and index that a frame of a file would have; those that are not wanted are left out.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    crop: Box | None = None
    rotation: Rotation = 0
    timeout_s: float = 10.0
    max_age_s: float = 2.0
    frozen_after_s: float = 30.0
    pixel_format: PixelFormat = "auto"
    pi: PiControls = field(default_factory=PiControls)
    with_colour: bool = False
    recovery: Backoff | None = None
    on_note: Callable[[str], None] = print_note
    on_error: Callable[[EdgeError], None] = raise_error
    is_wanted: Callable[[str, int], bool] = want_all

    @classmethod
    def of(cls, table: SourceTable, **others: Any) -> Self:
        """The settings of a configuration's [source], and others by name."""
        settings: dict[str, Any] = {
            "size": table.size,
            "fps": table.fps,
            "crop": table.crop,
            "rotation": table.rotation,
            "timeout_s": table.timeout,
            "max_age_s": table.max_age,
            "frozen_after_s": table.frozen_after,
            "pixel_format": table.pixel_format,
            "pi": PiControls(table.exposure_us, table.gain, table.focus, table.sensor_crop),
        }
        return cls(**{**settings, **others})


class Source(ABC):
    """Frames from somewhere. Open while it exists; `with` or `close` releases what it holds.

    `is_live` sources give the newest frame and drop those that nobody took in time; the others give
    every frame once, in order.
    """

    name: str = ""
    is_live: bool = False
    runs_ahead: bool = False
    """Whether frames pile up in a queue while nobody takes them, so that a thread must empty it all the time."""

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self._interrupted = threading.Event()

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames, with rising indices; a second iteration is not promised."""

    def note_size(self, width: int, height: int) -> None:
        """Say so where frames have another size than was asked for."""
        if self.settings.size and self.settings.size != (width, height):
            asked = " x ".join(map(str, self.settings.size))
            self.settings.on_note(
                f"{self.name}: gives {width} x {height} pixels, not {asked}; boxes drawn for others will not fit"
            )

    def pause(self, seconds: float) -> bool:
        """Wait before the next frame; whether the wait was interrupted."""
        return self._interrupted.wait(max(0.0, seconds))

    def interrupt(self) -> None:
        """End a wait for a frame, from another thread."""
        self._interrupted.set()

    def close(self) -> None:  # noqa: B027  # most files hold nothing between frames
        """Release what is held; harmless when done twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def frame(
        self,
        gray: Gray,
        source: str,
        index: int,
        timestamp_s: float | None = None,
        taken_s: float | None = None,
        colour: Colour | None = None,
    ) -> Frame:
        """A frame cut and turned as the settings ask.

        It was taken at `taken_s` by the monotonic clock or else now, at `timestamp_s` by the wall clock or else then.
        """
        now_s = time.monotonic()
        taken_s = now_s if taken_s is None else taken_s
        wall_s = time.time() - (now_s - taken_s) if timestamp_s is None else timestamp_s
        crop, rotation = self.settings.crop, self.settings.rotation
        if crop:
            gray = cut(gray, crop, source)
            colour = None if colour is None else cut_half(colour, crop)
        colour = None if colour is None else rotate(colour, rotation)
        return Frame(rotate(gray, rotation), source, index, wall_s, taken_s, colour=colour)


def cut(gray: Gray, crop: Box, name: str) -> Gray:
    """The part of a picture inside a box.

    Raises
    ------
    UnusableSourceError
        The box reaches outside the picture.
    """
    x, y, width, height = crop
    rows, columns = gray.shape
    if x + width > columns or y + height > rows:
        raise UnusableSourceError(
            f"{name}: the frame has {columns} x {rows} pixels, crop = [{x}, {y}, {width}, {height}] reaches outside; "
            "make the crop smaller or ask for a larger size"
        )
    return np.ascontiguousarray(gray[y : y + height, x : x + width])


def cut_half(colour: Colour, crop: Box) -> Colour:
    """The part of a half-sized picture inside a box of the whole one; from an odd place on between its pixels."""
    x, y, width, height = crop
    wide, high = (width + 1) // 2, (height + 1) // 2
    return cv2.getRectSubPix(colour, (wide, high), ((x + wide - 1) / 2, (y + high - 1) / 2))


def rotate(picture: NDArray[np.uint8], rotation: Rotation) -> NDArray[np.uint8]:
    """The picture turned clockwise by 0, 90, 180 or 270 degrees."""
    return cv2.rotate(picture, ROTATIONS[rotation]) if rotation else picture


def as_gray(picture: NDArray[Any]) -> Gray:
    """The gray levels of what `cv2.VideoCapture` gives, BGR or gray already."""
    if picture.ndim == 2:
        return picture
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.shape[2] == 3 else picture[..., 0].copy()


def is_half(gray: Gray) -> bool:
    """Whether the lower part of a picture is one flat level and the rest is not: its end never came."""
    tail = gray[-max(1, gray.shape[0] // HALF_SHARE) :]
    flat = gray[-1, 0]
    return bool((tail == flat).all()) and not bool((gray == flat).all())


def as_colour(picture: NDArray[Any]) -> Colour | None:
    """The colour planes of what `cv2.VideoCapture` gives, at half size; None of a gray picture."""
    return halve(picture) if picture.ndim == 3 and picture.shape[2] == 3 else None


class Pace:
    """Chooses of the frames that a sender gives those that keep a rate; all where no rate is asked for.

    A frame that comes a little early is taken, so that a sender of just that rate loses none.
    """

    def __init__(self, fps: float | None) -> None:
        self._interval_s = 1 / fps if fps else 0.0
        self._due_s = float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Whether a frame of now is taken."""
        if now_s < self._due_s - self._interval_s / 5:
            return False
        is_late = now_s - self._due_s > self._interval_s
        self._due_s = (now_s if is_late else self._due_s) + self._interval_s
        return True


def whole_frames(
    capture: cv2.VideoCapture, name: str, end: str, settings: SourceSettings, pace: Pace | None = None
) -> Iterator[tuple[Gray, Colour | None]]:
    """The gray frames of a camera or stream, without its half ones, and their colour planes where they are asked for.

    Raises
    ------
    SourceError
        There is no further frame, which `end` says, or `HALF_FRAMES` in a row were half.
    """
    halves = 0
    while halves < HALF_FRAMES:
        is_read = capture.grab()
        if is_read and pace and not pace.is_due(time.monotonic()):
            continue
        is_read, picture = capture.retrieve() if is_read else (False, None)
        if not is_read or picture is None:
            raise SourceError(f"{name}: {end}")
        gray = as_gray(picture)
        halves = halves + 1 if is_half(gray) else 0
        if not halves:
            yield gray, as_colour(picture) if settings.with_colour else None
    raise SourceError(
        f"{name}: {halves} half frames in a row, their lower part is one flat level; "
        "check cable and power, and cut a flat border off with crop"
    )
