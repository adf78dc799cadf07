"""Whether this device can read: bundle, runtime, golden replay, camera, configuration, each a line with what to do."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.board import is_raspberry_pi
from edge.config import load_config, missing_bundles
from edge.errors import BundleError, ConfigError, EdgeError, MissingRuntimeError
from edge.faults import require_64_bits, require_permission, require_python, require_space, users_of
from edge.fields import open_fields
from edge.inference.bundle import GOLDEN_FILE, STRIPS_FOLDER, load_card
from edge.inference.classifier import Network, StripNetwork, open_network, softmax
from edge.inference.preprocessing import preprocessing_of
from edge.inference.runtime import runtime_versions
from edge.inference.verdicts import verdicts_of
from edge.meters.state import check_state
from edge.outputs.checks import output_checks
from edge.pictures import load_picture
from edge.schema import Config
from edge.service.lamp import Lamp
from edge.sources import SourceSettings, is_live_uri, open_source
from edge.sources.camera import video_devices
from edge.sources.picamera import camera_count, import_picamera2

Stored = NDArray[Any]
"""An array of golden.npz."""

Outcome = Literal["ok", "note", "FAILED"]

FRAME_TIMEOUT_S = 5.0
"""How long the configured source has for its first frame."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `detail` is what was found, or the reason and what to do."""

    name: str
    outcome: Outcome
    detail: str

    def __str__(self) -> str:
        return f"{self.outcome:<6} {self.name}: {self.detail}"


def check_device(model: Path, config_path: Path | None = None) -> list[Check]:
    """Every check in order; a failure never keeps the next from being made."""
    checks = [
        _attempt("python", _python),
        _attempt("system", require_64_bits),
        _attempt("packages", _packages),
        _attempt("runtime", _runtime),
    ]
    checks += _check_bundle("bundle", "", model, open_network)
    if (model / STRIPS_FOLDER).exists():
        checks += _check_bundle("strings", " of strings", model / STRIPS_FOLDER, StripNetwork.open)
    if config_path is None:
        checks += [_attempt("camera", _camera), _attempt("disk", lambda: require_space(Path.cwd()))]
        return [*checks, Check("configuration", "note", "none given; see --config FILE")]
    return [*checks, *_check_config(config_path, model.parent)]


def _check_bundle(name: str, of: str, folder: Path, open_bundle: Callable[[Path], Network]) -> list[Check]:
    """That a bundle is whole, and where it is, that it can be run and says what it should."""
    bundle = _attempt(name, lambda: _bundle(folder))
    if bundle.outcome != "ok":
        return [bundle]
    return [
        bundle,
        _attempt(f"interpreter{of}", lambda: f"{open_bundle(folder).runtime} takes the model"),
        _attempt(f"golden replay{of}", lambda: replay_golden(open_bundle(folder), folder / GOLDEN_FILE)),
    ]


def replay_golden(classifier: Network, golden: Path) -> str:
    """Run the bundle's golden glyphs on this device and say how near it comes to where they were recorded.

    Raises
    ------
    BundleError
        A normalized glyph differs by a bit, or a label above the cutoff by anything.
    """
    with np.load(golden) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    off = _compare_normalized(classifier, stored)
    quantized = classifier.quantized(stored["glyphs"])
    expected = stored["quantized"]
    if quantized.shape != expected.shape:
        raise BundleError(
            f"the network gives {quantized.shape}, {GOLDEN_FILE} holds {expected.shape}; copy the bundle again"
        )
    _compare_labels(classifier, quantized, expected, stored["labels"])
    steps = int(np.abs(quantized.astype(np.int16) - expected.astype(np.int16)).max(initial=0))
    replayed = sum(name.startswith("coverage_") for name in stored)
    same = f"{len(expected)} glyphs labelled the same, scores differ by at most {steps} of 256 steps"
    bits = f", {off} of them but for one gray level in some pixels" if off else " bit for bit"
    return f"{same}; {replayed} normalized{bits}"


def _attempt(name: str, check: Callable[[], str | Check]) -> Check:
    try:
        found = check()
    except EdgeError as error:
        return Check(name, "FAILED", str(error))
    return found if isinstance(found, Check) else Check(name, "ok", found)


def _python() -> str:
    require_python()
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _packages() -> str:
    return f"numpy {np.__version__}, OpenCV {cv2.__version__}"


def _runtime() -> str | Check:
    """What can be imported; that it makes an interpreter is shown by the golden replay."""
    found = runtime_versions()
    if not found:
        raise MissingRuntimeError(
            "no TFLite runtime can be used; pip install ai-edge-litert"
            + (f" (tflite-runtime does not work with numpy {np.__version__})" if _has_numpy_2() else "")
        )
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _has_numpy_2() -> bool:
    return int(np.__version__.split(".")[0]) >= 2


def _bundle(model: Path) -> str:
    card = load_card(model)
    accuracy = f"int8 accuracy {card.accuracy.int8.accuracy:.4f} on {card.accuracy.split}"
    return f"{model}: {card.name}, {len(card.labels)} labels, {accuracy}"


def _compare_normalized(classifier: Network, stored: dict[str, Stored]) -> int:
    """How many of the golden pictures are normalized with a pixel off by one gray level: ARM rounds otherwise than
    Intel's kernels for cubic enlargement. More is a failure.
    """
    way = preprocessing_of(classifier.card.preprocessing.sha256)
    assert way is not None, "load_card has looked"
    off = 0
    for name in (name for name in stored if name.startswith("coverage_")):
        number = name.removeprefix("coverage_")
        found, expected = way.normalize(stored[name]), stored.get(f"normalized_{number}")
        if expected is None or found.shape != expected.shape or int(cv2.absdiff(found, expected).max()) > 1:
            raise BundleError(
                f"golden picture {number} is normalized to other pixels here (OpenCV {cv2.__version__}); "
                "accuracy is not what the card says, install the pinned OpenCV"
            )
        off += not np.array_equal(found, expected)
    return off


def _compare_labels(classifier: Network, quantized: Stored, expected: Stored, labels: Stored) -> None:
    """Labels must agree where the recorded confidence was above the cutoff."""
    card = classifier.card
    scale = card.output.scale / card.confidence.temperature
    (now, _), (then, confidence) = (
        verdicts_of(softmax((each.astype(np.float64) - card.output.zero_point) * scale), card.labels)
        for each in (quantized, expected)
    )
    is_sure = confidence >= card.confidence.cutoff
    differs = is_sure & (now != then)
    if not is_sure.any() or len(labels) != len(expected):
        raise BundleError(f"{GOLDEN_FILE} holds nothing to compare; build the bundle again with: make convert")
    if differs.any():
        raise BundleError(
            f"{int(differs.sum())} of {int(is_sure.sum())} golden glyphs get another label with {classifier.runtime}; "
            "the runtime computes wrong numbers here, install another version of it"
        )


def _camera() -> Check:
    """Having no camera is no failure: pictures and videos can be read. One that may not be used is."""
    found: list[str] = []
    missing = "picamera2 sees none"
    notes: list[str] = []
    try:
        found += [f"picamera2:{number}" for number in range(camera_count(import_picamera2()))]
    except EdgeError as error:
        missing = str(error).split(";")[0]
        notes += [str(error)] if is_raspberry_pi() else []  # elsewhere nobody expects it
    for device in video_devices():
        require_permission(device)
        found.append(f"v4l2:{device}")
        users = users_of(device)
        notes += [f"{device} is open in {', '.join(users)}, end that if it gives no frame"] if users else []
    if not found:
        found.append(f"none found ({missing}, no /dev/video*); pictures, videos and the source demo: work without one")
        return Check("camera", "note", "; ".join([*found, *notes]))
    return Check("camera", "note" if notes else "ok", "; ".join([", ".join(found), *notes]))


def _check_config(path: Path, models: Path) -> list[Check]:
    try:
        config = load_config(path)
    except ConfigError as error:
        return [Check("configuration", "FAILED", str(error))]
    count = len(config.field)
    checks = [Check("configuration", "ok", f"{path}: {count} field{'' if count == 1 else 's'}")]
    missing = missing_bundles(config, models)
    checks += [Check("field", "FAILED", problem) for problem in missing]
    if config.reference is not None:
        checks.append(_attempt("reference", lambda: _reference(config)))
    if config.field and not missing:
        checks.append(_attempt("fields", lambda: _fields(config, models)))
    if any(field.is_counter for field in config.field):
        checks.append(_attempt("state", lambda: _state(config)))
    checks += [_attempt(name, look) for name, look in output_checks(config).items()]
    pin = config.source.led_pin
    checks += [_attempt("lamp", lambda: _lamp(pin))] if pin is not None else []
    return [*checks, _attempt("source", lambda: _source(config))]


def _lamp(pin: int) -> str:
    Lamp(pin).close()
    return f"GPIO {pin} can be switched"


def _reference(config: Config) -> str:
    assert config.reference is not None
    rows, columns = load_picture(config.reference.image).shape
    return f"{config.reference.image}: {columns} x {rows} pixels"


def _fields(config: Config, models: Path) -> str:
    """Load all that reads them, as `edge run` does."""
    open_fields(config, models)
    return f"{', '.join(field.name for field in config.field)} can be read"


def _state(config: Config) -> str | Check:
    if config.state is None:
        return Check("state", "note", "none is kept: after a restart meters are as new; add [state] with path = …")
    return check_state(config.state.path)


def _source(config: Config) -> str:
    """Open the source and take one frame."""
    settings = SourceSettings.of(config.source, timeout_s=FRAME_TIMEOUT_S, on_note=lambda _: None)
    with open_source(config.source.uri, settings) as source:
        frame = next(iter(source))
    rows, columns = frame.gray.shape
    return f"{frame.source}: {columns} x {rows} pixels{', live' if is_live_uri(config.source.uri) else ''}"
