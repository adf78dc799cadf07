"""Whether this device can read: bundle, runtime, golden replay, camera, configuration, each a line with what to do."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bundle import GOLDEN_FILE, load_card
from edge.classifier import Classifier
from edge.config import Config, load_config, not_yet_readable
from edge.errors import BundleError, ConfigError, EdgeError, MissingRuntimeError
from edge.lamp import Lamp
from edge.normalize import normalize_glyph
from edge.pictures import load_picture
from edge.runtime import runtime_versions
from edge.sources import SourceSettings, is_live_uri, open_source
from edge.sources.camera import video_devices
from edge.sources.picamera import camera_count, import_picamera2

OLDEST_PYTHON = (3, 11)

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
    checks = [_attempt("python", _python), _attempt("packages", _packages), _attempt("runtime", _runtime)]
    bundle = _attempt("bundle", lambda: _bundle(model))
    checks.append(bundle)
    if bundle.outcome == "ok":
        checks += [
            _attempt("interpreter", lambda: _interpreter(model)),
            _attempt("golden replay", lambda: _golden(model)),
        ]
    if config_path is None:
        return [*checks, _attempt("camera", _camera), Check("configuration", "note", "none given; see --config FILE")]
    return [*checks, *_check_config(config_path, model.parent)]


def replay_golden(classifier: Classifier, golden: Path) -> str:
    """Run the bundle's golden glyphs on this device and say how near it comes to where they were recorded.

    Raises
    ------
    BundleError
        A normalized glyph differs by a bit, or a label above the cutoff by anything.
    """
    with np.load(golden) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    _compare_normalized(stored)
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
    return f"{same}; {replayed} normalized bit for bit"


def _attempt(name: str, check: Callable[[], str | Check]) -> Check:
    try:
        found = check()
    except EdgeError as error:
        return Check(name, "FAILED", str(error))
    return found if isinstance(found, Check) else Check(name, "ok", found)


def _python() -> str:
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise MissingRuntimeError(f"{platform.python_version()} is too old; install Python 3.11 or later")
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


def _interpreter(model: Path) -> str:
    return f"{Classifier.open(model).runtime} takes the model"


def _golden(model: Path) -> str:
    return replay_golden(Classifier.open(model), model / GOLDEN_FILE)


def _compare_normalized(stored: dict[str, Stored]) -> None:
    names = [name for name in stored if name.startswith("coverage_")]
    for name in names:
        number = name.removeprefix("coverage_")
        expected = stored.get(f"normalized_{number}")
        if expected is None or not np.array_equal(normalize_glyph(stored[name]), expected):
            raise BundleError(
                f"golden picture {number} is normalized to other pixels here (OpenCV {cv2.__version__}); "
                "accuracy is not what the card says, install the pinned OpenCV"
            )


def _compare_labels(classifier: Classifier, quantized: Stored, expected: Stored, labels: Stored) -> None:
    """Labels must agree where the recorded confidence was above the cutoff."""
    card = classifier.card
    logits = (expected.astype(np.float64) - card.output.zero_point) * card.output.scale / card.confidence.temperature
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    is_sure = (exponentials.max(axis=1) / exponentials.sum(axis=1)) >= card.confidence.cutoff
    differs = is_sure & (quantized.argmax(axis=1) != expected.argmax(axis=1))
    if not is_sure.any() or len(labels) != len(expected):
        raise BundleError(f"{GOLDEN_FILE} holds nothing to compare; build the bundle again with: make convert")
    if differs.any():
        raise BundleError(
            f"{int(differs.sum())} of {int(is_sure.sum())} golden glyphs get another label with {classifier.runtime}; "
            "the runtime computes wrong numbers here, install another version of it"
        )


def _camera() -> Check:
    """Having no camera is no failure: pictures and videos can be read."""
    found = []
    try:
        found += [f"picamera2:{number}" for number in range(camera_count(import_picamera2()))]
        missing = "picamera2 sees none"
    except EdgeError as error:
        missing = str(error).split(";")[0]
    found += [f"v4l2:{device}" for device in video_devices()]
    if not found:
        return Check(
            "camera",
            "note",
            f"none found ({missing}, no /dev/video*); pictures, videos and the source demo: work without one",
        )
    return Check("camera", "ok", ", ".join(found))


def _check_config(path: Path, models: Path) -> list[Check]:
    try:
        config = load_config(path)
    except ConfigError as error:
        return [Check("configuration", "FAILED", str(error))]
    count = len(config.field)
    checks = [Check("configuration", "ok", f"{path}: {count} field{'' if count == 1 else 's'}")]
    checks += [Check("field", "FAILED", problem) for problem in not_yet_readable(config, models)]
    if config.reference is not None:
        checks.append(_attempt("reference", lambda: _reference(config)))
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


def _source(config: Config) -> str:
    """Open the source and take one frame."""
    settings = SourceSettings.of(config.source, timeout_s=FRAME_TIMEOUT_S, on_note=lambda _: None)
    with open_source(config.source.uri, settings) as source:
        frame = next(iter(source))
    rows, columns = frame.gray.shape
    return f"{frame.source}: {columns} x {rows} pixels{', live' if is_live_uri(config.source.uri) else ''}"
