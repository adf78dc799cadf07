"""The configuration that reads a simulated meter, as somebody would have drawn it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import cv2

from edge.config import parse_config
from edge.nouns import Gray
from edge.pictures import decode_picture
from edge.schema import Config
from edge.sources.simulator.meter import FIELD, SimulatedMeter

REFERENCE = "reference.png"
"""Name of the reference picture in the configuration."""


def configuration_text(meter: SimulatedMeter, uri: str) -> str:
    """The configuration as TOML, its reference picture named `REFERENCE`."""
    kind = meter.kind
    keys: dict[str, object] = {
        "name": FIELD,
        "kind": kind.counter,
        "digits": [list(box) for box in meter.face.digits],
        "decimals": kind.decimals,
        "unit": kind.unit,
        "max_rate_per_hour": kind.max_rate_per_hour,
    }
    keys |= {"dials": [list(box) for box in meter.face.dials]} if kind.dials else {}
    keys |= {"backward": True} if kind.is_backward else {}
    keys |= {"jumps": True} if kind.jumps else {}
    keys |= {"marker": list(meter.marker)} if kind.screens > 1 else {}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    source = ["[source]", f"uri = {json.dumps(uri)}", ""]
    return "\n".join([*source, "[reference]", f'image = "{REFERENCE}"', "", "[[field]]", *lines]) + "\n"


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSetup:
    """The configuration of a simulated meter, as TOML and parsed, and the reference picture that it names: the file,
    which is in colour, and as it is used.
    """

    text: str
    config: Config
    png: bytes
    reference: Gray


def setup_of(meter: SimulatedMeter, uri: str) -> SimulatedSetup:
    """The configuration that reads a meter, which has the address `uri`."""
    text = configuration_text(meter, uri)
    png = cv2.imencode(".png", meter.reference())[1].tobytes()
    return SimulatedSetup(text, parse_config(text, "simulated meter"), png, decode_picture(png, REFERENCE))
