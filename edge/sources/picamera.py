"""The Raspberry Pi's camera through picamera2, which comes from apt and is imported only here, when asked for."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from edge.errors import SourceError, UnusableSourceError
from edge.nouns import Colour, Frame, Gray
from edge.pictures import halve
from edge.sources.base import PiControls, Source, SourceSettings

DEFAULT_SIZE = (1280, 720)

BUFFERS = 4

COLOUR_FORMATS = ("YUV420", "NV12")
"""Whose colour planes are known here. A Pi gives what is asked for, YUV420; other pipelines may give NV12."""

AF_MANUAL = 0
"""libcamera's AfModeEnum.Manual."""

NO_PICAMERA2 = (
    "picamera2 is not installed here; sudo apt install python3-picamera2, and a venv made with --system-site-packages"
)
INVISIBLE_LIBCAMERA = (
    "picamera2 is there but libcamera is not visible; "
    "make the environment with: python3 -m venv --system-site-packages .venv"
)
OTHER_NUMPY = (
    "apt's picamera2 was built for numpy 1 and numpy 2 is installed; "
    "pip install 'numpy<2' 'opencv-python-headless<4.12'"
)


class PiCameraSource(Source):
    """The newest frame of a Pi camera: the Y plane of YUV420, so gray needs no conversion.

    Frames are not queued (`queue=False`): one is 1.2 ms old when handed over, 18 ms with the default.

    Raises
    ------
    SourceError
        picamera2 is missing or does not fit numpy, there is no such camera, it is in use, it lacks a
        control that is asked for, or it gives no frame.
    """

    is_live = True

    def __init__(self, number: int, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.name = f"picamera2:{number}"
        self._number = number
        self._picamera2 = import_picamera2()
        self._camera: Any = _make_camera(self._picamera2, number)
        self._is_started = False
        try:
            self._start(settings.size or DEFAULT_SIZE)
        except RuntimeError as error:
            raise SourceError(
                f"{self.name}: the camera cannot be started ({error}); end other programs that use it"
            ) from error
        finally:
            if not self._is_started:
                self.close()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            gray, colour, taken_s = self._capture()
            yield self.frame(gray, self.name, index, taken_s=taken_s, colour=colour)
            index += 1

    def close(self) -> None:
        """Stop the camera and let it go."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.stop()
            camera.close()

    def _start(self, size: tuple[int, int]) -> None:
        controls = pi_controls(self.settings, self._camera.camera_controls, self.name)
        main = {"size": size, "format": "YUV420"}
        configuration = self._camera.create_video_configuration(
            main=main, buffer_count=BUFFERS, queue=False, controls=controls
        )
        self._camera.configure(configuration)
        given = self._camera.camera_configuration()["main"]
        self._size, self._stride = (int(given["size"][0]), int(given["size"][1])), int(given["stride"])
        self._format = str(given["format"])
        if self.settings.with_colour and self._format not in COLOUR_FORMATS:
            raise UnusableSourceError(
                f"{self.name}: gives {self._format}, and colours are taken from {' or '.join(COLOUR_FORMATS)} only; "
                "leave out fields with dials"
            )
        self._camera.start()
        self._is_started = True
        self.note_size(*self._size)

    def _capture(self) -> tuple[Gray, Colour | None, float | None]:
        """The gray plane, the colour planes where they are asked for, and when they were taken."""
        try:
            request = self._camera.capture_request(wait=self.settings.timeout_s)
        except TimeoutError as error:
            self._camera.cancel_all_and_flush()
            raise SourceError(
                f"{self.name}: no frame for {self.settings.timeout_s:g} s; check the camera's ribbon cable"
            ) from error
        try:
            return *self._planes(request), _taken_s(request)
        finally:
            request.release()

    def _planes(self, request: Any) -> tuple[Gray, Colour | None]:
        width, height = self._size
        with self._picamera2.MappedArray(request, "main", reshape=False, write=False) as mapped:
            gray = luma_plane(mapped.array, width, height, self._stride)
            return gray, (
                colour_planes(mapped.array, gray, self._stride, self._format) if self.settings.with_colour else None
            )


def pi_controls(settings: SourceSettings, advertised: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The controls that the settings ask for, by libcamera's names.

    A frame rate that the camera cannot be told is left to it; everything else must be there.

    Parameters
    ----------
    settings : SourceSettings
    advertised : mapping of str to (lowest, highest, default)
        `Picamera2.camera_controls`.
    name : str
        The camera's, for the error.

    Raises
    ------
    UnusableSourceError
        The camera lacks a control, or its range does not hold the value.

    References
    ----------
    Raspberry Pi Ltd, The Picamera2 Library, appendix C: camera controls.
    """
    wanted = _wanted_controls(settings.pi)
    missing = [f"{key} ({control})" for key, control, _ in wanted if control not in advertised]
    if missing:
        raise UnusableSourceError(
            f"{name}: this camera has no {', '.join(missing)}; it has {', '.join(sorted(advertised)) or 'no controls'}"
        )
    for key, control, value in wanted:
        _check_range(name, key, value, advertised[control])
    controls = {control: value for _, control, value in wanted}
    if settings.fps and "FrameRate" in advertised:
        controls["FrameRate"] = settings.fps
    if {"ExposureTime", "AnalogueGain"} & controls.keys() and "AeEnable" in advertised:
        controls["AeEnable"] = False
    return controls


def _wanted_controls(pi: PiControls) -> list[tuple[str, str, Any]]:
    """Key of the configuration, control of libcamera, value."""
    asked = [
        ("exposure_us", "ExposureTime", pi.exposure_us),
        ("gain", "AnalogueGain", pi.gain),
        ("focus", "AfMode", None if pi.focus is None else AF_MANUAL),
        ("focus", "LensPosition", pi.focus),
        ("sensor_crop", "ScalerCrop", pi.sensor_crop),
    ]
    return [(key, control, value) for key, control, value in asked if value is not None]


def _check_range(name: str, key: str, value: Any, limits: Any) -> None:
    """A highest value of 0 stands for none; a rectangle must lie inside the largest."""
    lowest, highest = limits[0], limits[1]
    if isinstance(value, tuple):
        (x, y, width, height), (left, top, wide, high) = value, highest
        is_inside = x >= left and y >= top and x + width <= left + wide and y + height <= top + high
    else:
        is_inside = value >= lowest and (not highest or value <= highest)
    if not is_inside:
        shown = list(value) if isinstance(value, tuple) else value
        found = f"within {list(highest)}" if isinstance(value, tuple) else f"from {lowest} to {highest}"
        raise UnusableSourceError(f"{name}: {key} = {shown} is not possible, this camera takes {found}; change {key}")


def luma_plane(buffer: Gray, width: int, height: int, stride: int) -> Gray:
    """A copy of the Y plane, (height, width), from a flat YUV420 or NV12 buffer whose rows are `stride` bytes."""
    return buffer.reshape(-1)[: height * stride].reshape(height, stride)[:, :width].copy()


def colour_planes(buffer: Gray, gray: Gray, stride: int, pixel_format: str = "YUV420") -> Colour:
    """The colour planes of a flat YUV420 or NV12 buffer, BGR at half size, which is what U and V have.

    The planes count as full range, as the gray levels do; where the camera's are not, colours are an eighth paler.

    Parameters
    ----------
    buffer : (n,) uint8
        Y, then U, then V; rows of Y are `stride` bytes, those of U and V half as many. In NV12 the bytes of U and V
        alternate.
    gray : (height, width) uint8
        See `luma_plane`; both sides are even.
    stride : int
    pixel_format : str
        One of `COLOUR_FORMATS`.

    References
    ----------
    ITU-T T.871 (JFIF), section 7: full-range Y, Cb and Cr.
    """
    height, width = gray.shape
    chroma = buffer.reshape(-1)[height * stride : height * stride * 3 // 2]
    if pixel_format == "NV12":
        planes = chroma.reshape(height // 2, stride // 2, 2).transpose(2, 0, 1)
    else:
        planes = chroma.reshape(2, height // 2, stride // 2)
    blue, red = np.ascontiguousarray(planes[:, :, : width // 2])
    return cv2.cvtColor(cv2.merge([halve(gray), red, blue]), cv2.COLOR_YCrCb2BGR)


def import_picamera2() -> ModuleType:
    """The picamera2 module.

    Raises
    ------
    UnusableSourceError
        It is not installed, not visible in this environment, or built for another numpy.
    """
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise UnusableSourceError(INVISIBLE_LIBCAMERA if "libcamera" in str(error) else NO_PICAMERA2) from error
    except ValueError as error:
        if "numpy.dtype size changed" not in str(error):
            raise
        raise UnusableSourceError(OTHER_NUMPY) from error


def camera_count(picamera2: ModuleType) -> int:
    """Cameras that libcamera sees."""
    return len(picamera2.Picamera2.global_camera_info())


def _make_camera(picamera2: ModuleType, number: int) -> Any:
    try:
        return picamera2.Picamera2(number)
    except (RuntimeError, IndexError) as error:
        count = camera_count(picamera2)
        if number >= count:
            there = f"there is {count}" if count == 1 else f"there are {count}"
            raise SourceError(
                f"picamera2:{number}: no such camera, {there}; check the ribbon cable and: rpicam-hello --list-cameras"
            ) from error
        reason = error.__cause__ or error
        raise SourceError(f"picamera2:{number}: cannot be opened ({reason}); end the program that uses it") from error


def _taken_s(request: Any) -> float | None:
    """When the sensor took the frame by the monotonic clock, None where the driver does not say."""
    sensor_ns = request.get_metadata().get("SensorTimestamp")
    return min(time.monotonic(), sensor_ns / 1e9) if sensor_ns else None
