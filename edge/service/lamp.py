"""A lamp on a GPIO pin of a Raspberry Pi, lit while frames are taken."""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.errors import UnusableSourceError

NO_GPIOZERO = "led_pin needs gpiozero; sudo apt install python3-gpiozero python3-lgpio, or leave led_pin out"


class Lamp:
    """A lamp that is off unless frames are taken; without a pin there is none.

    Raises
    ------
    UnusableSourceError
        gpiozero is missing, or this machine has no such pin.
    """

    def __init__(self, pin: int | None) -> None:
        self._led: Any = None if pin is None else _open_led(pin)

    @contextmanager
    def lit(self) -> Iterator[float]:
        """Light it during the block, whose value is the monotonic time when it was lit."""
        if self._led:
            self._led.on()
        try:
            yield time.monotonic()
        finally:
            if self._led:
                self._led.off()

    def close(self) -> None:
        """Put it out and let the pin go."""
        if self._led:
            self._led.close()


def _open_led(pin: int) -> Any:
    try:
        gpiozero = importlib.import_module("gpiozero")
    except ImportError as error:
        raise UnusableSourceError(NO_GPIOZERO) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a line for each GPIO library that it tried
            return gpiozero.LED(pin)
    except (gpiozero.GPIOZeroError, OSError) as error:
        raise UnusableSourceError(
            f"led_pin = {pin}: cannot be used ({error}); name a free GPIO number of this board, or leave it out"
        ) from error
