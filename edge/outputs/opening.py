"""Open every output that a configuration names, and close them again with all that was written safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import __version__
from edge.draw import annotate
from edge.errors import OutputError
from edge.nouns import Frame, Gray, Reading
from edge.outputs.courier import Courier, Destination
from edge.outputs.csvfiles import CsvFile
from edge.outputs.due import Due, Rule, parse_rule
from edge.outputs.influx import InfluxServer
from edge.outputs.mqtt import MqttBroker
from edge.outputs.prometheus import MetricsPage
from edge.outputs.record import Rates, Record, record_of
from edge.outputs.store import Limits, Store
from edge.outputs.webhook import Webhook
from edge.pipeline import Sink
from edge.schema import Config, CsvTable, FieldTable, StoreTable
from edge.service.command import Command
from edge.units import duration_s, size_bytes

CLOSE_S = 1.3
"""How long the couriers have to end; with half a second for the metrics' server and the last writes, closing stays
below two. What is not delivered by then stays in the outbox.
"""

RETRY_S = 30.0
"""How long a CSV file that failed is left alone."""

MARGIN = 0.15
"""A crop shows this share of its box more on each side."""

CROP_SIDE = 640
"""A larger crop is reduced to this side in pixels."""

JPEG = [cv2.IMWRITE_JPEG_QUALITY, 85]


class Keeper(Protocol):
    """Takes the records of a frame."""

    def keep(self, frame: Frame, records: Sequence[Record]) -> None:
        """Take what is to be kept."""


@contextmanager
def open_outputs(
    config: Config, say: Callable[[str], None], on_command: Callable[[Command], None] | None = None
) -> Iterator[list[Sink]]:
    """The sinks of the outputs that a configuration names; closed within two seconds when the block ends.

    A failure of an output while it runs is one line, and reading goes on.

    Parameters
    ----------
    config : Config
    say : callable
        Takes one line for each failure and each recovery; called from several threads.
    on_command : callable, optional
        Takes commands that come over MQTT, in another thread; without it none are offered. What they report is an
        event of the store.

    Raises
    ------
    ConfigError
        A secret's file cannot be read.
    MissingPackageError
        An output's package is not installed.
    OutputError
        The store is another program's, or a port is in use.
    """
    with ExitStack() as stack:
        kept: list[Keeper] = []
        watching: list[Keeper] = []
        pictures: list[Sink] = []
        waiting: Callable[[], dict[str, int]] = dict
        if config.csv:
            kept.append(stack.enter_context(closing(CsvKeeper(config.csv, say))))
        due = Due({field.name: parse_rule(field.publish) for field in config.field}, Rule(only_new=True))
        if config.store:
            store = stack.enter_context(closing(Store(Path(config.store.path), limits_of(config.store), say)))
            heed = _heeding(on_command, store, due) if on_command else None
            broker = MqttBroker(config.mqtt, config.field, say, heed) if config.mqtt else None
            keeper = stack.enter_context(_delivered(store, _destinations(config, broker), say))
            kept.append(keeper)
            waiting = keeper.waiting
            pictures = _pictures(config, broker)
        if config.prometheus:
            watching.append(stack.enter_context(closing(MetricsPage(config.prometheus, waiting))))
        recorder: list[Sink] = [Recorder(config.field, due, kept, watching)] if kept or watching else []
        yield [*recorder, *pictures]


def _destinations(config: Config, broker: MqttBroker | None) -> list[Destination]:
    """Where the outbox is delivered."""
    found: list[Destination] = [broker] if broker else []
    found += [InfluxServer(config.influx)] if config.influx else []
    found += [Webhook(config.webhook)] if config.webhook else []
    return found


def _pictures(config: Config, broker: MqttBroker | None) -> list[Sink]:
    """What shows pictures to the broker, where they are wanted."""
    if broker is None or config.mqtt is None or config.mqtt.image == "never":
        return []
    return [Pictures(broker, duration_s(config.mqtt.image))]


@contextmanager
def _delivered(store: Store, destinations: Sequence[Destination], say: Callable[[str], None]) -> Iterator[StoreKeeper]:
    """The store with a courier for each destination; what they say stands among its events as well."""

    def note(line: str) -> None:
        say(line)
        store.add_event("output", line)

    store.add_event("start", f"readout {__version__}")
    couriers = [Courier(destination, store, note) for destination in destinations]
    try:
        yield StoreKeeper(store, couriers, [destination.name for destination in destinations])
    finally:
        ends_at = time.monotonic() + CLOSE_S
        for courier in couriers:
            courier.stop()
        for courier in couriers:
            courier.join(ends_at - time.monotonic())
        store.add_event("stop", f"readout {__version__}")


def _heeding(on_command: Callable[[Command], None], store: Store, due: Due) -> Callable[[Command], None]:
    """Hands a command on; what is read next goes out even where it is not new, and what it reports is an event."""

    def heed(command: Command) -> None:
        due.ask()
        on_command(replace(command, report=lambda line: store.add_event("command", line)))

    return heed


def limits_of(table: StoreTable) -> Limits:
    """What `[store]` lets the store keep."""
    return Limits(
        keep_s=duration_s(table.keep),
        max_bytes=size_bytes(table.max_size),
        crops_keep_s=duration_s(table.crops_keep),
        crops_max_bytes=size_bytes(table.crops_max_size),
        outbox_keep_s=duration_s(table.outbox_keep),
        outbox_max=table.outbox_max,
    )


class Recorder:
    """A sink that makes records of readings: those that are due are kept, and all are shown to who is watching."""

    def __init__(
        self, fields: Sequence[FieldTable], due: Due, keepers: Sequence[Keeper], watching: Sequence[Keeper]
    ) -> None:
        self._units = {field.name: field.unit for field in fields}
        self._due = due
        self._rates = Rates()
        self._keepers = tuple(keepers)
        self._watching = tuple(watching)

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:  # noqa: ARG002
        """Hand on what is due of a frame's readings."""
        records = [self._record(frame, reading) for reading in readings]
        due = [record for record in records if self._due.is_due(record, frame.monotonic_s)]
        for watcher in self._watching:
            watcher.keep(frame, records)
        for keeper in self._keepers if due else ():
            keeper.keep(frame, due)

    def _record(self, frame: Frame, reading: Reading) -> Record:
        value = reading.value
        rate = None if value is None else self._rates.add(reading.name, frame.monotonic_s, value)
        return record_of(frame, reading, self._units.get(reading.name, ""), rate)


class CsvKeeper:
    """Rows of a CSV file; where it cannot be written they are left out, and that is said once."""

    def __init__(self, table: CsvTable, say: Callable[[str], None]) -> None:
        self._table = table
        self._say = say
        self._file: CsvFile | None = None
        self._retry_at = 0.0
        self._last_words = ""

    def keep(self, frame: Frame, records: Sequence[Record]) -> None:  # noqa: ARG002
        """Append a row a record."""
        if time.monotonic() < self._retry_at:
            return
        try:
            if self._file is None:
                table = self._table
                self._file = CsvFile(
                    *(Path(table.path), size_bytes(table.max_size)), daily=table.daily, files=table.files
                )
            self._file.write(records)
            self._last_words = ""
        except OutputError as error:
            self.close()
            self._retry_at = time.monotonic() + RETRY_S
            if str(error) != self._last_words:
                self._say(f"{error}; its rows are left out until then")
                self._last_words = str(error)

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None


class StoreKeeper:
    """Records and crops of doubt in the store, with a message for each destination."""

    def __init__(self, store: Store, couriers: Sequence[Courier], destinations: Sequence[str]) -> None:
        self._store = store
        self._couriers = tuple(couriers)
        self._destinations = tuple(destinations)

    def waiting(self) -> dict[str, int]:
        """Messages that wait, by destination; 0 where there are none."""
        return dict.fromkeys(self._destinations, 0) | self._store.waiting()

    def keep(self, frame: Frame, records: Sequence[Record]) -> None:
        """Store what is given and wake the couriers."""
        crops = [crop_of(frame.gray, record) for record in records]
        self._store.add(records, self._destinations, crops)
        for courier in self._couriers:
            courier.wake()


class Pictures:
    """A sink that gives the broker an annotated picture, at most one in `least_s` seconds."""

    def __init__(self, broker: MqttBroker, least_s: float) -> None:
        self._broker = broker
        self._least_s = least_s
        self._last_s: float | None = None

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:  # noqa: ARG002
        """Give the picture where it is time."""
        if self._last_s is None or frame.monotonic_s - self._last_s >= self._least_s:
            self._last_s = frame.monotonic_s
            self._broker.show(jpeg_of(annotate(frame, readings)))


def crop_of(gray: Gray, record: Record) -> bytes | None:
    """The picture of a reading in doubt as JPEG; None where there is no doubt, or nothing to show."""
    if record.status not in ("uncertain", "rejected") or record.box is None:
        return None
    x, y, width, height = record.box
    across, down = round(MARGIN * width), round(MARGIN * height)
    crop = gray[max(0, y - down) : y + height + down, max(0, x - across) : x + width + across]
    return jpeg_of(crop) if crop.size else None


def jpeg_of(picture: NDArray[np.uint8]) -> bytes:
    """A picture as JPEG, reduced where it is large."""
    factor = CROP_SIDE / max(picture.shape[:2])
    if factor < 1:
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    is_encoded, data = cv2.imencode(".jpg", picture, JPEG)
    if not is_encoded:
        raise OutputError(f"OpenCV could not encode a JPEG of {picture.shape}; install opencv-python-headless again")
    return data.tobytes()
