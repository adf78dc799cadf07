from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edge.meters.drums import position_of
from edge.meters.needle import read_dial
from tests.edge.faces import BLACK, RED, render_dial


def off(found: float, truth: float) -> float:
    return abs((found - truth + 5) % 10 - 5)


def errors(colour, count: int, clockwise: bool = True) -> np.ndarray:
    """How far each of some rendered dials is read from its truth; NaN where it is called unreadable."""
    generator = np.random.default_rng(11)
    found = []
    for seed in range(count):
        truth = generator.uniform(0, 10)
        side = int(generator.integers(50, 160))
        scores = read_dial(render_dial(truth, 900 + seed, side, colour, clockwise), clockwise)
        is_readable = scores.unreadable < 0.5
        found.append(off(position_of(scores.positions), truth) if is_readable else np.nan)
    return np.array(found)


@pytest.mark.parametrize("clockwise", [True, False])
@pytest.mark.parametrize("colour", [RED, BLACK])
def test_needles_are_read_to_a_tenth(colour, clockwise):
    found = errors(colour, 40, clockwise)
    assert np.isnan(found).mean() <= 0.1
    assert np.nanmedian(found) < 0.06
    assert (found > 0.3).sum() <= 1


@pytest.mark.parametrize("turned", [90, -90, 180])
def test_the_place_of_zero_is_a_setting(turned):
    upright = render_dial(3.0, 5)
    how = {90: cv2.ROTATE_90_CLOCKWISE, -90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180}[turned]
    found = read_dial(cv2.rotate(upright, how), zero_degrees=turned)
    assert off(position_of(found.positions), 3.0) < 0.15


def test_an_oblong_box_is_a_circle_seen_askew():
    dial = cv2.resize(render_dial(7.5, 8, 120), (120, 80), interpolation=cv2.INTER_AREA)
    assert off(position_of(read_dial(dial).positions), 7.5) < 0.15


def test_faces_without_a_needle_are_unreadable():
    assert all(read_dial(render_dial(0, seed, with_needle=False)).unreadable == 1 for seed in range(30))


def test_what_is_no_dial_is_unreadable():
    generator = np.random.default_rng(2)
    flat = [np.full((60, 60, 3), level, np.uint8) for level in (0, 90, 255)]
    noise = [generator.integers(0, 256, (90, 90, 3)).astype(np.uint8) for _ in range(20)]
    rough = [cv2.resize(each[:20, :20], (90, 90), interpolation=cv2.INTER_CUBIC) for each in noise]
    assert [read_dial(each).unreadable for each in [*flat, *noise, *rough]] == [1.0] * 43


def test_scores_add_up_to_one():
    for seed in range(5):
        scores = read_dial(render_dial(2.2, seed))
        assert scores.positions.sum() + scores.unreadable == pytest.approx(1)


def test_a_named_ink_is_the_only_one_looked_for():
    assert read_dial(render_dial(2.0, 1, colour=BLACK), ink="red").unreadable == 1
    assert read_dial(render_dial(2.0, 1, colour=BLACK), ink="black").unreadable < 0.5


def test_wrong_input_is_named():
    with pytest.raises(TypeError, match=r"got \(10, 10\) float64"):
        read_dial(np.zeros((10, 10)))


def test_the_dials_of_the_water_meter_are_read(digits_data):
    picture = cv2.imread(str(digits_data / "scenes" / "watermeter.jpg"))
    labels = json.loads((digits_data / "scenes" / "labels.json").read_text())
    truth = next(each for each in labels if each["file"] == "watermeter.jpg")
    scores = [read_dial(picture[y : y + height, x : x + width]) for x, y, width, height in truth["dials_xywh"]]
    assert [each.unreadable < 0.05 for each in scores] == [True] * 4
    apart = [off(position_of(each.positions), at) for each, at in zip(scores, truth["dials"], strict=True)]
    assert max(apart) <= 0.2
