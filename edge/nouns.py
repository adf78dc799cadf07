"""The nouns that pass through the pipeline: frozen, checked once when they are made.

Arrays are (rows, columns); boxes are (x, y, width, height) in pixels of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

GLYPH_SIDE = 28
"""Side of a glyph in pixels, MNIST's."""

POSITIONS = 100
"""Tenths of a step on a drum of ten digits."""

NOT_A_DIGIT = ""
"""The label of the class that takes what is not a digit."""

UNREADABLE = "?"
"""Stands in a reading's text for a digit below the cutoff."""

Box = tuple[int, int, int, int]
Gray = NDArray[np.uint8]
Colour = NDArray[np.uint8]
"""(rows, columns, 3), BGR."""

Status = Literal["ok", "uncertain", "empty", "rejected"]


def require_uint8(name: str, array: NDArray[Any], ndim: int) -> None:
    """Raise TypeError unless `array` is uint8 with `ndim` axes and no axis is empty."""
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim != ndim:
        found = f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be a {ndim}-d uint8 array, got {found}")
    if array.size == 0:
        raise TypeError(f"{name} must not be empty, got shape {array.shape}")


def _require_half(colour: Colour, gray: Gray) -> None:
    """Raise TypeError unless `colour` has three planes of half the size of `gray`, to a pixel."""
    require_uint8("Frame.colour", colour, 3)
    (rows, columns), (high, wide, planes) = gray.shape, colour.shape
    if planes != 3 or abs(2 * high - rows) > 1 or abs(2 * wide - columns) > 1:
        raise TypeError(f"Frame.colour must be ({rows} / 2, {columns} / 2, 3) uint8, got {colour.shape} uint8")


@dataclass(frozen=True, slots=True)
class Truth:
    """What a field's meter shows in a frame, where somebody knows; `is_shown` is whether its display is at it now."""

    name: str
    value: float
    is_shown: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One gray picture from a source, with its colour planes where they were asked for and it has any.

    Parameters
    ----------
    gray : (rows, columns) uint8
    source : str
        What the user named: a path or an address.
    index : int
        0 for the first frame of the source; a still picture has only that.
    timestamp_s : float
        Wall time of the capture, seconds since the epoch.
    monotonic_s : float
        The same instant on the monotonic clock, for ages and latencies.
    is_time_sure : bool
        False where the wall clock was not set, as after a boot without network.
    colour : (rows / 2, columns / 2, 3) uint8 BGR, optional
        The same picture at half size, to a pixel.
    boot : str, optional
        The start of the machine that `monotonic_s` counts from; None for this one.
    truth : tuple of Truth
        Of a simulated or a recorded frame; a camera knows none.
    """

    gray: Gray
    source: str
    index: int = 0
    timestamp_s: float = 0.0
    monotonic_s: float = 0.0
    is_time_sure: bool = True
    colour: Colour | None = None
    boot: str | None = None
    truth: tuple[Truth, ...] = ()

    def __post_init__(self) -> None:
        require_uint8("Frame.gray", self.gray, 2)
        if self.colour is not None:
            _require_half(self.colour, self.gray)


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A piece of ink that may be a digit: where it is, and how much ink covers each of its pixels.

    Parameters
    ----------
    box : (x, y, width, height) in pixels of the frame
    coverage : (rows, columns) uint8
        0 is paper, 255 full ink; light on dark is turned round already. Its shape need not be the
        box's: a large digit is worked on in a reduced picture.
    """

    box: Box
    coverage: Gray

    def __post_init__(self) -> None:
        require_uint8("Region.coverage", self.coverage, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Glyph:
    """A region as the network sees it: (28, 28) uint8, bright ink on 0, cut, scaled and centred."""

    pixels: Gray

    def __post_init__(self) -> None:
        require_uint8("Glyph.pixels", self.pixels, 2)
        if self.pixels.shape != (GLYPH_SIDE, GLYPH_SIDE):
            raise TypeError(f"Glyph.pixels must be ({GLYPH_SIDE}, {GLYPH_SIDE}) uint8, got {self.pixels.shape} uint8")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A glyph's label with the calibrated probability of every class.

    Parameters
    ----------
    label : str
        The most likely class; `NOT_A_DIGIT` where that is what it is.
    confidence : float
        Calibrated probability that `label` is right, 0..1.
    scores : dict of str to float
        Calibrated probability of each class, in the bundle's order; they add up to 1.
    """

    label: str
    confidence: float
    scores: dict[str, float]

    @property
    def is_digit(self) -> bool:
        """Whether the most likely class is a character at all."""
        return self.label != NOT_A_DIGIT


@dataclass(frozen=True, slots=True, eq=False)
class CellScores:
    """What a meter's cell shows, as calibrated probabilities that add up to 1.

    Parameters
    ----------
    positions : (100,) float64
        Of each tenth of a step of a drum, 0.0 to 9.9; a digit that does not roll stands at a whole step.
    blank, minus, unreadable : float
        Of a cell without a digit, of a minus sign, and of what cannot be told.
    """

    positions: NDArray[np.float64]
    blank: float
    minus: float
    unreadable: float

    def __post_init__(self) -> None:
        if self.positions.shape != (POSITIONS,) or self.positions.dtype != np.float64:
            found = f"{self.positions.shape} {self.positions.dtype}"
            raise TypeError(f"CellScores.positions must be ({POSITIONS},) float64, got {found}")


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a network was shown of a meter's cell, (32, 20) uint8, and what it said."""

    picture: Gray
    scores: CellScores


@dataclass(frozen=True, slots=True)
class Digit:
    """One character of a reading; `text` is "?" where its confidence is below the cutoff.

    A drum has its `position`, 0.0 to 9.9, and what was seen of it.
    """

    text: str
    confidence: float
    box: Box
    position: float | None = None
    sight: Sight | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that a frame may show, and its probability, 0..1."""

    value: float
    probability: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One number, or the reason why there is none.

    `value` is None unless `status` is "ok". `confidence` is the probability that all of `text` is
    right, 0..1. `candidates` are a meter's: the values that its rules allow, most likely first; their
    probabilities add up to 1 at the most.
    """

    name: str
    text: str
    value: float | None
    status: Status
    confidence: float
    box: Box | None
    reason: str | None = None
    digits: tuple[Digit, ...] = field(default=())
    candidates: tuple[Candidate, ...] = field(default=())

    def __post_init__(self) -> None:
        if (self.value is not None) != (self.status == "ok"):
            raise ValueError(f"a Reading has a value exactly when its status is ok, got {self.value} and {self.status}")
