"""Memory of a service over many frames: `python -m tests.sources.memory --out …`, and with `--unread` for short.

`edge run` reads one drum of a small meter from a V4L2 camera that is played below OpenCV, weighs each reading with
those before, and keeps state, store, CSV and metrics. Its memory is looked at as its own metrics count the readings.
100,000 frames are about ten minutes of an idle core. With `--unread` (tests.sources.passing) the frames of `demo:` are
captured in its thread and passed through loop and outputs, and not read: a minute.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from edge.atomic import write_text
from tests.edge.mosquitto import free_port
from tests.sources.playing import machine, passing, resident_mb, running, v4l2_meter

MANY = 100_000
AT = (1_000, 10_000, 25_000, 50_000, 75_000, MANY)
"""Readings after which memory is noted."""

FPS, UNREAD_FPS = 100, 1000
"""About what one core can read, and pass on."""

SIZE = (160, 120)

LOOK_S = 1.0

CONFIG = """
[source]
uri = "{uri}"
size = [160, 120]
fps = {fps}
[csv]
[store]
[state]
[prometheus]
address = "127.0.0.1"
port = {port}
[[field]]
name = "water"
kind = "drum"
digits = [[20, 45, 19, 32]]
"""


def main() -> None:
    """Print a line a look, and write the figures where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--frames", type=int, default=MANY)
    parser.add_argument("--unread", action="store_true")
    arguments = parser.parse_args()
    found, start_s = {"machine": machine(), "size": SIZE, "looks": []}, time.monotonic()
    for frames, rss_mb in observe(arguments.frames, arguments.unread):
        found["looks"].append({"frames": frames, "rss_mb": round(rss_mb, 2)})
        found["seconds"] = round(time.monotonic() - start_s)
        print(f"{frames} frames: {rss_mb:.1f} MB", flush=True)
        if arguments.out:
            write_text(arguments.out, json.dumps(found, indent=1) + "\n")


def observe(frames: int, unread: bool) -> Iterator[tuple[int, float]]:
    """Readings so far and resident memory, MB, at the marks of `AT` and at the end."""
    marks = [mark for mark in AT if mark < frames] + [frames]
    port = free_port()
    with v4l2_meter(SIZE, fps=FPS) as (device, played), tempfile.TemporaryDirectory() as name:
        config = Path(name) / "meter.toml"
        uri, fps = ("demo:", UNREAD_FPS) if unread else (f"v4l2:{device}", FPS)
        config.write_text(CONFIG.format(uri=uri, fps=fps, port=port))
        with passing(config, **played) if unread else running("--config", str(config), **played) as process:
            while marks:
                time.sleep(LOOK_S)
                count = readings_so_far(port, process)
                if count >= marks[0]:
                    yield count, resident_mb(process)
                    marks = [mark for mark in marks if mark > count]


def readings_so_far(port: int, process: subprocess.Popen[str]) -> int:
    """What the service's metrics say; 0 until it serves them."""
    assert process.poll() is None, "the service has ended"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return 0
    return sum(int(float(each)) for each in re.findall(r"^readout_readings_total\{.*\} (\S+)$", text, re.M))


if __name__ == "__main__":
    main()
