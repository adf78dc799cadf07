"""The metrics page as Prometheus' own parser reads it, over HTTP."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.config import parse_config
from edge.errors import MissingPackageError, OutputError
from edge.nouns import Frame, Reading
from edge.outputs import open_outputs
from tests.edge.mosquitto import free_port

NOON = 1795262400.0
GRAY = np.full((24, 32), 200, np.uint8)
OK = Reading("water", "453.012", 453.012, "ok", 0.99, None)
DOUBT = Reading("water", "45?", None, "uncertain", 0.4, None, "digit 3 is below the cutoff")


@contextmanager
def page(more=""):
    """A call that writes a reading, and one that gives the metrics."""
    port = free_port()
    config = parse_config(f'[prometheus]\nport = {port}\naddress = "127.0.0.1"\n{more}')
    with open_outputs(config, print) as sinks:

        def write(second, reading):
            for sink in sinks:
                sink.write(Frame(GRAY, "demo:", 0, NOON + second, 100.0 + second), [reading], 1.0)

        def metrics():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
            families = text_string_to_metric_families(text)
            return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}

        yield write, metrics
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1)


def test_a_reading_is_on_the_page_with_its_rate_and_counts():
    with page() as (write, metrics):
        assert ("readout_value", "water") not in metrics()
        write(0, OK)
        write(60, replace(OK, value=453.112))
        found = metrics()
    assert found["readout_value", "water"] == 453.112
    assert found["readout_rate_per_hour", "water"] == pytest.approx(6.0)
    assert found["readout_confidence", "water"] == 0.99
    assert found["readout_ok", "water"] == 1.0
    assert found["readout_last_ok_timestamp_seconds", "water"] == NOON + 60
    assert found["readout_readings_total", "water", "ok"] == 2.0


def test_a_doubtful_reading_has_no_value_and_the_last_good_one_is_dated():
    with page() as (write, metrics):
        write(0, OK)
        write(5, DOUBT)
        write(9, DOUBT)
        found = metrics()
    assert ("readout_value", "water") not in found
    assert found["readout_ok", "water"] == 0.0
    assert found["readout_last_ok_timestamp_seconds", "water"] == NOON
    assert found["readout_readings_total", "water", "uncertain"] == 2.0


def test_what_waits_in_the_outbox_is_on_the_page(tmp_path):
    more = f'[store]\npath = "{tmp_path}/a.db"\n[webhook]\nurl = "http://127.0.0.1:{free_port()}"'
    with page(more) as (write, metrics):
        assert metrics()["readout_outbox_messages", "webhook"] == 0.0
        write(0, OK)
        assert metrics()["readout_outbox_messages", "webhook"] == 1.0


def test_a_port_in_use_is_one_line():
    port = free_port()
    config = parse_config(f'[prometheus]\nport = {port}\naddress = "127.0.0.1"')
    with (
        open_outputs(config, print),
        pytest.raises(OutputError, match=r"cannot be listened on .Address already in use"),
    ):
        open_outputs(config, print).__enter__()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with (
        pytest.raises(
            MissingPackageError, match=r"\[prometheus\] needs prometheus_client; pip install prometheus-client"
        ),
        open_outputs(parse_config("[prometheus]"), print),
    ):
        pass
