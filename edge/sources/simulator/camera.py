"""The frame that a camera takes of a meter: its view, its light, what lies before the glass, lens and sensor.

Light is the sum of a lamp beside the camera, which is brightest in the middle, and of a window to one side. The camera
exposes for the mean; with little light its gain ends and its noise grows. All is done on whole pictures, a few of them
a frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Matrix
from edge.nouns import Colour, Gray
from edge.sources.simulator.events import Event, daylight
from edge.sources.simulator.face import SIZE, Face
from edge.sources.simulator.flow import DAY_S

EXPOSED = 118.0
"""Mean gray level that the camera exposes for."""

ALBEDO = 128.0
"""Mean gray level of a face and its wall."""

LAMP, MAX_GAIN = 0.35, 3.2
"""Light of the lamp over the window's at noon, and the most that the camera makes of what there is."""

NOISE, GAIN_NOISE = 1.2, 1.1
"""Gray levels of standard deviation at gain 0, and so many more a unit of gain."""

BANK = (SIZE[1] + 256, SIZE[0] + 256)
"""Rows and columns of the noise that frames are cut out of, each at its own place."""

DARK = 0.015
"""Of the lamp's light that is left at night when it is out."""

VIEWS = 32
"""Of a camera that are kept: it trembles between a few."""

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lights:
    """What every frame of a camera shares: the lamp's and the window's light over the picture, and its noise.

    Parameters
    ----------
    lamp, window : (480, 640) float32
    noise : (rows, columns) float32
        Of standard deviation 1.
    """

    lamp: Levels
    window: Levels
    noise: Levels


def lights_of(seed: int) -> Lights:
    """The lights about a camera."""
    rng = np.random.default_rng([seed, 12])
    y, x = np.mgrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j]
    x0, y0 = rng.uniform(-0.3, 0.3, 2)
    lamp = 1.1 - 0.25 * ((x - x0) ** 2 + (y - y0) ** 2)
    angle = rng.uniform(0, 2 * np.pi)
    window = 0.8 + 0.4 * (x * np.cos(angle) + y * np.sin(angle))
    noise = rng.standard_normal(BANK, np.float32)
    return Lights(lamp.astype(np.float32), np.clip(window, 0.15, None).astype(np.float32), noise)


def take(
    scene: Gray,
    matrix: Matrix,
    lights: Lights,
    events: Sequence[Event],
    time_s: float,
    seed: int,
    is_even: bool = False,
) -> Gray:
    """The gray frame, (480, 640) uint8, of what the meter shows.

    Parameters
    ----------
    scene : (480, 640) uint8
        The face with all that stands on it.
    matrix : (3, 3)
        Maps its points to the frame.
    events : sequence of Event
        What is going on.
    is_even : bool
        Whether the light is always the same: a good lamp and no window.
    """
    rng = np.random.default_rng([seed, 13, round(time_s * 1000)])
    seen = _warped(scene, matrix, SIZE)
    light, gain = _lit(lights, events, time_s, seed, is_even)
    levels = cv2.multiply(seen, light, dtype=cv2.CV_32F)
    for event in events:
        levels = _spoilt(levels, event, time_s)
    return cv2.addWeighted(_grain(lights.noise, rng), NOISE + GAIN_NOISE * gain, levels, 1.0, 0.0, dtype=cv2.CV_8U)


def take_colour(
    scene: Colour,
    matrix: Matrix,
    lights: Lights,
    events: Sequence[Event],
    time_s: float,
    seed: int,
    is_even: bool = False,
) -> Colour:
    """The colour planes of the same frame, (240, 320, 3) uint8, of a scene of half the size."""
    half = np.diag([0.5, 0.5, 1.0]) @ matrix @ np.diag([2.0, 2.0, 1.0])
    seen = _warped(scene, half, (SIZE[0] // 2, SIZE[1] // 2))
    light, _ = _lit(lights, events, time_s, seed, is_even)
    levels = seen * cv2.resize(light, (SIZE[0] // 2, SIZE[1] // 2), interpolation=cv2.INTER_AREA)[..., None]
    for event in events:
        levels = _spoilt(levels, event, time_s)
    return np.clip(levels, 0, 255).astype(np.uint8)


def take_reference(scene: Colour, lights: Lights, seed: int) -> Colour:
    """The picture of a scene (480, 640, 3) uint8 in even light, as large and in colour."""
    light, gain = _lit(lights, (), 0.0, seed, is_even=True)
    noise = (NOISE + GAIN_NOISE * gain) * _grain(lights.noise, np.random.default_rng([seed, 17]))
    return np.clip(scene * light[..., None] + noise[..., None] + 0.5, 0, 255).astype(np.uint8)


def torn_aside(gray: Gray, seed: int) -> Gray:
    """The lower part of a frame stands beside the upper one."""
    rng = np.random.default_rng([seed, 14])
    row, shift = int(rng.integers(100, 380)), int(rng.choice([-1, 1]) * rng.integers(20, 120))
    return np.vstack([gray[:row], np.roll(gray[row:], shift, axis=1)])


def cut_off(gray: Gray, seed: int) -> Gray:
    """The rest of the frame never came."""
    gray = gray.copy()
    gray[int(np.random.default_rng([seed, 15]).integers(100, 440)) :] = 128
    return gray


def _warped(scene: NDArray[np.uint8], matrix: Matrix, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The scene in view; beyond its borders the wall goes on."""
    places, parts = _places(matrix.tobytes(), size)
    return cv2.remap(scene, places, parts, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


@lru_cache(maxsize=VIEWS)
def _places(matrix: bytes, size: tuple[int, int]) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Where each pixel of the frame is taken from, as OpenCV likes it: twice as fast as from the map itself."""
    back = np.linalg.inv(np.frombuffer(matrix, np.float64).reshape(3, 3))
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)  # the middle of the first pixel
    ends = np.stack([x, y, np.ones_like(x)], axis=-1) @ back.T
    across, down = (np.asarray(ends[..., k] / ends[..., 2] - 0.5, np.float32) for k in (0, 1))
    return cv2.convertMaps(across, down, cv2.CV_16SC2)


def _lit(lights: Lights, events: Sequence[Event], time_s: float, seed: int, is_even: bool) -> tuple[Levels, float]:
    """What each pixel is multiplied by, and the gain that the camera chose."""
    sun = 0.0 if is_even else daylight(time_s, seed)
    lamp = DARK if any(event.kind == "lamp out" for event in events) else LAMP
    gain = min(MAX_GAIN, EXPOSED / (ALBEDO * (0.95 * lamp + 0.8 * sun)))
    light = cv2.addWeighted(lights.lamp, gain * lamp, lights.window, gain * sun, 0.0)
    if sun > 0.05:
        light *= _bar(time_s)
    return light, gain


def _bar(time_s: float) -> Levels:
    """The shadow of the window's frame, which wanders over the picture in the course of the day: (1, 640)."""
    place = SIZE[0] * (2.2 * (time_s / DAY_S % 1.0) - 0.6)
    off = (np.arange(SIZE[0], dtype=np.float32) - np.float32(place)) / 45
    return (1 - 0.25 * np.exp(-(off**2)))[None].astype(np.float32)


def _grain(noise: Levels, rng: np.random.Generator) -> Levels:
    """A piece of the noise."""
    top, left = rng.integers(0, (BANK[0] - SIZE[1], BANK[1] - SIZE[0]))
    return noise[top : top + SIZE[1], left : left + SIZE[0]]


def _spoilt(levels: Levels, event: Event, time_s: float) -> Levels:
    """The picture with an event in it, at the scale that it has."""
    rng, scale = np.random.default_rng(event.seed), levels.shape[1] / SIZE[0]
    if event.kind == "glare":
        return _glared(levels, event, event.share(time_s), rng, scale)
    if event.kind == "fog":
        return _fogged(levels, event, math.sin(math.pi * event.share(time_s)), rng, scale)
    if event.kind == "hand":
        return _hidden(levels, event, rng, scale)
    if event.kind == "defocused":
        return cv2.GaussianBlur(levels, (0, 0), (1.5 + 6 * event.strength) * scale)
    return levels


def _glared(levels: Levels, event: Event, share: float, rng: np.random.Generator, scale: float) -> Levels:
    """A reflection of the window that wanders across the picture."""
    ends = rng.uniform((60, 90), (580, 330), (2, 2))
    place = (ends[0] + share * (ends[1] - ends[0])) * scale
    radius = (14 + 30 * event.strength) * scale
    reach = round(3 * radius)
    top, left = max(0, round(place[1]) - reach), max(0, round(place[0]) - reach)
    part = levels[top : round(place[1]) + reach, left : round(place[0]) + reach]
    y, x = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    far = np.hypot((x - place[0]) / 1.3, y - place[1]) / radius
    spot = (330 / (1 + np.exp((far - 1) * 6))).astype(np.float32)
    part += spot if levels.ndim == 2 else spot[..., None]
    return levels


def _fogged(levels: Levels, event: Event, depth: float, rng: np.random.Generator, scale: float) -> Levels:
    """A veil over all, and drops that blur and bend what is behind them."""
    veil = np.float32(0.5 * event.strength * depth)
    mean = np.float32(levels.mean())
    levels = levels * (1 - veil) + mean * veil
    count = int((4 + 30 * event.strength) * depth)
    places, radii = rng.uniform((80, 60), (560, 430), (40, 2)) * scale, rng.uniform(2.5, 8, 40) * scale
    for (x, y), radius in zip(places[:count].tolist(), radii[:count].tolist(), strict=True):
        top, left, reach = int(y - radius), int(x - radius), max(2, round(2 * radius))
        part = levels[max(0, top) : top + reach, max(0, left) : left + reach]
        if part.size:
            blurred = cv2.blur(cv2.flip(part, 0), (3, 3)).reshape(part.shape)
            rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
            inside = np.hypot(rows - part.shape[0] / 2, columns - part.shape[1] / 2) < radius
            part[inside] = 0.8 * blurred[inside] + 25
    return levels


def _hidden(levels: Levels, event: Event, rng: np.random.Generator, scale: float) -> Levels:
    """A hand before the meter."""
    place = tuple(round(float(each) * scale) for each in rng.uniform((200, 150), (440, 300)))
    axes = (round((130 + 90 * event.strength) * scale), round((110 + 60 * event.strength) * scale))
    levels = np.ascontiguousarray(levels)
    cv2.ellipse(levels, place, axes, float(rng.uniform(0, 180)), 0, 360, (95.0, 110.0, 140.0), -1, cv2.LINE_AA)
    return levels


def with_cells(face: Face, cells: Sequence[Gray]) -> Gray:
    """The gray scene: the face with what its windows or cells show."""
    gray = face.gray.copy()
    for (x, y, width, height), cell in zip(face.digits, cells, strict=True):
        gray[y : y + height, x : x + width] = cell
    return gray
