"""The measure of touching pieces knows what stands on each, and counts every way for itself."""

from pathlib import Path

import numpy as np
import pytest

from edge.nouns import Frame
from edge.paper.reader import Reader
from edge.paper.several import CHAIN_POWER, STRIP_POWER, Candidate
from edge.pipeline import read_frame
from tests.scenes.generator import handwriting, make_scene
from tests.scenes.touching import (
    ONE_NUMBER,
    Piece,
    collect,
    collect_wholes,
    mean_log,
    read_together,
    rows_by_length,
    rows_by_level,
)
from train.data.builtin import load_builtin
from train.data.fonts import faces_of, render_text

BUNDLE = Path(__file__).parents[2] / "models" / "paper"


@pytest.fixture(scope="module")
def hand():
    digits = load_builtin(0).test
    return handwriting(digits.images, digits.labels)


POWERS = (STRIP_POWER, CHAIN_POWER)


def piece(truth, apart, strip, by_strip, by_chain):
    candidates = [Candidate(text, by_strip[text], by_chain[text], ()) for text in by_strip]
    return Piece(truth, apart, strip, candidates)


def test_a_scenes_digits_stand_where_it_says(hand):
    scene = make_scene("touching", hand, np.random.default_rng(3))
    assert [len(number) for number in scene.numbers] == [len(middles) for middles in scene.middles]
    assert all(list(middles) == sorted(middles) for middles in scene.middles)


def test_pieces_of_real_scenes_have_their_digits(hand):
    pieces = collect(Reader.open(BUNDLE), hand, 6)
    assert pieces
    assert all(1 <= len(each.truth) <= 7 for each in pieces)
    assert np.mean([each.by_strip == each.truth for each in pieces]) > 0.5


def test_whole_numbers_of_scenes_are_read_in_all_ways(hand):
    numbers = collect_wholes(Reader.open(BUNDLE), hand, hand, 2)
    assert len(numbers) > len(ONE_NUMBER)
    assert all(3 <= len(each.truth) <= 7 for each in numbers)
    assert np.mean([each.by_strip == each.truth for each in numbers]) > 0.5
    assert np.mean([each.apart == each.truth for each in numbers]) > 0.5


@pytest.mark.parametrize("text", ["58n", "12m", "347 m", "82ml", "m35", "205mm"])
def test_units_beside_a_number_are_no_digits(text):
    """The legs of an m and an n are ones and sevens to both ways."""
    reader = Reader.open(BUNDLE)
    for face in faces_of("validation"):
        ink = render_text(text, face, 60, np.random.default_rng(1))
        page = np.full((ink.shape[0] + 60, ink.shape[1] + 100), 225, np.uint8)
        page[30:-30, 50:-50] -= (ink * 0.7).astype(np.uint8)
        readings = read_frame(Frame(page, text), reader)
        number = "".join(character for character in text if character.isdigit())
        assert all(reading.text == number for reading in readings if reading.status == "ok")


def test_each_way_is_counted_for_itself():
    pieces = [
        piece("12", "12", "72", {"12": -2.0, "72": -0.2}, {"12": -0.1, "72": -9.0}),
        piece("34", "84", "34", {"34": -0.1, "84": -4.0}, {"34": -2.0, "84": -0.5}),
        piece("5", "11", "5", {"5": -0.1, "11": -5.0}, {"5": -0.1, "11": -5.0}),
    ]
    everything, one, two = rows_by_length(pieces, POWERS)
    assert (everything.pieces, everything.apart, everything.strip, everything.both) == (3, 1, 2, 3)
    assert (one.name, one.pieces) == ("1 digit", 1)
    assert (two.apart, two.strip) == (1, 1)
    assert sum(row.pieces for row in rows_by_level(pieces, POWERS)) == 3
    assert read_together(pieces[2], POWERS)[0] == "5"
    assert mean_log(pieces, (1.0, 0.0)) < mean_log(pieces, (0.5, 0.5)) < 0
