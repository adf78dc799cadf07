"""A rendered meter that runs, for those without a camera and for the tests."""

from __future__ import annotations

import difflib
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.nouns import Frame, Gray
from edge.sources.base import Source, SourceSettings
from edge.sources.simulator.settings import NAMES, WITHOUT, SimulatorSettings

DEFAULT_SIZE = (640, 480)
DEFAULT_FPS = 10.0
MIN_SIZE = (160, 60)
DIGITS = 5
ROLL_OVER = 100_000
FRAMES_PER_COUNT = 10

PAPER = 225
INK = 35
LIGHT_FALL = 60
"""Gray levels that the paper loses from the lit corner to the far one."""
NOISE = 2.0

LEAST_ONE = frozenset({"days", "every"})
MOST_DIGITS = 12
"""Of a whole number in an address."""

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What may stand behind `demo:?`.

    Parameters
    ----------
    frames : int
        Ends after this many, given as fast as they are taken; 0 runs for ever in real time.
    seed : int
        Of the noise, the light and the typeface.
    start : int
        The first value shown.
    """

    frames: int = 0
    seed: int = 0
    start: int = 12345


class DemoSource(Source):
    """A counter that rises by one every `FRAMES_PER_COUNT` frames, five digits on lit paper."""

    def __init__(self, demo: DemoSettings, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.is_live = demo.frames == 0
        self._demo = demo
        self._size = settings.size or DEFAULT_SIZE
        if self._size[0] < MIN_SIZE[0] or self._size[1] < MIN_SIZE[1]:
            found = f"{self._size[0]} x {self._size[1]}"
            raise SourceError(f"demo: frames are at least {MIN_SIZE[0]} x {MIN_SIZE[1]}, got {found}; ask for more")

    def __iter__(self) -> Iterator[Frame]:
        return self._newest() if self.is_live else self._all()

    def _all(self) -> Iterator[Frame]:
        for index in range(self._demo.frames):
            yield self._frame(index)

    def _newest(self) -> Iterator[Frame]:
        fps = self.settings.fps or DEFAULT_FPS
        start_s, index = time.monotonic(), 0
        while not self.pause(start_s + index / fps - time.monotonic()):
            yield self._frame(index)
            index = max(index + 1, int((time.monotonic() - start_s) * fps))

    def _frame(self, index: int) -> Frame:
        gray = render_meter(value_at(index, self._demo.start), self._size, self._demo.seed, index)
        return self.frame(gray, "demo:", index)


def parse_demo(uri: str) -> DemoSettings | SimulatorSettings:
    """The settings in `demo:?frames=20&seed=1&start=99990`, or with `meter=` those of a simulated meter.

    Raises
    ------
    SourceError
        A name is unknown, or a value is not what it may be.
    """
    parts = [part.partition("=")[::2] for part in uri.removeprefix("demo:").removeprefix("?").split("&") if part]
    is_simulated = any(name == "meter" for name, _ in parts)
    plain = [field.name for field in fields(DemoSettings)]
    known = [field.name for field in fields(SimulatorSettings)[1:]] if is_simulated else [*plain, "meter"]
    found = {name: _parsed(uri, name, urllib.parse.unquote(value), known) for name, value in parts}
    return SimulatorSettings(uri, **found) if is_simulated else DemoSettings(**found)


def _parsed(uri: str, name: str, value: str, known: Sequence[str]) -> Any:
    """The value of one name."""
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        if name in {field.name for field in fields(SimulatorSettings)}:
            hint = f"it goes with meter=, one of {', '.join(NAMES)}"
        raise SourceError(f"{uri}: {name!r} is unknown; {hint}")
    if name == "meter":
        return _one_of(uri, name, value, NAMES)
    if name == "without":
        chosen = {_one_of(uri, name, each, WITHOUT) for each in value.split(",")}
        return tuple(sorted(each.replace("-", " ") for each in (WITHOUT[:-1] if "all" in chosen else chosen)))
    if not value.isdecimal() or len(value) > MOST_DIGITS:
        raise SourceError(f"{uri}: {name} must be a whole number from 0, got {value!r}")
    if name in LEAST_ONE and not int(value):
        raise SourceError(f"{uri}: {name} must be at least 1, got {value}")
    return int(value)


def _one_of(uri: str, name: str, value: str, known: Sequence[str]) -> str:
    """The value, if it is one of those known."""
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    raise SourceError(f"{uri}: {name} has no {value!r}; {hint}")


def value_at(index: int, start: int) -> int:
    """What the counter shows in a frame; it rolls over after 99999."""
    return (start + index // FRAMES_PER_COUNT) % ROLL_OVER


def render_meter(value: int, size: tuple[int, int], seed: int = 0, index: int = 0) -> Gray:
    """The counter on lit paper, (height, width) uint8; the same arguments give the same picture.

    Parameters
    ----------
    value : int
        Shown with leading zeros.
    size : (width, height)
    seed : int
        Chooses typeface and light.
    index : int
        Changes the noise from frame to frame.
    """
    width, height = size
    look = np.random.default_rng(seed)
    coverage = _draw_digits(f"{value:0{DIGITS}d}", size, FONTS[int(look.integers(len(FONTS)))])
    paper = PAPER - LIGHT_FALL * _gradient(width, height, look.uniform(0, 2 * np.pi))
    picture = paper + (INK - paper) * (coverage / np.float32(255))
    noise = np.random.default_rng((seed, index)).standard_normal((height, width), np.float32)
    return np.clip(picture + NOISE * noise + 0.5, 0, 255).astype(np.uint8)


def _draw_digits(text: str, size: tuple[int, int], font: int) -> Gray:
    """Ink coverage of the digits, spread over the middle of the picture."""
    width, height = size
    # Hershey digits are about 16 wide and 21 high at scale 1; 24 apart they stand like a counter's.
    scale = min(width * 0.75 / (24 * len(text)), height * 0.5 / 21)
    pitch = 24 * scale
    thickness = max(2, round(3.2 * scale))
    coverage = np.zeros((height, width), np.uint8)
    for place, character in enumerate(text):
        (wide, high), _ = cv2.getTextSize(character, font, scale, thickness)
        corner = (round(width / 2 + pitch * (place + 0.5 - len(text) / 2) - wide / 2), round((height + high) / 2))
        cv2.putText(coverage, character, corner, font, scale, (255,), thickness, cv2.LINE_AA)
    return coverage


def _gradient(width: int, height: int, angle: float) -> NDArray[np.float32]:
    """A plane from 0 to 1 across the picture in the direction of `angle`, float32."""
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * np.float32(np.cos(angle))
    plane = rows + columns
    spread = max(float(np.ptp(plane)), 1e-6)
    return np.asarray((plane - plane.min()) / spread, np.float32)
