"""A real Mosquitto on a port of its own, that can be killed and started again, and a client that listens to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
import pytest

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(is_so: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until something is so; a failure after the time."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.02)


class Mosquitto:
    """The broker; where it `keeps`, sessions and messages are there again after a kill."""

    def __init__(self, folder: Path, settings: str = "allow_anonymous true", *, keeps: bool = True) -> None:
        if PROGRAM is None:
            pytest.skip("mosquitto is not installed: apt-get install mosquitto")
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n{settings}\nuser root\npersistence {str(keeps).lower()}\n"
            f"persistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._listens)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass(frozen=True)
class Heard:
    """A message; `is_repeat` says that the broker itself sends it once more, not knowing whether it arrived."""

    topic: str
    payload: bytes
    retain: bool
    is_repeat: bool


class Listener:
    """A client that keeps all it hears, and its session with the broker."""

    def __init__(
        self, port: int, prepare: Callable[[paho.Client], None] = lambda _: None, name: str = "listener"
    ) -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        prepare(self.client)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _client, _data, m: self.heard.append(Heard(m.topic, m.payload, m.retain, m.dup))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def of(self, topic: str) -> list[bytes]:
        return [each.payload for each in self.heard if each.topic == topic]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
