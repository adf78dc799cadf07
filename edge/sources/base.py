"""What every source of frames is: a context manager that iterates `Frame`s."""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import cv2
from numpy.typing import NDArray

from edge.errors import EdgeError, SourceError
from edge.nouns import Frame, Gray

Rotation = Literal[0, 90, 180, 270]

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

CLOSE_TIMEOUT_S = 3.0
"""How long a capture thread that hangs in its driver is waited for."""


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
class SourceSettings:
    """What is asked of a source; each is free to have less to give.

    Parameters
    ----------
    size : (width, height), optional
        Of the frames of a camera; the default is the source's own choice.
    fps : float, optional
        Frames a second of a live source. Files give every frame, as fast as it is read.
    rotation : 0, 90, 180 or 270
        Degrees clockwise that each frame is turned by.
    timeout_s : float
        After this long without a frame a live source fails.
    on_note : callable
        Takes remarks that are no failure, such as files that were skipped.
    on_error : callable
        Takes the error of one picture or page among several; the next is read when it returns.
    is_wanted : callable
        Takes the source and index that a frame of a file would have; those that are not wanted are left out.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    rotation: Rotation = 0
    timeout_s: float = 10.0
    on_note: Callable[[str], None] = print_note
    on_error: Callable[[EdgeError], None] = raise_error
    is_wanted: Callable[[str, int], bool] = want_all


class Source(ABC):
    """Frames from somewhere. Open while it exists; `with` or `close` releases what it holds.

    `is_live` sources give the newest frame and drop those that nobody took in time; the others give
    every frame once, in order.
    """

    is_live: bool = False

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames, with rising indices; a second iteration is not promised."""

    def close(self) -> None:  # noqa: B027  # most files hold nothing between frames
        """Release what is held; harmless when done twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def frame(self, gray: Gray, source: str, index: int, timestamp_s: float | None = None, age_s: float = 0.0) -> Frame:
        """A frame taken `age_s` ago, or at `timestamp_s` by the wall clock, turned by the settings' rotation."""
        wall_s = time.time() - age_s if timestamp_s is None else timestamp_s
        return Frame(rotate(gray, self.settings.rotation), source, index, wall_s, time.monotonic() - age_s)


def rotate(gray: Gray, rotation: Rotation) -> Gray:
    """The picture turned clockwise by 0, 90, 180 or 270 degrees."""
    return cv2.rotate(gray, ROTATIONS[rotation]) if rotation else gray


def as_gray(picture: NDArray[Any]) -> Gray:
    """The gray levels of what `cv2.VideoCapture` gives, BGR or gray already."""
    if picture.ndim == 2:
        return picture
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.shape[2] == 3 else picture[..., 0].copy()


class NewestFrames:
    """Frames of a thread that never waits for its reader: a slot for the newest, which the next one replaces.

    Parameters
    ----------
    capture : callable
        Gives the next frame, and waits for it; raises when there is none. Called in the thread only.
    release : callable
        Frees what `capture` reads from; called in the thread when it ends.
    """

    def __init__(self, capture: Callable[[], Frame], release: Callable[[], None]) -> None:
        self._capture = capture
        self._release = release
        self._news = threading.Condition()
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._fill, name="capture", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Frame:
        """The newest frame that was not taken yet.

        Raises
        ------
        SourceError
            The capture failed, or gave nothing for `timeout_s`.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._frame or self._error or self._is_closed, timeout_s):
                raise SourceError(f"no frame for {timeout_s:g} s; check the cable or the network and start again")
            frame, self._frame = self._frame, None
        if frame is None:
            raise self._error or SourceError("the source is closed")
        return frame

    def close(self) -> None:
        """Stop the thread; one that hangs in its driver is left behind after `CLOSE_TIMEOUT_S`."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _fill(self) -> None:
        try:
            while not self._is_closed:
                self._put(self._capture())
        except Exception as error:  # handed to the reader, who raises it
            with self._news:
                self._error = error
                self._news.notify_all()
        finally:
            self._release()

    def _put(self, frame: Frame) -> None:
        with self._news:
            self._frame = frame
            self._news.notify_all()
