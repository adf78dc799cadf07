"""What the evidence of many readings becomes where the truth is known: `python -m tests.meters.readings`.

Households draw water by fits and starts; each reading shows the meter, or a misread digit, or nothing. How sure a
reading looks is drawn without regard to whether it is right, which is harder than calibrated odds. All from one seed.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge.atomic import write_text
from edge.meters.overtime import Candidate, Evidence, History, Meter, Moment, step

SEED = 20261121

TOP = 100_000.0
MAX_RATE, PEAK = 2.5, 1.5
"""Of the field and of the household, m³ an hour."""

STARTS, STOPS = 0.03, 0.2
"""A minute, of a tap: 32 draws a day would be 0.022; five minutes each."""

MISSING = 0.02
"""Share of the frames that are refused before they are read."""


@dataclass(frozen=True)
class Home:
    """A meter and its camera: smallest step, share of misread readings, seconds after each minute that frames come."""

    resolution: float
    misread: float
    frames_s: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Tally:
    """What became of a home's readings. Wrong: ok and more than a step off. Recovery: readings until right again."""

    home: Home
    minutes: int
    with_value: float
    ok: float
    uncertain: float
    rejected: float
    misread: int
    wrong: int
    largest_error_steps: float
    slowest_recovery: int


HOMES = tuple(
    Home(resolution, misread, frames_s)
    for resolution, frames_s in ((1.0, (0.0,)), (0.01, (0.0,)), (0.001, (0.0,)), (0.001, (0.0, 5.0)))
    for misread in (0.001, 0.01)
)


def main() -> None:
    """Print a line a home, and write them where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    tallies = [simulate(home, SEED + index, arguments.days) for index, home in enumerate(HOMES)]
    print("\n".join(tally_lines(tallies)))
    if arguments.out:
        write_text(arguments.out, json.dumps([asdict(tally) for tally in tallies], indent=1) + "\n")


def simulate(home: Home, seed: int, days: float) -> Tally:
    """A home's readings, one history from the first to the last."""
    rng = np.random.default_rng(seed)
    meter = Meter(TOP, home.resolution, MAX_RATE, slack=home.resolution)
    history, counts, minutes, errors = History(), {"ok": 0, "uncertain": 0, "rejected": 0}, set(), []
    misread = slowest = 0
    wrong_since: int | None = None
    for index, (moment, shown, evidence) in enumerate(readings_of(home, rng, days)):
        history, published = step(history, evidence, meter)
        misread += any(each.value != shown for each in evidence.candidates)
        counts[published.status] += 1
        if published.value is None:
            continue
        error = abs(published.value - shown) / home.resolution
        if error > 1.5:
            errors.append(error)
            wrong_since = index if wrong_since is None else wrong_since
        else:
            minutes.add(int(moment.monotonic_s // 60))
            slowest = max(slowest, index - wrong_since if wrong_since is not None else 0)
            wrong_since = None
    total, all_minutes = sum(counts.values()), round(days * 1440)
    shares = {status: round(count / total, 4) for status, count in counts.items()}
    return Tally(
        home, all_minutes, round(len(minutes) / all_minutes, 4), **shares, misread=misread, wrong=len(errors),
        largest_error_steps=round(max(errors, default=0.0), 1), slowest_recovery=slowest,
    )  # fmt: skip


def readings_of(home: Home, rng: np.random.Generator, days: float) -> Iterator[tuple[Moment, float, Evidence]]:
    """Moment, what the meter shows, and what the camera makes of it."""
    value, flow, last_s = float(rng.uniform(0, 0.9 * TOP)), 0.0, 0.0
    for minute in range(round(days * 1440)):
        if rng.random() < (STOPS if flow else STARTS):
            flow = 0.0 if flow else float(rng.uniform(0.05, 1.0)) * PEAK
        for offset in home.frames_s:
            now_s = 60.0 * minute + offset
            value, last_s = (value + flow * (now_s - last_s) / 3600) % TOP, now_s
            shown = round(math.floor(value / home.resolution + 1e-6) * home.resolution, 6)
            moment = Moment(now_s, now_s, "boot")
            yield moment, shown, evidence_of(shown, home, moment, rng)


def evidence_of(shown: float, home: Home, moment: Moment, rng: np.random.Generator) -> Evidence:
    """The meter's value, or one digit of it misread, or nothing."""
    if rng.random() < MISSING:
        return Evidence("", moment, (), "rejected", "glare on cell 2: 60% of it shines")
    value = shown
    if rng.random() < home.misread:
        place = home.resolution * 10 ** int(rng.integers(round(np.log10(TOP / home.resolution))))
        digit = round(value / place - 0.5) % 10
        value = round((value + (int(rng.integers(10)) - digit) * place) % TOP, 6)
    return Evidence(f"{value:g}", moment, (Candidate(value, 1 - 10 ** -float(rng.uniform(1.5, 5))),))


def tally_lines(tallies: list[Tally]) -> list[str]:
    """A line a home."""
    heads = ("with value", "ok", "uncertain", "rejected", "misread", "wrong", "off by", "recovery")
    lines = [f"{'home':36s} " + " ".join(f"{head:>10s}" for head in heads)]
    for tally in tallies:
        home = f"{tally.home.resolution:g}, {tally.home.misread:.1%} misread, {len(tally.home.frames_s)} a minute"
        cells = [f"{value:>10g}" for value in list(asdict(tally).values())[2:]]
        lines.append(f"{home:36s} " + " ".join(cells))
    return lines


if __name__ == "__main__":
    main()
