"""One simulated meter: what it shows at a time, the frame that is taken of it then, and its configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge.geometry import Matrix
from edge.nouns import Box, Colour, Gray
from edge.sources.simulator import camera, events
from edge.sources.simulator.face import Face, draw_face, draw_pointer, drum_window
from edge.sources.simulator.flow import Flow
from edge.sources.simulator.gears import Train
from edge.sources.simulator.kinds import KINDS, Kind

SCREEN_S, FADE_S = 10.3, 0.3
"""How long a display shows a screen, and how long liquid crystals take from one to the next."""

PUT_UP_S = 5.0
"""When the reference picture is taken: a display is at its first screen."""

FIELD = "meter"
"""Name of the field in the configuration."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMeter:
    """A meter, what runs through it, and the camera before it.

    Parameters
    ----------
    kind : Kind
    seed : int
        Of all that chance decides.
    start : float
        The value at the start.
    flow : Flow
    train : Train
    face : Face
    course : Course
    lights : Lights
    """

    kind: Kind
    seed: int
    start: float
    flow: Flow
    train: Train
    face: Face
    course: events.Course
    lights: camera.Lights

    @classmethod
    def of(
        cls, kind: Kind, seed: int, start: float | None = None, happens: frozenset[str] = events.ALL_KINDS
    ) -> SimulatedMeter:
        """The meter of a seed.

        Parameters
        ----------
        start : float, optional
            The value at the start; the seed's own if absent.
        happens : frozenset of str
            What happens before the camera, of `events.ALL_KINDS`.
        """
        seed = seed * len(KINDS) + KINDS.index(kind)  # no two kinds share what happens
        face = draw_face(kind, seed)
        own = float(np.random.default_rng([seed, 16]).uniform(0.02, 0.9)) * kind.top
        windows = events.corners_of_all([*face.digits, *face.dials])
        course = events.Course(seed, happens, windows)
        first = own if start is None else start % kind.top
        return cls(
            kind, seed, first, Flow(kind.profile, seed), Train.of(kind, seed), face, course, camera.lights_of(seed)
        )

    def amount(self, time_s: float) -> float:
        """What the wheels have counted, over the top as well."""
        return self.start + self.flow.at(time_s)

    def shown(self, time_s: float) -> float:
        """The value that the register shows: whole steps, from 0 again after its top."""
        steps = math.floor(self.amount(time_s) / self.kind.resolution + 1e-9)
        return round(steps * self.kind.resolution, self.kind.decimals) % self.kind.top

    def is_shown(self, time_s: float) -> bool:
        """Whether the register is what a display shows, and shows fully; drums always are."""
        if self.kind.screens == 1:
            return True
        number, since = self._screen(time_s)
        return number == 0 and since > FADE_S

    @property
    def marker(self) -> Box:
        """Where a display with several screens says which one it is at: above the first digits."""
        x, y, _, _ = self.face.digits[0]
        return x - 10, y - 22, 100, 18

    def frame(self, time_s: float) -> Gray:
        """The frame that the camera takes, (480, 640) uint8."""
        found = self.course.events(time_s)
        frozen = next((each for each in found if each.kind == "frozen"), None)
        if frozen is not None:
            return self._taken(frozen.start_s, ())
        gray = self._taken(time_s, found)
        fault = self.course.fault(time_s)
        stamp = self.seed + round(time_s)
        if fault == "torn aside":
            return camera.torn_aside(gray, stamp)
        return camera.cut_off(gray, stamp) if fault == "cut off" else gray

    def colour(self, time_s: float) -> Colour | None:
        """The colour planes of the same frame at half size; None of a meter without dials, where nobody asks."""
        if not self.kind.dials:
            return None
        frozen = next((each for each in self.course.events(time_s) if each.kind == "frozen"), None)
        when = frozen.start_s if frozen else time_s
        small = cv2.resize(self.face.colour, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for box, place in zip(self.face.dials, self._places(when)[self.kind.digits :], strict=True):
            draw_pointer(small, [side / 2 for side in box], place)
        found = () if frozen else self.course.events(when)
        is_even = "light" not in self.course.kinds
        return camera.take_colour(small, self.course.view(when), self.lights, found, when, self.seed, is_even)

    def is_lost(self, time_s: float) -> bool:
        """Whether there is no frame at all."""
        found = self.course.events(time_s)
        return any(each.kind == "outage" for each in found) or self.course.fault(time_s) == "lost"

    def reference(self) -> Colour:
        """The picture that somebody took when the camera was put up, (480, 640, 3) uint8."""
        gray, colour = self.scene(PUT_UP_S), self.face.colour.copy()
        is_new = gray != self.face.gray
        colour[is_new] = gray[is_new][:, None]
        for box, place in zip(self.face.dials, self._places(PUT_UP_S)[self.kind.digits :], strict=True):
            draw_pointer(colour, box, place)
        return camera.take_reference(colour, self.lights, self.seed)

    def view(self, time_s: float) -> Matrix:
        """Where the points of the reference picture lie in the frame, (3, 3)."""
        return self.course.view(time_s)

    def scene(self, time_s: float) -> Gray:
        """The meter as it stands, (480, 640) uint8, before any camera."""
        if self.kind.counter == "lcd":
            return self._display(time_s)
        places = self._places(time_s)
        cells = [drum_window(self.face, number, place) for number, place in enumerate(places[: self.kind.digits])]
        gray = camera.with_cells(self.face, cells)
        for box, place in zip(self.face.dials, places[self.kind.digits :], strict=True):
            draw_pointer(gray, box, place)
        return gray

    def _taken(self, time_s: float, found: tuple[events.Event, ...]) -> Gray:
        is_even = "light" not in self.course.kinds
        return camera.take(self.scene(time_s), self.view(time_s), self.lights, found, time_s, self.seed, is_even)

    def _places(self, time_s: float) -> tuple[float, ...]:
        return self.train.places(self.amount(time_s))

    def _screen(self, time_s: float) -> tuple[int, float]:
        """Number of the screen that a display shows, and since when."""
        return int(time_s // SCREEN_S) % self.kind.screens, time_s % SCREEN_S

    def _display(self, time_s: float) -> Gray:
        """A display; while its screen changes, both are seen."""
        number, since = self._screen(time_s)
        now = self._drawn(time_s, number)
        if self.kind.screens == 1 or since >= FADE_S:
            return now
        before = self._drawn(time_s, (number - 1) % self.kind.screens)
        return cv2.addWeighted(now, since / FADE_S, before, 1 - since / FADE_S, 0.0)

    def _drawn(self, time_s: float, number: int) -> Gray:
        """The face with one screen on it."""
        text = self._text(time_s, number)
        gray = camera.with_cells(self.face, [self.face.characters[symbol] for symbol in text])
        x, y, width, height = self.face.digits[0]
        if self.kind.screens > 1:
            left, top, _, high = self.marker
            place = (left + 2, top + high - 4)
            cv2.putText(gray, CODES[number], place, cv2.FONT_HERSHEY_PLAIN, 1.0, (45,), 1, cv2.LINE_AA)
        if self.kind.decimals and number < 2:
            right = self.face.digits[-1][0] + width
            step = self.face.digits[1][0] - x
            dot = (right - step * self.kind.decimals + (step - width) // 2, y + height - 3)
            cv2.circle(gray, dot, 2, (45,), -1, cv2.LINE_AA)
        return gray

    def _text(self, time_s: float, number: int) -> str:
        """What the cells of a screen show: the register, what was fed in, and the date."""
        count = self.kind.digits
        if number == 2:
            return f"{'21' + f'{1 + int(time_s // 86400) % 28:02d}' + '26':>{count}}"
        steps = round(self.shown(time_s) / self.kind.resolution)
        steps = steps if number == 0 else 12_345 + int(time_s // 5000)
        return f"{steps:0{count}d}" if self.kind.has_zeros else f"{steps:0{self.kind.decimals + 1}d}".rjust(count)


CODES = ("1.8.0 kWh", "2.8.0 kWh", "0.9.2")
"""Stand in a corner of each screen."""
