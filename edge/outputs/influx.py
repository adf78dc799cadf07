"""An InfluxDB server, version 2 or 1: points in line protocol.

A point that is sent again has the same measurement, tags and time and takes the place of the first: however often it
is sent, it is there once.

References
----------
InfluxDB OSS v2: line protocol, https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/; POST
/api/v2/write, https://docs.influxdata.com/influxdb/v2/api/write-data/; POST /write of version 1,
https://docs.influxdata.com/influxdb/v2/api/write-data-v1-compatible/.
"""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from edge.config import read_secret
from edge.outputs.post import post
from edge.outputs.store import Message
from edge.schema import InfluxTable

ESCAPED_NAME = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\ "})
ESCAPED_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\n": r"\ "})
ESCAPED_TEXT = str.maketrans({'"': r"\"", "\\": r"\\", "\n": " "})


class InfluxServer:
    """A `Destination` that writes points.

    Raises
    ------
    ConfigError
        A secret's file cannot be read.
    """

    name = "influx"
    batch = 500

    def __init__(self, table: InfluxTable) -> None:
        self._measurement = table.measurement
        self._url = write_url(table)
        self._headers = {"Content-Type": "text/plain; charset=utf-8", **_login(table)}

    def prepare(self) -> None:
        """Nothing: each request has a connection of its own."""

    def send(self, messages: Sequence[Message]) -> None:
        """Write a point a message."""
        lines = [line_of(self._measurement, message.body) for message in messages]
        post(self._url, "\n".join(lines).encode(), self._headers, self.name)

    def close(self) -> None:
        """Nothing."""


def write_url(table: InfluxTable) -> str:
    """Where points are posted."""
    if table.bucket is not None:
        path, query = "/api/v2/write", {"org": table.org, "bucket": table.bucket, "precision": "ms"}
    else:
        path, query = "/write", {"db": str(table.database), "precision": "ms"}
    return f"{table.url.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"


def line_of(measurement: str, body: Mapping[str, Any]) -> str:
    """A record's JSON as a line: field and status are tags, and without a value there is no value."""
    tags = {"name": body["name"], "status": body["status"], "unit": body["unit"]}
    fields = {
        "value": body["value"],
        "rate": body["rate"],
        "confidence": body["confidence"],
        "text": body["text"],
        "raw": body["raw"],
        "reason": body["reason"],
    }
    head = [measurement.translate(ESCAPED_NAME), *(f"{key}={_tag(each)}" for key, each in tags.items() if each)]
    found = ",".join(f"{key}={_field(each)}" for key, each in fields.items() if each is not None)
    return f"{','.join(head)} {found} {_milliseconds(body['time'])}"


def _tag(text: str) -> str:
    """A tag's value; a backslash at its end would escape what follows."""
    return text.translate(ESCAPED_TAG).rstrip("\\")


def _field(value: float | str) -> str:
    return f'"{value.translate(ESCAPED_TEXT)}"' if isinstance(value, str) else repr(float(value))


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _login(table: InfluxTable) -> dict[str, str]:
    if table.bucket is not None:
        return {} if table.token is None else {"Authorization": f"Token {read_secret(table.token)}"}
    if table.user is None:
        return {}
    password = "" if table.password is None else read_secret(table.password)
    return {"Authorization": f"Basic {base64.b64encode(f'{table.user}:{password}'.encode()).decode()}"}
