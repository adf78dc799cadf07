"""Sources of frames: files, cameras, the network and a rendered meter, behind one `open_source`."""

from __future__ import annotations

import difflib
import re
import stat
from pathlib import Path

from edge.errors import SourceError, UnusableSourceError
from edge.headers import VIDEO_KINDS, file_kind
from edge.sources.base import Backoff, PiControls, Source, SourceSettings
from edge.sources.camera import CameraSource, open_first_camera
from edge.sources.demo import DemoSettings, DemoSource, parse_demo
from edge.sources.files import VIDEO_SUFFIXES, FolderSource, PictureSource, VideoSource
from edge.sources.live import LiveSource
from edge.sources.network import StreamSource, open_http, without_password
from edge.sources.picamera import PiCameraSource, camera_count, import_picamera2
from edge.sources.simulator.settings import SimulatorSettings
from edge.sources.simulator.setup import SimulatedSetup, setup_of
from edge.sources.simulator.source import SimulatorSource, meter_of
from edge.sources.watch import Seen, WatchSource

__all__ = [
    "Backoff",
    "LiveSource",
    "Source",
    "SourceSettings",
    "is_live_uri",
    "keeps_time",
    "open_source",
    "simulated_setup",
]

SCHEMES = ("camera", "picamera2:", "v4l2:", "rtsp://", "rtsps://", "http://", "https://", "watch:", "demo:")

PI_ONLY = "exposure_us, gain, focus and sensor_crop are a Pi camera's; leave them out, or use picamera2:0"


def open_source(uri: str, settings: SourceSettings | None = None) -> Source:
    """The source that `uri` names; use it in a `with`.

    Parameters
    ----------
    uri : str
        A picture, folder or video file, `camera`, `picamera2:0`, `v4l2:/dev/video0`, `rtsp://…`,
        `http(s)://…`, `watch:FOLDER` or `demo:`. A file called "camera" is named ./camera.
    settings : SourceSettings, optional
        With `recovery`, a live source that cannot be opened or is lost is opened again without end.

    Raises
    ------
    SourceError
        There is no such source, or it cannot be opened.
    """
    settings = settings or SourceSettings()
    _check_controls(uri, settings)
    if not is_live_uri(uri):
        return _open_device(uri, settings)
    if uri.startswith("watch:"):
        folder, seen = Path(uri.removeprefix("watch:") or "."), Seen()
        return LiveSource(uri, lambda: WatchSource(folder, settings, seen), settings, keeps_all=True)
    return LiveSource(without_password(uri), lambda: _open_device(uri, settings), settings)


def is_live_uri(uri: str) -> bool:
    """Whether `uri` names something that runs by itself, so that "the source" is its newest frame."""
    return (
        uri == "camera"
        or uri.lower().startswith(SCHEMES[1:-1])
        or (uri.startswith("demo:") and _never_ends(uri))
        or _is_device(uri)
    )


def keeps_time(uri: str) -> bool:
    """Whether the frames of `uri` tell when they were taken: those of a camera, or of a simulated one."""
    return is_live_uri(uri) or (uri.startswith("demo:") and isinstance(parse_demo(uri), SimulatorSettings))


def simulated_setup(uri: str) -> SimulatedSetup | None:
    """The configuration that reads a simulated meter; None of any other source."""
    demo = parse_demo(uri) if uri.startswith("demo:") else None
    return setup_of(meter_of(demo), uri) if isinstance(demo, SimulatorSettings) else None


def _never_ends(uri: str) -> bool:
    """Whether a rendered meter runs for ever."""
    demo = parse_demo(uri)
    return (demo.frames if isinstance(demo, DemoSettings) else demo.count) == 0


def _open_device(uri: str, settings: SourceSettings) -> Source:
    """The source itself, without a thread and without recovery."""
    if uri == "camera":
        return _open_any_camera(settings)
    if uri.startswith("picamera2:"):
        return PiCameraSource(_camera_number(uri), settings)
    if uri.startswith("v4l2:"):
        return CameraSource(uri.removeprefix("v4l2:") or "/dev/video0", settings)
    if uri.startswith("demo:"):
        demo = parse_demo(uri)
        return DemoSource(demo, settings) if isinstance(demo, DemoSettings) else SimulatorSource(demo, settings)
    if uri.lower().startswith(("rtsp://", "rtsps://")):
        return StreamSource(uri, settings)
    if uri.lower().startswith(("http://", "https://")):
        return open_http(uri, settings)
    return _open_path(Path(uri), uri, settings)


def _check_controls(uri: str, settings: SourceSettings) -> None:
    """Controls that only a Pi camera has are not silently dropped."""
    if settings.pi != PiControls() and not (uri == "camera" or uri.startswith("picamera2:")):
        raise UnusableSourceError(f"{without_password(uri)}: {PI_ONLY}")


def _is_device(uri: str) -> bool:
    """Whether a path is that of a V4L2 device."""
    try:
        path = Path(uri)
        return stat.S_ISCHR(path.stat().st_mode) and path.resolve().name.startswith("video")
    except (OSError, ValueError):
        return False


def _open_any_camera(settings: SourceSettings) -> Source:
    """The Pi's camera where there is one, else the first V4L2 device."""
    try:
        picamera2 = import_picamera2()
        if camera_count(picamera2):
            return PiCameraSource(0, settings)
        pi = "picamera2 sees no camera"
    except SourceError as error:
        pi = str(error).split(";")[0]
    if settings.pi != PiControls():
        raise UnusableSourceError(f"camera: {pi}, and {PI_ONLY}")
    try:
        return open_first_camera(settings)
    except SourceError as error:
        raise SourceError(f"camera: none found; {pi}; {error}; plug one in, or try the source demo:") from error


def _camera_number(uri: str) -> int:
    number = uri.removeprefix("picamera2:") or "0"
    if not number.isdecimal():
        raise UnusableSourceError(f"{uri}: picamera2 takes a camera number; the first is picamera2:0")
    return int(number)


def _open_path(path: Path, uri: str, settings: SourceSettings) -> Source:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise SourceError(f"{uri}: {_why_no_path(path, uri, error)}") from None
    if stat.S_ISDIR(mode):
        return FolderSource(path, settings)
    if _is_device(uri):
        return CameraSource(uri, settings)
    if path.suffix.lower() in VIDEO_SUFFIXES or _looks_like_video(path, mode):
        return VideoSource(path, settings)
    return PictureSource(path, settings)


def _why_no_path(path: Path, uri: str, error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        return f"cannot be reached ({error.strerror}); check its permissions"
    near = _near(path, uri)
    hint = f"did you mean {near}?" if near else f"a source is a picture, folder, video file, {', '.join(SCHEMES)}"
    return f"no such file or folder; {hint}"


def _near(path: Path, uri: str) -> str | None:
    """A source form or a file beside it whose name is close."""
    head = re.match(r"[a-z0-9]+:?(//)?", uri.lower())
    forms = difflib.get_close_matches(head[0] if head else uri, SCHEMES, 1, cutoff=0.75)
    if forms and "/" not in uri.removeprefix(forms[0]):
        return forms[0]
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    files = difflib.get_close_matches(path.name, names, 1, cutoff=0.75)
    return str(path.parent / files[0]) if files else None


def _looks_like_video(path: Path, mode: int) -> bool:
    """Whether a file without a video's suffix has a video's first bytes."""
    if not stat.S_ISREG(mode):
        return False
    try:
        with path.open("rb") as file:
            return file_kind(file.read(64)) in VIDEO_KINDS
    except OSError:
        return False
