"""What counts as right on a photograph of a pump."""

import json
from pathlib import Path

from edge.nouns import Reading
from tests.meters.pump import VERDICTS, verdict

REPORT = Path(__file__).with_name("pump.json")


def reading(value: float | None) -> Reading:
    return Reading("row", "" if value is None else str(value), value, "uncertain" if value is None else "ok", 1, None)


def test_a_photograph_is_right_where_one_number_rounds_to_its_litres():
    assert verdict([reading(64.35), reading(42.6), reading(1.51)], 43) == "right"
    assert verdict([reading(42.4)], 43) == "wrong"


def test_a_photograph_without_a_number_that_is_ok_is_silent():
    assert verdict([], 43) == "silent"
    assert verdict([reading(None)], 43) == "silent"


def test_the_report_counts_each_photograph_once_for_each_way():
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    for way in ("lines", "rows"):
        assert sum(report[way][name] for name in VERDICTS) == report["photographs"] == 100
