from pathlib import Path

import numpy as np
import pytest

from edge.nouns import Reading
from edge.paper.reader import Reader
from tests.scenes.generator import KINDS, SIZE, Hand, Scene, make_scene, print_of
from tests.scenes.measure import edit_distance, hands, measure_kind, reliability, scene_distance

BUNDLE = Path(__file__).parents[2] / "models" / "paper"


def draw_bar(digit, height, rng):
    return np.full((height, max(2, height // 2)), 255, np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_a_picture_with_its_numbers(kind):
    scene = make_scene(kind, Hand(lambda _rng: draw_bar), np.random.default_rng(1))
    again = make_scene(kind, Hand(lambda _rng: draw_bar), np.random.default_rng(1))
    assert scene.gray.shape == SIZE
    assert scene.gray.dtype == np.uint8
    assert scene.gray.std() > 2
    assert (scene.gray == again.gray).all()
    assert all(3 <= len(number) <= 7 and number.isdigit() for number in scene.numbers)
    assert (len(scene.numbers) > 1) == (kind in ("multi-line", "columns"))


@pytest.mark.parametrize("kind", ["printed", "multi-line", "columns"])
def test_a_printed_number_is_in_one_face(kind):
    asked = []
    faces = ["first", "second", "third"]

    def render(text, face, size, rng):
        asked.append(face)
        return np.full((size, size // 2), 255, np.uint8)

    for seed in range(12):
        asked.clear()
        scene = make_scene(kind, print_of(faces, render), np.random.default_rng(seed))
        ends = np.cumsum([len(number) for number in scene.numbers])
        assert len(asked) == ends[-1]
        assert all(len(set(of_one)) == 1 for of_one in np.split(asked, ends[:-1]))


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("", "12", 2), ("123", "123", 0), ("123", "13", 1), ("123", "143", 1), ("123", "1234", 1)],
)
def test_edit_distance_of_literals(first, second, distance):
    assert edit_distance(first, second) == distance
    assert edit_distance(second, first) == distance


def test_reliability_counts_each_reading_at_its_level():
    levels = reliability([(0.5, True), (0.85, False), (0.9, True), (0.99, True), (1.0, False)])
    assert [(level.given, level.right) for level in levels] == [(1, 1), (1, 0), (1, 1), (0, 0), (2, 1)]


def test_a_number_that_was_not_read_counts_whole():
    scene = Scene("clean", np.zeros((9, 9), np.uint8), ("123",))
    empty = Reading("frame", "", None, "empty", 0.0, None)
    assert scene_distance(scene, [empty]) == 3


def test_numbers_of_a_row_that_are_read_as_one_are_in_doubt(digits_data):
    for hand in hands("validation"):
        row = measure_kind("columns", hand, Reader.open(BUNDLE), 8, None)
        assert row.numbers == 32
        assert row.wrong_ok == 0
        assert row.exact >= 12


@pytest.mark.parametrize(
    ("kind", "least"),
    [("printed", 20), ("clean", 16), ("shadow", 16), ("inverted", 16), ("boxes", 16), ("ruled", 14), ("small", 15)],
)
def test_the_shipped_bundle_reads_scenes_and_is_never_surely_wrong(digits_data, kind, least):
    written, printed = hands("validation")
    row = measure_kind(kind, printed if kind == "printed" else written, Reader.open(BUNDLE), 20, None)
    assert row.numbers == 20
    assert row.exact >= least
    assert row.wrong_ok == 0
