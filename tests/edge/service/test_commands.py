"""A whole service before a rendered meter, with a real Mosquitto: what people ask of it, and what they do to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.publish as publish
import pytest

from edge.config import load_config
from edge.outputs.history import events, readings
from tests.edge.mosquitto import Listener, Mosquitto, free_port, wait_for
from tests.edge.test_cli import ROOT

RUN = [sys.executable, "-m", "edge", "run"]

STATE = "readout/readout/water/state"

CONFIG = """
[source]
uri = "demo:"
[run]
every = "{every}"
settle = 0
burst = 3
[http]
port = {http}
[csv]
[store]
[state]
[mqtt]
host = "127.0.0.1"
port = {mqtt}
[[field]]
name = "water"
kind = "drum"
digits = [[80, 180, 75, 130], [180, 180, 75, 130], [276, 180, 75, 130], [372, 180, 75, 130], [468, 180, 75, 130]]
max_rate_per_hour = 36000
"""


class Service:
    """`edge run` as a process of its own, and what it says."""

    def __init__(self, folder: Path, mqtt: int, every: str = "0.5s") -> None:
        self.config = folder / "meter.toml"
        self.store = folder / "readout.db"
        self.mqtt, self.http = mqtt, free_port()
        self.config.write_text(CONFIG.format(every=every, http=self.http, mqtt=mqtt))
        words = [*RUN, "--config", str(self.config), "--json"]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(
            words, cwd=ROOT, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}, **streams
        )
        self.printed: list[dict] = []
        self.said: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, args=(stream, take), daemon=True)
            for stream, take in (
                (self.process.stdout, lambda line: self.printed.append(json.loads(line)["readings"][0])),
                (self.process.stderr, self.said.append),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self, stream, take: Callable[[str], None]) -> None:
        for line in stream:
            take(line.rstrip("\n"))

    def end(self) -> float:
        """Seconds that it takes to end."""
        start_s = time.monotonic()
        self.process.terminate()
        self.process.wait(20)
        took_s = time.monotonic() - start_s
        for thread in self._threads:
            thread.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return took_s

    def send(self, topic: str, payload: str = "") -> None:
        """A message to the broker, as Home Assistant sends it."""
        publish.single(f"readout/readout/{topic}", payload, qos=1, hostname="127.0.0.1", port=self.mqtt)

    def ask(self) -> dict:
        """The answer to a trigger over HTTP."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/trigger", method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def listens(self) -> bool:
        """Whether it takes triggers over HTTP."""
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.http)) == 0

    def has(self, status: str) -> bool:
        """Whether the last reading that was printed is of that status."""
        return bool(self.printed) and self.printed[-1]["status"] == status


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Service]]:
    services = []

    def start(mqtt: int, **others: str) -> Service:
        services.append(Service(tmp_path, mqtt, **others))
        return services[-1]

    yield start
    for service in services:
        if service.process.poll() is None:
            service.end()


def test_what_home_assistant_asks_for_is_done(broker, start):
    service, listener = start(broker.port), Listener(broker.port)
    wait_for(lambda: service.has("ok"), 60)
    wait_for(lambda: listener.of("homeassistant/device/readout_readout/config"))
    announced = json.loads(listener.of("homeassistant/device/readout_readout/config")[0])["components"]
    assert {"trigger", "water_set"} <= announced.keys()
    service.send(announced["water_set"]["command_topic"].removeprefix("readout/readout/"), "20000")
    wait_for(lambda: service.has("rejected"))
    assert "goes back by" in service.printed[-1]["reason"]
    service.send("water/set", "a lot")
    service.send("water/set", "12345")
    wait_for(lambda: service.has("ok"))
    wait_for(lambda: json.loads(listener.of(STATE)[-1])["status"] == "ok")
    listener.close()
    service.end()
    first, second = [line for _, kind, line in events(service.store) if kind == "command"]
    assert first.startswith("water is set to 20000 by hand, it was 123")
    assert second == "water is set to 12345 by hand, it was 20000; readings go on from there"
    assert any("readout/readout/water/set: not understood" in line for line in service.said)


def test_a_trigger_publishes_what_is_not_new(broker, start):
    service, listener = start(broker.port, every="never"), Listener(broker.port)
    wait_for(lambda: listener.of("readout/readout/status")[-1:] == [b"online"], 60)
    assert listener.of(STATE) == []
    for count in (1, 2, 3):
        service.send("trigger", "PRESS")
        wait_for(lambda count=count: len(listener.of(STATE)) == count)
    listener.close()


def test_a_trigger_over_http_is_answered_with_the_reading(start):
    service = start(free_port(), every="never")
    wait_for(service.listens, 60)
    asked_s = time.time()
    answer = service.ask()
    assert answer["readings"][0]["text"] == "12345"
    wait_for(lambda: service.printed)
    assert answer["readings"] == [service.printed[-1]]
    assert answer["time"][:17] >= time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(asked_s))
    assert len(service.printed) == 1


def test_a_broker_that_is_away_and_a_typo_at_sighup_cost_no_reading(start, tmp_path):
    service = start(free_port())
    wait_for(lambda: service.has("ok"), 60)
    good = service.config.read_text()
    service.config.write_text(good.replace("every =", "evry ="))
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: any("evry" in line for line in service.said))
    count = len(service.printed)
    wait_for(lambda: len(service.printed) > count + 1)
    (typo,) = [line for line in service.said if "evry" in line]
    assert typo.endswith("run.evry: unknown key; did you mean 'every'?; the configuration stays as it was")
    service.config.write_text(good.replace('"0.5s"', '"0.2s"'))
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: any("loaded again" in line for line in service.said))
    count = len(service.printed)
    wait_for(lambda: len(service.printed) > count)
    assert service.printed[-1]["status"] == "ok", "what was known of the meter outlives the reload"
    service.ask()
    assert service.end() < 5  # 2 s, where nothing else runs: tests/edge/service/test_service.py
    assert service.process.returncode == 0
    kept = [each.value for each in readings(service.store) if each.status == "ok"]
    assert kept
    assert service.printed[-1]["value"] == kept[-1]
    assert sum("cannot be reached" in line for line in service.said) <= 2, "once for each configuration"
    assert load_config(service.config).csv


def test_a_port_that_is_taken_ends_the_start_in_one_line(start, tmp_path):
    first = start(free_port(), every="never")
    wait_for(first.listens, 60)
    done = subprocess.run(
        [*RUN, "--config", str(first.config)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"[http] 127.0.0.1:{first.http}: cannot be listened on" in done.stderr
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{first.http}/trigger", timeout=10)
