"""One camera before its meters: each frame is judged, found beside the last one, read, and weighed with those before.

`edge run` reads meters through a `Tracker`, `edge read` through the `FieldReader` in it, which knows no before. The
rules of what is published are in `edge.meters.overtime`; here its state is kept, and the frames that must not reach it
are held back: those that are spoilt, and those that are the one before once more.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from edge.errors import CommandError, OutputError
from edge.fields import FieldReader, meter_cells
from edge.geometry import mapped
from edge.meters.judge import FrameLimits, Seen, judge_frame, seen_again
from edge.meters.overtime import Evidence, History, Meter, Moment, Published, declared, step
from edge.meters.own_digits import OwnDigits
from edge.meters.register import Alignment
from edge.meters.state import State, read_state, write_state
from edge.nouns import Candidate, Frame, Reading
from edge.schema import FieldTable
from edge.service.burst import agree

CHANGE_S, REST_S = 10.0, 600.0
"""The state is written no sooner than this after the last time: with a new value, and without. A write wears some 30 kB
of an SD card; a power cut takes the evidence of this long, no value that stood before it.
"""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Another text after each start of the machine, with which the monotonic clock begins anew (random(4))."""


class Tracker:
    """Reads the frames of one camera in their order; a context, in which its state is kept in a file.

    Parameters
    ----------
    reader : FieldReader
    state : Path, optional
        The file; without one, what is known ends with this object.
    say : callable
        Takes what an owner should know: the camera was moved, the state could not be believed or written.
    may_stand_still : bool
        Whether the same picture again and again is what the source gives, not a fault of it.
    """

    def __init__(
        self,
        reader: FieldReader,
        state: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
        *,
        may_stand_still: bool = False,
    ) -> None:
        tables = [field.table for field in reader.fields]
        self._reader = reader
        self._path = state
        self._say = say
        self._may_stand_still = may_stand_still
        self._cells = meter_cells(tables) if reader.traits else []  # alone, a white cell cannot be told from glare
        self._meters = {table.name: meter_of(table) for table in tables if table.is_counter}
        self._own_digits = {name: OwnDigits(meter.resolution) for name, meter in self._meters.items()}
        self._boot = boot_id()
        self._histories: dict[str, History] = {}
        self._alignment: Alignment | None = None
        self._seen: Seen | None = None
        self._last: list[Reading] = []
        self._written_s = -math.inf
        self._is_new = self._has_failed = False

    def __enter__(self) -> Self:
        if self._path is not None and not self._histories:
            restored = read_state(self._path)
            if restored.remark:
                self._say(restored.remark)
            self._histories = {name: each for name, each in restored.state.histories.items() if name in self._meters}
        return self

    def __exit__(self, *_: object) -> None:
        if self._histories:
            self._write()

    @property
    def histories(self) -> dict[str, History]:
        """What is known of each meter that was read, by its field's name."""
        return dict(self._histories)

    def read(self, frame: Frame) -> list[Reading]:
        """A reading a field, in their order; a meter's is what all frames so far say.

        Text and digits are the frame's own; where they are not the value, the reason says so.
        """
        self._seen = seen_again(frame.gray, self._seen)
        if self._seen.times > 1 and (self._may_stand_still or self._seen.times < FrameLimits().same):
            return self._last  # the same bytes make the same mistakes: no evidence
        found = self._reader.locate(frame.gray, self._alignment)
        readings, remark = self._read_alone(frame, found), self._follow(found)
        wall_s = frame.timestamp_s if frame.is_time_sure else None
        moment = Moment(wall_s, frame.monotonic_s, frame.boot or self._boot)
        self._last = [_with_remark(self._weigh(reading, moment), remark) for reading in readings]
        self._keep(frame.monotonic_s)
        return self._last

    def set_value(self, name: str, value: float, wall_s: float | None, monotonic_s: float) -> str:
        """Take a value that a person read now for a meter's, whatever was known of it; a line that says so.

        Raises
        ------
        CommandError
            Nothing is remembered of that field, or its meter cannot show the value.
        """
        meter, before = self._meters.get(name), _value_of(self._histories.get(name, History()))
        if meter is None:
            raise CommandError(
                f"{name} is not set to {value:g}: what it shows does not only rise, so none is remembered"
            )
        try:
            self._histories[name] = declared(value, Moment(wall_s, monotonic_s, self._boot), meter)
        except ValueError as error:
            raise CommandError(f"{name} is not set to {value:g}: {error}") from None
        if self._may_stand_still:
            self._seen = None  # the same picture once more is weighed against the new value
        self._write()
        was = "nothing was known" if before is None else f"it was {_number(before, meter)}"
        now = _number(self._histories[name].tracks[0].value, meter)
        return f"{name} is set to {now} by hand, {was}; readings go on from there"

    def combine(self, burst: Sequence[Sequence[Reading]]) -> list[Reading]:
        """One reading a field of those of several frames: of a meter the last that is ok, of others what most say.

        Of a display whose screens take turns, frames that show another screen have no say.
        """
        agreed = {reading.name: reading for reading in agree(burst)}
        for name in self._reader.markers:
            own = [reading for readings in burst for reading in readings if reading.name == name]
            shown = [[reading] for reading in own if reading.status != "rejected"]
            agreed |= {name: agree(shown)[0]} if shown else {}
        for name in self._meters:
            own = [reading for readings in burst for reading in readings if reading.name == name]
            agreed[name] = next((reading for reading in reversed(own) if reading.status == "ok"), own[-1])
        return [agreed[reading.name] for reading in burst[-1]]

    def _read_alone(self, frame: Frame, found: Alignment) -> list[Reading]:
        """What a frame shows by itself, if it is worth reading; that its meter is not found may have another reason."""
        seen = None if self._may_stand_still else self._seen
        if found.matrix is None:
            return self._reader.refuse(judge_frame(frame.gray, seen=seen) or f"moved: {found.reason}")
        cells = [mapped(cell, found.matrix) for cell in self._cells]
        fault = judge_frame(frame.gray, cells, self._reader.traits, seen)
        if fault:
            return self._reader.refuse(fault)
        return self._reader.read_at(frame.gray, frame.colour, found.matrix)

    def _follow(self, found: Alignment) -> str | None:
        """Remember where the frame lies; what there is to say where the camera was moved."""
        before = self._alignment
        if found.matrix is None:
            return None
        self._alignment = found
        if before is None or not found.is_anchored:
            return None
        remark = f"anchored again: the picture has moved by {found.shift:.0f} pixels"
        self._say(remark)
        return remark

    def _weigh(self, reading: Reading, moment: Moment) -> Reading:
        """What is published of a reading."""
        meter = self._meters.get(reading.name)
        if meter is None:
            return reading
        before = self._histories.get(reading.name, History())
        evidence = self._evidence(reading, moment, is_first=before.accepted is None)
        history, published = step(before, evidence, meter)
        self._histories[reading.name] = history
        self._is_new |= _value_of(history) != _value_of(before)
        return _as_published(reading, published, meter)

    def _evidence(self, reading: Reading, moment: Moment, *, is_first: bool) -> Evidence:
        """What a reading says of its meter; a high drum in doubt is held against what the low ones have shown, where no
        value before says what it stands at.
        """
        evidence = evidence_of(reading, moment)
        if not is_first:
            return evidence
        own = self._own_digits[reading.name]
        own.note(reading.digits)
        return replace(evidence, candidates=own.weighed(evidence.candidates, reading.digits))

    def _keep(self, now_s: float) -> None:
        """Write the state where it is time."""
        if now_s - self._written_s >= (CHANGE_S if self._is_new else REST_S):
            self._write()
            self._written_s, self._is_new = now_s, False

    def _write(self) -> None:
        """Write the state; a disk that refuses is said once, until it takes one."""
        if self._path is None:
            return
        try:
            write_state(self._path, State(self._histories))
            self._has_failed = False
        except OutputError as error:
            if not self._has_failed:
                self._say(f"{error}; until then a restart forgets what its meters showed")
            self._has_failed = True


def meter_of(table: FieldTable) -> Meter:
    """What is known of a counter from its field: drums have play of a unit of the last place, segments have none."""
    places = len(table.digits) + len(table.dials) - table.decimals
    resolution = 10.0**-table.decimals
    slack = resolution if table.kind == "drum" else 0.0
    return Meter(10.0**places, resolution, table.max_rate_per_hour, slack)


def evidence_of(reading: Reading, moment: Moment) -> Evidence:
    """What a frame's reading says of its meter."""
    candidates = reading.candidates
    if reading.value is not None and not candidates:  # of a model that reads digits one by one
        candidates = (Candidate(reading.value, reading.confidence),)
    return Evidence(reading.text, moment, candidates, reading.status, reading.reason or "a digit is in doubt")


def boot_id(path: Path = BOOT_ID) -> str:
    """The name of this start of the machine; where there is none, of this call: then the wall clock counts."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(16)


def _value_of(history: History) -> float | None:
    return history.accepted.value if history.accepted else None


def _as_published(reading: Reading, published: Published, meter: Meter) -> Reading:
    """The reading with its value by all frames; where that is not the frame's own, the reason names it."""
    reason = published.reason
    if published.value is not None and published.value != reading.value:
        why = reason or f"by the readings before; this one alone: {reading.reason}"
        reason = f"{_number(published.value, meter)} {why}"
    return replace(reading, value=published.value, status=published.status, reason=reason)


def _number(value: float, meter: Meter) -> str:
    return f"{value:.{max(0, round(-math.log10(meter.resolution)))}f}"


def _with_remark(reading: Reading, remark: str | None) -> Reading:
    """The reading with a remark, where nothing else is to be said of it."""
    return replace(reading, reason=remark) if remark and reading.reason is None else reading
