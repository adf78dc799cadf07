"""What is published of simulated meters over days, all disturbances on: `python -m tests.meters.months --days 30`.

A frame a minute of each of the ten kinds goes through the pipeline of `edge run`: frame checks, registration, network,
decode, and what the readings before say; where the simulated machine loses its power, a new start reads its state from
the file. With `--again 0.2` a frame without a value is followed by up to four more, as in the burst of five that `edge
run` takes by default where a reading is due. The seeds of the report, from 100 on, were not looked at while thresholds
were chosen (seeds 1 to 9).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import cv2

from edge.atomic import write_text
from edge.board import board_name
from edge.fields import open_fields
from edge.nouns import Frame, Reading
from edge.replay.measure import Outcome, outcomes_of, tally
from edge.replay.play import Player
from edge.service.loop import DEFAULT_BURST
from edge.sources import SourceSettings, open_source, simulated_setup
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.meter import SimulatedMeter
from edge.sources.simulator.settings import WITHOUT
from edge.sources.simulator.source import START_S, SimulatorSource

SEED = 100

BEFORE, MOST_FRAMES = 6, 12
"""Frames before a knock, in which values are published, and after it."""

KEPT = ("knock", "tremble", "light", "all")
"""What happens to a meter that is knocked, and the word for all."""

MODELS = Path("models")


@dataclass(frozen=True)
class Month:
    """What became of one meter's frames; shares are of the minutes in which a frame came and its register was in view.

    `again` counts a burst's other frames. `bumps` were followed by a value after `slowest_bump` readings at the most;
    recovery is from a wrong value to the next right one.
    """

    kind: str
    seed: int
    days: float
    frames: int
    minutes: int
    with_value: float
    of_all_minutes: float
    right: int
    wrong: int
    uncertain: int
    rejected: int
    slowest_recovery: int
    longest_without: int
    bumps: int
    slowest_bump: int
    power_cuts: int
    again: int
    cpu_ms_a_frame: float


def main() -> None:
    """Print a line a kind, and write them where `--out` says after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kinds", nargs="*", default=[kind.name for kind in KINDS])
    parser.add_argument(
        "--again", type=float, default=0.0, help="seconds to the next frame of a burst, until one has a value"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--bumps", type=int, default=0, help="instead: so many knocks a kind, and frames to a value")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if arguments.bumps:
        for kind in arguments.kinds:
            found = watch_bumps(kind, arguments.seed, arguments.bumps)
            print(f"{kind:14s} {len(found)} knocks, frames to the next value: {sorted(found)}", flush=True)
        return
    rows: list[Month] = []
    print(heading(), flush=True)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        asked = [(kind, arguments.seed, arguments.days, arguments.again) for kind in arguments.kinds]
        for row in pool.map(_watch, asked):
            rows.append(row)
            print(line_of(row), flush=True)
            if arguments.out:
                write_text(arguments.out, json.dumps(record_of(rows), indent=1) + "\n")


def watch(kind: str, seed: int, days: int, again_s: float = 0.0, models: Path = MODELS) -> Month:
    """The frames of a meter through the pipeline, one a minute; with `again_s` a burst where one has no value."""
    cv2.setNumThreads(1)
    uri = f"demo:?meter={kind}&seed={seed}&days={days}"
    own = simulated_setup(uri)
    assert own is not None
    reader = open_fields(own.config, models, picture=own.reference)
    start_s = time.process_time()
    with (
        open_source(uri, SourceSettings(with_colour=own.config.needs_colour)) as source,
        Player(reader, own.config) as player,
    ):
        assert isinstance(source, SimulatorSource)
        visit = _Visit(source, player, again_s)
        (outcomes,) = outcomes_of(visit.frames(), visit.read, own.config.field).values()
    counted = tally(outcomes)
    cpu_ms = 1e3 * (time.process_time() - start_s) / max(len(outcomes), 1)
    bumps = bump_recoveries(source.meter, outcomes)
    return Month(
        kind=kind,
        seed=seed,
        days=days,
        frames=counted.frames,
        minutes=counted.minutes,
        with_value=_share(counted.minutes_with_value, counted.minutes),
        of_all_minutes=_share(counted.minutes_with_value, days * 1440),
        right=counted.counts.get("right", 0),
        wrong=counted.counts.get("wrong", 0),
        uncertain=counted.counts.get("uncertain", 0),
        rejected=counted.counts.get("rejected", 0) + counted.counts.get("empty", 0),
        slowest_recovery=counted.slowest_recovery,
        longest_without=counted.longest_without,
        bumps=len(bumps),
        slowest_bump=max(bumps, default=0),
        power_cuts=len(visit.boots) - 1,
        again=visit.again,
        cpu_ms_a_frame=round(cpu_ms, 1),
    )


def watch_bumps(kind: str, seed: int, count: int, models: Path = MODELS) -> list[int]:
    """Frames to the next value, that one included, after each of the first knocks of a meter to which nothing else
    happens; up to `MOST_FRAMES`, and one more where there was none. A knock counts if the frame before it had a value.
    """
    cv2.setNumThreads(1)
    uri = f"demo:?meter={kind}&seed={seed}&days=400&without={','.join(each for each in WITHOUT if each not in KEPT)}"
    own = simulated_setup(uri)
    assert own is not None
    reader = open_fields(own.config, models, picture=own.reference)
    found = []
    with open_source(uri, SourceSettings(with_colour=own.config.needs_colour)) as source:
        assert isinstance(source, SimulatorSource)
        for minute in islice(_knocked_minutes(source.meter), count):
            with Player(reader, own.config) as player:
                frames = [source.frame_at(k, 60.0 * k) for k in range(minute - BEFORE, minute + MOST_FRAMES)]
                values = [player.read([frame])[0].value for frame in frames if frame is not None]
            if values[BEFORE - 1] is not None:
                after = enumerate(values[BEFORE:], 1)
                found.append(next((k for k, value in after if value is not None), MOST_FRAMES + 1))
    return found


def _knocked_minutes(meter: SimulatedMeter) -> Iterator[int]:
    """The first minute after each knock that leaves a while before it in peace."""
    before = 0
    for minute in range(400 * 1440):
        count = meter.course.knocks(60.0 * minute)
        if count > before and minute > BEFORE and meter.course.knocks(60.0 * (minute - BEFORE)) == before:
            yield minute
        before = count


def bump_recoveries(meter: SimulatedMeter, outcomes: Sequence[Outcome]) -> list[int]:
    """After each knock, how many frames with the register in view came until one had a value, that one included."""
    counts = [meter.course.knocks(outcome.time_s - START_S) for outcome in outcomes]
    found = []
    for index, (before, after) in enumerate(pairwise(counts), 1):
        if after > before:
            since = [outcome.has_value for outcome in outcomes[index:] if outcome.is_shown]
            found.append(since.index(True) + 1 if True in since else len(since) + 1)
    return found


def record_of(rows: Sequence[Month]) -> dict[str, object]:
    """What is written: the machine and a row a kind."""
    return {"board": board_name(), "opencv": cv2.__version__, "rows": [asdict(row) for row in rows]}


HEADS = (
    "days",
    "frames",
    "with value",
    "of all",
    "right",
    "wrong",
    "recovery",
    "without",
    "bumps",
    "bump",
    "cuts",
    "again",
    "ms",
)


def heading() -> str:
    """The names of the columns."""
    return f"{'meter':14s} " + " ".join(f"{head:>10s}" for head in HEADS)


def line_of(row: Month) -> str:
    """A meter's line."""
    cells = (
        f"{row.days:g}", row.frames, f"{row.with_value:.2%}", f"{row.of_all_minutes:.2%}", row.right, row.wrong,
        row.slowest_recovery, row.longest_without, row.bumps, row.slowest_bump, row.power_cuts, row.again,
        row.cpu_ms_a_frame,
    )  # fmt: skip
    return f"{row.kind:14s} " + " ".join(f"{cell!s:>10s}" for cell in cells)


def _watch(asked: tuple[str, int, int, float]) -> Month:
    return watch(*asked)


@dataclass(eq=False)
class _Visit:
    """The frames of a source that one player reads. `again_s` after each that is read without a value comes another, up
    to as many as `edge run` takes by default for a reading that is due; they are counted, and the starts noted.
    """

    source: SimulatorSource
    player: Player
    again_s: float
    again: int = 0
    boots: set[str | None] = field(default_factory=set)
    has_value: bool = True

    def frames(self) -> Iterator[Frame]:
        for frame in self.source:
            self.boots.add(frame.boot)
            yield frame
            if self.again_s:
                yield from self._burst_after(frame)

    def _burst_after(self, frame: Frame) -> Iterator[Frame]:
        for another in burst_after(self.source, frame, self.again_s, lambda: self.has_value):
            self.again += 1
            yield another

    def read(self, burst: Sequence[Frame]) -> Sequence[Reading]:
        readings = self.player.read(burst)
        self.has_value = all(reading.value is not None for reading in readings)
        return readings


def burst_after(
    source: SimulatorSource, frame: Frame, again_s: float, has_value: Callable[[], bool]
) -> Iterator[Frame]:
    """The frames that a burst takes after its first one, until there is a value."""
    for number in range(1, DEFAULT_BURST):
        another = source.frame_at(frame.index, frame.monotonic_s + number * again_s)
        if has_value() or another is None:
            return
        yield another


def _share(part: int, whole: int) -> float:
    return round(part / max(whole, 1), 5)


if __name__ == "__main__":
    main()
