"""One sure misread planted at each frame of a simulated day: `python -m tests.meters.planted --seed 1 --kinds water-8`.

The frames go through the pipeline of `edge run` once; what each says of its meter is kept, in files where `--keep`
names a folder. Then the rules of `edge.meters.overtime` are run over it as the tracker does, and at each frame that
has a value to say a lie is told instead, as sure as a reading can be. It counts how many lies are published as ok, at
the frame itself ("at once") and with the `AFTER` true ones that follow. Beside it stand the minutes with a right value
where no lie is told. With `--again 0.2` a minute without a value has up to four frames more, as in the burst of `edge
run`; lies are told at each frame that is taken.
"""

from __future__ import annotations

import argparse
import math
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import cv2

from edge.fields import FieldReader, open_fields
from edge.meters.overtime import DECIMALS, Evidence, History, Meter, Moment, step
from edge.meters.tracker import CHANGE_S, REST_S, Tracker, meter_of
from edge.nouns import Candidate, Frame, Reading
from edge.replay.measure import MINUTE_S, tolerance_of
from edge.schema import Config, FieldTable
from edge.sources import SourceSettings, open_source, simulated_setup
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.source import SimulatorSource
from tests.meters.months import burst_after

SEED = 1
"""Of the seeds that thresholds may be chosen on (1 to 9)."""

MODELS = Path("models")

AFTER = 3
"""True frames after a lie, in which it may still be published."""

STEPS = (1, 2, 3, 9, 30)
"""By which a lie is above the truth, in steps of the meter; one more is as much as its rules allow."""

SURE = 0.995
"""Of a lie, and as sure as the frame by itself where that is surer."""


@dataclass(frozen=True)
class Shot:
    """What one frame says: its truth, and its evidence; None where it is the frame before once more."""

    time_s: float
    truth: float
    is_shown: bool
    evidence: Evidence | None


@dataclass(frozen=True)
class Day:
    """The frames of one simulated meter."""

    kind: str
    seed: int
    table: FieldTable
    shots: tuple[Shot, ...]

    @property
    def meter(self) -> Meter:
        """What is known of it."""
        return meter_of(self.table)

    def is_right(self, value: float, shot: Shot) -> bool:
        """Whether a value is what the meter shows, as `edge replay` counts it."""
        top = self.meter.top
        apart = abs(value - shot.truth)
        return min(apart, top - apart) <= tolerance_of(self.table)


@dataclass(frozen=True)
class Course:
    """A day as it was published: minutes with the register in view, those with a right value, readings that were wrong,
    and what was known before each frame; None of those that a burst does not take, for it has a value.
    """

    minutes: int
    with_value: int
    wrong: int
    before: tuple[History | None, ...]


@dataclass(frozen=True)
class Lies:
    """How many were told, and published: at their own frame, and first in one of those after it."""

    told: int
    at_once: int
    later: int


class Noting(Tracker):
    """A tracker that keeps the evidence of the frame that it read last."""

    noted: Evidence | None = None

    def _evidence(self, reading: Reading, moment: Moment, *, is_first: bool) -> Evidence:
        self.noted = super()._evidence(reading, moment, is_first=is_first)
        return self.noted


def main() -> None:
    """Print a line a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kinds", nargs="*", default=[kind.name for kind in KINDS])
    parser.add_argument("--again", type=float, default=0.0, help="seconds to the next frame of a burst")
    parser.add_argument("--keep", type=Path, help="folder in which the evidence is kept for the next run")
    arguments = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    print(heading(), flush=True)
    for kind in arguments.kinds:
        day = kept_day(kind, arguments.seed, arguments.days, arguments.keep, arguments.again)
        print(line_of(day), flush=True)


def heading() -> str:
    """The names of the columns."""
    lies = " ".join(f"{f'+{steps}':>9s}" for steps in (*STEPS, "most"))
    return f"{'meter':14s} {'minutes':>8s} {'value':>8s} {'wrong':>6s} {'lies':>6s} {lies}"


def line_of(day: Day) -> str:
    """A meter's line: of each lie how many were published at once, and later."""
    course = course_of(day)
    lies = [lies_of(day, course.before, steps) for steps in (*STEPS, most_steps(day.meter))]
    cells = " ".join(f"{f'{each.at_once}+{each.later}':>9s}" for each in lies)
    share = f"{course.with_value / max(course.minutes, 1):.2%}"
    return f"{day.kind:14s} {course.minutes:8d} {share:>8s} {course.wrong:6d} {lies[0].told:6d} {cells}"


def kept_day(kind: str, seed: int, days: int, folder: Path | None, again_s: float = 0.0) -> Day:
    """A day that was read before, else read now."""
    burst = f"-{again_s:g}" if again_s else ""
    path = folder / f"{kind}-{seed}-{days}{burst}.pickle" if folder else None
    if path is not None and path.is_file():
        table, rows = pickle.loads(path.read_bytes())
        return Day(kind, seed, table, tuple(Shot(*row) for row in rows))
    day = read_day(kind, seed, days, again_s)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [(shot.time_s, shot.truth, shot.is_shown, shot.evidence) for shot in day.shots]
        path.write_bytes(pickle.dumps((day.table, rows)))
    return day


def read_day(
    kind: str, seed: int, days: int, again_s: float = 0.0, frames: int | None = None, models: Path = MODELS
) -> Day:
    """What the frames of so many days, or of the first `frames` minutes of them, say of their meter."""
    cv2.setNumThreads(1)
    uri = f"demo:?meter={kind}&seed={seed}&days={days}"
    own = simulated_setup(uri)
    assert own is not None
    reader = open_fields(own.config, models, picture=own.reference)
    with open_source(uri, SourceSettings(with_colour=own.config.needs_colour)) as source:
        assert isinstance(source, SimulatorSource)
        shots = tuple(_shots(source, _Watch(reader, own.config), again_s, frames))
    return Day(kind, seed, own.config.field[0], shots)


def course_of(day: Day) -> Course:
    """What the rules make of a day, as `edge run` does: a new start goes on from what was written by then."""
    history = written = History()
    boot, written_s, is_new = None, -math.inf, False
    minutes: dict[int, bool] = {}
    before: list[History | None] = []
    value, wrong = None, 0
    done = None  # the minute that has a value, so that no more of its frames are taken
    for shot in day.shots:
        if int(shot.time_s // MINUTE_S) == done:
            before.append(None)
            continue
        if shot.evidence is not None:
            now = shot.evidence.moment
            if now.boot != boot:
                history, boot, written_s, is_new = written, now.boot, -math.inf, False
            before.append(history)
            known = _value_of(history)
            history, published = step(history, shot.evidence, day.meter)
            value, is_new = published.value, is_new or _value_of(history) != known
            if now.monotonic_s - written_s >= (CHANGE_S if is_new else REST_S):
                written, written_s, is_new = history, now.monotonic_s, False
        else:
            before.append(history)
        is_right = value is not None and day.is_right(value, shot)
        wrong += value is not None and not is_right
        done = int(shot.time_s // MINUTE_S) if value is not None else None
        if shot.is_shown:
            minute = int(shot.time_s // MINUTE_S)
            minutes[minute] = minutes.get(minute, False) or is_right
    return Course(len(minutes), sum(minutes.values()), wrong, tuple(before))


def lies_of(day: Day, before: Sequence[History | None], steps: int) -> Lies:
    """What becomes of a lie at each frame with a value to say; one that is right to a unit is none."""
    told = at_once = later = 0
    for index, (shot, history) in enumerate(zip(day.shots, before, strict=True)):
        if history is None or shot.evidence is None or not shot.evidence.candidates or not shot.is_shown:
            continue
        lie = _lie(shot, shot.evidence, steps, day.meter)
        history, published = step(history, lie, day.meter)
        told += 1
        if published.value is not None and not day.is_right(published.value, shot):
            at_once += 1
        elif _is_wrong_later(day, history, index + 1):
            later += 1
    return Lies(told, at_once, later)


def most_steps(meter: Meter) -> int:
    """As much as the rules of a meter let it rise in a minute."""
    assert meter.max_rate_per_hour is not None
    return math.floor(meter.max_rate_per_hour * MINUTE_S / 3600 / meter.resolution + 1)


@dataclass(eq=False)
class _Watch:
    """A tracker before a simulated meter, that starts anew where the machine does."""

    reader: FieldReader
    config: Config
    boots: list[str | None] = field(default_factory=list)
    has_value: bool = False

    def shot(self, frame: Frame) -> Shot:
        """What a frame says."""
        if frame.boot not in self.boots[-1:]:
            self.boots.append(frame.boot)
            self._tracker = Noting(self.reader, may_stand_still=self.config.source.frozen_after == 0)
        self._tracker.noted = None
        (reading,) = self._tracker.read(frame)
        self.has_value = reading.value is not None
        (truth,) = frame.truth
        return Shot(frame.timestamp_s, truth.value, truth.is_shown, self._tracker.noted)


def _shots(source: SimulatorSource, watch: _Watch, again_s: float, frames: int | None) -> Iterator[Shot]:
    """What each frame says; of a burst until there is a value."""
    for frame in islice(source, frames):
        yield watch.shot(frame)
        if again_s:
            for another in burst_after(source, frame, again_s, lambda: watch.has_value):
                yield watch.shot(another)


def _lie(shot: Shot, evidence: Evidence, steps: int, meter: Meter) -> Evidence:
    """A frame that surely shows more than the meter does."""
    value = round((shot.truth + steps * meter.resolution) % meter.top, DECIMALS)
    probability = max(SURE, evidence.candidates[0].probability)
    return replace(evidence, candidates=(Candidate(value, probability),), status="ok", reason=None)


def _is_wrong_later(day: Day, history: History, start: int) -> bool:
    """Whether one of the true frames after a lie is published wrong."""
    for shot in day.shots[start : start + AFTER]:
        if shot.evidence is None or shot.evidence.moment.boot != history.tracks[0].moment.boot:
            continue
        history, published = step(history, shot.evidence, day.meter)
        if published.value is not None and not day.is_right(published.value, shot):
            return True
    return False


def _value_of(history: History) -> float | None:
    return history.accepted.value if history.accepted else None


if __name__ == "__main__":
    main()
