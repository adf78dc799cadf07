"""Cameras on the network: RTSP and MJPEG streams through OpenCV's FFmpeg, and addresses that give a picture a call."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import cv2

from edge.errors import SourceError
from edge.nouns import Frame, Gray
from edge.pictures import MAX_BYTES, decode_picture
from edge.sources.base import NewestFrames, Source, SourceSettings, as_gray
from edge.stderr import caught_stderr

DEFAULT_SNAPSHOT_FPS = 1.0


class StreamSource(Source):
    """The newest frame of an RTSP or MJPEG stream."""

    is_live = True

    def __init__(self, address: str, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.name = without_password(address)
        self._capture = _open_stream(address, settings.timeout_s)
        self._index = 0
        self._frames = NewestFrames(self._next, self._capture.release)

    def __iter__(self) -> Iterator[Frame]:
        while True:
            yield self._frames.take(self.settings.timeout_s)

    def close(self) -> None:
        """Stop reading and hang up."""
        self._frames.close()

    def _next(self) -> Frame:
        is_read, picture = self._capture.read()
        if not is_read or picture is None:
            raise SourceError(f"{self.name}: the stream ended; check the camera and the network and start again")
        frame = self.frame(as_gray(picture), self.name, self._index)
        self._index += 1
        return frame


class SnapshotSource(Source):
    """An address that gives one picture a call, asked `fps` times a second, by default once."""

    is_live = True

    def __init__(self, address: str, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.name = without_password(address)
        self._address = address

    def __iter__(self) -> Iterator[Frame]:
        interval_s = 1 / (self.settings.fps or DEFAULT_SNAPSHOT_FPS)
        index, due_s = 0, time.monotonic()
        while True:
            time.sleep(max(0.0, due_s - time.monotonic()))
            due_s = time.monotonic() + interval_s
            yield self.frame(self._picture(), self.name, index)
            index += 1

    def _picture(self) -> Gray:
        with request(self._address, self.settings.timeout_s) as response:
            return decode_picture(read_body(response, self.name), self.name)


def open_http(address: str, settings: SourceSettings) -> Source:
    """A snapshot source where the address answers with a picture, else a stream."""
    with request(address, settings.timeout_s) as response:
        content = response.headers.get_content_type()
    if content.startswith("image/"):
        return SnapshotSource(address, settings)
    if content.startswith("text/"):
        raise SourceError(
            f"{without_password(address)}: answers with {content}, not a picture or video; "
            "name the camera's snapshot or stream address"
        )
    return StreamSource(address, settings)


def request(address: str, timeout_s: float) -> http.client.HTTPResponse:
    """The open answer to a GET.

    Raises
    ------
    SourceError
        Nobody answers, or not with 200.
    """
    name = without_password(address)
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(address, timeout=timeout_s)
        return response  # http and https only, see open_source
    except urllib.error.HTTPError as error:
        raise SourceError(
            f"{name}: answers {error.code} {error.reason}; check the address, user and password"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(f"{name}: does not answer ({reason}); check the address and that the camera is on") from error


def read_body(response: http.client.HTTPResponse, name: str) -> bytes:
    """The answer's bytes, up to the largest picture that is read."""
    try:
        return response.read(MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{name}: the answer broke off ({error}); check the network") from error


def without_password(address: str) -> str:
    """The address as it may be shown: a password in it becomes ***."""
    parts = urllib.parse.urlsplit(address)
    if parts.password is None:
        return address
    return address.replace(f":{parts.password}@", ":***@", 1)


def _open_stream(address: str, timeout_s: float) -> cv2.VideoCapture:
    limit_ms = int(timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    with caught_stderr():
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{without_password(address)}: no stream within {timeout_s:g} s; "
            "check the address, user and password, and that the camera is on"
        )
    return capture
