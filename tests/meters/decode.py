"""How often a counter is read wrong: the joint decode beside each drum rounded, and the last one cut off to its digit.

`python -m tests.meters.decode [--count N] [--seed S]` prints the tables; `--choose` prints the figures that the
constants of `edge.meters.drums` were chosen by, on a seed of its own. No picture and no network takes part.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edge.meters.drums import DRUM, LOWEST_DRUM, Decoded, Wheel, WheelTraits, decode_wheels
from tests.meters.physics import Counter, apart, floored, readings, rounded, scores_of, standing

CHOOSE_SEED, REPORT_SEED = 1, 2

COUNTERS = {
    "target: noise 0.1, slack 0.15": Counter(),
    "no slack": Counter(slack=0.0),
    "slack 0.3": Counter(slack=0.3),
    "slack 0.4": Counter(slack=0.4),
    "noise 0.05": Counter(noise=0.05),
    "noise 0.2": Counter(noise=0.2),
    "carried from 8.0 on": Counter(engages_at=8.0, span=2.0),
    "carried from 9.5 to 10.5": Counter(engages_at=9.5),
    "jumps at 9.5": Counter(engages_at=9.5, span=0.0),
    "geared all the way": Counter(engages_at=0.0, span=10.0),
    "1 reading in 100 misread": Counter(misread=0.01),
    "nine drums": Counter(drums=9),
}
"""What is reported, by its name."""

MIXED = (
    Counter(slack=0.05, noise=0.05, misread=0.001),
    Counter(slack=0.15, misread=0.001),
    Counter(slack=0.25, noise=0.15, misread=0.001),
    Counter(slack=0.35, misread=0.001),
)
"""What the constants are chosen on."""

SLACKS, OUTLIERS = (0.06, 0.09, 0.12, 0.16), (0.0005, 0.002, 0.01)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Some values of one kind of meter: by how many units each way of reading is off, and what the decode said."""

    off: NDArray[np.float64]
    off_rounded: NDArray[np.float64]
    off_floored: NDArray[np.float64]
    decoded: tuple[Decoded, ...]

    @property
    def near(self) -> NDArray[np.float64]:
        """The decode's probability that it is right to one unit."""
        return np.array([each.near for each in self.decoded])


def try_counter(
    counter: Counter, count: int, seed: int, drum: WheelTraits = DRUM, lowest: WheelTraits = LOWEST_DRUM
) -> Trial:
    """Read `count` random values of a counter whose engagement is known to the decode, and whose slack is not."""
    generator = np.random.default_rng(seed)
    values = generator.uniform(0, 10**counter.drums, count)
    stands = standing(values, counter, generator)
    drum = replace(drum, engages_at=counter.engages_at, span=counter.span)
    traits = [drum] * (counter.drums - 1) + [lowest]
    read = readings(stands, counter, generator)
    decoded = tuple(
        decode_wheels([Wheel(scores, 0.0, each) for scores, each in zip(row, traits, strict=True)])
        for row in scores_of(read, counter)
    )
    ways = [np.array([int(each.text) for each in decoded]), rounded(read), floored(read)]
    return Trial(*(apart(values, way, counter.drums) for way in ways), decoded)


def risk_coverage(off: NDArray[np.float64], trust: NDArray[np.float64], shares: Sequence[float]) -> list[float]:
    """Share of the readings off by more than a unit among the most trusted `shares` of them."""
    is_wrong = off[np.argsort(-trust, kind="stable")] > 1
    return [float(is_wrong[: max(1, round(share * len(off)))].mean()) for share in shares]


def log_loss(trial: Trial) -> float:
    """Mean surprise, in nats, at whether a reading is right to one unit."""
    near = np.clip(trial.near, 1e-9, 1 - 1e-9)
    return float(-np.where(trial.off <= 1, np.log(near), np.log1p(-near)).mean())


def table(count: int, seed: int) -> list[str]:
    """The report, a line each."""
    lines = [f"{count} random values a row, seed {seed}; off by more than 1 unit of the last drum, % of values"]
    head = ("counter", "joint", "rounded", "last cut", "near<0.99", "wrong & near>=0.99", "odds of the wrong")
    lines.append(f"{head[0]:32s}" + "".join(f"{name:>20s}" for name in head[1:]))
    trials = {name: try_counter(counter, count, seed) for name, counter in COUNTERS.items()}
    for name, trial in trials.items():
        wrong = trial.off > 1
        odds = [each.odds for each, is_wrong in zip(trial.decoded, wrong, strict=True) if is_wrong]
        ways = (trial.off, trial.off_rounded, trial.off_floored)
        shares = [(off > 1).mean() for off in ways] + [
            (trial.near < 0.99).mean(),
            (wrong & (trial.near >= 0.99)).mean(),
        ]
        middle = f"{np.median(odds):20.1f}" if odds else f"{'-':>20s}"
        lines.append(f"{name:32s}" + "".join(f"{100 * share:20.2f}" for share in shares) + middle)
    return lines + _risk_lines(trials)


def _risk_lines(trials: dict[str, Trial]) -> list[str]:
    off = np.concatenate([trial.off for trial in trials.values()])
    shares = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8)
    trusts = {
        "near": np.concatenate([trial.near for trial in trials.values()]),
        "odds": np.array([each.odds for trial in trials.values() for each in trial.decoded]),
    }
    lines = ["", "of all rows: % off by more than 1 among the most trusted share of the values"]
    lines.append(f"{'trusted by':32s}" + "".join(f"{100 * share:9.0f} %" for share in shares))
    for name, trust in trusts.items():
        lines.append(f"{name:32s}" + "".join(f"{100 * risk:11.3f}" for risk in risk_coverage(off, trust, shares)))
    return lines


def choice(count: int, seed: int) -> list[str]:
    """Log loss of each slack and outlier rate on the mixed counters, a line each."""
    lines = [f"{len(MIXED)} x {count} values, seed {seed}: log loss in nats, % off by more than 1"]
    for slack, outlier in product(SLACKS, OUTLIERS):
        drum = replace(DRUM, slack=slack, outlier=outlier)
        lowest = replace(LOWEST_DRUM, slack=slack, outlier=outlier)
        trials = [try_counter(counter, count, seed, drum, lowest) for counter in MIXED]
        loss = np.mean([log_loss(trial) for trial in trials])
        wrong = np.mean([(trial.off > 1).mean() for trial in trials])
        lines.append(f"slack {slack:4.2f}  outlier {outlier:5.3f}  {loss:.4f}  {100 * wrong:.2f}")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=REPORT_SEED)
    parser.add_argument(
        "--choose", action="store_true", help=f"print what the constants were chosen by, seed {CHOOSE_SEED}"
    )
    arguments = parser.parse_args()
    lines = choice(arguments.count, CHOOSE_SEED) if arguments.choose else table(arguments.count, arguments.seed)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
