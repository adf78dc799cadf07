"""A real InfluxDB of version 1 on a port of its own, with a user, that can be killed and started again."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.edge.mosquitto import free_port, wait_for

PROGRAM = shutil.which("influxd")

SETTINGS = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
auth-enabled = true
"""


class InfluxDB:
    """The server, with a database "home" and its user "meter" whose password is "secret"."""

    def __init__(self, folder: Path) -> None:
        if PROGRAM is None:
            pytest.skip("influxd is not installed: apt-get install influxdb")
        self.port = free_port()
        self._config = folder / "influxdb.conf"
        self._config.write_text(SETTINGS.format(folder=folder / "influx", port=self.port, rpc=free_port()))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.ask("CREATE USER meter WITH PASSWORD 'secret' WITH ALL PRIVILEGES", user="")
        self.ask("CREATE DATABASE home")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "run", "-config", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._answers)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, query: str, user: str = "u=meter&p=secret") -> list[list[Any]]:
        """The rows of a query's answer; only the first user is made without one."""
        url = f"http://127.0.0.1:{self.port}/query?{user}&db=home&epoch=ms&{urllib.parse.urlencode({'q': query})}"
        with urllib.request.urlopen(url, b"", timeout=10) as answer:
            (result,) = json.load(answer)["results"]
        return [row for series in result.get("series", []) for row in series["values"]]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=1):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False
