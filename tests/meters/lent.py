"""How well the low drums of a counter tell what a high one shows: `edge.meters.own_digits` on simulated meters.

`python -m tests.meters.lent [--seeds N]` reads a day of each kind of drums without dials, a frame every three minutes.
Every high drum that stands is held against the digits that its meter has lent so far: its own digit and the one that
the network takes to be the next likely, and its own and another. The seeds are those that choose thresholds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2

from edge.fields import open_fields
from edge.meters.cell import digit_masses
from edge.meters.own_digits import LENDING, OwnDigits
from edge.meters.tracker import Tracker
from edge.nouns import Digit, Sight
from edge.sources import SourceSettings, open_source, simulated_setup
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.source import SimulatorSource

MODELS = Path("models")
EVERY_MINUTES = 3
ASKED_EVERY = 12
"""Frames: what was lent hardly changes in between."""

SETTLED = 0.15


@dataclass(slots=True)
class Told:
    """Of a meter's high drums, asked which of two digits they show, the answers that are right, wrong, and none."""

    right: int = 0
    wrong: int = 0
    none: int = 0
    drums: int = 0


def main() -> None:
    """Print a line a meter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'meter':14s} {'seed':>4s} {'drums':>6s} {'right':>6s} {'wrong':>6s} {'none':>6s}")
    found = []
    for kind in (kind for kind in KINDS if kind.counter == "drum" and not kind.dials):
        for seed in range(1, arguments.seeds + 1):
            found.append(held(kind.name, seed))
            print(line_of(kind.name, str(seed), found[-1]), flush=True)
    print(line_of("all", "", Told(*map(sum, zip(*map(astuple, found), strict=True)))))


def line_of(name: str, seed: str, told: Told) -> str:
    """A meter's line."""
    return f"{name:14s} {seed:>4s} {told.drums:6d} {told.right:6d} {told.wrong:6d} {told.none:6d}"


def held(kind: str, seed: int) -> Told:
    """What the low drums of a meter tell of its high ones within a day."""
    told, own, drums = Told(), OwnDigits(1.0), set()
    for number, (digits, places) in enumerate(seen(kind, seed)):
        own.note(digits)
        if number % ASKED_EVERY:
            continue
        for k, (shown, place) in enumerate(zip(digits[:-LENDING], places, strict=False)):
            digit = round(place) % 10
            if shown.sight is None or abs(place - round(place)) > SETTLED:
                continue
            drums.add((k, digit))
            for other in others_of(shown.sight, digit):
                answer = own.told(shown.sight.picture, {str(digit), str(other)})
                told.right += answer == str(digit)
                told.wrong += answer == str(other)
                told.none += answer is None
    told.drums = len(drums)
    return told


def seen(kind: str, seed: int) -> Iterator[tuple[Sequence[Digit], Sequence[float]]]:
    """What the frames of a day show of each drum, and where it stands."""
    uri = f"demo:?meter={kind}&seed={seed}&days=1"
    own = simulated_setup(uri)
    assert own is not None
    tracker = Tracker(open_fields(own.config, MODELS, picture=own.reference))
    with open_source(uri, SourceSettings()) as source:
        assert isinstance(source, SimulatorSource)
        for minute in range(0, 24 * 60, EVERY_MINUTES):
            frame = source.frame_at(minute, 60.0 * minute)
            (reading,) = tracker.read(frame) if frame else (None,)
            if reading is not None and reading.digits:
                yield reading.digits, source.meter.train.places(source.meter.amount(60.0 * minute))


def others_of(sight: Sight, digit: int) -> tuple[int, int]:
    """The digit beside the true one that the network takes to be the likeliest, and one that changes from one to the
    next.
    """
    masses = digit_masses(sight.scores.positions)
    masses[digit] = -1.0
    return int(masses.argmax()), (digit + 2) % 10


if __name__ == "__main__":
    main()
