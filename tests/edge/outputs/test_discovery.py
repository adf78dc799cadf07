"""The announcement holds only what Home Assistant publishes as its keys, classes and units, and names each entity."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge.outputs.discovery import device_class_of, discovery, slugs, state_class_of
from edge.schema import FieldTable

PUBLISHED = json.loads((Path(__file__).parents[2] / "fixtures" / "home_assistant_mqtt.json").read_text("utf-8"))


def field(name: str = "water", unit: str = "m³", kind: str = "drum", **more: object) -> FieldTable:
    return FieldTable(name=name, kind=kind, unit=unit, digits=[(0, 0, 9, 9)] * 5, **more)


FIELDS = [
    field(decimals=3),
    field("gas", "m3"),
    field("Strom", "kWh", "lcd", decimals=1),
    field("heat", "MWh"),
    field("counter", "", "print"),
    field("boiler", "°C", "lcd"),
    field("Warm Wasser", "l"),
    field("page", "pieces"),
]


def announced(**settings: bool) -> dict:
    return discovery("cellar", "readout/cellar", FIELDS, **{"image": True, "commands": True, **settings})


def test_every_key_is_one_that_home_assistant_publishes():
    payload = announced()
    for part, found in (("root", payload), ("device", payload["device"]), ("origin", payload["origin"])):
        assert set(PUBLISHED.get(f"{part}_required", [])) <= set(found) <= set(PUBLISHED[part])
    assert len(payload["components"]) == len(FIELDS) * 6 + sum(each.is_counter for each in FIELDS) + 2
    for component in payload["components"].values():
        platform = component["platform"]
        required = PUBLISHED["common_required"] + PUBLISHED[f"{platform}_required"]
        assert set(required) <= set(component) <= set(PUBLISHED["common"] + PUBLISHED[platform]), component


def test_every_class_has_a_unit_and_a_state_class_that_home_assistant_allows():
    sensors = [each for each in announced()["components"].values() if each["platform"] == "sensor"]
    for sensor in sensors:
        device_class = sensor.get("device_class")
        if device_class in PUBLISHED["units"]:
            assert sensor["unit_of_measurement"] in PUBLISHED["units"][device_class], sensor
        if device_class in PUBLISHED["state_classes"] and "state_class" in sensor:
            assert sensor["state_class"] in PUBLISHED["state_classes"][device_class], sensor
        assert sensor.get("entity_category", "diagnostic") == "diagnostic"
        if "options" in sensor:
            assert sensor["device_class"] == "enum"
            assert not {"state_class", "unit_of_measurement"} & set(sensor)


def test_each_entity_of_a_field_is_there():
    components = announced()["components"]
    assert components["water_value"] == {
        "platform": "sensor",
        "unique_id": "readout_cellar_water_value",
        "name": "water",
        "state_topic": "readout/cellar/water/state",
        "value_template": "{{ value_json.value if value_json.value is not none else '' }}",
        "device_class": "water",
        "state_class": "total_increasing",
        "unit_of_measurement": "m³",
        "suggested_display_precision": 3,
    }
    assert [key for key in components if key.startswith("water_")] == [
        f"water_{word}" for word in ("value", "rate", "raw", "status", "confidence", "problem", "set")
    ]
    assert (components["water_rate"]["unit_of_measurement"], components["Strom_rate"]["unit_of_measurement"]) == (
        "m³/h",
        "kW",
    )
    assert components["water_problem"]["device_class"] == "problem"
    assert components["image"]["image_topic"] == "readout/cellar/image"
    assert components["trigger"]["command_topic"] == "readout/cellar/trigger"
    assert (components["water_set"]["max"], components["water_set"]["step"]) == (99.999, 0.001)


def test_what_is_not_offered_is_not_announced():
    platforms = {each["platform"] for each in announced(image=False, commands=False)["components"].values()}
    assert platforms == {"sensor", "binary_sensor"}


def test_only_what_is_remembered_can_be_set():
    fields = [field("water"), field("power", kind="lcd"), field("heat", kind="lcd", max_rate_per_hour=5.0)]
    found = discovery("cellar", "readout/cellar", fields, image=False, commands=True)["components"]
    assert [key for key in found if key.endswith("_set")] == ["water_set", "heat_set"]


def test_a_device_is_identified_and_its_availability_known():
    payload = announced()
    assert payload["device"]["identifiers"] == ["readout_cellar"]
    assert payload["availability_topic"] == "readout/cellar/status"
    ids = [each["unique_id"] for each in payload["components"].values()]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("readout_cellar_") for each in ids)


@pytest.mark.parametrize(
    ("table", "device_class", "state_class"),
    [
        (field("water"), "water", "total_increasing"),
        (field("Kaltwasser", "m3"), "water", "total_increasing"),
        (field("gas"), "gas", "total_increasing"),
        (field("Gas", "L"), "volume", "total_increasing"),
        (field("meter"), "volume", "total_increasing"),
        (field("power", "kWh", "lcd"), "energy", "total_increasing"),
        (field("power", "kw", "lcd"), None, "measurement"),
        (field("power", "kW", "lcd"), "power", "measurement"),
        (field("boiler", "°C", "lcd"), "temperature", "measurement"),
        (field("parts", "pieces", "drum"), None, "total_increasing"),
        (field("queue", "", "lcd"), None, "measurement"),
        (field("meter", device_class="gas"), "gas", "total_increasing"),
        (field("water", device_class="none", kind="lcd"), None, "measurement"),
    ],
)
def test_class_follows_unit_and_name_or_what_is_configured(table, device_class, state_class):
    assert (device_class_of(table), state_class_of(table)) == (device_class, state_class)


def test_names_in_topics_are_safe_and_differ():
    found = slugs(["warm water", "warm/water", "a+b#", "Wärme", "##", "warm_water_2"])
    assert found == ["warm_water", "warm_water_2", "a_b", "Wärme", "field", "warm_water_2_2"]
    assert all(re.fullmatch(r"[\w-]+", each) for each in found)
