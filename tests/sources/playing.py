"""What is measured: `edge run` as a process of its own, before a meter that a V4L2 camera shows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import cv2

from edge.board import board_name
from edge.sources.demo import render_meter
from tests.sources.v4l2 import FRAMES, build_device, environment, plug_in

ROOT = Path(__file__).resolve().parents[2]

METER = """
[[field]]
name = "water"
kind = "drum"
digits = [[80, 180, 75, 130], [180, 180, 75, 130], [276, 180, 75, 130], [372, 180, 75, 130], [468, 180, 75, 130]]
max_rate_per_hour = 2.5
"""
"""The rendered meter's five digits at 640 × 480."""


def machine() -> str:
    """What measures, and what else it does."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{board_name()}, {os.cpu_count()} cores, load of the last 1, 5 and 15 minutes {load}"


def frames_of_meter(size: tuple[int, int], step: int = 0) -> list:
    """Pictures of the meter, each with a noise of its own and, with `step`, another number."""
    grays = [render_meter(12345 + step * index, size, 0, index) for index in range(FRAMES)]
    return [cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR) for gray in grays]


@contextmanager
def v4l2_meter(*sizes: tuple[int, int], step: int = 0, fps: int | None = None) -> Iterator[tuple[Path, dict[str, str]]]:
    """A camera's device file, and the environment in which a process sees it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cameras").mkdir()
        played = environment(build_device(folder), folder / "cameras")
        played |= {} if fps is None else {"V4L2_FPS": str(fps)}
        yield plug_in(folder / "cameras", {size: frames_of_meter(size, step) for size in sizes}), played


def running(*words: str, **variables: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """`edge run` with these words, its lines as JSON."""
    return _process("edge", "run", "--json", *words, **variables)


def passing(config: Path, **variables: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """The same service, without reading."""
    return _process("tests.sources.passing", str(config), **variables)


@contextmanager
def _process(module: str, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    everything = {**os.environ, "PYTHONUNBUFFERED": "1", "OPENCV_LOG_LEVEL": "SILENT", **variables}
    command = [sys.executable, "-m", module, *words]
    with subprocess.Popen(command, cwd=ROOT, env=everything, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def cpu_s(process: subprocess.Popen[str]) -> float:
    """Processor time that a process has used (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(process: subprocess.Popen[str]) -> float:
    """Resident memory of a process (proc(5), statm)."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
