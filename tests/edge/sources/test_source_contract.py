"""The contract of all sources: files, the rendered meter, servers, and cameras that are played by fakes."""

from __future__ import annotations

import sys
import threading
import time
import types
from itertools import islice
from typing import ClassVar

import cv2
import numpy as np
import pytest

from edge.errors import UnusableSourceError
from edge.sources import Backoff, SourceSettings, open_source
from tests.sources.cameras import SIZE, fill, http_camera, picture, rtsp_camera, rtsp_lack, tinted
from tests.sources.contract import *  # noqa: F403  # the suite
from tests.sources.contract import Case

AT_ONCE = Backoff(first_s=0.01, longest_s=0.02)
"""Recovery that keeps no test waiting."""


class FakeCapture:
    """A `cv2.VideoCapture` of a camera that brightens by one a frame."""

    def __init__(self, *_: object) -> None:
        self.count = 0
        self.is_released = False
        FakeCapture.last = self

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, *_: object) -> bool:
        return True

    def get(self, name: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: SIZE[0], cv2.CAP_PROP_FRAME_HEIGHT: SIZE[1]}.get(name, 0.0)

    def grab(self) -> bool:
        assert not self.is_released
        time.sleep(0.002)
        self.count += 1
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, tinted(picture(100 + self.count % 100))

    def release(self) -> None:
        self.is_released = True


class FakeRequest:
    def __init__(self, camera: FakePicamera2) -> None:
        self.camera = camera

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": time.monotonic_ns() - 1_200_000}

    def release(self) -> None:
        self.camera.unreleased -= 1


class FakePicamera2:
    """As much of picamera2 as a source uses, with a stride wider than the picture, as sensors have it."""

    cameras = 1
    stride = 96
    pixel_format = "YUV420"
    made: ClassVar[list[FakePicamera2]] = []

    def __init__(self, number: int = 0) -> None:
        if number >= self.cameras:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.unreleased = 0
        self.calls: list[str] = []
        self.camera_controls = {"FrameRate": (1, 120, 30)}
        FakePicamera2.last = self
        self.made.append(self)

    @classmethod
    def global_camera_info(cls) -> list[dict[str, int]]:
        return [{"Num": number} for number in range(cls.cameras)]

    def create_video_configuration(self, **configuration: object) -> dict[str, object]:
        self.asked = configuration
        return configuration

    def configure(self, configuration: dict[str, object]) -> None:
        self.calls.append("configure")

    def camera_configuration(self) -> dict[str, object]:
        return {"main": {"size": SIZE, "stride": self.stride, "format": self.pixel_format}}

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")

    def cancel_all_and_flush(self) -> None:
        self.calls.append("cancel_all_and_flush")

    def capture_request(self, wait: float) -> FakeRequest:
        assert wait > 0
        time.sleep(0.002)
        self.unreleased += 1
        return FakeRequest(self)


class FakeMappedArray:
    def __init__(self, request: FakeRequest, name: str, reshape: bool, write: bool) -> None:
        assert (name, reshape, write) == ("main", False, False)
        buffer = np.full((SIZE[1] * 3 // 2, request.camera.stride), 255, np.uint8)
        buffer[: SIZE[1], : SIZE[0]] = picture(100)
        self.array = buffer.reshape(-1)
        chroma = self.array[SIZE[1] * request.camera.stride :].reshape(2, SIZE[1] // 2, -1)
        _, red, blue = cv2.split(cv2.cvtColor(tinted(picture(100)), cv2.COLOR_BGR2YCrCb))
        chroma[:, :, : SIZE[0] // 2] = blue[::2, ::2], red[::2, ::2]

    def __enter__(self) -> FakeMappedArray:
        return self

    def __exit__(self, *_: object) -> None:
        self.array[:] = 77  # the driver takes its buffer back: what was not copied is lost


@pytest.fixture
def fake_picamera2(monkeypatch):
    module = types.ModuleType("picamera2")
    module.Picamera2 = type("Picamera2", (FakePicamera2,), {"made": []})
    module.MappedArray = FakeMappedArray
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module.Picamera2


@pytest.fixture
def fake_video_device(monkeypatch, tmp_path):
    device = tmp_path / "video0"
    device.touch()
    monkeypatch.setattr("edge.sources.camera.cv2.VideoCapture", FakeCapture)
    return device


@pytest.fixture
def http_address():
    with http_camera() as camera:
        yield camera.address


@pytest.fixture(scope="session")
def rtsp_address(tmp_path_factory):
    lack = rtsp_lack()
    if lack:
        pytest.skip(lack)
    with rtsp_camera(tmp_path_factory.mktemp("rtsp")) as camera:
        yield camera.address


@pytest.fixture
def filled_folder(tmp_path):
    """A folder that pictures keep coming into."""
    folder, stop = tmp_path / "inbox", threading.Event()
    folder.mkdir()
    thread = fill(folder, stop)
    yield folder
    stop.set()
    thread.join()


KINDS = [
    "picture",
    "folder",
    "watch",
    "video",
    "demo",
    "endless demo",
    "v4l2",
    "picamera2",
    "mjpeg",
    "snapshot",
    "rtsp",
]


@pytest.fixture(params=KINDS)
def case(request, tmp_path) -> Case:
    """Each source, with what it needs in place."""
    if request.param == "picture":
        cv2.imwrite(str(tmp_path / "a.png"), tinted(picture(200)))
        return Case(str(tmp_path / "a.png"))
    if request.param == "folder":
        for index in range(4):
            cv2.imwrite(str(tmp_path / f"{index}.png"), tinted(picture(200 + index)))
        return Case(str(tmp_path))
    if request.param == "video":
        return Case(str(write_video(tmp_path / "clip.avi", 12)))
    if request.param == "v4l2":
        return Case(f"v4l2:{request.getfixturevalue('fake_video_device')}")
    if request.param == "picamera2":
        request.getfixturevalue("fake_picamera2")
        return Case("picamera2:0")
    if request.param in ("mjpeg", "snapshot"):
        return Case(f"{request.getfixturevalue('http_address')}/{request.param}")
    if request.param == "rtsp":
        return Case(request.getfixturevalue("rtsp_address"))
    if request.param == "watch":
        return Case(f"watch:{request.getfixturevalue('filled_folder')}", keeps_all=True)
    uri = {"demo": "demo:?frames=5", "endless demo": "demo:"}[request.param]
    return Case(uri, (160, 120), is_drawn=True)


def write_video(path, frames: int, fps: float = 10.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, SIZE)
    for index in range(frames):
        writer.write(tinted(picture(100 + 10 * index)))
    writer.release()
    return path


def test_live_sources_give_the_newest_frame(fake_video_device):
    with Case(f"v4l2:{fake_video_device}").open() as source:
        frames = iter(source)
        next(frames)
        time.sleep(0.1)
        late = next(frames)
        assert late.index > 10
        assert time.monotonic() - late.monotonic_s < 0.08


def test_the_newest_frame_of_the_meter_follows_the_clock():
    with open_source("demo:", SourceSettings(size=(160, 120), fps=200.0)) as source:
        frames = iter(source)
        assert next(frames).index == 0
        time.sleep(0.1)
        next(frames)
        assert next(frames).index >= 18


def test_a_camera_is_released_when_it_is_closed(fake_video_device):
    with Case(f"v4l2:{fake_video_device}").open() as source:
        next(iter(source))
    assert FakeCapture.last.is_released


def test_the_pi_camera_is_asked_as_measured_and_gives_every_request_back(fake_picamera2):
    with Case("picamera2:0").open() as source:
        frames = list(islice(source, 3))
        camera = FakePicamera2.last
        main = {"size": SIZE, "format": "YUV420"}
        assert camera.asked == {"main": main, "buffer_count": 4, "queue": False, "controls": {"FrameRate": 100.0}}
    assert camera.unreleased == 0
    assert camera.calls == ["configure", "start", "stop", "close"]
    assert all(np.array_equal(frame.gray, picture(100)) for frame in frames)
    assert 0.001 < time.monotonic() - frames[-1].monotonic_s < 5


def test_a_stalled_pi_camera_is_opened_again(fake_picamera2, monkeypatch):
    stalls = iter([True, False])
    capture = FakePicamera2.capture_request

    def stall_once(self, wait):
        if next(stalls, False):
            raise TimeoutError
        return capture(self, wait)

    monkeypatch.setattr(fake_picamera2, "capture_request", stall_once)
    notes: list[str] = []
    with Case("picamera2:0").open(on_note=notes.append, recovery=AT_ONCE, timeout_s=0.5) as source:
        assert np.array_equal(next(iter(source)).gray, picture(100))
    assert fake_picamera2.made[0].calls[-3:] == ["cancel_all_and_flush", "stop", "close"]
    assert len(fake_picamera2.made) == 2
    assert "picamera2:0: no frame for 0.5 s; check the camera's ribbon cable; it is opened again" in notes[0]
    assert "picamera2:0: frames again after" in notes[1]
    assert len(notes) == 2


def test_a_pi_camera_whose_colours_are_not_known_is_refused_where_they_are_needed(fake_picamera2, monkeypatch):
    monkeypatch.setattr(FakePicamera2, "pixel_format", "YVU420")
    case = Case("picamera2:0")
    with pytest.raises(UnusableSourceError, match="gives YVU420, and colours are taken from YUV420 or NV12 only"):
        case.open(with_colour=True)
    assert FakePicamera2.last.calls[-1] == "close"
    with case.open() as source:
        assert np.array_equal(next(iter(source)).gray, picture(100))
