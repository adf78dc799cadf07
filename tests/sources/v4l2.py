"""A V4L2 camera below OpenCV: `v4l2_device.c` answers the system calls of a process that has its `environment`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from tests.sources.cameras import SIZE, jpeg, picture, tinted

SOURCE = Path(__file__).with_name("v4l2_device.c")

FRAMES = 8
"""Pictures of each size and format, shown over and over; the device's own number."""

FPS = 30


def v4l2_lack() -> str | None:
    """Why no camera can be played here; None where one can."""
    if not sys.platform.startswith("linux"):
        return "V4L2 is Linux's"
    return None if shutil.which("gcc") else "gcc is missing; apt-get install gcc libc6-dev"


def build_device(folder: Path) -> Path:
    """The library that plays it."""
    library = folder / "v4l2_device.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def environment(library: Path, folder: Path) -> dict[str, str]:
    """What a process needs to see the cameras of a folder."""
    return {"LD_PRELOAD": str(library), "V4L2_FOLDER": str(folder.resolve()), "V4L2_FPS": str(FPS)}


def plug_in(folder: Path, pictures: dict[tuple[int, int], list[np.ndarray]], name: str = "video0") -> Path:
    """A camera in a folder, with `FRAMES` BGR pictures of each size that it has; its device file."""
    for (width, height), each in pictures.items():
        assert len(each) == FRAMES
        whole = [jpeg(bgr) for bgr in each]
        length = max(map(len, whole))
        (folder / f"{width}x{height}.MJPG").write_bytes(b"".join(data.ljust(length, b"\0") for data in whole))
        raw = b"".join(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_YUYV).tobytes() for bgr in each)
        (folder / f"{width}x{height}.YUYV").write_bytes(raw)
    (folder / name).touch()
    return folder / name


def brightening(size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Pictures that brighten by two each."""
    return [tinted(picture(120 + 2 * index, size)) for index in range(FRAMES)]
