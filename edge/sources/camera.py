"""A V4L2 camera through OpenCV: USB webcams, HDMI grabbers, and what else is /dev/video*."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2

from edge.errors import SourceError
from edge.nouns import Frame
from edge.sources.base import NewestFrames, Source, SourceSettings, as_gray
from edge.stderr import caught_stderr

DEVICES = Path("/dev/video*")


class CameraSource(Source):
    """The newest frame of a V4L2 device; a thread empties the driver's queue all the time.

    Raises
    ------
    SourceError
        The device is missing, busy, no camera, or gives no frame.
    """

    is_live = True

    def __init__(self, device: str, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.device = device
        self._capture = _open_device(device)
        self._index = 0
        self._configure()
        self._frames = NewestFrames(self._next, self._capture.release)

    def __iter__(self) -> Iterator[Frame]:
        while True:
            yield self._frames.take(self.settings.timeout_s)

    def close(self) -> None:
        """Stop capturing and let the device go."""
        self._frames.close()

    def _next(self) -> Frame:
        is_read, picture = self._capture.read()
        if not is_read or picture is None:
            raise SourceError(f"{self.device}: the camera stopped giving frames; check its cable and start again")
        frame = self.frame(as_gray(picture), f"v4l2:{self.device}", self._index)
        self._index += 1
        return frame

    def _configure(self) -> None:
        if self.settings.fps:
            self._capture.set(cv2.CAP_PROP_FPS, self.settings.fps)
        if not self.settings.size:
            return
        width, height = self.settings.size
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        found = tuple(int(self._capture.get(name)) for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if found != (width, height):
            self.settings.on_note(
                f"{self.device}: gives {found[0]} x {found[1]} pixels, not {width} x {height}; "
                "boxes drawn for others will not fit"
            )


def open_first_camera(settings: SourceSettings) -> CameraSource:
    """The first V4L2 device that is a camera; a Pi has a dozen that are codecs.

    Raises
    ------
    SourceError
        There is none; the message says what was tried.
    """
    tried = []
    for device in video_devices():
        try:
            return CameraSource(device, settings)
        except SourceError as error:
            tried.append(str(error).split(";")[0])
    found = "; ".join(tried[:3]) if tried else f"there is no {DEVICES}"
    raise SourceError(found)


def video_devices() -> list[str]:
    """V4L2 device paths in the order of their numbers."""
    return sorted((str(path) for path in DEVICES.parent.glob(DEVICES.name)), key=lambda path: (len(path), path))


def _open_device(device: str) -> cv2.VideoCapture:
    path = Path(device)
    if not path.exists():
        there = ", ".join(video_devices()) or "none"
        raise SourceError(f"{device}: no such device, there is: {there}; plug the camera in, or try the source demo:")
    number = re.fullmatch(r"/dev/video(\d+)", str(path.resolve()))
    with caught_stderr():
        capture = cv2.VideoCapture(int(number[1]) if number else device, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{device}: cannot be opened; it is no camera, is in use, or needs: sudo usermod -aG video $USER"
        )
    return capture
