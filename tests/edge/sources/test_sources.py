"""What is particular to one source: its files, its errors, its look."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import EdgeError, PictureError, SourceError, UnusableSourceError
from edge.sources import Backoff, SourceSettings, is_live_uri, open_source
from edge.sources.base import PiControls, rotate
from edge.sources.camera import asked_format
from edge.sources.demo import DemoSettings, parse_demo, render_meter, value_at
from edge.sources.files import natural_key
from edge.sources.network import without_password
from edge.sources.picamera import colour_planes, luma_plane, pi_controls


def write_picture(path, level=200):
    cv2.imwrite(str(path), np.full((16, 16), level, np.uint8))
    return path


def quiet(**settings):
    return SourceSettings(**{"on_note": lambda _: None, **settings})


# Files


def test_a_folder_is_read_in_natural_order_and_says_what_it_skips(tmp_path):
    for name in ("page-10.png", "page-2.png", "Page-1.PNG"):
        write_picture(tmp_path / name)
    for name in ("notes.txt", "more.txt", "clip.mp4", "README", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    write_picture(tmp_path / "sub" / "page-3.png")
    notes: list[str] = []
    with open_source(str(tmp_path), SourceSettings(on_note=notes.append)) as source:
        names = [frame.source.rpartition("/")[2] for frame in source]
    assert names == ["Page-1.PNG", "page-2.png", "page-10.png"]
    assert notes == [f"{tmp_path}: skipped 1 .mp4 file, 2 .txt files, 1 file without a suffix, 1 folder, 1 hidden file"]


def test_a_bad_picture_in_a_folder_is_reported_and_the_next_is_read(tmp_path):
    write_picture(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"")
    write_picture(tmp_path / "3.png")
    errors: list[EdgeError] = []
    with open_source(str(tmp_path), SourceSettings(on_error=errors.append)) as source:
        assert [(Path(frame.source).name, frame.index) for frame in source] == [("1.png", 0), ("3.png", 0)]
    assert len(errors) == 1
    assert "2.png: the file is empty" in str(errors[0])


def test_a_bad_picture_in_a_folder_raises_by_default(tmp_path):
    (tmp_path / "2.png").write_bytes(b"")
    with pytest.raises(PictureError, match="is empty"), open_source(str(tmp_path)) as source:
        list(source)


@pytest.mark.parametrize(("names", "message"), [((), "it is empty"), (("a.txt",), "found 1 .txt file")])
def test_a_folder_without_pictures_says_what_it_found(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=f"no picture in this folder .{message}"):
        open_source(str(tmp_path))


def test_natural_order_is_by_number_not_by_digit():
    assert sorted(["a10", "a2", "B1", "a02", "10", "9"], key=natural_key) == ["9", "10", "a02", "a2", "a10", "B1"]


def write_video(path, frames=12, fps=10.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (64, 48))
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 20 * index % 256, np.uint8))
    writer.release()
    return path


def test_every_frame_of_a_video_comes_in_order_with_its_time(tmp_path):
    with open_source(str(write_video(tmp_path / "clip.avi")), SourceSettings(on_note=pytest.fail)) as source:
        frames = list(source)
    assert [round(frame.gray.mean() / 20) for frame in frames] == list(range(12))
    times = np.array([frame.timestamp_s for frame in frames])
    assert np.abs(np.diff(times) - 0.1).max() < 1e-3
    assert abs(times[0] - (tmp_path / "clip.avi").stat().st_mtime + 1.2) < 0.01


def test_a_video_is_known_by_its_first_bytes_too(tmp_path):
    path = write_video(tmp_path / "clip.avi").rename(tmp_path / "clip.dat")
    with open_source(str(path)) as source:
        assert sum(1 for _ in source) == 12


def test_a_video_that_is_cut_off_is_never_silent(tmp_path, capfd):
    whole = write_video(tmp_path / "clip.avi", frames=40).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) * 3 // 4])
    notes: list[str] = []
    try:
        with open_source(str(tmp_path / "cut.avi"), SourceSettings(on_note=notes.append)) as source:
            assert sum(1 for _ in source) < 40
    except SourceError as error:
        notes.append(str(error))
    assert "cut off" in notes[0]
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "video file is empty"), (b"not a video" * 9, "damaged, cut off or of an unknown codec")]
)
def test_a_bad_video_is_one_line(tmp_path, capfd, data, message):
    path = tmp_path / "bad.mp4"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message):
        open_source(str(path))
    assert capfd.readouterr() == ("", "")


# What the user typed


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("camra", "did you mean camera?"),
        ("demo", "did you mean demo:?"),
        ("picamera:0", "did you mean picamera2:"),
        ("picamera2:front", "the first is picamera2:0"),
        ("nowhere.png", "no such file or folder; a source is a picture, folder, video file, camera"),
        ("v4l2:/dev/video77", "/dev/video77: no such device"),
        ("demo:?frame=3", "did you mean frames?"),
        ("demo:?colour=3", "known are frames, seed, start"),
        ("demo:?frames=many", "must be a whole number"),
        ("a\0b", "a source is"),
    ],
)
def test_a_source_that_is_none_gets_help(uri, message):
    with pytest.raises(SourceError) as caught:
        open_source(uri)
    assert message in str(caught.value)


def test_a_file_that_is_nearly_there_is_named(tmp_path):
    write_picture(tmp_path / "meter.png")
    with pytest.raises(SourceError, match=r"did you mean .*/meter.png\?"):
        open_source(str(tmp_path / "metre.png"))


@pytest.mark.parametrize(
    ("uri", "is_live"),
    [
        ("camera", True),
        ("picamera2:0", True),
        ("rtsp://a/b", True),
        ("http://a/b", True),
        ("demo:", True),
        ("demo:?frames=3", False),
        ("a.png", False),
        (".", False),
    ],
)
def test_live_sources_are_told_by_their_name(uri, is_live):
    assert is_live_uri(uri) is is_live


# Cameras


def test_no_camera_at_all_lists_what_was_looked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setattr("edge.sources.camera.DEVICES", Path("/nowhere/video*"))
    with pytest.raises(
        SourceError,
        match=r"picamera2 is not installed here; there is no /nowhere/video.*; plug one in, or try the source demo:",
    ):
        open_source("camera")


def play_camera(monkeypatch, frames, opens=lambda _: True):
    """Let `cv2.VideoCapture` give these frames, 640 x 480 whatever is asked for, and return what was opened."""
    opened: list[str] = []

    class Capture:
        def __init__(self, device, *_):
            opened.append(str(device))
            self.frames = iter(frames)

        def isOpened(self):  # noqa: N802
            return opens(opened[-1])

        def set(self, *_):
            return False

        def get(self, name):
            return {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0}.get(name, 0.0)

        def grab(self):
            self.frame = next(self.frames, None)
            return self.frame is not None

        def retrieve(self):
            return True, self.frame

        def release(self):
            pass

    monkeypatch.setattr("edge.sources.camera.cv2.VideoCapture", Capture)
    return opened


COLOUR = np.zeros((480, 640, 3), np.uint8)


def test_the_first_device_that_opens_is_the_camera(monkeypatch, tmp_path):
    for name in ("video10", "video2"):
        (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setattr("edge.sources.camera.DEVICES", tmp_path / "video*")
    opened = play_camera(monkeypatch, [COLOUR], opens=lambda device: device.endswith("video10"))
    with open_source("camera", quiet()) as source:
        assert next(iter(source)).source == f"v4l2:{tmp_path}/video10"
    assert opened == [str(tmp_path / "video2"), str(tmp_path / "video10")]


def test_a_camera_that_stops_is_an_error_not_the_last_frame(monkeypatch, tmp_path):
    (tmp_path / "video0").touch()
    play_camera(monkeypatch, [COLOUR])
    with open_source(f"v4l2:{tmp_path}/video0") as source:
        frames = iter(source)
        assert next(frames).index == 0
        with pytest.raises(SourceError, match="stopped giving frames"):
            next(frames)


def test_another_size_than_asked_for_is_said(monkeypatch, tmp_path):
    (tmp_path / "video0").touch()
    play_camera(monkeypatch, [COLOUR])
    notes: list[str] = []
    with open_source(f"v4l2:{tmp_path}/video0", SourceSettings(size=(1280, 720), on_note=notes.append)) as source:
        next(iter(source))
    assert "gives 640 x 480 pixels, not 1280 x 720" in notes[0]


def test_the_luma_plane_is_cut_out_of_its_stride():
    buffer = np.full((48 * 3 // 2, 640), 255, np.uint8)
    buffer[:48, :600] = np.arange(600, dtype=np.uint16).astype(np.uint8)
    plane = luma_plane(buffer.reshape(-1), 600, 48, 640)
    assert plane.shape == (48, 600)
    assert np.array_equal(plane, np.tile(np.arange(600, dtype=np.uint16).astype(np.uint8), (48, 1)))
    buffer[:] = 0
    assert plane[0, 1] == 1


@pytest.mark.parametrize("pixel_format", ["YUV420", "NV12"])
def test_the_colour_planes_are_cut_out_of_their_stride(pixel_format):
    buffer = np.full(48 * 640 * 3 // 2, 77, np.uint8)
    gray = np.full((48, 600), 81, np.uint8)
    chroma = buffer[48 * 640 :]
    planar, interleaved = chroma.reshape(2, 24, 320), chroma.reshape(24, 320, 2).transpose(2, 0, 1)
    blue, red = planar if pixel_format == "YUV420" else interleaved
    blue[:, :300], red[:, :300] = 90, 240  # Cb and Cr of pure red, whose luma is 76
    colour = colour_planes(buffer, gray, 640, pixel_format)
    assert colour.shape == (24, 300, 3)
    assert (np.abs(colour.astype(int) - (14, 14, 238)) <= 2).all()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ImportError("No module named 'picamera2'"), "sudo apt install python3-picamera2"),
        (ImportError("No module named 'libcamera'"), "--system-site-packages"),
        (ValueError("numpy.dtype size changed, may indicate binary incompatibility"), "numpy<2"),
    ],
)
def test_a_picamera2_that_cannot_be_imported_says_what_to_do(monkeypatch, error, message):
    def refuse(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(SourceError) as caught:
        open_source("picamera2:0")
    assert message in str(caught.value)


def fake_picamera2(monkeypatch, error, cameras):
    class Picamera2:
        def __init__(self, number):
            raise error

        @staticmethod
        def global_camera_info():
            return [{}] * cameras

    module = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2
    monkeypatch.setitem(sys.modules, "picamera2", module)


@pytest.mark.parametrize("error", [RuntimeError("x"), IndexError("list index out of range")])
def test_a_missing_pi_camera_is_told(monkeypatch, error):
    fake_picamera2(monkeypatch, error, cameras=1)
    with pytest.raises(SourceError, match="picamera2:1: no such camera, there is 1; check the ribbon cable"):
        open_source("picamera2:1")


def test_a_busy_pi_camera_gives_its_cause(monkeypatch):
    busy = RuntimeError("Camera __init__ sequence did not complete.")
    busy.__cause__ = RuntimeError("Failed to acquire camera: Device or resource busy")
    fake_picamera2(monkeypatch, busy, cameras=1)
    with pytest.raises(SourceError, match=r"Device or resource busy.; end the program that uses it"):
        open_source("picamera2:0")


def test_a_device_by_its_id_survives_a_replug(monkeypatch, tmp_path):
    for name in ("video0", "video2"):
        (tmp_path / name).touch()
    by_id = tmp_path / "usb-camera-index0"
    by_id.symlink_to(tmp_path / "video0")
    opened = play_camera(monkeypatch, [COLOUR])
    monkeypatch.setattr("edge.sources.camera.DEVICES", tmp_path / "video*")
    asked = quiet(recovery=Backoff(0.01, 0.02), timeout_s=2.0)
    with open_source(f"v4l2:{by_id}", asked) as source:
        assert source.poll(2.0) is not None
        by_id.unlink()
        assert source.poll(0.1) is None
        assert source.is_lost
        by_id.symlink_to(tmp_path / "video2")
        frame = source.poll(2.0)
    assert frame is not None
    assert frame.source == f"v4l2:{by_id}"
    assert opened[0] == str(by_id)
    assert len(opened) >= 2


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, None),
        ({"size": (640, 480)}, None),
        ({"size": (1280, 720)}, "MJPG"),
        ({"pixel_format": "yuyv", "size": (1280, 720)}, "YUYV"),
        ({"pixel_format": "mjpg"}, "MJPG"),
    ],
)
def test_mjpg_is_asked_for_where_raw_pictures_do_not_fit_the_cable(asked, sent):
    assert asked_format(quiet(**asked)) == sent


ADVERTISED = {
    "ExposureTime": (26, 1_000_000, 20_000),
    "AnalogueGain": (1.0, 16.0, 1.0),
    "AeEnable": (False, True, True),
    "FrameRate": (1, 120, 30),
    "ScalerCrop": ((0, 0, 64, 64), (0, 0, 4608, 2592), (576, 0, 3456, 2592)),
}


def test_the_pi_cameras_controls_are_those_asked_for():
    asked = quiet(fps=5.0, pi=PiControls(exposure_us=5000, gain=2.0, sensor_crop=(100, 100, 2304, 1296)))
    assert pi_controls(asked, ADVERTISED, "picamera2:0") == {
        "ExposureTime": 5000,
        "AnalogueGain": 2.0,
        "ScalerCrop": (100, 100, 2304, 1296),
        "FrameRate": 5.0,
        "AeEnable": False,
    }
    assert pi_controls(quiet(), ADVERTISED, "picamera2:0") == {}


def test_a_lens_is_moved_by_hand_where_there_is_one():
    advertised = {"AfMode": (0, 2, 0), "LensPosition": (0.0, 32.0, 1.0)}
    asked = quiet(pi=PiControls(focus=10.0))
    assert pi_controls(asked, advertised, "picamera2:0") == {"AfMode": 0, "LensPosition": 10.0}


@pytest.mark.parametrize(
    ("pi", "message"),
    [
        (PiControls(focus=1.0), r"this camera has no focus \(AfMode\), focus \(LensPosition\); it has AeEnable, "),
        (PiControls(exposure_us=5), "exposure_us = 5 is not possible, this camera takes from 26 to 1000000"),
        (PiControls(gain=99.0), "gain = 99.0 is not possible, this camera takes from 1.0 to 16.0"),
        (PiControls(sensor_crop=(4600, 0, 64, 64)), r"sensor_crop = \[4600, 0, 64, 64\] is not possible.*4608, 2592"),
    ],
)
def test_a_control_that_the_pi_camera_lacks_is_one_line(pi, message):
    with pytest.raises(UnusableSourceError, match=f"picamera2:0: {message}") as caught:
        pi_controls(quiet(pi=pi), ADVERTISED, "picamera2:0")
    assert "\n" not in str(caught.value)


def test_a_pi_cameras_controls_are_refused_for_another_source():
    with pytest.raises(UnusableSourceError, match="demo:: exposure_us, gain, focus and sensor_crop are a Pi camera's"):
        open_source("demo:", quiet(pi=PiControls(gain=2.0)))


# The network


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_there_is_one_line_in_time_without_the_password(capfd, scheme):
    with pytest.raises(SourceError, match="check the address") as caught:
        open_source(f"{scheme}://me:secret@127.0.0.1:1/stream", quiet(timeout_s=2.0))
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_passwords_are_never_shown():
    assert without_password("rtsp://me:p:w@host:554/a") == "rtsp://me:***@host:554/a"
    assert without_password("rtsp://host:554/a") == "rtsp://host:554/a"


# The rendered meter


def test_the_meter_counts_up_and_rolls_over():
    assert [value_at(index, 99998) for index in (0, 9, 10, 20, 29)] == [99998, 99998, 99999, 0, 0]


def test_the_meter_is_the_same_for_the_same_seed_only():
    assert np.array_equal(render_meter(123, (160, 120), 1, 2), render_meter(123, (160, 120), 1, 2))
    assert not np.array_equal(render_meter(123, (160, 120), 1, 2), render_meter(123, (160, 120), 2, 2))
    assert not np.array_equal(render_meter(123, (160, 120), 1, 2), render_meter(124, (160, 120), 1, 2))


@pytest.mark.parametrize("size", [(160, 120), (640, 480), (1280, 720)])
def test_the_meter_shows_five_dark_digits_in_the_middle(size):
    gray = render_meter(60000, size)
    ink = (gray < 110).astype(np.uint8)
    columns = np.flatnonzero(ink.any(axis=0))
    assert gray.shape == size[::-1]
    assert columns[0] > 0.05 * size[0]
    assert columns[-1] < 0.95 * size[0]
    assert cv2.connectedComponents(cv2.dilate(ink, np.ones((3, 3), np.uint8)))[0] - 1 == 5


def test_the_meters_settings_are_read_from_its_address():
    assert parse_demo("demo:") == DemoSettings()
    assert parse_demo("demo:?frames=3&seed=2&start=9") == DemoSettings(3, 2, 9)


def test_a_meter_too_small_to_read_is_refused():
    with pytest.raises(SourceError, match="at least 160 x 60, got 20 x 20"):
        open_source("demo:", SourceSettings(size=(20, 20)))


def test_a_crop_is_cut_before_the_turn():
    with open_source("demo:?frames=1", quiet(crop=(200, 100, 80, 40), rotation=90)) as source:
        (turned,) = source
    with open_source("demo:?frames=1", quiet()) as source:
        (whole,) = source
    assert np.array_equal(turned.gray, np.rot90(whole.gray[100:140, 200:280], -1))


def test_a_crop_outside_the_frame_is_one_line():
    message = r"demo:: the frame has 640 x 480 pixels, crop = \[600, 0, 80, 40\] reaches outside"
    with (
        open_source("demo:?frames=1", quiet(crop=(600, 0, 80, 40))) as source,
        pytest.raises(SourceError, match=message),
    ):
        list(source)


@pytest.mark.parametrize(("rotation", "corner"), [(0, (0, 0)), (90, (0, 1)), (180, (1, 2)), (270, (2, 0))])
def test_rotation_is_clockwise(rotation, corner):
    gray = np.zeros((2, 3), np.uint8)
    gray[0, 0] = 255
    assert tuple(np.argwhere(rotate(gray, rotation) == 255)[0]) == corner
