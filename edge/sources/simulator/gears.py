"""Where the drums and pointers of a counter stand, by what has run through it: the physics of a train of wheels.

A place counts steps, ten a turn, without end: 41.5 is a drum that was carried 41 times and is half-way to the next.

- The lowest wheel is geared to the flow: its place is the value over its unit. So is each pointer, which is pressed
  onto its shaft a little askew.
- A drum above rests on a pinion. The drum below has a tooth that takes the pinion along from where that drum stands at
  `engages_at`, over `span` of its steps, by one step. What counts is where the drum below really stands.
- Between pinion and drum there is play: a drum rests up to `slack` beside its place, and where it rests changes only
  while it is carried. How it came to rest is chance, so each rest is drawn by the number of the carry.
- A drum that jumps, driven by a pulse, has no places between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edge.sources.simulator.kinds import Kind

ENGAGES, SPAN = (8.9, 9.15), (0.85, 1.0)
"""Of the teeth: they end where the drum below shows its 0, give or take a tenth of a step."""

ASKEW = 0.08
"""Standard deviation of a pointer on its shaft, in steps: 3 degrees."""

OVER_POINTER = 0.35
"""Standard deviation of where a pointer stands when the drum above starts, beside where a drum would."""


@dataclass(frozen=True, slots=True)
class Train:
    """One counter, as it was put together.

    Parameters
    ----------
    kind : Kind
    seed : int
        Of its rests.
    engages_at, spans : tuple of float
        Of each wheel, the lowest first; those of the lowest and of pointers mean nothing.
    askew : tuple of float
        Steps that each pointer is pressed on beside its place, the lowest first.
    """

    kind: Kind
    seed: int
    engages_at: tuple[float, ...]
    spans: tuple[float, ...]
    askew: tuple[float, ...]

    @classmethod
    def of(cls, kind: Kind, seed: int) -> Train:
        """The counter of a seed."""
        rng = np.random.default_rng([seed, 2])
        count = kind.digits + kind.dials
        engages = rng.uniform(*ENGAGES, count)
        if kind.dials:
            engages[kind.dials] += float(np.clip(rng.normal(0, OVER_POINTER), -0.8, 0.8))
        spans = np.minimum(rng.uniform(*SPAN, count), 10 - engages + 0.1)
        return cls(kind, seed, tuple(engages), tuple(spans), tuple(rng.normal(0, ASKEW, kind.dials)))

    def places(self, value: float) -> tuple[float, ...]:
        """Where the wheels stand when so much has run through, the highest first, drums and then pointers.

        A meter's register starts again at its top; its wheels do so by themselves.
        """
        steps = value / self.kind.resolution
        if self.kind.jumps:
            return tuple(float(math.floor(steps * (1 + 1e-12)) // 10**k) for k in reversed(range(self.kind.digits)))
        places = [steps / 10**k + askew for k, askew in enumerate(self.askew)]
        below = steps / 10 ** (self.kind.dials - 1) if self.kind.dials else None
        for wheel in range(self.kind.dials, self.kind.digits + self.kind.dials):
            own = steps if below is None else self._rested(wheel, self._carried(wheel, below))
            places.append(own)
            below = own
        return (*reversed(places[self.kind.dials :]), *reversed(places[: self.kind.dials]))

    def _carried(self, wheel: int, below: float) -> float:
        """Steps that a wheel was carried by the one below."""
        since = below - self.engages_at[wheel]
        turns = math.floor(since / 10)
        return (
            turns + 1 if since - 10 * turns >= self.spans[wheel] else turns + (since - 10 * turns) / self.spans[wheel]
        )

    def _rested(self, wheel: int, carried: float) -> float:
        """The place of a wheel in its play: from the rest before a carry to the rest after it."""
        before = math.floor(carried)
        share = carried - before
        return (
            carried + (1 - share) * self._rest(wheel, before) + (share * self._rest(wheel, before + 1) if share else 0)
        )

    def _rest(self, wheel: int, carries: int) -> float:
        """Steps beside its place that a wheel rests after so many carries."""
        return self.kind.slack * _drawn(self.seed, wheel, max(carries, 0))


@lru_cache(maxsize=1024)
def _drawn(seed: int, wheel: int, carries: int) -> float:
    """-1 to 1, the same for the same rest."""
    return float(np.random.default_rng([seed, wheel, carries, 3]).uniform(-1, 1))
