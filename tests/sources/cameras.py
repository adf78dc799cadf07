"""Cameras on the network for the tests: an HTTP server with every fault that users meet, and an RTSP server."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIZE = (64, 48)
"""Width and height of the frames."""

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's, which sees Debian's GStreamer bindings."""

RTSP_PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good"

RTSP_START_S = 20.0

USER, PASSWORD = "cellar", "p@ss:word"

BOUNDARY = "--frame"


def picture(level: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A frame of one gray level, but for its last columns, with its upper left corner dark."""
    width, height = size
    gray = np.full((height, width), level, np.uint8)
    gray[:, -8:] = level - 15
    gray[: height // 2, : width // 2] = 0
    return gray


def tinted(gray: np.ndarray) -> np.ndarray:
    """A picture of these gray levels, (rows, columns, 3) BGR, that is red where it is not dark."""
    red = np.where(gray > 60, np.uint8(160), np.uint8(128))
    return cv2.cvtColor(cv2.merge([gray, red, np.full_like(gray, 128)]), cv2.COLOR_YCrCb2BGR)


def jpeg(picture: np.ndarray) -> bytes:
    """The picture as a JPEG file."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def md5(text: str) -> str:
    """As digest authentication has it (RFC 7616)."""
    return hashlib.md5(text.encode()).hexdigest()


class HttpCamera(http.server.ThreadingHTTPServer):
    """A camera whose pictures brighten by one each; `faults` are switched on by the test.

    Paths: /mjpeg and /snapshot with what `faults` holds; /bare is MJPEG without lengths; /page a web page; /secret and
    /digest a snapshot for `USER`; /moved leads to /snapshot, /away to another camera's /secret; the rest is missing.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: set[str] = set()
        self.count = 0
        self.asked: list[str] = []
        self.size = SIZE
        self.elsewhere = ""
        self.interval_s = 0.005
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_jpeg(self) -> bytes:
        """The next picture, the same again while "frozen", its first half while "half"."""
        if "frozen" not in self.faults:
            self.count += 1
        data = jpeg(tinted(picture(100 + self.count % 100, self.size)))
        return data[: len(data) // 2] if "half" in self.faults else data

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection to the camera."""

    server: HttpCamera

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = {"/mjpeg": self.mjpeg, "/bare": self.bare, "/snapshot": self.snapshot, "/secret": self.secret}
        answers |= {"/page": self.page, "/moved": self.moved, "/digest": self.digest, "/away": self.away}
        if "down" in self.server.faults:
            self.send_error(503)
        elif self.path in answers:
            answers[self.path]()
        else:
            self.send_error(404)

    def head(self, kind: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def mjpeg(self, with_length: bool = True) -> None:
        self.head(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        while not self.server.closing.wait(self.server.interval_s) and "hangup" not in self.server.faults:
            if "stall" in self.server.faults:
                continue
            data = self.server.next_jpeg()
            length = f"Content-Length: {len(data)}\r\n" if with_length else ""
            self.wfile.write(f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + data + b"\r\n")

    def bare(self) -> None:
        self.mjpeg(with_length=False)

    def snapshot(self) -> None:
        data = self.server.next_jpeg()
        self.head("image/jpeg")
        if "trickle" not in self.server.faults:
            self.wfile.write(data)
            return
        for place in range(len(data)):
            self.wfile.write(data[place : place + 1])
            if self.server.closing.wait(0.05):
                return

    def secret(self) -> None:
        right = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {right}":
            self.snapshot()
        else:
            self.head("text/html", 401, WWW_Authenticate='Basic realm="camera"')

    def digest(self) -> None:
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', self.headers.get("Authorization", "")))
        secret = md5(f"{USER}:camera:{PASSWORD}") + f":once:{given.get('nc')}:{given.get('cnonce')}:auth:"
        if given.get("response") == md5(secret + md5("GET:/digest")):
            self.snapshot()
        else:
            self.head("text/html", 401, WWW_Authenticate='Digest realm="camera", nonce="once", qop="auth"')

    def away(self) -> None:
        self.head("text/html", 302, Location=f"{self.server.elsewhere}/secret")

    def page(self) -> None:
        self.head("text/html")
        self.wfile.write(b"<html>")

    def moved(self) -> None:
        self.head("text/html", 302, Location="/snapshot")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def http_camera() -> Iterator[HttpCamera]:
    """A running HTTP camera."""
    with HttpCamera() as camera:
        threading.Thread(target=camera.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield camera
        finally:
            camera.closing.set()
            camera.shutdown()


def rtsp_lack() -> str | None:
    """Why no RTSP server can be started here; None where one can."""
    needed = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer, Gst"
    needed += "; Gst.init(None); assert Gst.ElementFactory.find('rtpjpegpay')"
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", needed], capture_output=True, timeout=60, check=False)
    except OSError as error:
        return f"{SYSTEM_PYTHON} is missing ({error.strerror}), which runs the RTSP server"
    return None if done.returncode == 0 else f"no RTSP server; apt-get install {RTSP_PACKAGES}"


@dataclass(frozen=True)
class RtspCamera:
    """A running RTSP server; `hang` stops it amid whatever it does, until `go_on`."""

    port: int
    process: int

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/camera"

    def hang(self) -> None:
        os.kill(self.process, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process, signal.SIGCONT)


@contextmanager
def rtsp_camera(folder: Path, size: tuple[int, int] = SIZE, fps: int = 30, port: int = 0) -> Iterator[RtspCamera]:
    """An RTSP server, which serves pictures that it finds in `folder`, over and over."""
    for index in range(20):
        (folder / f"{index}.jpg").write_bytes(jpeg(tinted(picture(100 + 5 * index, size))))  # RTP carries no gray JPEG
    script = str(Path(__file__).with_name("rtsp_server.py"))
    words = [SYSTEM_PYTHON, script, str(folder / "%d.jpg"), *map(str, (*size, fps, port))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            assert select.select([server.stdout], [], [], RTSP_START_S)[0], "the RTSP server does not start"
            yield RtspCamera(int(server.stdout.readline()), server.pid)
        finally:
            server.kill()


def fill(
    folder: Path, stop: threading.Event, interval_s: float = 0.01, size: tuple[int, int] = SIZE, suffix: str = ".png"
) -> threading.Thread:
    """A thread that puts a picture into a folder again and again, by rename, until it is stopped."""

    def run() -> None:
        count = 0
        while not stop.wait(interval_s):
            put(folder / f"{count:06d}{suffix}", tinted(picture(100 + count % 100, size)))
            count += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def put(path: Path, pixels: np.ndarray) -> None:
    """Write a picture beside its place and rename it there."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    beside.rename(path)


def wait_until(is_true: Any, limit_s: float = 10.0) -> None:
    """Wait for a condition, not for a time."""
    end_s = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.005)
