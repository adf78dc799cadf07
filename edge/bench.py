"""How long each stage takes here: latency by stage, frames a second, memory, and the machine it was measured on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import cv2
import numpy as np

from edge.board import board_name, peak_memory_mb
from edge.inference.runtime import runtime_versions
from edge.nouns import Frame, Region
from edge.paper.binarize import Ink, binarize
from edge.paper.decode import glyph_of
from edge.paper.layout import find_lines
from edge.paper.reader import Reader
from edge.paper.segment import find_pieces, region_of
from edge.pipeline import read_frame
from edge.sources.demo import render_meter

T = TypeVar("T")

WARM_UP = 3
"""Frames that are read first and not counted: caches, lazy allocations, the runtime's own preparations."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds that a stage took over all frames."""

    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement and what it was measured on. `frame` is `read_frame` as a whole."""

    board: str
    runtime: str
    runtime_version: str
    threads: int
    opencv: str
    size: tuple[int, int]
    frames: int
    digits_per_frame: float
    stages: dict[str, Latency]
    frames_per_second: float
    peak_memory_mb: float


def measure(reader: Reader, size: tuple[int, int], frames: int, threads: int = 1) -> Benchmark:
    """Read rendered meters, each stage by itself and then `read_frame` as a whole.

    Parameters
    ----------
    reader : Reader
    size : (width, height)
    frames : int
        Counted ones, at least 1.
    threads : int
        What the reader's interpreter was made with.
    """
    pictures = [
        Frame(render_meter(12345 + index, size, seed=0, index=index), "demo:", index) for index in range(frames)
    ]
    rows = [_stages(reader, frame) for frame in [*pictures[:1] * WARM_UP, *pictures]][WARM_UP:]
    stages = {name: summarize([row[name] for row in rows]) for name in rows[0] if name != "digits"}
    return Benchmark(
        board=board_name(),
        runtime=reader.classifier.runtime,
        runtime_version=runtime_versions().get(reader.classifier.runtime, "unknown"),
        threads=threads,
        opencv=cv2.__version__,
        size=size,
        frames=frames,
        digits_per_frame=round(float(np.mean([row["digits"] for row in rows])), 2),
        stages=stages,
        frames_per_second=round(1000 / stages["frame"].median_ms, 1),
        peak_memory_mb=round(peak_memory_mb(), 1),
    )


def summarize(latencies_ms: Sequence[float]) -> Latency:
    """Median and 95th percentile, to a microsecond."""
    median, p95 = np.percentile(latencies_ms, [50, 95])
    return Latency(round(float(median), 3), round(float(p95), 3))


def benchmark_lines(benchmark: Benchmark) -> list[str]:
    """The measurement as lines of text, the machine first."""
    width, height = benchmark.size
    threads = f"{benchmark.threads} thread{'s' if benchmark.threads > 1 else ''}"
    lines = [
        f"board     {benchmark.board}",
        f"runtime   {benchmark.runtime} {benchmark.runtime_version}, {threads}, OpenCV {benchmark.opencv}",
        f"frames    {benchmark.frames} of {width} x {height}, {benchmark.digits_per_frame:g} regions each",
        "",
        "stage      median ms    p95 ms",
    ]
    lines += [
        f"{name:<10} {latency.median_ms:>9.3f} {latency.p95_ms:>9.3f}" for name, latency in benchmark.stages.items()
    ]
    return [*lines, "", f"{benchmark.frames_per_second:g} frames/s, peak memory {benchmark.peak_memory_mb:g} MB"]


def benchmark_record(benchmark: Benchmark) -> dict[str, Any]:
    """The measurement as JSON takes it."""
    return asdict(benchmark)


def _stages(reader: Reader, frame: Frame) -> dict[str, float]:
    """Milliseconds of each stage on one frame, and how many regions it had."""
    ink, binarize_ms = timed(lambda: binarize(frame.gray))
    regions, regions_ms = timed(lambda: _regions(ink))
    glyphs, normalize_ms = timed(lambda: [glyph_of(region) for region in regions])
    _, predict_ms = timed(lambda: reader.classifier.predict(glyphs))
    _, frame_ms = timed(lambda: read_frame(frame, reader))
    return {
        "binarize": binarize_ms,
        "regions": regions_ms,
        "normalize": normalize_ms,
        "predict": predict_ms,
        "frame": frame_ms,
        "digits": float(len(regions)),
    }


def _regions(ink: Ink) -> list[Region]:
    """Pieces, lines of them, and the coverage of each."""
    ink, pieces = find_pieces(ink)
    return [region_of(ink, [piece]) for line in find_lines(ink, pieces) for piece in line.pieces]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the milliseconds it took."""
    start_ns = time.perf_counter_ns()
    result = work()
    return result, (time.perf_counter_ns() - start_ns) / 1e6
