"""The measure of days: what it counts after a knock, and that a meter through the whole pipeline has values."""

from __future__ import annotations

from edge.replay.measure import Outcome
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.meter import SimulatedMeter
from edge.sources.simulator.source import START_S
from tests.meters.months import MOST_FRAMES, Month, bump_recoveries, heading, line_of, watch_bumps

METER = SimulatedMeter.of(KINDS[0], 5)


def outcome(minute: int, value: float | None) -> Outcome:
    verdict = "uncertain" if value is None else "right"
    return Outcome(str(minute), START_S + 60.0 * minute, verdict, value, 1.0, True, "", None)


def test_frames_are_counted_from_a_knock_to_the_next_value():
    knock = next(k for k in range(90 * 1440) if METER.course.knocks(60.0 * k))
    values = [1.0, 1.0, None, None, 1.0, 1.0]
    assert bump_recoveries(METER, [outcome(knock - 2 + k, value) for k, value in enumerate(values)]) == [3]
    assert bump_recoveries(METER, [outcome(knock - 2 + k, value) for k, value in enumerate(values[:4])]) == [3]
    assert bump_recoveries(METER, [outcome(knock - 20 + k, 1.0) for k in range(10)]) == []


def test_a_line_has_a_cell_for_each_head():
    row = Month("water-8", 1, 1, 1436, 1436, 0.99, 0.98, 1400, 0, 36, 0, 0, 3, 1, 2, 1, 0, 20.0)
    assert len(heading().replace("with value", "with-value").replace("of all", "of-all").split()) == len(
        line_of(row).split()
    )


def test_after_a_knock_there_is_a_value_again():
    found = watch_bumps("water-5", 1, 3)
    assert len(found) >= 2
    assert max(found) <= 10 < MOST_FRAMES
