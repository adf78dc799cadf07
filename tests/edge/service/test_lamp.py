"""The lamp, on gpiozero's own pins that need no board."""

import importlib
import time

import pytest

from edge.errors import UnusableSourceError
from edge.service.lamp import Lamp


@pytest.fixture
def pins(monkeypatch):
    gpiozero = pytest.importorskip("gpiozero")
    mock = importlib.import_module("gpiozero.pins.mock")
    monkeypatch.setattr(gpiozero.Device, "pin_factory", mock.MockFactory())
    return gpiozero.Device.pin_factory


def test_it_is_lit_during_the_block_only(pins):
    lamp = Lamp(17)
    states = [pins.pin(17).state]
    with lamp.lit() as lit_s:
        states.append(pins.pin(17).state)
        assert abs(time.monotonic() - lit_s) < 1
    states.append(pins.pin(17).state)
    lamp.close()
    assert states == [False, True, False]


def test_it_goes_out_after_an_error(pins):
    lamp = Lamp(17)
    with pytest.raises(ValueError, match="stop"), lamp.lit():
        raise ValueError("stop")
    assert not pins.pin(17).state
    lamp.close()


def test_without_a_pin_there_is_no_lamp():
    lamp = Lamp(None)
    with lamp.lit():
        pass
    lamp.close()


def test_without_gpiozero_one_line_says_what_to_install(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(UnusableSourceError, match="led_pin needs gpiozero; sudo apt install python3-gpiozero"):
        Lamp(17)


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_machine_without_pins_is_one_line(monkeypatch):
    gpiozero = pytest.importorskip("gpiozero")

    def refuse(pin):
        raise gpiozero.BadPinFactory("Unable to load any default pin factory!")

    monkeypatch.setattr(gpiozero, "LED", refuse)
    with pytest.raises(UnusableSourceError, match=r"led_pin = 17: cannot be used .Unable to load"):
        Lamp(17)
