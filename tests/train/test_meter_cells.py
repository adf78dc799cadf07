"""The renderer of meter cells, the sets of the recipe `meter`, and the crops."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edge.errors import DataError
from edge.meters.cell import CELL_LABELS, LEAST_RANGE
from edge.meters.drums import HALF_WAY, mirrored_scores, seeming_tenths
from edge.nouns import POSITIONS
from train.card import Settings
from train.cells import TRAINING, CellMix, draw_evenly, meter_faces, meter_set, meter_validation_set, soft_targets
from train.data.choose import open_dataset
from train.data.dataset import Crops, DataNotFoundError, Dataset, cells_of
from train.data.fonts import family
from train.data.meter import HELD_OUT, load_meter
from train.data.rendered import load_rendered_cells
from train.drums import Shares, answered, draw_counters, draw_labelled_scenes, draw_scenes
from train.fit import adapt, cut
from train.oddcells import BLANK, MINUS, UNREADABLE, _dark_display, draw_blanks
from train.recipes import RECIPES, build_meter
from train.scene import HARD, MILD, SCENE_COLUMNS, SCENE_ROWS, box_of, photograph_cell, surround
from train.sevensegment import LIT, OTHER_FORMS, SEGMENTS, Display, _corners, draw_segment_digits
from train.strokes import StrokeStyle, draw_stroke_digit, skeleton
from train.wheels import BACKWARD, Wheel, _roll, draw_drums, draw_wheel

METER = RECIPES["meter"]
SCENE = (SCENE_ROWS, SCENE_COLUMNS)


@pytest.fixture(scope="module")
def faces():
    return meter_faces("validation")


@pytest.fixture(scope="module")
def rendered() -> Dataset:
    return load_rendered_cells(seed=1, count=400, test_count=60)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def banded_wheel(pitch: int = 40, is_backward: bool = False) -> Wheel:
    """A drum whose digit k is a band of (k + 1) / 10 all over."""
    digits = -np.arange(10) % 10 if is_backward else np.arange(10)
    levels = np.repeat((digits + 1) / 10, pitch).astype(np.float32)
    return Wheel(np.repeat(levels[:, None], SCENE_COLUMNS, axis=1), pitch, pitch, 0.0, 1.0, is_backward)


@pytest.mark.parametrize(("place", "above", "middle", "below"), [(3.0, 3, 4, 5), (3.7, 4, 5, 5), (9.8, 10, 1, 1)])
def test_a_drum_rolls_upwards_and_the_next_digit_comes_from_below(place, above, middle, below, rng):
    front = _roll(banded_wheel(), place, rng)[:, 30]
    rows = SCENE_ROWS // 2 - 22, SCENE_ROWS // 2, SCENE_ROWS // 2 + 21
    np.testing.assert_allclose(front[list(rows)], np.array([above, middle, below]) / 10, atol=1e-6)


def test_a_window_sees_less_of_a_drum_than_of_a_flat_strip_at_its_edges(rng):
    wheel = banded_wheel(30)
    front = _roll(wheel, 5.0, rng)[:, 0]
    assert len(np.unique(np.round(front, 3))) >= SCENE_ROWS // 30
    assert wheel.ink.shape == (300, SCENE_COLUMNS)


def test_drums_are_drawn_with_the_tenth_that_they_stand_at(faces, rng):
    scenes, tenths = draw_drums(40, faces, rng)
    assert len(scenes) == len(tenths) == 40
    assert all(scene.shape == SCENE and scene.dtype == np.uint8 for scene in scenes)
    assert set(tenths) <= {*range(POSITIONS), *range(BACKWARD, BACKWARD + POSITIONS)}
    assert (tenths % 10 == 0).sum() >= 10
    assert np.mean([np.ptp(scene[16:80, 10:50]) for scene in scenes]) > 40


@pytest.mark.parametrize(("is_backward", "place"), [(False, 3.4), (True, 3.4), (True, 3.6), (True, 9.8)])
def test_a_drum_that_turns_the_other_way_brings_the_next_digit_from_above(is_backward, place, rng):
    wheel = banded_wheel(30, is_backward)
    above, below = (round(float(level) * 10) - 1 for level in _roll(wheel, wheel.turned(place), rng)[[34, 62], 0])
    assert (above, below) == ((int(place + 1) % 10, int(place)) if is_backward else (int(place), int(place + 1) % 10))


def test_what_a_drum_that_turns_the_other_way_should_be_seen_as_is_what_the_decoder_turns_round():
    for tenth in range(POSITIONS):
        found = mirrored_scores(soft_targets(0.7)[BACKWARD + tenth, :POSITIONS].astype(float))
        apart = (np.arange(POSITIONS) - tenth + 50) % POSITIONS - 50
        assert found[np.abs(apart) <= 3].sum() > 0.99
        if tenth % 10 != HALF_WAY:
            assert int(found.argmax()) == tenth


def test_a_drum_that_turns_the_other_way_and_is_half_way_seems_to_be_at_two_places():
    target = soft_targets(0.7)[BACKWARD + 35]
    assert min(target[26], target[44]) > 0.4
    assert target[26] == pytest.approx(target[44])
    assert target[[25, 35, 45]].max() < 1e-4


def test_drums_that_turn_the_other_way_are_labelled_with_what_they_seem_to_be_at(faces, monkeypatch):
    shares = Shares(drums=1.0, segments=0, counters=0, blank=0, minus=0, unreadable=0)
    monkeypatch.setattr("train.wheels.BACKWARD_SHARE", 1.0)
    codes = draw_scenes(160, faces, np.random.default_rng(5), shares)[1]
    _, seen = draw_labelled_scenes(160, faces, np.random.default_rng(5), shares)
    assert (codes >= BACKWARD).all()
    assert 5 in (codes - BACKWARD) % 10
    np.testing.assert_array_equal(answered(codes), seeming_tenths(codes - BACKWARD))
    np.testing.assert_array_equal(answered(np.arange(BACKWARD)), np.arange(BACKWARD))
    kept = codes[(codes - BACKWARD) % 10 != HALF_WAY] - BACKWARD
    np.testing.assert_array_equal(seen, seeming_tenths(kept))
    monkeypatch.setattr("train.wheels.BACKWARD_SHARE", 0.0)
    assert 5 in draw_labelled_scenes(160, faces, np.random.default_rng(5), shares)[1] % 10


def test_a_wheel_has_ink_at_each_of_its_digits(faces, rng):
    wheel = draw_wheel(faces, rng)
    assert len(wheel.ink) == 10 * wheel.pitch
    bands = wheel.ink.reshape(10, wheel.pitch, SCENE_COLUMNS)
    assert (bands.max(axis=(1, 2)) > 0.5).all()


@pytest.mark.parametrize("digit", range(10))
def test_a_stroke_digit_fills_its_height(digit):
    style = StrokeStyle(pen=0.2, corner=0.2, slant=0.0, waist=0.5, forms=tuple([1] * 10))
    ink = draw_stroke_digit(digit, 40, 24, style)
    assert ink.shape[0] == 40
    assert 4 <= ink.shape[1] <= 28
    assert ink[:3].max() > 128
    assert ink[-3:].max() > 128
    assert all(0 <= value <= 1 for line in skeleton(digit, 2, 0.5) for point in line for value in point)


def test_stroke_digits_differ_from_each_other():
    style = StrokeStyle(pen=0.2, corner=0.0, slant=0.0, waist=0.5, forms=tuple([1] * 10))
    inks = [np.resize(draw_stroke_digit(digit, 40, 24, style), (40, 24)).tobytes() for digit in range(10)]
    assert len(set(inks)) == 10


def test_the_segments_of_the_digits_are_those_of_every_display():
    assert LIT[8] == SEGMENTS
    assert len({frozenset(lit) for lit in (*LIT, *OTHER_FORMS.values())}) == 13
    assert set(LIT[1]) == {"b", "c"}


def test_segments_lie_where_their_names_say():
    display = Display(40, 20, 4, 0.5, 0.0, 0.5, 0.0, 1.0, 0.0, 40.0, False)
    x, y = _corners(display).mean(axis=1).T
    place = dict(zip(SEGMENTS, zip(x.round(), y.round(), strict=True), strict=True))
    assert place == {
        "a": (0, -18), "b": (8, -9), "c": (8, 9), "d": (0, 18), "e": (-8, 9), "f": (-8, -9), "g": (0, 0)
    }  # fmt: skip


@pytest.mark.parametrize("draw", ["segments", "counters"])
def test_digits_that_do_not_roll_stand_at_whole_steps(draw, faces, rng):
    scenes, tenths = draw_segment_digits(30, rng) if draw == "segments" else draw_counters(30, faces, rng)
    assert (tenths % 10 == 0).all()
    assert all(scene.shape == SCENE for scene in scenes)
    assert len(set(tenths.tolist())) >= 7


def test_every_kind_of_cell_is_drawn_in_its_share(faces, rng):
    scenes, labels = draw_scenes(400, faces, rng, Shares())
    assert len(scenes) == len(labels)
    assert abs(len(labels) - 400) <= 3
    assert [int((labels == kind).sum()) for kind in (BLANK, MINUS, UNREADABLE)] == [20, 16, 36]


def test_ghosts_of_a_dark_display_are_fainter_than_what_the_device_stretches(rng):
    spans = [np.ptp(_dark_display(rng)[20:76, 14:46].astype(int)) for _ in range(40)]
    assert np.median(spans) < LEAST_RANGE


def test_blank_cells_are_mostly_flat(rng):
    scenes, _ = draw_blanks(60, rng)
    assert np.median([box_of(scene).std() for scene in scenes]) < 25


@pytest.mark.parametrize("handling", [MILD, HARD])
def test_a_photographed_cell_is_the_networks_and_differs_each_time(handling, faces, rng):
    scene = draw_drums(1, faces, rng)[0][0]
    taken = [photograph_cell(scene, rng, handling) for _ in range(4)]
    assert all(cell.shape == (32, 20) and cell.dtype == np.uint8 for cell in taken)
    assert len({cell.tobytes() for cell in taken}) == 4


def test_the_scene_about_a_crop_has_the_crop_in_its_middle(rng):
    crop = np.random.default_rng(2).integers(0, 256, (64, 40), dtype=np.uint8)
    for _ in range(8):
        scene = surround(crop, 255 - crop, rng)
        assert scene.shape == SCENE
        np.testing.assert_array_equal(box_of(scene), crop)


def test_soft_targets_are_bells_round_the_circle():
    targets = soft_targets(0.7)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert targets[0, 99] == targets[0, 1] > targets[0, 2]
    assert (targets[100:103].max(axis=1) > 0.99).all()
    assert 0 < targets.min() < 1e-4
    assert (targets[:103].argmax(axis=1) == np.arange(103)).all()


def test_many_near_doubles_of_one_meter_count_little_more_than_a_few(rng):
    groups = np.repeat([1, 2], [900, 9]).astype(np.int64)
    crops = Crops(np.zeros((909, 64, 40, 3), np.uint8), np.zeros(909, np.int64), groups, np.zeros(909, np.int64))
    drawn = groups[draw_evenly(crops, 4000, rng)]
    assert (drawn == 2).mean() == pytest.approx(3 / 33, abs=0.02)


def test_no_family_of_faces_is_in_two_splits():
    families = [{family(face) for face in meter_faces(split)} for split in ("train", "validation", "test")]
    assert all(families)
    assert not families[0] & families[1] | families[0] & families[2] | families[1] & families[2]


def test_the_same_seed_and_number_make_the_same_set(rendered: Dataset):
    mix = CellMix(real=200, rendered=300, mild=0.5, shares=TRAINING.shares)
    first, again, other = (meter_set(rendered.train, number, 3, mix) for number in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (len(first[1]), 32, 20)


def test_validation_cells_are_there_as_they_are(rendered: Dataset):
    few = rendered.train.take(np.arange(30))
    cells, labels = meter_validation_set(few, 0, 3)
    made = {cell.tobytes() for cell in cells}
    assert len(cells) == len(labels) > 60
    assert sum(cell.tobytes() in made for cell in cells_of(few.images)) >= 10


def test_the_network_keeps_rows_apart_and_is_small():
    model = build_meter(len(CELL_LABELS))
    assert model.output_shape == (None, 103)
    assert 60_000 < model.count_params() < 230_000
    assert model(np.zeros((1, 32, 20, 1), np.uint8)).shape == (1, 103)


def test_rendered_crops_stand_in_where_there_are_no_real_ones(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("DIGITS_DATA", str(tmp_path))
    monkeypatch.setattr("train.data.places.cache_folder", lambda name: tmp_path / "cache" / name)
    with pytest.raises(DataNotFoundError, match=r"meter\.npz is not in"):
        load_meter()
    few = partial(load_rendered_cells, count=300, test_count=60)
    monkeypatch.setattr("train.data.choose.load_rendered_cells", few)
    found = open_dataset("auto", "meter", 0)
    assert found.is_builtin
    assert found.labels == CELL_LABELS
    assert {BLANK, MINUS, UNREADABLE} <= set(found.train.labels.tolist())


def test_a_damaged_file_of_crops_is_said_to_be(monkeypatch, tmp_path: Path):
    (tmp_path / "meter").mkdir()
    (tmp_path / "meter" / "meter.npz").write_bytes(b"no archive")
    monkeypatch.setenv("DIGITS_DATA", str(tmp_path))
    with pytest.raises(DataError, match="cannot be read"):
        load_meter()


def test_a_recipe_for_glyphs_is_refused_crops_and_the_other_way_round(rendered: Dataset, builtin: Dataset):
    for recipe, dataset in (("digits", rendered), ("meter", builtin)):
        with pytest.raises(DataError, match="is not for"):
            adapt(RECIPES[recipe], dataset, Settings())


def test_whole_groups_are_held_out_of_the_real_crops(digits_data: Path):
    dataset = load_meter()
    assert (len(dataset.train), len(dataset.test)) == (21_027, 1_426)
    parts = cut(dataset, Settings())
    assert set(parts.validation.groups.tolist()) == set(HELD_OUT)
    assert not set(parts.train.groups.tolist()) & (set(HELD_OUT) | set(parts.test.groups.tolist()))
    assert len(parts.train) + len(parts.validation) == len(dataset.train)


def test_a_drum_that_turns_the_other_way_seems_as_far_before_its_nearest_digit_as_it_is_beyond():
    np.testing.assert_array_equal(seeming_tenths(np.array([34, 36, 98, 0, 2])), [26, 44, 2, 0, 98])
