"""What sources and service cost and how soon they recover: `python -m tests.sources.figures --out …`, seven minutes.

Cameras run in processes of their own, so that their work does not count; HTTP, V4L2 and picamera2 play `FPS` frames a
second, and a source that keeps up gives that many. V4L2 is OpenCV's own code on a device that is played below it,
picamera2 the real one on libcamera's virtual camera, inside a userland of tests/pi.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

from edge.atomic import write_text
from edge.sources.demo import render_meter
from tests.edge.mosquitto import free_port
from tests.pi.root import build_root, lack, run_in_root
from tests.sources.cameras import HttpCamera, fill, jpeg, rtsp_camera, rtsp_lack
from tests.sources.memory import readings_so_far
from tests.sources.playing import METER, cpu_s, machine, running, v4l2_meter
from tests.sources.recovery import network_recoveries
from tests.sources.v4l2 import FPS, v4l2_lack

SIZES = ((640, 480), (1280, 720))
MEASURE_S = 5.0
PRINTED_S = 15.0
STARTS = 5
IDLE_S = 30.0
LIMIT_S = 180.0

SERVICE = """
[source]
uri = "v4l2:{device}"
[run]
every = "{every}"
settle = 0.2
[http]
port = {http}
[csv]
[store]
[state]
[prometheus]
address = "127.0.0.1"
port = {metrics}
[mqtt]
host = "127.0.0.1"
port = {broker}
"""
"""With every kind of output; the broker is away."""


def main() -> None:
    """Print what is found as it is found, and write it where `--out` says; what `--only` leaves out stays as it is."""
    makers: dict[str, Callable[[], object]] = {
        "rates": lambda: [*file_rates(), *network_rates(), *v4l2_rates(), *picamera_rates()],
        "printed": lambda: [*printed_over_http(), *printed_by_v4l2()],
        "recoveries": lambda: [*map(asdict, network_recoveries()), *v4l2_recoveries(), *picamera_recoveries()],
        "idle": idle,
        "starts_s": start_times,
        "ends_s": end_times,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", action="append", choices=list(makers))
    arguments = parser.parse_args()
    is_there = arguments.only and arguments.out and arguments.out.exists()
    found = json.loads(arguments.out.read_text()) if is_there else {"machines": {}}
    for name in arguments.only or makers:
        found["machines"][name] = machine()
        found[name] = makers[name]()
        print(json.dumps({name: found[name]}, indent=1), flush=True)
        if arguments.out:
            write_text(arguments.out, json.dumps(found, indent=1) + "\n")


def named(size: tuple[int, int]) -> str:
    """640x480."""
    return f"{size[0]}x{size[1]}"


def rate_of(source: str, uri: str, size: tuple[int, int], settings: dict | None = None, **variables: str) -> dict:
    """The rate of a source, measured in another process."""
    words = [sys.executable, "-m", "tests.sources.rates", uri, named(size), str(MEASURE_S), json.dumps(settings or {})]
    environment = {**os.environ, "OPENCV_LOG_LEVEL": "SILENT", **variables}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    return {"source": source, "size": named(size), **json.loads(done.stdout.splitlines()[-1])}


def file_rates() -> Iterator[dict]:
    """Files as fast as they are read; the rendered meter and a watched folder at `FPS`."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "pictures").mkdir()
            (folder / "inbox").mkdir()
            video = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), FPS, size)
            for index in range(240):
                gray = render_meter(12345 + index, size, 0, index)
                (folder / "pictures" / f"{index:03d}.jpg").write_bytes(jpeg(gray))
                video.write(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
            video.release()
            yield rate_of("video file, MJPG", str(folder / "clip.avi"), size)
            yield rate_of("folder of JPEGs", str(folder / "pictures"), size)
            stop = threading.Event()
            thread = fill(folder / "inbox", stop, 1 / FPS, size, ".jpg")
            yield rate_of("watched folder of JPEGs", f"watch:{folder / 'inbox'}", size)
            stop.set()
            thread.join()
        yield rate_of(f"demo:, at {FPS}/s", "demo:", size, {"fps": FPS})


def network_rates() -> Iterator[dict]:
    """Cameras on the network."""
    for size in SIZES:
        with separate(serve_http, size) as address:
            yield rate_of(f"HTTP, MJPEG at {FPS}/s", f"{address}/mjpeg", size)
            yield rate_of("HTTP, snapshots", f"{address}/snapshot", size, {"fps": 1000.0})
        if rtsp_lack() is None:
            with tempfile.TemporaryDirectory() as name, rtsp_camera(Path(name), size, FPS) as camera:
                yield rate_of("RTSP, JPEG as fast as it is sent", camera.address, size)


def v4l2_rates() -> Iterator[dict]:
    """OpenCV's V4L2 code on a played device."""
    for pixel_format in ("mjpg", "yuyv") if v4l2_lack() is None else ():
        with v4l2_meter(*SIZES) as (device, played):
            for size in SIZES:
                name = f"V4L2, played, {pixel_format.upper()} at {FPS}/s"
                yield rate_of(name, f"v4l2:{device}", size, {"pixel_format": pixel_format}, **played)


def picamera_rates() -> Iterator[dict]:
    """A real picamera2 on the virtual camera at 30/s."""
    for size in SIZES if lack("amd64") is None else ():
        words = ["-m", "tests.sources.rates", "picamera2:0", named(size), str(MEASURE_S)]
        found = json.loads(inside_pi(*words).splitlines()[-1])
        yield {"source": "picamera2, virtual camera at 30/s", "size": named(size), **found}


def inside_pi(*words: str) -> str:
    """What Python prints in the Trixie userland, before a virtual camera that shows a meter."""
    root = build_root("trixie", "amd64")
    for old in (root / "frames").iterdir():
        old.unlink()
    for index in range(4):  # with noise, since the same picture for ever would be a fault
        (root / "frames" / f"{index}.jpg").write_bytes(jpeg(render_meter(12345, SIZES[1], 0, index)))
    done = run_in_root(root, ["/usr/bin/python3", *words], limit_s=LIMIT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


class MeterCamera(HttpCamera):
    """Pictures of a meter that counts, made before they are asked for."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.pictures = [jpeg(render_meter(12345 + index, size, 0, index)) for index in range(30)]
        self.interval_s = 1 / FPS

    def next_jpeg(self) -> bytes:
        self.count += 1
        return self.pictures[self.count % len(self.pictures)]


def serve_http(size: tuple[int, int], connection: Connection) -> None:
    """A camera process: sends its address and serves until it is ended."""
    camera = MeterCamera(size)
    connection.send(camera.address)
    camera.serve_forever()


@contextmanager
def separate(target: Callable[..., None], size: tuple[int, int]) -> Iterator[str]:
    """The address of a camera in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(size, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def printed_over_http() -> Iterator[dict]:
    """Age of a frame, from its last byte, when the line of its reading arrives at the other end of stdout."""
    for size in SIZES:
        with separate(serve_http, size) as address:
            yield printed("HTTP, MJPEG", size, f"{address}/mjpeg")


def printed_by_v4l2() -> Iterator[dict]:
    """The same from the moment that the driver had filled its buffer."""
    for size in SIZES if v4l2_lack() is None else ():
        with v4l2_meter(size, step=1) as (device, played), tempfile.TemporaryDirectory() as name:
            config = Path(name) / "camera.toml"
            config.write_text(f'[source]\nuri = "v4l2:{device}"\nsize = [{size[0]}, {size[1]}]\n')
            yield printed("V4L2, played", size, f"v4l2:{device}", "--config", str(config), **played)


def printed(source: str, size: tuple[int, int], uri: str, *words: str, **variables: str) -> dict:
    """Median and 95th percentile of the age, milliseconds, of frames whose readings `edge run` prints."""
    ages: list[float] = []
    with running("--source", uri, *words, **variables) as process:
        assert process.stdout is not None
        start_s = None
        for line in process.stdout:
            now_s = time.time()
            start_s = start_s or now_s
            ages.append((now_s - datetime.fromisoformat(json.loads(line)["time"]).timestamp()) * 1e3)
            if now_s - start_s > PRINTED_S:
                break
    ages = sorted(ages[1:])
    p95 = ages[len(ages) * 95 // 100]
    return {
        **{"source": source, "size": named(size), "readings": len(ages)},
        **{"median_ms": statistics.median(ages), "p95_ms": p95},
    }


def v4l2_recoveries() -> Iterator[dict]:
    """In a process that sees the played device."""
    if v4l2_lack() is None:
        with v4l2_meter((640, 480)) as (device, played):
            words = [sys.executable, "-m", "tests.sources.recovery", "v4l2", str(device)]
            environment = {**os.environ, "OPENCV_LOG_LEVEL": "SILENT", **played}
            done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=True)
            yield from map(json.loads, done.stdout.splitlines())


def picamera_recoveries() -> Iterator[dict]:
    """Inside the userland."""
    if lack("amd64") is None:
        yield from map(json.loads, inside_pi("-m", "tests.sources.recovery", "picamera2", "0").splitlines())


@contextmanager
def service(every: str) -> Iterator[subprocess.Popen[str]]:
    """A service with all outputs that has given its first reading."""
    with v4l2_meter((640, 480)) as (device, played), tempfile.TemporaryDirectory() as name:
        config = Path(name) / "meter.toml"
        ports = {"http": free_port(), "metrics": free_port(), "broker": free_port()}
        config.write_text(SERVICE.format(device=device, every=every, **ports) + METER)
        with running("--config", str(config), **played) as process:
            while readings_so_far(ports["metrics"], process) < 1:  # the first reading comes at the start
                time.sleep(0.2)
            yield process


def idle() -> dict:
    """Processor time, per cent of one core, of a service with its outputs between two scheduled readings."""
    with service("1h") as process:
        time.sleep(2.0)
        before_s, start_s = cpu_s(process), time.monotonic()
        time.sleep(IDLE_S)
        waited = (cpu_s(process) - before_s) / (time.monotonic() - start_s) * 100
    return {"cpu_percent": waited, "seconds": IDLE_S}


def end_times() -> list[float]:
    """Seconds from SIGTERM to the end of a service that reads all the time, and has a message that waits."""
    times = []
    for _ in range(STARTS):
        with service("frame") as process:
            start_s = time.monotonic()
            process.terminate()
            assert process.wait(30) == 0
            times.append(time.monotonic() - start_s)
    return times


def start_times() -> list[float]:
    """Seconds from the start of the process to its first reading's line."""
    times = []
    for _ in range(STARTS):
        start_s = time.monotonic()
        with running("--source", "demo:", "--frames", "1") as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["readings"]
            times.append(time.monotonic() - start_s)
    return times


if __name__ == "__main__":
    main()
