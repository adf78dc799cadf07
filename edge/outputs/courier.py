"""Deliver what waits in the outbox: in order, again until it has arrived, from a thread for each destination.

A message is deleted once the other side has confirmed it. Between the two lies a moment in which a power cut or a
broken connection makes it arrive twice: delivery is at least once, and each message carries an id that stays the same.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.errors import DeliveryError, OutputError, RefusedError
from edge.outputs.store import Message, Store

IDLE_S = 5.0
"""How long a courier sleeps when nothing wakes it."""

BACKOFF_S, BACKOFF_MAX_S = 1.0, 60.0
"""Pause after the first failure; each further one doubles it, up to the most."""

AFTER_MAX_S = 3600.0
"""The longest pause that the other side may ask for."""

FLUSH_S = 0.8
"""How long what still waits is sent for at the end."""


class Destination(Protocol):
    """Where messages are delivered.

    `name` stands in the outbox and in lines about it; `batch` is how many messages `send` takes at a time.
    """

    name: str
    batch: int

    def prepare(self) -> None:
        """Connect, where that is needed and not done; DeliveryError where it fails."""

    def send(self, messages: Sequence[Message]) -> None:
        """Deliver messages in order and wait for the confirmation.

        Raises
        ------
        DeliveryError
            It cannot be reached now.
        RefusedError
            It will never take one of them.
        """

    def close(self) -> None:
        """Hang up."""


class Courier:
    """A thread that delivers a destination's messages until it is stopped.

    Parameters
    ----------
    destination : Destination
    store : Store
    say : callable
        Takes a line for the first of a run of failures, for its end, and for each message that was refused.
    """

    def __init__(self, destination: Destination, store: Store, say: Callable[[str], None]) -> None:
        self._destination = destination
        self._store = store
        self._say = say
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._last_words = ""
        self._failures = 0
        self._ends_at = float("inf")
        self._thread = threading.Thread(target=self._run, name=f"courier-{destination.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look into the outbox now."""
        self._wake.set()

    def stop(self) -> None:
        """Send what still waits, for a moment and where that works, then end."""
        self._ends_at = time.monotonic() + FLUSH_S
        self._stop.set()
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended, but no longer; what hangs is left behind and its messages stay."""
        self._thread.join(max(0.0, timeout_s))

    def _run(self) -> None:
        try:
            while not self._stop.is_set() or (not self._failures and time.monotonic() < self._ends_at):
                if not self._deliver() and self._stop.is_set():
                    break
            self._destination.close()
        except OutputError:  # the store was closed over a call that hung
            pass

    def _deliver(self) -> bool:
        """Send one batch, or wait for something to send; whether there was any."""
        messages: list[Message] = []
        try:
            self._destination.prepare()
            messages = self._store.take(self._destination.name, self._destination.batch)
            if messages:
                self._send(messages)
            self._succeed()
        except DeliveryError as error:
            self._store.done(messages[: error.delivered])
            self._fail(error)
            return False
        if not messages and not self._stop.is_set():
            self._wake.wait(IDLE_S)
            self._wake.clear()
        return bool(messages)

    def _send(self, messages: Sequence[Message]) -> None:
        """Send a batch; where it is refused as a whole each by itself, so that only the bad one is dropped."""
        try:
            self._destination.send(messages)
        except RefusedError as error:
            if len(messages) == 1:
                self._drop(messages[0], error)
                return
            for message in messages:
                self._send([message])
            return
        self._store.done(messages)

    def _drop(self, message: Message, error: RefusedError) -> None:
        self._say(f"{error}; the reading of {message.body['name']} at {message.body['time']} is dropped")
        self._store.done([message])

    def _succeed(self) -> None:
        if self._last_words:
            self._say(f"{self._destination.name}: delivers again")
        self._failures, self._last_words = 0, ""

    def _fail(self, error: DeliveryError) -> None:
        """Say what is new, and pause."""
        self._failures += 1
        if str(error) != self._last_words:
            self._say(f"{error}; tried again, and nothing is lost meanwhile")
            self._last_words = str(error)
        self._stop.wait(pause_s(self._failures, error.after_s))


def pause_s(failures: int, after_s: float) -> float:
    """Seconds to wait after so many failures in a row: doubled each time, with chance, so that devices spread."""
    longest = min(BACKOFF_MAX_S, BACKOFF_S * 2.0 ** min(failures - 1, 10))
    return max(min(after_s, AFTER_MAX_S), longest * random.uniform(0.5, 1.0))
