"""What every output takes: one reading with its time, unit and rate, and its form as JSON."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from edge.nouns import Box, Frame, Reading, Status
from edge.sinks import iso_time

RATE_WINDOW_S = 600.0
"""Seconds that a rate is taken over: a tap is seen while it runs, and a step of the last digit is no flood."""

RATE_STEP_S = 1.0
"""Values that come sooner after one another are not all kept: at many frames a second they would be thousands."""

RATE_SPAN_S = 60.0
"""Seconds that must lie between the first and the last value of a rate."""


@dataclass(frozen=True, slots=True)
class Record:
    """One reading as it leaves the device.

    Parameters
    ----------
    time_s : float
        Wall time of the capture, seconds since the epoch.
    name : str
        The field's name.
    value : float, optional
        None unless `status` is "ok".
    unit : str
        Of `value`; empty where the configuration names none.
    text : str
        The number as it is shown, "?" for a digit in doubt.
    raw : str
        The digits as they were read, one after another, whatever a rule made of them.
    confidence : float
        Probability that all of `text` is right, 0..1.
    rate : float, optional
        Rise of the value, per hour; None where it is not known.
    source, frame : str, int
        Where the picture came from, and its number there.
    box : (x, y, width, height), optional
        Where it stands in the picture; it is not sent.
    """

    time_s: float
    name: str
    value: float | None
    unit: str
    text: str
    raw: str
    status: Status
    confidence: float
    reason: str | None
    rate: float | None
    source: str
    frame: int
    box: Box | None = None


class Rates:
    """The values of the last minutes of each field, and how fast they rise."""

    def __init__(self, window_s: float = RATE_WINDOW_S, span_s: float = RATE_SPAN_S) -> None:
        self._window_s = window_s
        self._span_s = span_s
        self._values: dict[str, deque[tuple[float, float]]] = {}

    def add(self, name: str, monotonic_s: float, value: float) -> float | None:
        """The rise per hour up to this value; None until there is enough to tell, and after a fall.

        Parameters
        ----------
        name : str
        monotonic_s : float
            When the value was captured, on a clock that no one sets.
        value : float
        """
        values = self._values.setdefault(name, deque())
        if values and (value < values[-1][1] or monotonic_s < values[-1][0]):
            values.clear()
        if not values or monotonic_s - values[-1][0] >= RATE_STEP_S:
            values.append((monotonic_s, value))
        while len(values) > 2 and values[1][0] <= monotonic_s - self._window_s:
            values.popleft()
        elapsed_s = monotonic_s - values[0][0]
        return (value - values[0][1]) / elapsed_s * 3600 if elapsed_s >= self._span_s else None


def record_of(frame: Frame, reading: Reading, unit: str = "", rate: float | None = None) -> Record:
    """A reading of a frame as the outputs take it."""
    return Record(
        time_s=frame.timestamp_s,
        name=reading.name,
        value=None if reading.value is None else float(reading.value),
        unit=unit,
        text=reading.text,
        raw="".join(digit.text for digit in reading.digits) or reading.text,
        status=reading.status,
        confidence=float(reading.confidence),
        reason=reading.reason,
        rate=rate,
        source=frame.source,
        frame=frame.index,
        box=reading.box,
    )


def record_json(record: Record) -> dict[str, Any]:
    """A record with the keys that outputs and `edge history` give it, in their order."""
    return {
        "time": iso_time(record.time_s),
        "name": record.name,
        "value": record.value,
        "unit": record.unit,
        "text": record.text,
        "raw": record.raw,
        "status": record.status,
        "confidence": round(record.confidence, 4),
        "reason": record.reason,
        "rate": None if record.rate is None else round(record.rate, 6),
        "source": record.source,
        "frame": record.frame,
    }
