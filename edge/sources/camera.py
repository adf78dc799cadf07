"""A V4L2 camera through OpenCV: USB webcams, HDMI grabbers, and what else is /dev/video*."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from edge.errors import SourceError
from edge.nouns import Frame
from edge.sources.base import Source, SourceSettings, whole_frames

DEVICES = Path("/dev/video*")

MJPG_PIXELS = 1280 * 720
"""From this size on "auto" asks for MJPG: USB 2 carries 10 frames a second of it raw, 30 compressed (UVC cameras)."""

LONGEST_AGE_S = 60.0
"""A frame that would be older was dated by another clock."""


class CameraSource(Source):
    """The frames of a V4L2 device, by path or by an id under /dev/v4l/by-id that survives a replug.

    Raises
    ------
    SourceError
        The device is missing, busy, no camera, or gives no frame.
    """

    is_live = True
    runs_ahead = True

    def __init__(self, device: str, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.name = self.device = device
        self._capture = _open_device(device)
        self._configure()

    def __iter__(self) -> Iterator[Frame]:
        end = "the camera stopped giving frames; check its cable and start again"
        frames = whole_frames(self._capture, self.device, end, self.settings)
        for index, (gray, colour) in enumerate(frames):
            yield self.frame(gray, f"v4l2:{self.device}", index, taken_s=self._taken_s(), colour=colour)

    def close(self) -> None:
        """Let the device go."""
        self._capture.release()

    def _taken_s(self) -> float | None:
        """When the driver filled the frame, None where it does not date frames by the monotonic clock."""
        filled_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return filled_s if 0 < time.monotonic() - filled_s < LONGEST_AGE_S else None

    def _configure(self) -> None:
        pixel_format = asked_format(self.settings)
        if pixel_format:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*pixel_format))  # before the size
        if self.settings.size:
            self._set_size(*self.settings.size)
        if self.settings.fps:
            self._capture.set(cv2.CAP_PROP_FPS, self.settings.fps)

    def _set_size(self, width: int, height: int) -> None:
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self.note_size(
            *(int(self._capture.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
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


def asked_format(settings: SourceSettings) -> str | None:
    """The four characters to ask the camera for; None leaves it its choice."""
    if settings.pixel_format != "auto":
        return settings.pixel_format.upper()
    return "MJPG" if settings.size and settings.size[0] * settings.size[1] >= MJPG_PIXELS else None


def _open_device(device: str) -> cv2.VideoCapture:
    path = Path(device)
    if not path.exists():
        there = ", ".join(video_devices()) or "none"
        raise SourceError(f"{device}: no such device, there is: {there}; plug the camera in, or try the source demo:")
    number = re.fullmatch(r"/dev/video(\d+)", str(path.resolve()))
    # What OpenCV says of it is not caught: a driver may hang here, and stderr is needed to say so.
    capture = cv2.VideoCapture(int(number[1]) if number else device, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{device}: cannot be opened; it is no camera, is in use, or needs: sudo usermod -aG video $USER"
        )
    return capture
