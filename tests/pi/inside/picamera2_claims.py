"""What holds of a real picamera2 on the virtual camera. Run inside a root by tests/pi/test_pi.py."""

from __future__ import annotations

import sys
import time
from itertools import islice

import numpy as np
import pytest
import virtualcam

from edge.errors import SourceError, UnusableSourceError
from edge.sources import Backoff, SourceSettings, open_source
from edge.sources.base import PiControls
from tests.sources.contract import *  # noqa: F403  # the suite
from tests.sources.contract import Case

SIZE = (640, 480)
AT_ONCE = Backoff(first_s=0.05, longest_s=0.1)


@pytest.fixture
def case() -> Case:
    return Case("picamera2:0", SIZE, fps=None, timeout_s=20.0)


def settings(**others: object) -> SourceSettings:
    return SourceSettings(**{"size": SIZE, "on_note": pytest.fail, "timeout_s": 20.0, **others})


def test_frames_are_gray_whole_and_fresh():
    with open_source("picamera2:0", settings()) as source:
        frames = list(islice(source, 8))
    assert all(frame.gray.shape == (480, 640) and frame.gray.dtype == np.uint8 for frame in frames)
    assert [frame.index for frame in frames] == list(range(8))
    assert all(frame.source == "picamera2:0" for frame in frames)
    assert all(frame.gray[:240, :320].mean() < 40 < 90 < frame.gray[300:].mean() for frame in frames)


def test_frames_are_cut_and_turned():
    with open_source("picamera2:0", settings(crop=(300, 200, 100, 80), rotation=90)) as source:
        frame = next(iter(source))
    assert frame.gray.shape == (100, 80)
    assert frame.gray[:10, 60:].mean() < 40
    assert frame.gray[30:, :20].mean() > 80


def test_another_size_than_the_camera_has_is_said():
    notes: list[str] = []
    with open_source("picamera2:0", settings(size=(800, 600), on_note=notes.append)) as source:
        frame = next(iter(source))
    assert frame.gray.shape != (600, 800)
    assert "not 800 x 600" in notes[0]


def test_a_camera_that_rests_is_opened_for_the_next_frame():
    with open_source("picamera2:0", settings(recovery=AT_ONCE)) as source:
        assert source.poll(20) is not None
        source.rest()
        assert source.poll(20) is not None


def test_frames_that_stop_are_noticed_and_the_camera_is_opened_again():
    notes: list[str] = []
    with open_source("picamera2:0", settings(recovery=AT_ONCE, timeout_s=2.0, on_note=notes.append)) as source:
        assert source.poll(20) is not None
        virtualcam.stalled.set()
        end_s = time.monotonic() + 30
        while not source.is_lost and time.monotonic() < end_s:
            source.poll(0.1)
        virtualcam.stalled.clear()
        while source.is_lost and time.monotonic() < end_s:
            source.poll(0.1)
    assert "picamera2:0: no frame for 2 s; check the camera's ribbon cable" in notes[0]
    assert "frames again after" in notes[1]
    assert len(notes) == 2


def test_a_picture_that_never_changes_is_frozen():
    notes: list[str] = []
    with open_source("picamera2:0", settings(recovery=AT_ONCE, frozen_after_s=0.5, on_note=notes.append)) as source:
        end_s = time.monotonic() + 20
        while not source.is_lost and time.monotonic() < end_s:
            source.poll(0.1)
    assert "picamera2:0: frozen, the same picture to the last bit" in notes[0]


def test_a_control_that_this_camera_lacks_is_one_line():
    with pytest.raises(UnusableSourceError, match=r"picamera2:0: this camera has no focus .*LensPosition"):
        open_source("picamera2:0", settings(pi=PiControls(focus=5.0)))
    with open_source("picamera2:0", settings()) as source:
        assert next(iter(source)).index == 0


def test_a_camera_that_is_not_there_is_one_line():
    with pytest.raises(SourceError, match="picamera2:1: no such camera, there is 1"):
        open_source("picamera2:1", settings())


def test_a_camera_in_use_says_so():
    with open_source("picamera2:0", settings()) as source:
        next(iter(source))
        with pytest.raises(SourceError, match="picamera2:0: cannot be opened"):
            open_source("picamera2:0", settings())
        assert next(iter(source)).gray.shape == (480, 640)


def test_camera_means_the_pi_camera():
    with open_source("camera", settings()) as source:
        assert next(iter(source)).source == "picamera2:0"


def test_tensorflow_is_not_here():
    assert "tensorflow" not in sys.modules
