"""What may stand behind `demo:?meter=`."""

from __future__ import annotations

from dataclasses import dataclass

from edge.sources.simulator.events import ALL_KINDS
from edge.sources.simulator.flow import DAY_S
from edge.sources.simulator.kinds import KINDS

NAMES = tuple(kind.name for kind in KINDS)
WITHOUT = (*sorted(kind.replace(" ", "-") for kind in ALL_KINDS), "all")


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """A simulated meter.

    Parameters
    ----------
    uri : str
        As it was written.
    meter : str
        Name of its kind.
    seed : int
    start : int, optional
        The first value in whole units; the seed's own if absent.
    days, frames : int
        Ends after so many, whichever comes first; with neither it runs for ever in real time.
    every : int
        Seconds between two frames of one that ends.
    without : tuple of str
        What does not happen before the camera.
    """

    uri: str
    meter: str
    seed: int = 0
    start: int | None = None
    days: int = 0
    frames: int = 0
    every: int = 60
    without: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Frames until the end; 0 for ever."""
        of_days = int(self.days * DAY_S) // self.every
        return min(filter(None, (of_days, self.frames)), default=0)
