"""What a replay found, as lines; what it keeps for the next one, and what has changed since the last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.atomic import write_text
from edge.errors import SourceError
from edge.replay.measure import Outcome, Tally, tally
from edge.sinks import iso_time, one_line

SCHEMA_VERSION = 1

MOST_LISTED = 10
"""Wrong values and changes that are shown one by one."""

Kept = Mapping[str, Mapping[str, tuple[str, float | None]]]
"""Verdict and value of each frame, by field."""


def lines_of(outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """A block of lines a field."""
    return [line for name, own in outcomes.items() for line in _field_lines(name, own)]


def record_of(outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    """The counts as JSON takes them."""
    return {name: _tally_record(tally(own)) for name, own in outcomes.items()}


def count_wrong(outcomes: Mapping[str, Sequence[Outcome]]) -> int:
    """How many wrong values were published."""
    return sum(each.verdict == "wrong" for own in outcomes.values() for each in own)


def keep(path: Path, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    """Put the outcomes into a file that the next replay is held against, whole or not at all."""
    fields = {name: {each.frame: [each.verdict, each.value] for each in own} for name, own in outcomes.items()}
    write_text(path, json.dumps({"schema_version": SCHEMA_VERSION, "fields": fields}, allow_nan=False) + "\n")


def read_kept(path: Path) -> Kept | None:
    """What the last replay kept; None where there was none.

    Raises
    ------
    SourceError
        The file is not one that a replay kept.
    """
    try:
        whole = json.loads(path.read_bytes())
        if whole["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"version {whole['schema_version']}, this program knows {SCHEMA_VERSION}")
        return {
            str(name): {str(frame): (str(verdict), value) for frame, (verdict, value) in own.items()}
            for name, own in whole["fields"].items()
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceError(f"{path}: is not what a replay kept ({error}); remove it or name another file") from None


def change_lines(before: Kept, outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """What differs from the last replay: how many readings went from what to what, and the first of them."""
    lines = []
    for name, own in outcomes.items():
        last = before.get(name, {})
        pairs = [(last[each.frame], each) for each in own if each.frame in last]
        changed = [(old, each) for old, each in pairs if old != (each.verdict, each.value)]
        new, gone = len(own) - len(pairs), len(last.keys() - {each.frame for each in own})
        if not changed and not new and not gone:
            lines.append(f"{one_line(name)}: the same as in the last run, reading by reading")
            continue
        counts = Counter(f"{old[0]} -> {each.verdict}" for old, each in changed)
        parts = [f"{count} {what}" for what, count in counts.most_common()]
        parts += [f"{new} new"] if new else []
        parts += [f"{gone} no longer there"] if gone else []
        lines.append(f"{one_line(name)}: changed since the last run: {', '.join(parts)}")
        lines += [
            f"  {each.frame}: {_told(*old)} -> {_told(each.verdict, each.value)}" for old, each in _first(changed)
        ]
    lines += [f"{one_line(name)}: was in the last run, and is not now" for name in before.keys() - outcomes.keys()]
    return lines


def _first(
    changed: Sequence[tuple[tuple[str, float | None], Outcome]],
) -> list[tuple[tuple[str, float | None], Outcome]]:
    """The changes that are shown: those to wrong before all others."""
    return sorted(changed, key=lambda pair: pair[1].verdict != "wrong")[:MOST_LISTED]


def _field_lines(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    counted = tally(outcomes)
    counts = ", ".join(
        f"{count} {verdict}" for verdict, count in sorted(counted.counts.items(), key=lambda each: -each[1])
    )
    lines = [f"{one_line(name)}: {counted.frames} readings: {counts}"]
    share = counted.minutes_with_value / max(counted.minutes, 1)
    lines.append(f"  a value in {counted.minutes_with_value} of {counted.minutes} minutes ({_percent(share)})")
    lines.append(f"  at most {counted.longest_without} readings in a row without one")
    if counted.slowest_after_move:
        lines.append(f"  after the camera was moved: a value again within {counted.slowest_after_move} readings")
    wrong = [each for each in outcomes if each.verdict == "wrong"]
    if wrong:
        lines.append(f"  WRONG and ok: {len(wrong)}; right again within {counted.slowest_recovery} readings")
        lines += [
            f"    {_place(each)}: {each.value:.10g}, the meter showed {each.truth:.10g}" for each in wrong[:MOST_LISTED]
        ]
    elif any(each.truth is not None for each in outcomes):
        lines.append("  no wrong value was given as ok")
    else:
        lines.append("  nobody said what the meter showed, so nothing is known to be right: add truth.csv")
    return lines


def _percent(share: float) -> str:
    """Rounded down: only all is 100 %."""
    return f"{int(share * 10_000) / 100:.2f} %"


def _place(outcome: Outcome) -> str:
    return f"{one_line(outcome.frame)} at {iso_time(outcome.time_s)}"


def _told(verdict: str, value: float | None) -> str:
    return verdict if value is None else f"{verdict} {value:.10g}"


def _tally_record(counted: Tally) -> dict[str, Any]:
    return {
        **{
            verdict: counted.counts.get(verdict, 0)
            for verdict in ("right", "wrong", "given", "uncertain", "rejected", "empty")
        },
        "readings": counted.frames,
        "minutes": counted.minutes,
        "minutes_with_value": counted.minutes_with_value,
        "slowest_recovery": counted.slowest_recovery,
        "longest_without": counted.longest_without,
        "slowest_after_move": counted.slowest_after_move,
    }
