"""Frames a second, processor and age of frames of one source: `python -m tests.sources.rates URI WIDTHxHEIGHT SECONDS`.

Frames are taken and not read. It runs in a process of its own, so that what plays the camera does not count.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from itertools import islice

import cv2

from edge.sources import SourceSettings, open_source

WARM_UP = 3
"""Frames that are not counted: a source opens and a server starts with them."""


@dataclass(frozen=True)
class Rate:
    """What a source gives; `cpu_percent` is of one core, `age_ms` the median age of a frame when it is taken."""

    frames_per_s: float
    cpu_percent: float
    age_ms: float


def measure(uri: str, settings: SourceSettings, limit_s: float) -> Rate:
    """The rate of frames until they end or the time is over."""
    with open_source(uri, settings) as source:
        frames = iter(source)
        next(islice(frames, WARM_UP - 1, None))
        ages, start_s, cpu_s = [], time.monotonic(), time.process_time()
        for frame in frames:
            ages.append(time.monotonic() - frame.monotonic_s)
            if time.monotonic() - start_s > limit_s:
                break
        took_s = time.monotonic() - start_s
        cpu = (time.process_time() - cpu_s) / took_s * 100
    return Rate(len(ages) / took_s, cpu, statistics.median(ages) * 1e3)


def main() -> None:
    """Print the rate as JSON."""
    uri, size, limit_s, *more = sys.argv[1:]
    if uri.startswith("picamera2:"):
        import virtualcam  # noqa: F401  # before picamera2, which it changes
    cv2.setNumThreads(1)
    width, height = map(int, size.split("x"))
    asked = {"size": (width, height), "timeout_s": 20.0, **json.loads(more[0] if more else "{}")}
    print(json.dumps(asdict(measure(uri, SourceSettings(**asked), float(limit_s)))))


if __name__ == "__main__":
    main()
