import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.nouns import Digit, Frame, Reading
from edge.paper.reader import Reader
from edge.paper.turn import TURNS, evidence_of, read_any_way_up, turned_back
from edge.pictures import load_picture
from edge.pipeline import read_frame

ROOT = Path(__file__).parents[3]
SAMPLES = [path for path in sorted((ROOT / "edge" / "samples").glob("*.png")) if path.stem != "none"]
PAPER, INK = 220, 40
BAR = (30, 50, 60, 20)
"""A box that no turn of the page maps to itself."""


def rotated(picture, turn):
    """The picture turned clockwise."""
    return picture if TURNS[turn] is None else cv2.rotate(picture, TURNS[turn])


def page(box=BAR, shape=(160, 240)):
    picture = np.full(shape, PAPER, np.uint8)
    x, y, width, height = box
    picture[y : y + height, x : x + width] = INK
    return picture


def bar_in(gray):
    return tuple(cv2.boundingRect((gray < 128).astype(np.uint8)))


def reading(confidences=(0.99, 0.99, 0.99), box=BAR, status="ok"):
    digits = tuple(Digit("7", confidence, box) for confidence in confidences)
    value = 7.0 if status == "ok" else None
    return Reading("", "7" * len(digits), value, status, math.prod(confidences), box, None, digits)


class Eyes:
    """Reads the bar of a page where it is: with one confidence for each turn of that page, None for nothing."""

    def __init__(self, by_turn, shape=(160, 240)):
        self.ways = [(rotated(page(shape=shape), turn), by_turn.get(turn)) for turn in TURNS]

    def __call__(self, gray):
        confidence = next(seen for way, seen in self.ways if np.array_equal(way, gray))
        return [] if confidence is None else [reading((confidence,) * 3, bar_in(gray))]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("box", [BAR, (0, 0, 1, 3), (235, 150, 5, 10)])
def test_a_box_found_in_a_turned_page_is_that_of_the_page(box, turn):
    picture = page(box)
    found = reading(box=bar_in(rotated(picture, turn)))
    back = turned_back(found, turn, picture.shape)
    assert back.box == box
    assert [digit.box for digit in back.digits] == [box] * 3
    assert (back.text, back.value, back.status) == (found.text, found.value, found.status)


@pytest.mark.parametrize("turn", TURNS)
def test_a_reading_without_a_box_has_none_after_a_turn(turn):
    empty = Reading("frame", "", None, "empty", 0.0, None, "no digits found")
    assert turned_back(empty, turn, (160, 240)) == empty


@pytest.mark.parametrize("best", TURNS)
def test_the_way_with_the_most_evidence_wins_with_boxes_in_the_page_as_it_is(best):
    read = Eyes({**dict.fromkeys(TURNS, 0.52), best: 0.99})
    (found,) = read_any_way_up(page(), read)
    assert (found.status, found.box, found.digits[0].confidence) == ("ok", BAR, 0.99)


@pytest.mark.parametrize(("best", "rival"), [(0, 180), (180, 0), (90, 270)])
def test_two_ways_that_read_about_as_well_leave_doubt(best, rival):
    (found,) = read_any_way_up(page(), Eyes({best: 0.99, rival: 0.95}))
    assert (found.text, found.value, found.status, found.box) == ("777", None, "uncertain", BAR)
    assert f"by {rival} degrees" in found.reason
    assert f"by {best}" in found.reason


def test_on_a_page_of_digits_a_rival_is_weighed_by_its_share():
    for rival, status in ((0.9, "uncertain"), (0.55, "ok")):
        ways = iter([[reading((0.99,) * 20)], [], [reading((rival,) * 20)], []])
        assert read_any_way_up(page(), lambda _, ways=ways: next(ways))[0].status == status


def test_doubt_between_two_ways_keeps_another_reason():
    torn = [reading(status="uncertain")]
    assert read_any_way_up(page(), lambda _: torn)[0].reason is None


def test_two_digits_are_too_few_to_tell_two_ways_apart():
    ways = iter([[reading((0.99, 0.99))], [], [reading((0.6, 0.6))], []])
    assert read_any_way_up(page(), lambda _: next(ways))[0].status == "uncertain"


def test_without_evidence_the_picture_is_as_it_is():
    ways = iter([[reading((0.9,))], [reading((0.99,))], [], []])
    (found,) = read_any_way_up(page(), lambda _: next(ways))
    assert (found.status, found.digits[0].confidence, found.box) == ("ok", 0.9, BAR)


def test_nothing_in_any_way_is_nothing():
    assert read_any_way_up(page(), lambda _: []) == []


def test_a_digit_that_is_one_for_its_company_only_is_evidence_against_a_way_up():
    shown = reading((0.99, 0.7, 0.99, 0.99))
    unlikely = replace(shown, confidence=0.0)
    assert evidence_of([unlikely]) < 1.0 < 3.0 < evidence_of([shown])


def test_a_column_of_single_digits_is_no_evidence():
    column = [reading((0.99,), (20, 30 * k, 10, 20)) for k in range(9)]
    assert evidence_of(column) == 0.0
    assert evidence_of([*column, reading((0.99, 0.99))]) == evidence_of([reading((0.99, 0.99))]) > 1.9


def test_a_mark_that_is_no_digit_counts_against_a_way():
    assert evidence_of([reading((0.99, 0.99, 0.0))]) < 0
    assert evidence_of([reading((0.5, 0.5))]) == 0.0


@pytest.fixture(scope="module")
def read_by_turn():
    """The readings of each sample in each way up, by sample and turn, with the size of the page read."""
    reader = Reader.open(ROOT / "models" / "paper", any_way_up=True)
    found = {}
    for path in SAMPLES:
        picture = load_picture(path)
        for turn in TURNS:
            turned = rotated(picture, turn)
            found[path.stem, turn] = read_frame(Frame(turned, path.stem), reader), turned.shape
    return found


def test_no_sample_in_any_way_up_is_surely_read_as_another_number(read_by_turn):
    for (name, _), (readings, _) in read_by_turn.items():
        sure = [reading.text for reading in readings if reading.status == "ok"]
        assert sure in (name.split("_"), []), name


@pytest.mark.parametrize("turn", TURNS)
def test_most_samples_are_found_in_each_way_up_and_some_surely(turn, read_by_turn):
    texts = {name: [r.text for r in found] for (name, way), (found, _) in read_by_turn.items() if way == turn}
    assert sum(read == name.split("_") for name, read in texts.items()) >= len(SAMPLES) - 1
    sure = [name for (name, way), (found, _) in read_by_turn.items() if way == turn and found[0].status == "ok"]
    assert len(sure) >= 2


def test_the_boxes_of_a_turned_sample_are_those_of_the_sample_turned(read_by_turn):
    for name in ("128.75", "90210"):
        (upright,), _ = read_by_turn[name, 0]
        for turn in TURNS:
            (found,), shape = read_by_turn[name, turn]
            back = turned_back(upright, {0: 0, 90: 270, 180: 180, 270: 90}[turn], shape)
            assert found.box == back.box
            assert [digit.box for digit in found.digits] == [digit.box for digit in back.digits]
