"""A webhook: each reading posted to an address as JSON, signed so that the receiver knows who sent it.

The signature covers the time of sending and the body, so that what was heard cannot be changed, and a receiver may
refuse what is old: `X-Readout-Signature: t=1795262400,v1=` and the HMAC-SHA256, in hexadecimal, of `1795262400.` and
the body, with the secret for its key.

References
----------
RFC 2104, HMAC: Keyed-Hashing for Message Authentication.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence

from edge import __version__
from edge.config import read_secret
from edge.outputs.post import post
from edge.outputs.store import Message
from edge.schema import WebhookTable


class Webhook:
    """A `Destination` that posts one reading at a time.

    Raises
    ------
    ConfigError
        The secret's file cannot be read.
    """

    name = "webhook"
    batch = 1

    def __init__(self, table: WebhookTable) -> None:
        self._url = table.url
        self._secret = None if table.secret is None else read_secret(table.secret).encode()

    def prepare(self) -> None:
        """Nothing: each request has a connection of its own."""

    def send(self, messages: Sequence[Message]) -> None:
        """Post each message; its id stands in the body and in X-Readout-Id, the same each time it is sent."""
        for message in messages:
            body = json.dumps({**message.body, "id": message.uid}).encode()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"readout/{__version__}",
                "X-Readout-Id": message.uid,
            }
            if self._secret is not None:
                headers["X-Readout-Signature"] = signature(self._secret, int(time.time()), body)
            post(self._url, body, headers, self.name)

    def close(self) -> None:
        """Nothing."""


def signature(secret: bytes, second: int, body: bytes) -> str:
    """The time of sending and the signature of a body."""
    return f"t={second},v1={hmac.new(secret, f'{second}.'.encode() + body, hashlib.sha256).hexdigest()}"
