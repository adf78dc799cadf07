"""What runs through a meter: draws of water, burners that go on and off, appliances, a machine's shifts.

Each day has its own generator, so that any moment can be asked for. A flow is constant between two knots; the value is
its integral.

References
----------
E. J. M. Blokker, J. H. G. Vreeburg, J. C. van Dijk, Simulating residential water demand with a stochastic end-use
model, Journal of Water Resources Planning and Management 136(1), 2010: draws as rectangular pulses, some 40 a day and
household, half of them below a minute.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.sources.simulator.kinds import Profile

DAY_S = 86_400.0

Array = NDArray[np.float64]


class Flow:
    """What has run through a meter since the start of the first day.

    Parameters
    ----------
    profile : str
    seed : int
    """

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile: Profile = profile
        self._seed = seed
        self._totals = [0.0]

    def at(self, time_s: float) -> float:
        """The amount at a time from 0 on, seconds after the start."""
        day = int(time_s // DAY_S)
        while len(self._totals) <= day:
            self._totals.append(
                self._totals[-1] + float(_knots(self._profile, self._seed, len(self._totals) - 1)[1][-1])
            )
        times, amounts = _knots(self._profile, self._seed, day)
        return self._totals[day] + float(np.interp(time_s - day * DAY_S, times, amounts))


@lru_cache(maxsize=64)
def _knots(profile: Profile, seed: int, day: int) -> tuple[Array, Array]:
    """Times of a day, (n,) from 0 to 86400, and the amount that has run since its start, (n,)."""
    rng = np.random.default_rng([seed, day, 1])
    starts, lengths, rates = PULSES[profile](rng, day)
    ends = np.minimum(starts + lengths, DAY_S)
    times = np.unique(np.concatenate([[0.0, DAY_S], starts, ends]))
    run = (np.clip(times[:, None], starts, ends) - starts) @ (rates / 3600)
    return times, run + BASE[profile] / 3600 * times


BASE: dict[Profile, float] = {
    "household water": 0.0,
    "gas heating": 0.0,
    "household power": 0.18,
    "district heat": 0.0004,
    "machine": 0.0,
}
"""An hour, that always runs: fridges and stand-by, losses of a pipe."""


def _water(rng: np.random.Generator, _day: int) -> tuple[Array, Array, Array]:
    """Some 45 draws, mostly short, in the morning and the evening."""
    count = int(rng.poisson(45))
    hours = np.where(rng.random(count) < 0.4, rng.normal(7.5, 1.2, count), rng.normal(18.5, 2.5, count))
    hours = np.where(rng.random(count) < 0.15, rng.uniform(0, 24, count), hours)
    lengths = np.clip(rng.lognormal(math.log(45), 1.2, count), 3, 1500)
    return _day_seconds(hours), lengths, rng.uniform(0.12, 1.1, count)


def _gas(rng: np.random.Generator, _day: int) -> tuple[Array, Array, Array]:
    """A burner that goes on and off the whole day, longer in the morning."""
    starts = np.cumsum(rng.uniform(900, 3000, 60))
    starts = starts[starts < DAY_S]
    warm = 1 + np.exp(-(((starts / 3600 - 6.5) / 1.5) ** 2))
    return starts, rng.uniform(240, 700, len(starts)) * warm, rng.uniform(1.1, 2.6, len(starts))


def _power(rng: np.random.Generator, _day: int) -> tuple[Array, Array, Array]:
    """Appliances: some all evening, a few that draw kilowatts."""
    small, large = int(rng.poisson(30)), int(rng.poisson(9))
    starts = _day_seconds(np.concatenate([rng.normal(17, 4, small), rng.normal(14, 4.5, large)]))
    lengths = np.concatenate([rng.uniform(600, 14_000, small), rng.uniform(120, 5000, large)])
    return starts, lengths, np.concatenate([rng.uniform(0.02, 0.25, small), rng.uniform(0.8, 3.2, large)])


def _heat(rng: np.random.Generator, day: int) -> tuple[Array, Array, Array]:
    """A house that is heated all day, less at night, now and then a bath."""
    starts = np.arange(0, DAY_S, 1800.0)
    hours = starts / 3600
    need = np.where((hours > 5.5) & (hours < 22), 0.006, 0.0025) * rng.uniform(0.6, 1.4, len(starts))
    return starts, np.full(len(starts), 1800.0), need * (1 + 0.3 * math.sin(day))


def _machine(rng: np.random.Generator, _day: int) -> tuple[Array, Array, Array]:
    """Pieces: two shifts with stops."""
    starts = np.cumsum(rng.uniform(1500, 5400, 40)) + 5.5 * 3600
    starts = starts[starts < 22 * 3600]
    gaps = np.diff(np.append(starts, 22 * 3600))
    return starts, gaps * rng.uniform(0.6, 0.97, len(starts)), rng.uniform(250, 900, len(starts))


def _day_seconds(hours: Array) -> Array:
    """Seconds of a day; what lies beyond midnight is of the same day, twelve hours off."""
    return np.asarray(np.where((hours < 0) | (hours >= 24), (hours + 12) % 24, hours) * 3600, np.float64)


PULSES = {
    "household water": _water,
    "gas heating": _gas,
    "household power": _power,
    "district heat": _heat,
    "machine": _machine,
}
