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
    """The entities of a field."""
    topic = f"{base}/{slug}/state"
    sensor = {"platform": "sensor", "state_topic": topic}
    diagnostic = {**sensor, "entity_category": "diagnostic"}
    rate_unit, rate_class = RATES.get(unit_of(field), (f"{unit_of(field)}/h" if field.unit else None, None))
    number = {"suggested_display_precision": field.decimals, **_present(unit_of_measurement=unit_of(field) or None)}
    found: dict[str, Any] = {
        f"{slug}_value": {
            **sensor,
            **number,
            **_present(device_class=device_class_of(field)),
            "name": field.name,
            "state_class": state_class_of(field),
            "value_template": KEEP_LAST,
        },
        f"{slug}_rate": {
            **sensor,
            **_present(device_class=rate_class, unit_of_measurement=rate_unit),
            "name": f"{field.name} rate",
            "state_class": "measurement",
            "value_template": "{{ value_json.rate }}",
        },
        f"{slug}_raw": {**diagnostic, "name": f"{field.name} raw", "value_template": "{{ value_json.raw }}"},
        f"{slug}_status": {
            **diagnostic,
            "name": f"{field.name} status",
            "device_class": "enum",
            "options": STATUSES,
            "value_template": "{{ value_json.status }}",
            "json_attributes_topic": topic,
        },
        f"{slug}_confidence": {
            **diagnostic,
            "name": f"{field.name} confidence",
            "state_class": "measurement",
            "unit_of_measurement": "%",
            "value_template": "{{ (value_json.confidence * 100) | round(1) }}",
        },
        f"{slug}_problem": {
            **{"platform": "binary_sensor", "state_topic": topic, "entity_category": "diagnostic"},
            "name": f"{field.name} problem",
            "device_class": "problem",
            "value_template": "{{ 'OFF' if value_json.status == 'ok' else 'ON' }}",
        },
    }
    if commands and field.is_counter:  # of others nothing is remembered that could be set
        step = 10.0**-field.decimals
        places = len(field.digits) + len(field.dials) or field.length or MOST_PLACES
        largest = round(step * (10**places - 1), field.decimals)
        found[f"{slug}_set"] = {
            **{"platform": "number", "entity_category": "config", "mode": "box", "name": f"{field.name} set"},
            **_present(unit_of_measurement=unit_of(field) or None),
            **{"command_topic": f"{base}/{slug}/set", "state_topic": topic, "value_template": "{{ value_json.value }}"},
            **{"min": 0, "max": largest, "step": max(step, SMALLEST_STEP)},
        }
    return found


def _present(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}
