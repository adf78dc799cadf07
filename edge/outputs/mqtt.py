"""An MQTT broker: retained states, a last will, pictures, commands, and the announcement to Home Assistant.

Each connection is a client of its own, so that nothing is queued but in the outbox. States go out with QoS 1 and count
as delivered when the broker has confirmed them. A state arrives again, with the same `id`, where a connection breaks
before the confirmation, and the last one of each field on every new connection. A broker that speaks 3.1.1 confirms
also what its access list makes it throw away; with 5 it says so.

References
----------
MQTT Version 3.1.1 and 5.0, OASIS, 2014 and 2019: 4.4 message delivery retry, 4.6 message ordering.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from edge.config import read_secret
from edge.errors import DeliveryError, MissingPackageError
from edge.outputs.discovery import discovery, slug_of, slugs
from edge.outputs.store import Message
from edge.schema import FieldTable, MqttTable
from edge.service.command import Command

PORT, TLS_PORT = 1883, 8883

CONNECT_S = 10.0
"""How long a broker has to take the connection."""

CONFIRM_S = 10.0
"""How long a broker has to confirm a batch."""

KEEPALIVE_S = 30
"""A broker that is silent for one and a half of this is gone; it then publishes the will."""

LOOK_S = 0.005
"""How often a batch's confirmation is looked for."""

GOODBYE_S = 0.5
"""How long the last message, "offline", may take."""


class MqttBroker:
    """A `Destination` that publishes to a broker.

    Parameters
    ----------
    table : MqttTable
    fields : sequence of FieldTable
    on_command : callable, optional
        Takes commands, in a thread of the client; without it none are announced nor subscribed to.
    say : callable
        Takes a line for a command that cannot be understood.

    Raises
    ------
    MissingPackageError
        paho-mqtt is not installed.
    ConfigError
        A secret's file cannot be read.
    """

    name = "mqtt"
    batch = 20

    def __init__(
        self,
        table: MqttTable,
        fields: Sequence[FieldTable],
        say: Callable[[str], None],
        on_command: Callable[[Command], None] | None = None,
    ) -> None:
        self._paho = import_paho()
        self._table = table
        self._password = None if table.password is None else read_secret(table.password)
        self._say = say
        self._on_command = on_command
        self._base = f"{table.topic}/{table.device}"
        self._slugs = dict(zip((field.name for field in fields), slugs(field.name for field in fields), strict=True))
        has_image = table.image != "never"
        self._announcement = discovery(
            table.device, self._base, fields, image=has_image, commands=on_command is not None
        )
        self._client: Any = None
        self._picture: bytes | None = None
        self._answered = threading.Event()
        self._is_welcome = False
        self._lost = threading.Event()
        self._lost.set()
        self._refusal = ""
        self._refused: dict[int, str] = {}
        self._states: dict[str, bytes] = {}

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self._table.host}:{self._port}"

    def show(self, jpeg: bytes) -> None:
        """Send a picture with the next messages; a newer one takes its place."""
        self._picture = jpeg

    def prepare(self) -> None:
        """Connect where there is no connection, and send the newest picture."""
        if self._lost.is_set():
            self._hang_up()
            self._lost.clear()
            try:
                self._connect()
            except DeliveryError:
                self._lost.set()
                raise
        picture, self._picture = self._picture, None
        if picture is not None:
            self._publish(f"{self._base}/image", picture)

    def send(self, messages: Sequence[Message]) -> None:
        """Publish messages and wait until the broker has confirmed them."""
        states = [(self._topic(each), _payload(each)) for each in messages]
        published = [self._publish(topic, payload) for topic, payload in states]
        deadline = time.monotonic() + CONFIRM_S
        for number, (info, (topic, payload)) in enumerate(zip(published, states, strict=True)):
            while not self._is_confirmed(info):
                if self._lost.is_set() or time.monotonic() > deadline:
                    raise self._gone(delivered=number)
                self._lost.wait(LOOK_S)
            if info.mid in self._refused:
                why = f"refuses {topic} ({self._refused.pop(info.mid)}); allow [mqtt] user to publish it"
                raise DeliveryError(f"mqtt: {self.address} {why}", delivered=number)
            self._states[topic] = payload

    def close(self) -> None:
        """Say goodbye and hang up."""
        if self._client is not None and not self._lost.is_set():
            goodbye = self._publish(f"{self._base}/status", b"offline")
            deadline = time.monotonic() + GOODBYE_S
            while not self._is_confirmed(goodbye) and not self._lost.is_set() and time.monotonic() < deadline:
                self._lost.wait(LOOK_S)
        self._hang_up()

    @property
    def _port(self) -> int:
        return self._table.port or (TLS_PORT if self._table.tls else PORT)

    def _topic(self, message: Message) -> str:
        name = message.body["name"]
        return f"{self._base}/{self._slugs.get(name) or slug_of(name)}/state"

    def _connect(self) -> None:
        """Open a connection, and say on it who is there."""
        self._answered.clear()
        self._is_welcome = False
        self._refusal = ""
        self._refused.clear()
        self._client = self._new_client()
        try:
            self._client.connect(self._table.host, self._port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise DeliveryError(
                f"mqtt: {self.address} cannot be reached ({_reason(error)}); {self._remedy()}"
            ) from None
        self._client.loop_start()
        if not self._answered.wait(CONNECT_S):
            raise DeliveryError(f"mqtt: {self.address} does not answer; {self._remedy()}")
        if self._refusal:
            raise DeliveryError(f"mqtt: {self.address} refuses ({self._refusal}); check [mqtt] user and password")
        if not self._is_welcome:
            raise DeliveryError(f"mqtt: {self.address} hangs up; {self._remedy()}")
        if self._table.discovery and self._slugs:
            topic = f"{self._table.discovery_prefix}/device/readout_{self._table.device}/config"
            self._publish(topic, json.dumps(self._announcement).encode())
        self._publish(f"{self._base}/status", b"online")
        for topic, payload in self._states.items():  # a broker that was started again may have forgotten them
            self._publish(topic, payload)
        if self._on_command:
            topics = [f"{self._base}/trigger", *(f"{self._base}/{slug}/set" for slug in self._slugs.values())]
            self._client.subscribe([(topic, 1) for topic in topics])

    def _new_client(self) -> Any:
        paho, table = self._paho, self._table
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=f"readout-{table.device}",
            protocol=paho.MQTTv5 if table.version == "5" else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.will_set(f"{self._base}/status", b"offline", qos=1, retain=True)
        if table.user is not None:
            client.username_pw_set(table.user, self._password)
        if table.tls:
            try:
                client.tls_set(ca_certs=table.ca, certfile=table.cert, keyfile=table.key)
            except (OSError, ValueError) as error:
                raise DeliveryError(
                    f"mqtt: the certificates cannot be used ({_reason(error)}); {self._remedy()}"
                ) from None
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_message = self._received
        return client

    def _publish(self, topic: str, payload: bytes) -> Any:
        return self._client.publish(topic, payload, qos=1, retain=True)

    def _is_confirmed(self, info: Any) -> bool:
        try:
            return bool(info.is_published())
        except RuntimeError:  # it was never sent: the connection had gone before
            self._lost.set()
            return False

    def _gone(self, delivered: int) -> DeliveryError:
        """What is said of a connection that broke, or of a broker that confirms nothing."""
        why = "the connection broke" if self._lost.is_set() else f"nothing confirmed in {CONFIRM_S:.0f} s"
        self._lost.set()
        return DeliveryError(f"mqtt: {self.address}: {why}; {self._remedy()}", delivered=delivered)

    def _hang_up(self) -> None:
        """End the client; what it had queued is still in the outbox."""
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_stop()
        self._lost.set()

    def _remedy(self) -> str:
        where = "host, port, tls and certificates" if self._table.tls else "host and port"
        return f"check the broker and [mqtt] {where}"

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._is_welcome = not reason.is_failure
        self._refusal = str(reason) if reason.is_failure else ""
        self._answered.set()

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        self._is_welcome = False
        self._lost.set()
        self._answered.set()

    def _published(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refused[mid] = str(reason)

    def _received(self, _client: Any, _data: Any, message: Any) -> None:
        """Hand on a command; a retained one is from long ago and is left alone."""
        if self._on_command is None or message.retain:
            return
        command = command_of(message.topic.removeprefix(f"{self._base}/"), message.payload, self._slugs)
        if command is None:
            self._say(f"mqtt: {message.topic}: not understood; send any payload to trigger, a number to set")
        else:
            self._on_command(command)


def command_of(topic: str, payload: bytes, slugs: dict[str, str]) -> Command | None:
    """The command of a message; None where it is none.

    Parameters
    ----------
    topic : str
        `trigger`, or `water/set`.
    payload : bytes
    slugs : dict of str to str
        Of each field's name, as it stands in topics.
    """
    if topic == "trigger":
        return Command("trigger")
    names = {f"{slug}/set": name for name, slug in slugs.items()}
    try:
        value = float(payload.decode())
    except ValueError:
        return None
    return Command("set", names[topic], value) if topic in names and math.isfinite(value) else None


def import_paho() -> ModuleType:
    """The client of paho-mqtt 2.

    Raises
    ------
    MissingPackageError
        It is not installed, or an older one is.
    """
    try:
        import paho.mqtt.client as client
    except ImportError:
        raise MissingPackageError("[mqtt] needs paho-mqtt; pip install 'paho-mqtt>=2'") from None
    if not hasattr(client, "CallbackAPIVersion"):
        raise MissingPackageError("[mqtt] needs paho-mqtt 2, an older one is installed; pip install 'paho-mqtt>=2'")
    return client


def _payload(message: Message) -> bytes:
    return json.dumps({**message.body, "id": message.uid}).encode()


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).replace("\n", " ")
