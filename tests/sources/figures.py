"""What sources and service cost and how soon they recover: `python -m tests.sources.figures`, about four minutes.

Cameras run in a process of their own on this machine, so that their work does not count; MJPEG gives `FPS` frames a
second, and a source that keeps up gives that many. picamera2 is measured inside a userland of tests/pi. No V4L2 device
is played: none can be had without a kernel module.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from edge.atomic import write_text
from edge.board import board_name
from edge.config import Config, parse_config
from edge.nouns import Frame, Reading
from edge.pipeline import Reader, Sink, read_frame
from edge.service.loop import Setup, Signals, Surroundings, serve
from edge.service.notify import Log, Supervisor
from edge.sources import Backoff, LiveSource, SourceSettings, open_source
from edge.sources.base import Source
from edge.sources.demo import render_meter
from tests.pi.root import build_root, lack, run_in_root
from tests.sources.cameras import HttpCamera, http_camera, jpeg, rtsp_camera, rtsp_lack

SIZES = ((640, 480), (1280, 720))
FPS = 30
MEASURE_S = 4.0
MODEL = Path("models/paper")
STARTS = 5
MANY_FRAMES = 100_000
IDLE_S = 20.0

INSIDE = """
import json, sys, time, virtualcam
from edge.sources import SourceSettings, open_source
size = (int(sys.argv[1]), int(sys.argv[2]))
with open_source("picamera2:0", SourceSettings(size=size, timeout_s=20.0)) as source:
    frames = iter(source); next(frames)
    start_s, cpu_s, ages, count = time.monotonic(), time.process_time(), [], 0
    while time.monotonic() - start_s < float(sys.argv[3]):
        frame = next(frames); ages.append(time.monotonic() - frame.monotonic_s); count += 1
    took_s = time.monotonic() - start_s
    print(json.dumps([count / took_s, (time.process_time() - cpu_s) / took_s * 100, sorted(ages)[count // 2] * 1e3]))
"""


@dataclass(frozen=True)
class Rate:
    """Frames that a source gives, without reading them.

    `cpu_percent` is of one core; `age_ms` the median age of a frame when it is taken.
    """

    source: str
    size: str
    frames_per_s: float
    cpu_percent: float
    age_ms: float | None


@dataclass(frozen=True)
class Recovery:
    """Seconds from a fault to its notice, and from its end to the next frame; with the service's own limits."""

    fault: str
    noticed_s: float
    back_s: float


def main() -> None:
    """Print the tables, and write the figures where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    figures = {
        "machine": f"{board_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start",
        "rates": [asdict(rate) for rate in [*file_rates(), *live_rates(), *picamera_rates()]],
        "printed": {size_name(size): printed_ages(size) for size in SIZES},
        "recovery": [asdict(each) for each in recoveries()],
        "memory": memory(),
        "idle": idle(),
        "start_s": start_times(),
    }
    print("\n".join(tables(figures)))
    if arguments.out:
        write_text(arguments.out, json.dumps(figures, indent=1) + "\n")


def size_name(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def measure(name: str, size: tuple[int, int], frames: Iterator[Frame], limit_s: float = MEASURE_S) -> Rate:
    """The rate of frames until they end or the time is over; the first is not counted."""
    next(frames)
    ages, start_s, cpu_s = [], time.monotonic(), time.process_time()
    for frame in frames:
        ages.append(time.monotonic() - frame.monotonic_s)
        if time.monotonic() - start_s > limit_s:
            break
    took_s = time.monotonic() - start_s
    cpu = (time.process_time() - cpu_s) / took_s * 100
    return Rate(name, size_name(size), len(ages) / took_s, cpu, statistics.median(ages) * 1e3)


def file_rates() -> Iterator[Rate]:
    """Files as fast as they are read; the rendered meter at `FPS`."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            video = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), FPS, size)
            for index in range(120):
                gray = render_meter(12345 + index, size, 0, index)
                (folder / f"{index:03d}.jpg").write_bytes(jpeg(gray))
                video.write(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
            video.release()
            with open_source(str(folder / "clip.avi")) as source:
                yield measure("video file (MJPG)", size, iter(source))
            (folder / "clip.avi").unlink()
            with open_source(name) as source:
                yield measure("folder of JPEGs", size, iter(source))
        with open_source("demo:", SourceSettings(size=size, fps=FPS)) as source:
            yield measure(f"demo: at {FPS}/s", size, iter(source))


def live_rates() -> Iterator[Rate]:
    """Cameras on the network."""
    for size in SIZES:
        with separate(serve_http, size) as address:
            settings = SourceSettings(fps=1000.0)
            with open_source(f"{address}/mjpeg", settings) as source:
                yield measure(f"HTTP MJPEG at {FPS}/s", size, iter(source))
            with open_source(f"{address}/snapshot", settings) as source:
                yield measure("HTTP snapshots", size, iter(source))
        if rtsp_lack() is None:
            with (
                tempfile.TemporaryDirectory() as name,
                rtsp_camera(Path(name), size, FPS) as (address, _),
                open_source(address) as source,
            ):
                yield measure("RTSP (JPEG), as fast as it is sent", size, iter(source))


def picamera_rates() -> Iterator[Rate]:
    """A real picamera2 on the virtual camera at 30/s."""
    if lack("amd64"):
        return
    root = build_root("trixie", "amd64")
    (root / "frames" / "0.jpg").write_bytes(jpeg(render_meter(12345, SIZES[1])))
    for size in SIZES:
        words = ["/usr/bin/python3", "-c", INSIDE, str(size[0]), str(size[1]), str(MEASURE_S)]
        done = run_in_root(root, words, limit_s=120)
        if done.returncode == 0:
            rate, cpu, age_ms = json.loads(done.stdout.splitlines()[-1])
            yield Rate("picamera2, virtual camera at 30/s", size_name(size), rate, cpu, age_ms)


class MeterCamera(HttpCamera):
    """Pictures of a meter, made before they are asked for."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.pictures = [jpeg(render_meter(12345, size, 0, index)) for index in range(30)]
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


class Probe:
    """A sink that calls a function with every frame and its readings."""

    def __init__(self, look: Callable[[Frame], None]) -> None:
        self._look = look

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """Look at the frame."""
        self._look(frame)


def run_service(uri: str, config: Config, read: Callable[[Frame], list[Reading]], sink: Sink, stop_s: float) -> None:
    """The service in this process, for so long or to the end of its source."""
    setup = Setup(config, uri, read, lambda: nullcontext([sink]))
    timer = threading.Timer(stop_s, os.kill, [os.getpid(), signal.SIGTERM])
    timer.start()
    with Signals() as signals:
        serve(lambda: setup, Surroundings(signals, Log(io.StringIO()), Supervisor({}), is_clock_set=lambda _: True))
    timer.cancel()


def printed_ages(size: tuple[int, int]) -> dict[str, float]:
    """Median and 95th percentile of a frame's age, milliseconds, when its reading has been printed; MJPEG."""
    reader = Reader.open(MODEL)
    ages: list[float] = []
    with separate(serve_http, size) as address:
        probe = Probe(lambda frame: ages.append((time.monotonic() - frame.monotonic_s) * 1e3))
        run_service(f"{address}/mjpeg", Config(), lambda frame: read_frame(frame, reader), probe, 10.0)
    ages.sort()
    return {"median_ms": statistics.median(ages), "p95_ms": ages[len(ages) * 95 // 100], "readings": len(ages)}


def recoveries() -> Iterator[Recovery]:
    """Every fault of a stream once, with the time limits and the back-off that a service has."""
    for fault, name in (
        ("hangup", "connection closed, camera away for 5 s"),
        ("stall", "hung: connected, no frames"),
        ("half", "half frames"),
        ("frozen", "frozen picture"),
    ):
        yield recovery(fault, name)


def recovery(fault: str, name: str) -> Recovery:
    """How soon one fault is noticed, and how soon after its end a frame comes."""
    settings = SourceSettings(recovery=Backoff(), on_note=lambda _: None)
    with http_camera() as camera, open_source(f"{camera.address}/mjpeg", settings) as source:
        assert isinstance(source, LiveSource)
        poll_until(source, lambda frame: frame is not None)
        start_s = time.monotonic()
        camera.faults |= {fault, "down"} if fault == "hangup" else {fault}
        poll_until(source, lambda _: source.is_lost)
        noticed_s = time.monotonic() - start_s
        poll_until(source, lambda _: time.monotonic() - start_s > noticed_s + 5.0)
        camera.faults.clear()
        ended_s = time.monotonic()
        poll_until(source, lambda frame: frame is not None)
        return Recovery(name, noticed_s, time.monotonic() - ended_s)


def poll_until(source: LiveSource, is_done: Callable[[Frame | None], bool], limit_s: float = 90.0) -> None:
    end_s = time.monotonic() + limit_s
    while not is_done(source.poll(0.02)):
        assert time.monotonic() < end_s


class QuickCamera(Source):
    """Gives frames of 640 × 480 as fast as they are taken, of ready-made noise."""

    is_live = True

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._pictures = np.random.default_rng(0).integers(0, 255, (8, 480, 640), dtype=np.uint8)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            yield self.frame(self._pictures[index % 8].copy(), "quick", index)
            index += 1


def memory() -> dict[str, float]:
    """Resident memory, MB, after the first 1,000 and the last of `MANY_FRAMES` through a live source, and of 1,000
    frames that are read in full.
    """
    source, seen = LiveSource("quick", lambda: QuickCamera(SourceSettings()), SourceSettings()), {}
    with source:
        for count in range(1, MANY_FRAMES + 1):
            source.poll(5.0)
            if count in (1000, MANY_FRAMES):
                seen[f"after_{count}_frames_mb"] = resident_mb()
    reader, counted = Reader.open(MODEL), 0

    def look(_: Frame) -> None:
        nonlocal counted
        counted += 1
        if counted in (100, 1000):
            seen[f"after_{counted}_readings_mb"] = resident_mb()

    run_service("demo:?frames=1001", Config(), lambda frame: read_frame(frame, reader), Probe(look), 300.0)
    return seen


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def idle() -> dict[str, float]:
    """Processor time, per cent of one core, while a scheduled service waits."""
    config = parse_config('[run]\nevery = "never"\nat = ["03:33:33"]')
    cpu_s = time.process_time()
    run_service("demo:", config, lambda _: [], Probe(lambda _: None), IDLE_S)
    return {"cpu_percent": (time.process_time() - cpu_s) / IDLE_S * 100}


def start_times() -> list[float]:
    """Seconds from the start of the process to its first reading and its end."""
    words = [sys.executable, "-m", "edge", "run", "--source", "demo:", "--frames", "1", "--json", "--model", str(MODEL)]
    times = []
    for _ in range(STARTS):
        start_s = time.monotonic()
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["readings"]
            times.append(time.monotonic() - start_s)
    return times


def tables(figures: dict) -> Iterator[str]:
    """The figures as Markdown."""
    yield f"{figures['machine']}\n"
    yield "| source | size | frames/s | CPU, % of a core | age of a frame when taken, ms |\n|---|---|---|---|---|"
    for rate in figures["rates"]:
        age = f"{rate['age_ms']:.1f}"
        yield f"| {rate['source']} | {rate['size']} | {rate['frames_per_s']:.0f} | {rate['cpu_percent']:.0f} | {age} |"
    yield "\n| fault | noticed after, s | back after its end, s |\n|---|---|---|"
    for each in figures["recovery"]:
        yield f"| {each['fault']} | {each['noticed_s']:.1f} | {each['back_s']:.1f} |"
    yield "\n| figure | value |\n|---|---|"
    for size, ages in figures["printed"].items():
        found = f"median {ages['median_ms']:.0f} ms, p95 {ages['p95_ms']:.0f} ms ({ages['readings']} readings)"
        yield f"| age of a frame when its reading is printed, {size} | {found} |"
    for name, value in figures["memory"].items():
        yield f"| memory {name.removesuffix('_mb').replace('_', ' ')} | {value:.0f} MB |"
    yield f"| CPU between scheduled readings | {figures['idle']['cpu_percent']:.2f} % of a core |"
    yield f"| start to first reading | median {statistics.median(figures['start_s']):.2f} s |"


if __name__ == "__main__":
    main()
