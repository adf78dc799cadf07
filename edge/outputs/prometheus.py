"""Metrics for a Prometheus server, which comes for them: the state now, not what was missed, so there is no outbox.

References
----------
Prometheus, metric and label naming, https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edge.errors import MissingPackageError, OutputError
from edge.nouns import Frame
from edge.outputs.record import Record
from edge.schema import PrometheusTable


class MetricsPage:
    """A `Keeper` of the last record of each field, shown on a port at /metrics.

    Parameters
    ----------
    table : PrometheusTable
    waiting : callable
        Messages that wait in the outbox, by destination.

    Raises
    ------
    MissingPackageError
        prometheus_client is not installed.
    OutputError
        The port cannot be listened on.
    """

    def __init__(self, table: PrometheusTable, waiting: Callable[[], dict[str, int]]) -> None:
        try:
            import prometheus_client
        except ImportError:
            raise MissingPackageError("[prometheus] needs prometheus_client; pip install prometheus-client") from None
        self._waiting = waiting
        self._lock = threading.Lock()
        self._last: dict[str, Record] = {}
        self._last_ok_s: dict[str, float] = {}
        self._counts: dict[tuple[str, str], int] = {}
        registry = prometheus_client.CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = prometheus_client.start_http_server(table.port, table.address, registry)
        except OSError as error:
            raise OutputError(
                f"[prometheus] {table.address}:{table.port}: cannot be listened on ({error.strerror}); "
                "choose another port, or end what uses it"
            ) from None

    def keep(self, frame: Frame, records: Sequence[Record]) -> None:  # noqa: ARG002
        """Take a frame's records, due or not."""
        with self._lock:
            for record in records:
                self._last[record.name] = record
                key = (record.name, record.status)
                self._counts[key] = self._counts.get(key, 0) + 1
                if record.status == "ok":
                    self._last_ok_s[record.name] = record.time_s

    def collect(self) -> Iterator[Any]:
        """The metrics: a field has a value only while its reading is ok."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        with self._lock:
            last, last_ok_s, counts = dict(self._last), dict(self._last_ok_s), dict(self._counts)
        gauges: list[tuple[str, str, dict[str, float]]] = [
            ("value", "The reading, while it is ok.", _present(last, "value")),
            ("rate_per_hour", "Rise of the reading per hour.", _present(last, "rate")),
            ("confidence", "Probability that the reading is right.", _present(last, "confidence")),
            (
                "ok",
                "Whether the last reading is ok.",
                {name: float(each.status == "ok") for name, each in last.items()},
            ),
            ("last_ok_timestamp_seconds", "When the last ok reading was captured.", last_ok_s),
        ]
        for name, text, values in gauges:
            gauge = GaugeMetricFamily(f"readout_{name}", text, labels=["name"])
            for field, value in values.items():
                gauge.add_metric([field], value)
            yield gauge
        counter = CounterMetricFamily("readout_readings", "Readings by status.", labels=["name", "status"])
        for labels, count in counts.items():
            counter.add_metric(labels, count)
        yield counter
        waiting = GaugeMetricFamily("readout_outbox_messages", "Messages that wait.", labels=["destination"])
        for destination, count in self._waiting().items():
            waiting.add_metric([destination], count)
        yield waiting

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)


def _present(last: dict[str, Record], key: str) -> dict[str, float]:
    """A number of each field's last record, where it has one."""
    values = {name: getattr(record, key) for name, record in last.items()}
    return {name: float(value) for name, value in values.items() if value is not None}
