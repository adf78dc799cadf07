"""How soon a fault of a source is noticed, and how soon after its end there is a frame, with a service's own limits.

`python -m tests.sources.recovery v4l2 DEVICE` and `… picamera2 0` print those faults that only a process with a played
camera can have; the others are run by tests.sources.figures.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.nouns import Frame
from edge.sources import Backoff, LiveSource, SourceSettings, open_source
from tests.sources.cameras import http_camera, rtsp_camera, rtsp_lack

AWAY_S = 5.0
"""How long a fault stays once it was noticed."""

LIMIT_S = 120.0


@dataclass(frozen=True)
class Recovery:
    """Seconds from a fault to its notice, and from its end to the next frame."""

    fault: str
    noticed_s: float
    back_s: float


def recover(fault: str, uri: str, begin: Callable[[], object], end: Callable[[], object]) -> Recovery:
    """One fault, from `begin` to `end`, of a source with the time limits and the back-off of a service."""
    with open_source(uri, SourceSettings(recovery=Backoff(), on_note=lambda _: None)) as source:
        assert isinstance(source, LiveSource)
        poll_until(source, lambda frame: frame is not None)
        start_s = time.monotonic()
        begin()
        poll_until(source, lambda _: source.is_lost)
        noticed_s = time.monotonic() - start_s
        poll_until(source, lambda _: time.monotonic() - start_s > noticed_s + AWAY_S)
        end()
        ended_s = time.monotonic()
        poll_until(source, lambda frame: frame is not None)
        return Recovery(fault, noticed_s, time.monotonic() - ended_s)


def poll_until(source: LiveSource, is_done: Callable[[Frame | None], bool]) -> None:
    """Take frames until something is so."""
    end_s = time.monotonic() + LIMIT_S
    while not is_done(source.poll(0.02)):
        assert time.monotonic() < end_s, "it did not come about"


def network_recoveries() -> Iterator[Recovery]:
    """Faults of an HTTP and of an RTSP camera."""
    for faults, name in (
        ({"hangup", "down"}, "HTTP: connection closed, camera off"),
        ({"stall"}, "HTTP: connected, no more data"),
        ({"half"}, "HTTP: half pictures"),
        ({"frozen"}, "HTTP: the same picture for ever"),
    ):
        with http_camera() as camera:
            uri = f"{camera.address}/mjpeg"
            yield recover(name, uri, lambda c=camera, f=faults: c.faults.update(f), camera.faults.clear)
    if rtsp_lack() is None:
        with tempfile.TemporaryDirectory() as name, rtsp_camera(Path(name)) as server:
            yield recover("RTSP: server hangs amid a frame", server.address, server.hang, server.go_on)


def v4l2_recoveries(device: Path) -> Iterator[Recovery]:
    """Faults of a camera that tests.sources.v4l2 plays."""
    hang = device.with_name("hang")
    yield recover("V4L2: unplugged and plugged in", f"v4l2:{device}", device.unlink, device.touch)
    yield recover("V4L2: driver hangs", f"v4l2:{device}", hang.touch, hang.unlink)


def picamera_recoveries() -> Iterator[Recovery]:
    """Faults of the virtual camera."""
    import virtualcam

    yield recover("picamera2: no more frames", "picamera2:0", virtualcam.stalled.set, virtualcam.stalled.clear)


def main() -> None:
    """Print a line of JSON a fault."""
    kind, place = sys.argv[1:]
    for each in v4l2_recoveries(Path(place)) if kind == "v4l2" else picamera_recoveries():
        print(json.dumps(asdict(each)), flush=True)


if __name__ == "__main__":
    main()
