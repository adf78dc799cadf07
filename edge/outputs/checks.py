"""Whether the outputs that a configuration names would work, without writing or sending anything."""

from __future__ import annotations

import importlib.util
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.config import read_secret
from edge.errors import DeliveryError, MissingPackageError, OutputError
from edge.faults import require_space
from edge.outputs.mqtt import PORT, TLS_PORT, import_paho
from edge.outputs.store import require_own
from edge.schema import Config, HttpTable

CONNECT_S = 3.0
"""How long a server has to take a connection."""


def output_checks(config: Config) -> dict[str, Callable[[], str]]:
    """By the name of each output, what looks at it: it gives a line, or raises an EdgeError."""
    checks: dict[str, Callable[[], str]] = {}
    if (csv := config.csv) is not None:
        checks["csv"] = lambda: require_space(Path(csv.path).parent)
    if (store := config.store) is not None:
        checks["store"] = lambda: check_store(Path(store.path))
    if config.mqtt is not None:
        checks["mqtt"] = lambda: check_mqtt(config)
    if (influx := config.influx) is not None:
        checks["influx"] = lambda: check_server("influx", influx.url, influx.token, influx.password)
    if (webhook := config.webhook) is not None:
        checks["webhook"] = lambda: check_server("webhook", webhook.url, webhook.secret)
    if (prometheus := config.prometheus) is not None:
        checks["prometheus"] = lambda: check_metrics(prometheus.address, prometheus.port)
    if (http := config.http) is not None:
        checks["http"] = lambda: check_trigger(http)
    return checks


def check_store(path: Path) -> str:
    """The store's file and the space around it."""
    found = require_space(path.parent)
    if not path.exists():
        return f"{path}: will be made; {found}"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
            require_own(db, path)
            (count,) = db.execute("SELECT count(*) FROM readings").fetchone()
    except sqlite3.Error as error:
        raise OutputError(
            f"{path}: cannot be read ({error}); `edge run` sets a damaged file aside and begins anew"
        ) from error
    return f"{path}: {count} readings; {found}"


def check_mqtt(config: Config) -> str:
    """The broker's port; the login is tried by `edge run` alone, for two of one name would push each other out."""
    import_paho()
    table = config.mqtt
    assert table is not None
    _read_secrets(table.password)
    for name in (table.ca, table.cert, table.key):
        if name is not None and not Path(name).is_file():
            raise OutputError(f"{name}: no such file; name the certificates of [mqtt]")
    return _connect("mqtt", table.host, table.port or (TLS_PORT if table.tls else PORT))


def check_server(name: str, url: str, *secrets: str | None) -> str:
    """A server's port."""
    _read_secrets(*secrets)
    parts = urlsplit(url)
    return _connect(name, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def check_metrics(address: str, port: int) -> str:
    """Whether the metrics' package is there and their port free."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise MissingPackageError("[prometheus] needs prometheus_client; pip install prometheus-client")
    return _free(address, port)


def check_trigger(table: HttpTable) -> str:
    """Whether the port is free, and who may ask."""
    _read_secrets(table.token)
    asked = "a token is asked for" if table.token else "anyone who reaches it may trigger a reading"
    return f"{_free(table.address, table.port)}; {asked}"


def _free(address: str, port: int) -> str:
    """That a port can be listened on."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
    except OSError as error:
        raise OutputError(
            f"{address}:{port}: cannot be listened on ({error.strerror}); choose another port, or end what uses it"
        ) from error
    return f"{address}:{port} is free"


def _connect(name: str, host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), CONNECT_S):
            return f"{host}:{port} takes connections; the login is not tried here"
    except OSError as error:
        reason = error.strerror or str(error)
        raise DeliveryError(f"{host}:{port} cannot be reached ({reason}); check the server and [{name}]") from error


def _read_secrets(*secrets: str | None) -> None:
    for secret in secrets:
        if secret is not None:
            read_secret(secret)
