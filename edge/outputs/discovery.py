"""What Home Assistant is told about a device: one message that announces all its entities.

References
----------
Home Assistant, MQTT integration: device discovery payload, https://www.home-assistant.io/integrations/mqtt/; sensor
device classes and their units, https://developers.home-assistant.io/docs/core/entity/sensor/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from edge import __version__
from edge.schema import FieldTable

PRESS = "PRESS"
"""Payload of the button."""

UNITS = {"m3": "m³", "cbm": "m³", "l": "L", "kwh": "kWh", "wh": "Wh", "mwh": "MWh", "ft3": "ft³", "c": "°C"}
"""Home Assistant's spelling of units that people write otherwise, by the lower case."""

CLASSES = {
    **dict.fromkeys(("Wh", "kWh", "MWh", "GWh", "MJ", "GJ"), "energy"),
    **dict.fromkeys(("m³", "L", "ft³", "CCF", "gal"), "volume"),
    **dict.fromkeys(("W", "kW", "MW"), "power"),
    **dict.fromkeys(("°C", "°F"), "temperature"),
    **dict.fromkeys(("bar", "mbar", "psi", "kPa"), "pressure"),
}
"""Device class of a unit."""

COUNTERS = {"energy", "volume", "water", "gas"}
"""Device classes of what only rises."""

WATER = r"wasser|water|eau|agua|acqua|woda|vatten|vand"
GAS = r"gas|gaz"
"""What a field of cubic metres or litres is called when it is water, or gas; the energy dashboard wants to know."""

RATES = {
    "Wh": ("W", "power"),
    "kWh": ("kW", "power"),
    "MWh": ("MW", "power"),
    "m³": ("m³/h", "volume_flow_rate"),
    "L": ("L/h", "volume_flow_rate"),
}
"""Unit and device class of a rise per hour, by the unit of what rises."""

SMALLEST_STEP = 0.001
"""Home Assistant's smallest step of a number."""

MOST_PLACES = 9
"""Digits of a number that may have any."""

STATUSES = ["ok", "uncertain", "empty", "rejected"]

KEEP_LAST = "{{ value_json.value if value_json.value is not none else '' }}"
"""Home Assistant takes an empty number for no news: without a value the last good one stays, and "problem" is on."""


def discovery(device: str, base: str, fields: Sequence[FieldTable], *, image: bool, commands: bool) -> dict[str, Any]:
    """The announcement of a device.

    Parameters
    ----------
    device : str
        Its name in topics.
    base : str
        What its topics begin with.
    fields : sequence of FieldTable
    image : bool
        Whether it sends pictures.
    commands : bool
        Whether it takes commands: then there is a button, and a number to set the value of each counter.
    """
    components: dict[str, Any] = {}
    for field, slug in zip(fields, slugs(each.name for each in fields), strict=True):
        components |= _components(base, field, slug, commands=commands)
    if image:
        components["image"] = {"platform": "image", "name": "Picture", "image_topic": f"{base}/image"}
    if commands:
        components["trigger"] = {
            **{"platform": "button", "name": "Read now", "command_topic": f"{base}/trigger", "payload_press": PRESS}
        }
    return {
        "device": {"identifiers": [f"readout_{device}"], "name": device, "model": "Readout", "sw_version": __version__},
        "origin": {"name": "readout", "sw_version": __version__},
        "availability_topic": f"{base}/status",
        "qos": 1,
        "components": {
            key: {**component, "unique_id": f"readout_{device}_{key}"} for key, component in components.items()
        },
    }


def slugs(names: Iterable[str]) -> list[str]:
    """The names as they stand in topics, each another: letters, digits, "-" and "_"."""
    found: list[str] = []
    for name in names:
        slug = slug_of(name)
        number = 1
        while slug in found:
            number += 1
            slug = f"{slug_of(name)}_{number}"
        found.append(slug)
    return found


def slug_of(name: str) -> str:
    """A name as it stands in topics."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "field"


def unit_of(field: FieldTable) -> str:
    """A field's unit in Home Assistant's spelling."""
    return UNITS.get(field.unit.lower(), field.unit)


def device_class_of(field: FieldTable) -> str | None:
    """Home Assistant's class of a field's value: as configured, or from its unit and name; None for an unknown unit."""
    if field.device_class:
        return None if field.device_class == "none" else field.device_class
    found = CLASSES.get(unit_of(field))
    if found == "volume" and re.search(GAS, field.name, re.IGNORECASE):
        return "gas" if unit_of(field) in ("m³", "ft³", "CCF") else "volume"
    return "water" if found == "volume" and re.search(WATER, field.name, re.IGNORECASE) else found


def state_class_of(field: FieldTable) -> str:
    """`total_increasing` of a counter, `measurement` of what goes up and down."""
    device_class = device_class_of(field)
    is_counter = device_class in COUNTERS or (device_class is None and field.kind == "drum")
    return "total_increasing" if is_counter else "measurement"


def _components(base: str, field: FieldTable, slug: str, *, commands: bool) -> dict[str, Any]:
    """The entities of a field: each is fed by its state, and the number to set it sends to a topic of its own."""
    topic = f"{base}/{slug}/state"
    entities = {
        "value": _value(field),
        "rate": _rate(field),
        "raw": _diagnostic(field, "raw", "{{ value_json.raw }}"),
        "status": {**_status(field), "json_attributes_topic": topic},
        "confidence": _confidence(field),
        "problem": _problem(field),
    }
    if commands and field.is_counter:  # of others nothing is remembered that could be set
        entities["set"] = {**_number(field), "command_topic": f"{base}/{slug}/set"}
    return {f"{slug}_{word}": {"state_topic": topic, **entity} for word, entity in entities.items()}


def _value(field: FieldTable) -> dict[str, Any]:
    return {
        **{"platform": "sensor", "name": field.name, "value_template": KEEP_LAST},
        **{"state_class": state_class_of(field), "suggested_display_precision": field.decimals},
        **_present(device_class=device_class_of(field), unit_of_measurement=unit_of(field) or None),
    }


def _rate(field: FieldTable) -> dict[str, Any]:
    unit, device_class = RATES.get(unit_of(field), (f"{unit_of(field)}/h" if field.unit else None, None))
    return {
        **{"platform": "sensor", "name": f"{field.name} rate", "value_template": "{{ value_json.rate }}"},
        **{"state_class": "measurement", **_present(device_class=device_class, unit_of_measurement=unit)},
    }


def _status(field: FieldTable) -> dict[str, Any]:
    return {
        **_diagnostic(field, "status", "{{ value_json.status }}"),
        **{"device_class": "enum", "options": STATUSES},
    }


def _confidence(field: FieldTable) -> dict[str, Any]:
    return {
        **_diagnostic(field, "confidence", "{{ (value_json.confidence * 100) | round(1) }}"),
        **{"state_class": "measurement", "unit_of_measurement": "%"},
    }


def _problem(field: FieldTable) -> dict[str, Any]:
    return {
        **_diagnostic(field, "problem", "{{ 'OFF' if value_json.status == 'ok' else 'ON' }}"),
        **{"platform": "binary_sensor", "device_class": "problem"},
    }


def _diagnostic(field: FieldTable, word: str, template: str) -> dict[str, Any]:
    """A sensor that stands apart from the values."""
    name = f"{field.name} {word}"
    return {"platform": "sensor", "entity_category": "diagnostic", "name": name, "value_template": template}


def _number(field: FieldTable) -> dict[str, Any]:
    """A box to set the value in, as large as the field's places allow."""
    step = 10.0**-field.decimals
    places = len(field.digits) + len(field.dials) or field.length or MOST_PLACES
    return {
        **{"platform": "number", "entity_category": "config", "mode": "box", "name": f"{field.name} set"},
        **{"value_template": "{{ value_json.value }}", **_present(unit_of_measurement=unit_of(field) or None)},
        **{"min": 0, "max": round(step * (10**places - 1), field.decimals), "step": max(step, SMALLEST_STEP)},
    }


def _present(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}
