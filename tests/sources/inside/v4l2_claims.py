"""What holds of OpenCV's V4L2 backend and this package on top of it. Run by tests/edge/sources/test_v4l2.py."""

from __future__ import annotations

import os
import threading
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from edge.errors import SourceError
from edge.sources import Backoff, LiveSource, open_source
from edge.sources.base import SourceSettings
from tests.sources.cameras import SIZE, wait_until
from tests.sources.contract import *  # noqa: F403  # the suite
from tests.sources.contract import Case
from tests.sources.v4l2 import FPS, brightening, plug_in

AT_ONCE = Backoff(first_s=0.01, longest_s=0.05)
LARGE = (1280, 720)


@pytest.fixture
def folder() -> Path:
    """Where the cameras are, empty."""
    folder = Path(os.environ["V4L2_FOLDER"])
    for each in folder.iterdir():
        each.unlink()
    return folder


@pytest.fixture
def device(folder) -> Path:
    return plug_in(folder, {SIZE: brightening(SIZE), LARGE: brightening(LARGE)})


@pytest.fixture
def case(device) -> Case:
    return Case(f"v4l2:{device}")


def live(device: Path, **settings: object) -> tuple[LiveSource, list[str]]:
    notes: list[str] = []
    asked = {"size": SIZE, "recovery": AT_ONCE, "timeout_s": 2.0, "on_note": notes.append, **settings}
    source = open_source(f"v4l2:{device}", SourceSettings(**asked))
    assert isinstance(source, LiveSource)
    return source, notes


def has_frame(source: LiveSource) -> bool:
    return source.poll(0.05) is not None


@pytest.mark.parametrize("pixel_format", ["mjpg", "yuyv"])
def test_both_formats_show_the_picture(device, pixel_format):
    with Case(f"v4l2:{device}", LARGE).open(pixel_format=pixel_format) as source:
        gray = next(iter(source)).gray
    assert gray[400:, :1200].min() > 100
    assert gray[:350, :600].max() < 20


def test_a_frame_bears_the_time_at_which_the_driver_filled_it(device):
    with Case(f"v4l2:{device}", fps=None).open() as source:
        frames = list(islice(source, 12))
    gaps = np.diff([frame.monotonic_s for frame in frames]) * FPS
    steps = np.round(gaps)  # more than 1 where this machine was too busy to take a frame
    assert steps.min() >= 1
    assert np.allclose(gaps, steps, atol=3e-4), "by the driver's clock, however late it was read"


def test_the_rate_that_is_asked_for_is_the_camera_s(device):
    with Case(f"v4l2:{device}", fps=10.0).open() as source:
        frames = list(islice(source, 6))
    assert np.allclose(np.diff([frame.monotonic_s for frame in frames]), 0.1, atol=0.01)


def test_a_slow_reader_finds_nothing_old_in_the_driver_s_queue(device):
    with Case(f"v4l2:{device}").open() as source:
        frames = iter(source)
        for _ in range(3):
            time.sleep(0.3)
            assert time.monotonic() - next(frames).monotonic_s < 0.15


def test_another_size_than_the_camera_has_is_said(device):
    notes: list[str] = []
    with Case(f"v4l2:{device}", (1000, 700)).open(on_note=notes.append) as source:
        assert next(iter(source)).gray.shape == (720, 1280)
    assert "gives 1280 x 720 pixels, not 1000 x 700" in notes[0]


def test_a_camera_that_is_unplugged_is_noticed_at_once_and_found_when_it_is_plugged_in_again(device):
    source, notes = live(device)
    with source:
        wait_until(lambda: has_frame(source))
        device.unlink()
        start_s = time.monotonic()
        wait_until(lambda: not has_frame(source) and source.is_lost)
        assert time.monotonic() - start_s < 1.5
        device.touch()
        wait_until(lambda: has_frame(source))
    assert "the camera stopped giving frames; check its cable" in notes[0]
    assert "frames again after" in notes[1]
    assert len(notes) == 2


def test_an_id_survives_a_replug_under_another_number(device, folder):
    by_id = folder / "usb-Cellar_Camera-index0"
    by_id.symlink_to(device.name)
    source, notes = live(by_id)
    with source:
        wait_until(lambda: has_frame(source))
        device.unlink()
        by_id.unlink()
        wait_until(lambda: not has_frame(source) and source.is_lost)
        (folder / "video2").touch()
        by_id.symlink_to("video2")
        wait_until(lambda: has_frame(source))
    assert len(notes) == 2


def test_a_camera_that_hangs_is_noticed_within_its_time_and_comes_back(device, folder):
    source, notes = live(device, timeout_s=1.0)
    with source:
        wait_until(lambda: has_frame(source))
        (folder / "hang").touch()
        start_s = time.monotonic()
        wait_until(lambda: not has_frame(source) and source.is_lost)
        assert time.monotonic() - start_s < 4
        (folder / "hang").unlink()
        wait_until(lambda: has_frame(source), 25)
        assert not source.is_stuck
    assert "no frame for" in notes[0]
    assert "frames again after" in notes[-1]


def test_a_camera_that_hangs_does_not_hold_up_the_end(device, folder):
    source, _ = live(device)
    wait_until(lambda: has_frame(source))
    (folder / "hang").touch()
    source.poll(0.2)
    start_s = time.monotonic()
    source.close()
    assert time.monotonic() - start_s < 1.5
    (folder / "hang").unlink()


def test_a_camera_in_use_says_so(device, folder):
    with Case(f"v4l2:{device}").open() as source:
        next(iter(source))
        with pytest.raises(SourceError, match="is in use, or needs: sudo usermod"):
            Case(f"v4l2:{device}").open()
        assert next(iter(source)).gray.shape == (48, 64)


def test_half_frames_are_left_out_and_said(folder):
    pictures = brightening(SIZE)
    for bgr in pictures:
        bgr[30:] = 128
    device = plug_in(folder, {SIZE: pictures})
    with (
        pytest.raises(SourceError, match="10 half frames in a row"),
        Case(f"v4l2:{device}").open(pixel_format="yuyv") as source,
    ):
        next(iter(source))


def test_a_picture_that_never_changes_is_frozen(folder):
    device = plug_in(folder, {SIZE: [brightening(SIZE)[0]] * 8})
    source, notes = live(device, frozen_after_s=0.3)
    with source:
        wait_until(lambda: not has_frame(source) and source.is_lost)
    assert "frozen, the same picture to the last bit" in notes[0]


def test_threads_and_files_do_not_grow_with_replugs(device):
    source, _ = live(device)
    with source:
        counts = []
        for _ in range(12):
            wait_until(lambda: has_frame(source))
            counts.append((threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))))
            device.unlink()
            wait_until(lambda: not has_frame(source) and source.is_lost)
            device.touch()
    assert max(counts[2:]) <= max(counts[:2])
