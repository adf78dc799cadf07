"""What a replay makes of frames: each field's readings, told right from wrong where the truth is known, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from edge.nouns import Frame, Reading, Truth
from edge.schema import FieldTable

Verdict = Literal["right", "wrong", "given", "uncertain", "rejected", "empty"]
"""`given` is a value of which nobody knows whether it is right."""

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one reading of one field.

    Parameters
    ----------
    frame : str
        Its file, or its number.
    time_s : float
    verdict : str
    value, truth : float, optional
    is_shown : bool
        Whether the meter showed its value at all; a display may be at another screen.
    text : str
    reason : str, optional
    """

    frame: str
    time_s: float
    verdict: Verdict
    value: float | None
    truth: float | None
    is_shown: bool
    text: str
    reason: str | None

    @property
    def has_value(self) -> bool:
        """Whether a value was published."""
        return self.value is not None


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcomes of a field, counted.

    Parameters
    ----------
    counts : dict of verdict to int
    frames : int
    minutes, minutes_with_value : int
        In which the meter was in view, and in which of those a value was published.
    slowest_recovery : int
        Readings from a wrong value to the next right one at the most; 0 where none was wrong.
    longest_without : int
        Readings in a row without a value at the most.
    slowest_after_move : int
        Readings from one in which the camera was found moved to the next value at the most; 0 where it never was.
    """

    counts: Mapping[str, int]
    frames: int
    minutes: int
    minutes_with_value: int
    slowest_recovery: int
    longest_without: int
    slowest_after_move: int


def outcomes_of(
    frames: Iterable[Frame],
    read: Callable[[Sequence[Frame]], Sequence[Reading]],
    fields: Sequence[FieldTable],
    bursts: Iterable[int] | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Outcome]]:
    """The outcomes of every field, in the order of the frames.

    Parameters
    ----------
    read : callable
        The readings of the frames of one burst.
    bursts : iterable of int, optional
        The burst that each frame belongs to; each is its own if absent.
    tell : callable
        Takes the number of frames so far.
    """
    found: dict[str, list[Outcome]] = {}
    tables, count = {field.name: field for field in fields}, 0
    for burst in _grouped(frames, bursts):
        last = burst[-1]
        truths = {truth.name: truth for truth in last.truth}
        for reading in read(burst):
            table = tables.get(reading.name)
            outcome = _judged(last, reading, truths.get(reading.name), table)
            found.setdefault(reading.name, []).append(outcome)
        count += len(burst)
        tell(count)
    return found


def tally(outcomes: Sequence[Outcome]) -> Tally:
    """The outcomes of one field, counted."""
    counts: Counter[str] = Counter(outcome.verdict for outcome in outcomes)
    seen = [outcome for outcome in outcomes if outcome.is_shown]
    minutes = {int(outcome.time_s // MINUTE_S) for outcome in seen}
    with_value = {int(outcome.time_s // MINUTE_S) for outcome in seen if outcome.verdict in ("right", "given")}
    return Tally(
        counts=dict(counts),
        frames=len(outcomes),
        minutes=len(minutes),
        minutes_with_value=len(with_value),
        slowest_recovery=_slowest(outcomes, lambda each: each.verdict == "wrong", lambda each: each.verdict == "right"),
        longest_without=max((sum(1 for _ in run) for has, run in groupby(seen, _has_value) if not has), default=0),
        slowest_after_move=_slowest(seen, _is_moved, _has_value),
    )


def tolerance_of(table: FieldTable | None) -> float:
    """How far a value may be from the truth and be right: a drum that turns evenly is between two digits, so by one
    unit of the last place; a display shows what it shows.
    """
    return float(10.0**-table.decimals) * 1.001 if table is not None and table.kind == "drum" else 1e-9


def _judged(frame: Frame, reading: Reading, truth: Truth | None, table: FieldTable | None) -> Outcome:
    verdict: Verdict = "given" if reading.status == "ok" else reading.status
    if reading.value is not None and truth is not None:
        top = 10.0 ** (len(table.digits) + len(table.dials) - table.decimals) if table and table.digits else 0.0
        apart = abs(reading.value - truth.value)
        apart = min(apart, top - apart) if top > apart else apart
        verdict = "right" if apart <= tolerance_of(table) else "wrong"
    known, is_shown = (truth.value, truth.is_shown) if truth else (None, True)
    name = frame.source.rpartition("/")[2] if frame.source.endswith(".png") else str(frame.index)
    return Outcome(name, frame.timestamp_s, verdict, reading.value, known, is_shown, reading.text, reading.reason)


def _grouped(frames: Iterable[Frame], bursts: Iterable[int] | None) -> Iterator[list[Frame]]:
    """The frames of one reading after those of another."""
    if bursts is None:
        yield from ([frame] for frame in frames)
        return
    pairs = zip(bursts, frames, strict=True)
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        yield [frame for _, frame in group]


def _slowest(outcomes: Sequence[Outcome], begins: Callable[[Outcome], bool], ends: Callable[[Outcome], bool]) -> int:
    """Readings from one that begins something to the next that ends it, at the most; to the last if none does."""
    slowest, since = 0, None
    for number, outcome in enumerate(outcomes):
        since = number if since is None and begins(outcome) else since
        if since is not None and ends(outcome):
            slowest, since = max(slowest, number - since), None
    return slowest if since is None else max(slowest, len(outcomes) - since)


def _has_value(outcome: Outcome) -> bool:
    return outcome.has_value


def _is_moved(outcome: Outcome) -> bool:
    return outcome.reason is not None and outcome.reason.startswith(("moved:", "anchored again"))
