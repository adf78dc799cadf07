"""Cameras on the network: RTSP and MJPEG streams through OpenCV's FFmpeg, and addresses that give a picture a call."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

from edge.errors import PictureError, SourceError
from edge.nouns import Colour, Frame, Gray
from edge.pictures import MAX_BYTES, decode_planes
from edge.sources.base import HALF_FRAMES, Pace, Source, SourceSettings, whole_frames
from edge.stderr import caught_stderr

DEFAULT_SNAPSHOT_FPS = 1.0

CHUNK = 65536
"""Bytes that are asked of a socket at once."""

REMEDIES = {
    401: "put user and password into the address: http://user:password@host/",
    403: "check user and password, and that this user may see the picture",
    404: "check the path in the address",
}


class StreamSource(Source):
    """The frames of an RTSP stream, or of a video over HTTP, through OpenCV's FFmpeg."""

    is_live = True
    runs_ahead = True

    def __init__(self, address: str, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.name = without_password(address)
        self._capture = _open_stream(address, settings.timeout_s)

    def __iter__(self) -> Iterator[Frame]:
        end = "the stream ended; check the camera and the network and start again"
        frames = whole_frames(self._capture, self.name, end, self.settings, Pace(self.settings.fps))
        for index, (gray, colour) in enumerate(frames):
            if index == 0:
                self.note_size(*gray.shape[::-1])
            yield self.frame(gray, self.name, index, colour=colour)

    def close(self) -> None:
        """Hang up."""
        self._capture.release()


class MjpegSource(Source):
    """The pictures of a multipart answer (MJPEG), each taken only when it is whole."""

    is_live = True
    runs_ahead = True

    def __init__(self, response: http.client.HTTPResponse, name: str, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.name = name
        self._response = response

    def __iter__(self) -> Iterator[Frame]:
        index, damaged, pace = 0, 0, Pace(self.settings.fps)
        parts = jpeg_parts(Body(self._response, self.name, self.settings.timeout_s))
        for data in parts:
            if not pace.is_due(time.monotonic()):
                continue
            try:
                gray, colour = decode_planes(data, self.name, self.settings.with_colour)
            except PictureError as error:
                damaged += 1
                if damaged >= HALF_FRAMES:
                    raise SourceError(f"{damaged} pictures in a row cannot be decoded, the last: {error}") from error
                continue
            damaged = 0
            if index == 0:
                self.note_size(*gray.shape[::-1])
            yield self.frame(gray, self.name, index, colour=colour)
            index += 1
        raise SourceError(f"{self.name}: the stream ended; check the camera and the network and start again")

    def close(self) -> None:
        """Hang up."""
        self._response.close()


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
        while not self.pause(due_s - time.monotonic()):
            due_s = time.monotonic() + interval_s
            gray, colour = self._picture()
            if index == 0:
                self.note_size(*gray.shape[::-1])
            yield self.frame(gray, self.name, index, colour=colour)
            index += 1

    def _picture(self) -> tuple[Gray, Colour | None]:
        with request(self._address, self.settings.timeout_s) as response:
            data = Body(response, self.name, self.settings.timeout_s).read_all()
        try:
            return decode_planes(data, self.name, self.settings.with_colour)
        except PictureError as error:
            raise SourceError(str(error)) from error


def open_http(address: str, settings: SourceSettings) -> Source:
    """MJPEG, a snapshot, or what FFmpeg may know: as the address answers."""
    name = without_password(address)
    response = request(address, settings.timeout_s)
    content = response.headers.get_content_type()
    if content.startswith("multipart/"):
        return MjpegSource(response, name, settings)
    response.close()
    if content.startswith("image/"):
        return SnapshotSource(address, settings)
    if content.startswith("text/") or content == "application/json":
        raise SourceError(
            f"{name}: answers with {content}, not a picture or video; name the camera's snapshot or stream address"
        )
    return StreamSource(address, settings)


class Body:
    """The bytes of an answer, with a limit on the time and the size of what is waited for.

    The socket's own limit is per packet: an answer that trickles would hold it up for ever.
    """

    def __init__(self, response: http.client.HTTPResponse, name: str, timeout_s: float) -> None:
        self._response = response
        self._name = name
        self._timeout_s = timeout_s
        self._held = b""

    def read_until(self, mark: bytes) -> bytes | None:
        """What comes before `mark`, which is dropped; None at the end."""
        deadline_s = time.monotonic() + self._timeout_s
        searched = 0
        while (place := self._held.find(mark, searched)) < 0:
            searched = max(0, len(self._held) - len(mark) + 1)
            if not self._fill(deadline_s):
                return None
        found, self._held = self._held[:place], self._held[place + len(mark) :]
        return found

    def read_exactly(self, length: int) -> bytes | None:
        """The next `length` bytes; None where they do not come."""
        deadline_s = time.monotonic() + self._timeout_s
        while len(self._held) < length:
            if not self._fill(deadline_s):
                return None
        found, self._held = self._held[:length], self._held[length:]
        return found

    def read_all(self) -> bytes:
        """Everything up to the end."""
        deadline_s = time.monotonic() + self._timeout_s
        while self._fill(deadline_s):
            pass
        found, self._held = self._held, b""
        return found

    def _fill(self, deadline_s: float) -> bool:
        """Add what has come; False at the end of the answer."""
        try:
            data = self._response.read1(CHUNK)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceError(f"{self._name}: the answer broke off ({error}); check the network") from error
        if time.monotonic() > deadline_s:
            raise SourceError(f"{self._name}: no whole picture within {self._timeout_s:g} s; check the network")
        self._held += data
        if len(self._held) > MAX_BYTES:
            raise SourceError(f"{self._name}: a picture of more than {MAX_BYTES / 1e6:.0f} MB; name another address")
        return bool(data)


def jpeg_parts(body: Body) -> Iterator[bytes]:
    """The bodies of a multipart answer.

    Parts that announce their length are taken by it; the others end where the next begins. Boundaries are found
    in the answer, for cameras announce one and send another.

    References
    ----------
    RFC 2046, section 5.1; the Content-Length of each part is a habit of cameras.
    """
    line = body.read_until(b"\r\n")
    while line is not None and not line.startswith(b"--"):  # a preamble, or nothing
        line = body.read_until(b"\r\n")
    boundary = line
    while boundary is not None and (head := body.read_until(b"\r\n\r\n")) is not None:
        length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
        data = body.read_exactly(int(length[1])) if length else body.read_until(b"\r\n" + boundary)
        if data is None:
            return
        yield data
        if length and body.read_until(boundary) is None:
            return


class BasicLogin(urllib.request.HTTPBasicAuthHandler):
    """Logs in, and closes the refusal that it answers, which urllib leaves open."""

    def http_error_401(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """The answer to the second request; None where there is no user to log in."""
        with _closed_if_answered(fp) as answers:
            answers.append(super().http_error_401(req, fp, code, msg, headers))
            return answers[0]


class DigestLogin(urllib.request.HTTPDigestAuthHandler):
    """As `BasicLogin`, for cameras that ask for a digest."""

    def http_error_401(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """The answer to the second request; None where there is no user to log in."""
        with _closed_if_answered(fp) as answers:
            answers.append(super().http_error_401(req, fp, code, msg, headers))
            return answers[0]


@contextmanager
def _closed_if_answered(refusal: Any) -> Iterator[list[Any]]:
    """Close a refusal unless the block appends None, for then urllib goes on with it."""
    answers: list[Any] = []
    try:
        yield answers
    finally:
        if answers != [None]:
            refusal.close()


def request(address: str, timeout_s: float) -> http.client.HTTPResponse:
    """The open answer to a GET; a user and password in the address are given when asked for.

    Raises
    ------
    SourceError
        Nobody answers, or not with 200.
    """
    name = without_password(address)
    try:
        response: http.client.HTTPResponse = _opener(address).open(_bare(address), timeout=timeout_s)
        return response  # http and https only, see open_source
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceError(
            f"{name}: answers {error.code} {error.reason}; {REMEDIES.get(error.code, 'check the address')}"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(f"{name}: does not answer ({reason}); check the address and that the camera is on") from error


def _opener(address: str) -> urllib.request.OpenerDirector:
    """Knows the address's user and password, for this host only: a redirect elsewhere does not get them."""
    parts = urllib.parse.urlsplit(address)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        user, password = urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
        host = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", ""))
        passwords.add_password(None, host, user, password)
    return urllib.request.build_opener(BasicLogin(passwords), DigestLogin(passwords))


def _bare(address: str) -> str:
    """The address without user and password."""
    parts = urllib.parse.urlsplit(address)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


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
