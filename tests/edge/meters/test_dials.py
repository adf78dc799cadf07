"""Dials are read in the colour planes where a frame has them, and how the drums above them turn."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.fields import open_fields
from edge.geometry import corners_of
from edge.meters.drums import DRUM, DRUM_OVER_DIAL, LOWEST_DRUM, position_of
from edge.meters.meter import cut_dial, traits_of
from edge.meters.needle import SIDE, read_dial
from edge.nouns import Frame
from edge.pictures import halve
from edge.pipeline import read_frame
from edge.schema import Config, FieldTable
from edge.sources import simulated_setup
from tests.edge.faces import render_dial

DRUMS = [[215, 97, 42, 75], [273, 97, 42, 75], [332, 97, 42, 75], [390, 97, 42, 75], [446, 97, 42, 75]]
DIALS = [[491, 307, 115, 115], [417, 395, 115, 115], [303, 424, 115, 115], [163, 358, 115, 115]]


def field(**keys: object) -> FieldTable:
    return FieldTable.model_validate({"name": "water", "kind": "drum", "digits": [(0, 0, 9, 9)], **keys})


def off(found: float, truth: float) -> float:
    return abs((found - truth + 5) % 10 - 5)


@pytest.mark.parametrize("shape", [(200, 240), (201, 241)])
@pytest.mark.parametrize("box", [(40, 30, 100, 80), (41, 31, 99, 81), (3, 2, 140, 150)])
def test_a_dial_is_cut_at_the_same_place_from_colour_and_from_gray(box, shape):
    slope = np.add.outer(np.arange(shape[0]) / 4, np.arange(shape[1]) / 2).astype(np.uint8)
    picture = cv2.merge([slope, slope, slope])
    quad = corners_of(box)
    gray, colour = cut_dial(slope, None, quad), cut_dial(slope, halve(picture), quad)
    assert gray.shape == (max(SIDE, box[3]), max(SIDE, box[2]))
    assert colour.shape == (SIDE, SIDE, 3)
    apart = colour[..., 0].astype(int) - cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert abs(apart.mean()) < 0.3  # half a level is a pixel
    assert np.abs(apart)[2:-2, 2:-2].max() <= 2


def test_small_red_needles_are_read_in_the_colour_planes():
    generator = np.random.default_rng(4)
    found = []
    for seed in range(40):
        truth, side = generator.uniform(0, 10), int(generator.integers(50, 140))
        frame = np.full((side + 40, side + 50, 3), 230, np.uint8)
        frame[17 : 17 + side, 21 : 21 + side] = render_dial(truth, 300 + seed, side)
        scores = read_dial(
            cut_dial(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), halve(frame), corners_of((21, 17, side, side)))
        )
        found.append(off(position_of(scores.positions), truth) if scores.unreadable < 0.5 else np.nan)
    assert np.isnan(found).mean() <= 0.1
    assert np.nanmedian(found) < 0.06
    assert np.nanmax(found) <= 0.3


def test_colour_is_asked_for_where_a_field_has_dials():
    assert not Config().needs_colour
    assert not Config(field=[field()]).needs_colour
    assert Config(field=[field(), field(name="b", dials=[(0, 0, 9, 9)])]).needs_colour


def test_read_frame_hands_the_colour_planes_on(monkeypatch):
    seen = []

    class Fields:
        def read(self, gray, colour):
            seen.append((gray, colour))
            return []

    monkeypatch.setattr("edge.pipeline.FieldReader", Fields)
    frame = Frame(np.zeros((20, 20), np.uint8), "a", colour=np.ones((10, 10, 3), np.uint8))
    assert read_frame(frame, Fields()) == []
    assert seen == [(frame.gray, frame.colour)]


def test_the_lowest_drum_turns_evenly_unless_there_are_dials_below_it():
    with_dials = field(dials=[(0, 0, 9, 9)])
    assert traits_of(field(), is_lowest=True) == LOWEST_DRUM
    assert traits_of(with_dials, is_lowest=True) == DRUM_OVER_DIAL
    assert traits_of(field(), is_lowest=False) == traits_of(with_dials, is_lowest=False) == DRUM
    assert traits_of(field(dials=[(0, 0, 9, 9)], jumps=True), is_lowest=True).even == 0


@pytest.mark.parametrize("command", [["read"], ["run", "--source"]])
def test_the_dials_of_a_photographed_water_meter_are_read(command, digits_data, tmp_path, capfd):
    config = tmp_path / "water.toml"
    config.write_text(
        f'[[field]]\nname = "water"\nkind = "drum"\ndigits = {DRUMS}\ndials = {DIALS}\ndecimals = 4\nunit = "m³"\n'
    )
    assert main([*command, str(digits_data / "scenes" / "watermeter.jpg"), "--config", str(config), "--json"]) == 0
    (reading,) = json.loads(capfd.readouterr().out)["readings"]
    shown = [digit["position"] for digit in reading["digits"][-4:]]
    assert None not in shown
    assert [
        off(position, truth) <= 0.2 + 1e-6 for position, truth in zip(shown, (0.0, 1.3, 2.5, 4.4), strict=True)
    ] == ([True] * 4)
    assert reading["text"].replace(".", "").endswith(("012?", "0122", "0123", "0124", "0125", "0126"))
    assert reading["status"] == "uncertain" or abs(reading["value"] - 453.0124) < 0.0003


def test_glare_is_judged_on_the_digits_of_a_meter_and_not_on_its_dials(repository):
    own = simulated_setup("demo:?meter=water-dials&seed=1&days=1")
    assert own is not None
    traits = open_fields(own.config, repository / "models", picture=own.reference).traits
    assert traits is not None
    assert sorted(traits.dials) == [5, 6, 7, 8]
    assert len(traits.shines) == 9
