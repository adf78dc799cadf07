"""Which screen a display shows: the unit or sign beside a value, held against the picture of it.

A display whose screens take turns shows another number in the same cells. What tells them apart, such as "kWh" or an
arrow, is compared with the screen that a field wants. The correlation of whole pictures would take "kW" for "kWh"; so
the worst part counts: an upright strip half as wide as the marker is high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Points, cut_upright, sides_of
from edge.nouns import Gray

ROWS = 24
"""Height that a marker is brought to."""

MOST_COLUMNS = 240
"""... and the most that its width may become: ten times as wide as high is a whole line of a display."""

REACH = 3
"""Pixels of that size by which a marker is looked for to each side, an eighth of its height: frames are registered to a
few hundredths of it.
"""

SOFT = 1.0
"""Blur of both in those pixels, so that a picture which is a little less sharp is no other marker."""

STRIP = ROWS // 2
"""Columns of the strip whose worst place counts."""

FLAT = 2.0
"""Standard deviation, in gray levels, below which there is nothing in the marker's place: noise of 6 levels has 1.7."""

FAINT = 0.5
"""Contrast of a marker over that of the digits, as a share of what it is in the picture that shows it, below which it
is the shadow of a screen that has just gone.
"""

SAME, OTHER = 0.75, 0.3
"""Likeness from which a screen is the wanted one, and below which it is another.

The former is the least at which none of 1,000 other screens is taken for the wanted one:
`python -m tests.meters.screens --count 2000 --choose`.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Marker:
    """What stands beside a field's value on its screen.

    Parameters
    ----------
    picture : (24, columns) uint8
    contrast : float
        Its standard deviation over the mean of those of the digits' cells, where both are seen.
    """

    picture: Gray
    contrast: float

    def __post_init__(self) -> None:
        if self.picture.dtype != np.uint8 or self.picture.ndim != 2 or self.picture.shape[0] != ROWS:
            found = f"{self.picture.shape} {self.picture.dtype}"
            raise TypeError(f"Marker.picture must be ({ROWS}, columns) uint8, got {found}")

    @classmethod
    def of(cls, gray: Gray, quad: Points, cells: Sequence[Points]) -> Marker:
        """The marker in a quadrilateral, and the digits in others, of the picture that shows the wanted screen."""
        width, height = sides_of(quad)
        columns = min(max(STRIP, round(ROWS * width / height)), MOST_COLUMNS)
        picture = cut_upright(gray, quad, (columns, ROWS))[0]
        return cls(picture, _deviation(picture) / _digits_deviation(gray, cells))

    @property
    def is_blank(self) -> bool:
        """Whether it shows nothing to know a screen by."""
        return _deviation(self.picture) < FLAT

    def likeness(self, gray: Gray, quad: Points, cells: Sequence[Points]) -> float:
        """How much of the marker a frame shows: 1 for all of it, 0 or less for nothing or another one.

        Parameters
        ----------
        gray : (rows, columns) uint8
        quad : (4, 2)
            The marker's place in the frame.
        cells : sequence of (4, 2)
            The digits'.
        """
        wanted = _without_slope(_soft(self.picture))
        near = _soft(cut_upright(gray, quad, (wanted.shape[1], ROWS), margin=REACH)[0])
        _, _, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(near, wanted, cv2.TM_CCOEFF_NORMED))
        seen = _without_slope(near[y : y + wanted.shape[0], x : x + wanted.shape[1]])
        contrast = float(seen.std()) / _digits_deviation(gray, cells)
        is_shown = seen.std() >= FLAT and contrast >= FAINT * self.contrast
        return _worst_strip(wanted, seen) if is_shown else 0.0


def doubt_of(likeness: float) -> tuple[bool, str] | None:
    """Whether a screen is another one for sure, and the reason not to believe it; None where it is the wanted one."""
    if likeness >= SAME:
        return None
    if likeness < OTHER:
        return True, "another screen is shown: the marker is not in its place"
    return False, f"the marker is not clear: {max(likeness, 0.0):.2f} of it is found, {SAME:g} is wanted"


def _soft(gray: Gray) -> NDArray[np.float32]:
    return cv2.GaussianBlur(gray.astype(np.float32), (0, 0), SOFT)


def _deviation(gray: Gray) -> float:
    """Standard deviation of a picture, in gray levels, but for noise and slopes of light."""
    return float(_without_slope(_soft(gray)).std())


def _digits_deviation(gray: Gray, cells: Sequence[Points]) -> float:
    """... and the mean of those of some cells."""
    cuts = [cut_upright(gray, cell, (max(4, round(ROWS * np.divide(*sides_of(cell)))), ROWS))[0] for cell in cells]
    return max(float(np.mean([_deviation(cut) for cut in cuts])), FLAT)


def _without_slope(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture of mean 0 without the light that falls off across it."""
    rows, columns = (np.linspace(-1, 1, length, dtype=np.float32) for length in levels.shape)
    level = levels - levels.mean()
    down = (level * rows[:, None]).mean() / np.square(rows).mean()
    across = (level * columns[None, :]).mean() / np.square(columns).mean()
    return np.asarray(level - down * rows[:, None] - across * columns[None, :], np.float32)


def _worst_strip(wanted: NDArray[np.float32], seen: NDArray[np.float32]) -> float:
    """1 less half the mean square by which two pictures of mean 0, of the same variance, differ at the worst strip."""
    first, second = (each / max(float(each.std()), 1e-6) for each in (wanted, seen))
    columns = np.square(first - second).mean(axis=0)
    strips = np.convolve(columns, np.ones(STRIP) / STRIP, mode="valid")
    return float(1.0 - strips.max() / 2)
