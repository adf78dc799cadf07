"""A small HTTP server that takes a trigger and answers with the reading that it led to.

It is Python's `http.server`, for one path on this device: it keeps no connection and gives a client that is slow to ask
a few seconds. Whoever needs TLS puts a proxy before it.

References
----------
RFC 9110, HTTP Semantics: 15.5 and 15.6, what a refusal is called; RFC 6750, section 2.1: bearer tokens.
"""

from __future__ import annotations

import hmac
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge.config import read_secret
from edge.errors import OutputError
from edge.nouns import Frame, Reading
from edge.schema import HttpTable
from edge.sinks import frame_record

PATH = "/trigger"

ASK_S = 5.0
"""How long a client has to say what it wants."""

MAX_BODY = 65536
"""Bytes of a body that are read and dropped, since a connection that is closed over them may lose the answer."""

MAX_WAITING = 8
"""Clients that wait for a reading at a time; more are sent away."""

LOOK_S = 0.1
"""How often the server looks whether it is to end."""


class Endpoint:
    """A sink that gives what is read to the clients that asked for it.

    Parameters
    ----------
    table : HttpTable
    trigger : callable
        Asks for a reading now; called in other threads.
    limit_s : float
        How long a client waits for it.

    Raises
    ------
    OutputError
        The port cannot be listened on.
    ConfigError
        The token's file cannot be read.
    """

    def __init__(self, table: HttpTable, trigger: Callable[[], None], limit_s: float) -> None:
        self.token = None if table.token is None else read_secret(table.token)
        self._trigger = trigger
        self._limit_s = limit_s
        self._news = threading.Condition()
        self._taken_s = float("-inf")
        self._record: dict[str, Any] = {}
        self._waiting = 0
        self._is_closed = False
        try:
            self._server = _Server((table.address, table.port), self)
        except OSError as error:
            raise OutputError(
                f"[http] {table.address}:{table.port}: cannot be listened on ({error.strerror}); "
                "choose another port or address, or end what uses it"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_S,), name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """That is listened on."""
        return self._server.server_port

    def write(self, frame: Frame, readings: Sequence[Reading], latency_ms: float) -> None:
        """Answer who asked before the frame was taken."""
        with self._news:
            self._taken_s = frame.monotonic_s
            if self._waiting:
                self._record = frame_record(frame, readings, latency_ms)
                self._news.notify_all()

    def ask(self) -> tuple[HTTPStatus, dict[str, Any]]:
        """Trigger a reading and wait for it: a status and what to answer."""
        with self._news:
            if self._waiting >= MAX_WAITING:
                return HTTPStatus.TOO_MANY_REQUESTS, {"error": f"{MAX_WAITING} others wait for a reading; ask later"}
            asked_s = time.monotonic()
            self._waiting += 1
            self._trigger()
            self._news.wait_for(lambda: self._is_closed or self._taken_s >= asked_s, self._limit_s)
            self._waiting -= 1
            if self._taken_s >= asked_s:
                return HTTPStatus.OK, self._record
        said = "the service ends" if self._is_closed else f"no reading within {self._limit_s:g} s; see its log"
        return HTTPStatus.SERVICE_UNAVAILABLE, {"error": said}

    def close(self) -> None:
        """Send those who wait away, and stop listening."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)


class _Server(ThreadingHTTPServer):
    """A thread for each client, none of which holds up the end."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """As the base does it, without asking a name server who this is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "readout", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    """One client, one request."""

    server: _Server
    timeout = ASK_S

    def version_string(self) -> str:
        """What answers, without the version that an attacker would like to know."""
        return "readout"

    def do_POST(self) -> None:
        """A reading now."""
        length = self.headers.get("Content-Length", "")
        self.rfile.read(min(int(length), MAX_BODY) if length.isdecimal() else 0)
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"there is only POST {PATH}"})
        elif not self._is_allowed():
            self._answer(HTTPStatus.UNAUTHORIZED, {"error": "send the token of [http]: Authorization: Bearer …"})
        else:
            self._answer(*self.server.endpoint.ask())

    def do_GET(self) -> None:
        """Nothing: what a browser fetches in passing triggers no reading."""
        if self.path == PATH:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"ask with POST, as in: curl -X POST …{PATH}"})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"there is only POST {PATH}"})

    def log_message(self, *_: object) -> None:
        """Who asks is not logged."""

    def _is_allowed(self) -> bool:
        token = self.server.endpoint.token
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        return token is None or hmac.compare_digest(given, f"Bearer {token}".encode())

    def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        data = json.dumps(body, allow_nan=False).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(data)
