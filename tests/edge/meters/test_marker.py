"""Screens of a display that take turns are told apart by their markers."""

import re

import cv2
import numpy as np
import pytest

from edge.config import load_config
from edge.errors import ConfigError
from edge.fields import open_fields
from edge.geometry import corners_of
from edge.meters.marker import OTHER, SAME, Marker, doubt_of

FONT = cv2.FONT_HERSHEY_SIMPLEX
MARKER = (300, 90, 90, 36)
CELLS = [(40 + 60 * k, 70, 50, 70) for k in range(4)]


def show(digits: str, unit: str, ground: int = 200, ink: int = 40) -> np.ndarray:
    """A display in a housing with print that registers it."""
    rng = np.random.default_rng(7)
    picture = np.full((240, 440), 120, np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(440)), int(rng.choice([rng.integers(0, 45), rng.integers(170, 240)]))
        cv2.rectangle(
            picture, (x, y), (x + int(rng.integers(4, 16)), y + int(rng.integers(4, 16))), int(rng.integers(255)), -1
        )
    picture[55:160, 20:420] = ground
    for (x, y, _, height), digit in zip(CELLS, digits, strict=True):
        cv2.putText(picture, digit, (x + 4, y + height - 9), FONT, 2.1, ink, 6, cv2.LINE_AA)
    cv2.putText(picture, unit, (MARKER[0] + 3, MARKER[1] + 29), FONT, 1.1, ink, 3, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def likeness(reference: np.ndarray, frame: np.ndarray) -> float:
    places = corners_of(MARKER), [corners_of(cell) for cell in CELLS]
    return Marker.of(reference, *places).likeness(frame, *places)


def test_a_screen_is_known_whatever_its_number_and_the_light():
    reference = show("1234", "kWh")
    assert likeness(reference, reference) == pytest.approx(1, abs=1e-3)
    assert likeness(reference, show("8078", "kWh")) > SAME
    dim = (show("8078", "kWh") * 0.5 + 10).astype(np.uint8)
    slope = np.clip(show("9051", "kWh") * np.linspace(0.7, 1.2, 440), 0, 255).astype(np.uint8)
    assert min(likeness(reference, dim), likeness(reference, slope)) > SAME


@pytest.mark.parametrize("unit", ["kW", "W", "m3", "", "kVh"])
def test_another_unit_or_none_is_not_the_screen(unit):
    assert likeness(show("1234", "kWh"), show("1234", unit)) < OTHER


def test_the_shadow_of_the_last_screen_is_not_the_screen():
    gone = cv2.addWeighted(show("1234", ""), 0.75, show("1234", "kWh"), 0.25, 0)
    assert likeness(show("1234", "kWh"), gone) == 0.0


def test_a_marker_a_little_beside_its_place_is_found():
    moved = np.roll(show("1234", "kWh"), (2, -2), (0, 1))
    assert likeness(show("1234", "kWh"), moved) > SAME


def test_a_display_with_dark_and_light_exchanged_is_another():
    assert likeness(show("1234", "kWh"), show("1234", "kWh", 40, 200)) < OTHER


def test_what_is_said_of_a_likeness():
    assert doubt_of(SAME) is None
    assert doubt_of(OTHER - 0.01) == (True, "another screen is shown: the marker is not in its place")
    assert doubt_of(0.5) == (False, f"the marker is not clear: 0.50 of it is found, {SAME:g} is wanted")


def test_a_marker_of_another_shape_is_refused():
    with pytest.raises(TypeError, match=r"Marker.picture must be \(24, columns\) uint8, got \(20, 30\) uint8"):
        Marker(np.zeros((20, 30), np.uint8), 1.0)


@pytest.fixture
def screens(tmp_path):
    """A folder with the pictures of two screens and a configuration that reads both."""
    cv2.imwrite(str(tmp_path / "energy.png"), show("1234", "kWh"))
    cv2.imwrite(str(tmp_path / "power.png"), show("0567", "kW"))
    table = '[[field]]\nname = "{}"\nkind = "lcd"\ndigits = {}\nmarker = {}\n'
    fields = table.format("energy", [list(box) for box in CELLS], list(MARKER))
    fields += table.format("power", [list(box) for box in CELLS], list(MARKER)) + 'marker_image = "power.png"\n'
    (tmp_path / "meter.toml").write_text(f'[reference]\nimage = "energy.png"\n{fields}')
    return tmp_path


def opened(folder, repository):
    return open_fields(load_config(folder / "meter.toml"), repository / "models")


def test_each_field_is_read_on_its_own_screen_only(screens, repository):
    reader = opened(screens, repository)
    for unit, name, other in (("kWh", "energy", "power"), ("kW", "power", "energy")):
        readings = {reading.name: reading for reading in reader.read(show("8078", unit))}
        assert len(readings[name].digits) == 4
        assert "screen" not in (readings[name].reason or "")
        assert (readings[other].status, readings[other].value, readings[other].digits) == ("rejected", None, ())
        assert readings[other].reason == "another screen is shown: the marker is not in its place"


def test_a_marker_that_is_not_clear_gives_no_value(screens, repository):
    reader = opened(screens, repository)
    half = cv2.addWeighted(show("8078", "kWh"), 0.3, show("8078", "kVh"), 0.7, 0)
    energy = reader.read(half)[0]
    assert (energy.status, energy.value, energy.candidates) == ("uncertain", None, ())
    assert energy.reason.startswith("the marker is not clear")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('[reference]\nimage = "energy.png"\n', "", "field energy: marker needs the picture it was drawn in"),
        ('image = "power.png"', 'image = "none.png"', "none.png"),
        (str(list(MARKER)), "[300, 134, 60, 20]", "nothing stands in the marker"),
        (str(list(MARKER)), "[430, 90, 90, 36]", "leaves the reference picture"),
    ],
)
def test_a_marker_that_cannot_be_known_is_one_line(screens, repository, before, after, expected):
    text = (screens / "meter.toml").read_text().replace(before, after)
    (screens / "meter.toml").write_text(text)
    with pytest.raises(Exception, match=re.escape(expected)) as caught:
        opened(screens, repository)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('kind = "drum"\ndigits = [[1, 1, 9, 9]]\nmarker = [1, 1, 9, 9]', "kind drum has no screens"),
        ('kind = "lcd"\ndigits = [[1, 1, 9, 9]]\nmarker_image = "a.png"', "marker_image needs a box: add marker"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(tmp_path, keys, expected):
    (tmp_path / "meter.toml").write_text(f'[[field]]\nname = "m"\n{keys}\n')
    with pytest.raises(ConfigError, match=expected):
        load_config(tmp_path / "meter.toml")
