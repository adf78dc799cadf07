import math

import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Prediction
from edge.paper.binarize import binarize
from edge.paper.decode import decode_lines
from edge.paper.layout import find_lines
from edge.paper.segment import find_pieces
from edge.paper.strings import STRING_LABELS

PAPER, INK = 220, 30


def picture(*boxes):
    gray = np.full((120, 240), PAPER, np.uint8)
    for x, y, width, height in boxes:
        gray[y : y + height, x : x + width] = INK
    return gray


def prediction(label, confidence):
    others = dict.fromkeys([*"0123456789", NOT_A_DIGIT], (1 - confidence) / 10)
    return Prediction(label, confidence, others | {label: confidence})


class Network:
    """Calls narrow glyphs a 1 and the rest no digit, and keeps count of its batches."""

    def __init__(self):
        self.batches = []

    def __call__(self, glyphs):
        self.batches.append(len(glyphs))
        return [self.answer(glyph.pixels) for glyph in glyphs]

    @staticmethod
    def answer(pixels):
        columns = np.count_nonzero(pixels.any(axis=0))
        return prediction("1", 0.99) if columns <= 13 else prediction(NOT_A_DIGIT, 0.99)


def decode(gray, network, transcribe=None):
    ink, pieces = find_pieces(binarize(gray))
    lines = find_lines(ink, pieces)
    return decode_lines(ink, lines, network, transcribe)


class Strips:
    """Says the same text of every piece, and keeps what it was asked."""

    def __init__(self, text):
        self.asked = []
        places = [STRING_LABELS.index(character) for character in text]
        labels = [label for place in places for label in (0, place)] + [0]
        rows = np.full((len(labels), len(STRING_LABELS)), 0.001)
        rows[np.arange(len(labels)), labels] = 0.989
        self.frames = np.log(rows)

    def __call__(self, coverages):
        self.asked.append([coverage.shape for coverage in coverages])
        return [self.frames for _ in coverages]


def labels(rows):
    return [[mark.prediction.label for mark in row] for row in rows]


def test_digits_that_stand_alone_take_one_inference():
    network = Network()
    rows = decode(picture((40, 40, 6, 40), (80, 40, 6, 40), (120, 40, 6, 40)), network)
    assert labels(rows) == [["1", "1", "1"]]
    assert network.batches == [3]


def test_two_bars_that_touch_are_cut_apart():
    network = Network()
    rows = decode(picture((40, 40, 8, 40), (48, 58, 24, 3), (72, 40, 8, 40), (120, 40, 6, 40)), network)
    assert labels(rows) == [["1", "1", "1"]]
    assert len(network.batches) == 2


TOUCHING = ((40, 40, 8, 40), (48, 58, 24, 3), (72, 40, 8, 40), (120, 40, 6, 40))
"""Two bars with a bridge, and one alone."""


def test_only_what_may_be_several_digits_is_read_as_a_strip():
    strips = Strips("11")
    decode(picture((40, 40, 6, 40), (80, 40, 6, 40)), Network(), strips)
    assert strips.asked == []
    assert labels(decode(picture(*TOUCHING), Network(), strips)) == [["1", "1", "1"]]
    (shapes,) = strips.asked
    assert [rows == pytest.approx(42, abs=1) and columns > 40 for rows, columns in shapes] == [True]


class Fours(Network):
    """Calls a glyph of one bar a 4."""

    @staticmethod
    def answer(pixels):
        columns = np.count_nonzero(pixels.any(axis=0))
        return prediction("4", 0.99) if columns <= 13 else prediction(NOT_A_DIGIT, 0.99)


def test_parts_are_sure_where_the_strip_says_the_same_and_in_doubt_where_not():
    same, other = (decode(picture(*TOUCHING), Fours(), Strips(text))[0] for text in ("44", "441"))
    assert min(mark.confidence for mark in same) > 0.95
    assert min(mark.confidence for mark in other) < 0.9


def test_two_ones_that_may_be_the_legs_of_an_n_are_in_doubt():
    legs = decode(picture(*TOUCHING), Network(), Strips("11"))[0]
    assert min(mark.confidence for mark in legs) < 0.9


def test_what_no_cut_explains_stays_as_it_is():
    rows = decode(picture((40, 40, 40, 40), (120, 40, 6, 40)), Network())
    assert labels(rows) == [[NOT_A_DIGIT, "1"]]
    assert rows[0][0].confidence == 0.0


def test_no_lines_give_no_marks():
    assert decode(picture(), Network()) == []


def test_a_page_of_what_is_no_digit_is_not_searched():
    network = Network()
    gray = np.full((480, 640), PAPER, np.uint8)
    for row in range(30, 400, 70):
        for column in range(20, 600, 90):
            gray[row : row + 40, column : column + 40] = INK
    rows = decode(gray, network)
    assert {label for row in labels(rows) for label in row} == {NOT_A_DIGIT}
    assert len(network.batches) == 1


class OpenFour(Network):
    """Calls a glyph that is two bars wide a 4, sure or less so, as a network that knows an open one."""

    def __init__(self, confidence):
        super().__init__()
        self.confidence = confidence

    def answer(self, pixels):
        columns = np.count_nonzero(pixels.any(axis=0))
        return prediction("1", 0.995) if columns <= 6 else prediction("4", self.confidence)


OPEN_FOUR = ((40, 44, 12, 18), (55, 40, 6, 44))


def test_a_stroke_beside_a_sure_one_is_joined_where_both_are_a_sure_four():
    rows = decode(picture(*OPEN_FOUR, (100, 40, 6, 44), (140, 40, 6, 44)), OpenFour(0.99))
    assert labels(rows) == [["4", "1", "1"]]
    assert rows[0][0].region.box == (40, 40, 21, 44)


def test_a_stroke_beside_a_sure_one_stays_alone_where_both_are_no_sure_digit():
    rows = decode(picture(*OPEN_FOUR, (100, 40, 6, 44), (140, 40, 6, 44)), OpenFour(0.9))
    assert labels(rows) == [["1", "1", "1"]]


def test_a_stroke_between_two_digits_is_part_of_one_only():
    rows = decode(picture((34, 40, 6, 44), (42, 44, 12, 18), (56, 40, 6, 44), (110, 40, 6, 44)), OpenFour(0.99))
    assert sorted(labels(rows)[0]) == ["1", "1", "4"]


def test_a_point_close_to_a_digit_is_no_part_of_it():
    network = OpenFour(0.99)
    rows = decode(picture((40, 40, 6, 44), (48, 76, 8, 8), (100, 40, 6, 44)), network)
    assert labels(rows) == [["1", "1"]]
    assert network.batches == [2]


class BrokenThree(Network):
    """Calls a glyph with a blank row across it a 3, a narrow one a 1, and others a 2."""

    @staticmethod
    def answer(pixels):
        rows = pixels.max(axis=1) > 60
        if np.count_nonzero(np.diff(rows.astype(int)) == 1) > 1:
            return prediction("3", 0.99)
        return prediction("1" if np.count_nonzero(pixels.any(axis=0)) <= 6 else "2", 0.95)


def test_a_wide_foot_below_a_piece_is_a_part_of_it():
    rows = decode(picture((40, 40, 6, 44), (70, 40, 24, 24), (72, 68, 22, 14), (120, 40, 6, 44)), BrokenThree())
    assert labels(rows) == [["1", "3", "1"]]


def test_a_dot_below_a_piece_is_no_part_of_it():
    rows = decode(picture((40, 40, 6, 44), (70, 40, 24, 34), (78, 78, 7, 7), (120, 40, 6, 44)), BrokenThree())
    assert labels(rows) == [["1", "2", "1"]]


@pytest.mark.parametrize(("together", "is_doubted"), [("4", True), (NOT_A_DIGIT, False)])
@pytest.mark.parametrize("gap", [6, 16])
def test_two_sure_strokes_that_together_are_a_digit_may_be_one(together, is_doubted, gap):
    network = Network()
    network.answer = lambda pixels: prediction("1" if narrow(pixels) else together, 0.99)
    rows = decode(picture((40, 40, 6, 40), (46 + gap, 40, 6, 40), (120, 40, 6, 40)), network)
    assert labels(rows) == [["1", "1", "1"]]
    confidence = math.prod(mark.confidence for mark in rows[0])
    assert confidence == pytest.approx(0.99**3 * (0.5 if is_doubted and gap < 10 else 1.0))


def narrow(pixels):
    return np.count_nonzero(pixels.any(axis=0)) <= 4


class Swallowing(Network):
    """Calls everything a sure 1, as a network that ignores a point or a comma beside a digit."""

    @staticmethod
    def answer(_pixels):
        return prediction("1", 0.999)


@pytest.mark.parametrize("sign", [(48, 70, 9, 14), (48, 74, 9, 20), (50, 74, 12, 26)])
def test_a_point_or_comma_close_to_a_sure_digit_is_no_part_of_it(sign):
    network = Swallowing()
    rows = decode(picture((20, 40, 8, 44), (40, 40, 6, 44), sign, (76, 40, 8, 44), (110, 40, 8, 44)), network)
    assert [mark.region.box[1] + mark.region.box[3] for row in rows for mark in row] == [84] * 4
