"""How often a drum above dials is read wrong, by how that drum is carried, which no picture tells.

`python -m tests.meters.over_dial [--count N] [--seed S] [--choose]` prints the tables.

The physics, which shares no code with `edge.meters.drums`: two drums and two pointers show a value; the lower drum
makes its step while the first pointer is seen to go from 9 + phase to 10 + phase, or it turns evenly with it. Drums
rest up to 0.15 steps beside their places, and each reading errs by 0.1. A value that is off by more than 3 units of
the last pointer is wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge.meters.drums import DIAL, DRUM, DRUM_OVER_DIAL, LOWEST_DRUM, Wheel, WheelTraits, decode_wheels
from tests.meters.physics import Array, Counter, scores_of

CHOOSE_SEED, REPORT_SEED = 1, 2

PHASES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)

CUTOFF = 0.97
"""Probability from which on a value is called sure; the bundle's own cutoff is near."""

SLACK, NOISE = 0.15, 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares of the readings of one kind of meter."""

    wrong_and_sure: float
    doubtful: float


def stands(value: float, phase: float | None, generator: np.random.Generator) -> Array:
    """Where two drums and two pointers are read to stand, (4,) float64; `phase` None turns the lower drum evenly."""
    first, second = value * 10 % 10, value * 100 % 10
    lower = value % 10 if phase is None else value // 1 % 10 + _step(value % 1 * 10 - phase)
    lower += generator.uniform(-SLACK, SLACK)
    upper = value // 10 % 10 + _step(lower) + generator.uniform(-SLACK, SLACK)
    return np.array([upper, lower, first, second]) + generator.normal(0, NOISE, 4)


def _step(below: float) -> float:
    """What is carried since the wheel below last stood at 0."""
    turns, past = divmod(below, 10)
    return turns + max(past - 9, 0.0)


def try_meter(phase: float | None, traits: WheelTraits, count: int, seed: int) -> Outcome:
    """Read `count` random values of meters of one kind."""
    generator = np.random.default_rng(seed)
    wrong_and_sure = doubtful = 0
    for value in generator.uniform(0, 100, count):
        scores = scores_of(stands(value, phase, generator) % 10, Counter(noise=NOISE))
        chain = (DRUM, traits, DIAL, DIAL)
        found = decode_wheels([Wheel(row, 0.0, each) for row, each in zip(scores, chain, strict=True)])
        off = abs(int(found.text) - int(value * 100))
        wrong_and_sure += found.near >= CUTOFF and min(off, 10_000 - off) > 3
        doubtful += found.near < CUTOFF
    return Outcome(wrong_and_sure / count, doubtful / count)


def table(ways: dict[str, WheelTraits], count: int, seed: int) -> Iterator[str]:
    """A line for each way to decode and kind of meter."""
    head = "".join(f"{'evenly' if phase is None else f'{phase:+g}':>12s}" for phase in (*PHASES, None))
    yield f"{count} values each, seed {seed}: % wrong and sure (near >= {CUTOFF:g}) / % doubtful"
    yield f"{'drum begins at 9 and':24s}" + head
    for name, traits in ways.items():
        found = [try_meter(phase, traits, count, seed) for phase in (*PHASES, None)]
        cells = [f"{100 * each.wrong_and_sure:.1f} / {100 * each.doubtful:.0f}" for each in found]
        yield f"{name:24s}" + "".join(f"{cell:>12s}" for cell in cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=REPORT_SEED)
    parser.add_argument("--choose", action="store_true", help=f"what the constants were chosen by, seed {CHOOSE_SEED}")
    arguments = parser.parse_args()
    if arguments.choose:
        pairs = [(phase, even) for phase in (0.3, 0.4, 0.5) for even in (0.05, 0.1, 0.2)]
        ways = {f"phase {p:g}, even {e:g}": replace(DRUM_OVER_DIAL, phase=p, even=e) for p, e in pairs}
    else:
        ways = {"as a drum over a dial": DRUM_OVER_DIAL, "as a drum over a drum": DRUM, "evenly": LOWEST_DRUM}
    seed = CHOOSE_SEED if arguments.choose else arguments.seed
    for line in table(ways, arguments.count, seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
