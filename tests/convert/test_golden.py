"""The replay is balanced, right, safe to compare across runtimes, and the same each time."""

import numpy as np
import pytest

from convert.golden import CROP_SIDES, choose_glyphs, draw_crop, lead_in_steps, make_golden, pack_golden, read_golden
from edge.errors import BundleError
from edge.inference.bundle import GOLDEN_FILE
from edge.paper.normalize import normalize_glyph


@pytest.fixture
def golden(report):
    return read_golden(report.bundle / GOLDEN_FILE)


def test_the_file_has_the_keys_that_edge_check_reads(report):
    with np.load(report.bundle / GOLDEN_FILE) as arrays:
        kinds = {name: (arrays[name].dtype.name, arrays[name].ndim) for name in arrays}
    assert {kinds[name] for name in ("glyphs",)} == {("uint8", 3)}
    assert kinds["quantized"] == ("int8", 2)
    assert kinds["labels"] == ("int64", 1)
    crops = [f"{kind}_{i}" for kind in ("coverage", "normalized") for i in range(8)]
    assert all(kinds.pop(name) == ("uint8", 2) for name in crops)
    assert sorted(kinds) == ["glyphs", "labels", "quantized"]


def test_every_class_stands_in_it_alike_what_is_no_digit_too(golden):
    assert np.bincount(golden.labels).tolist() == [16, 16, 16, 16]


def test_the_labels_are_what_the_recorded_scores_say(golden):
    assert np.array_equal(golden.quantized.argmax(axis=1), golden.labels)


def test_crops_are_of_every_size_and_normalize_to_their_glyphs(golden):
    sides = [max(coverage.shape) for coverage in golden.coverages]
    assert sides == sorted(sides)
    assert sides[0] < 20 < sides[-1]
    assert all(np.array_equal(normalize_glyph(c), g) for c, g in zip(golden.coverages, golden.normalized, strict=True))
    assert all(glyph.any() for glyph in golden.normalized)


def test_the_same_run_gives_the_same_bytes(run, model, measurement, report):
    again = pack_golden(make_golden(run, model, measurement))
    assert again == (report.bundle / GOLDEN_FILE).read_bytes()


def test_the_lead_is_own_score_less_the_best_other_one():
    scores = np.array([[10, 4, -3], [10, 4, -3], [-128, -128, 127]], np.int8)
    assert lead_in_steps(scores, np.array([0, 1, 2])).tolist() == [6, -6, 255]


def test_wrong_glyphs_are_left_out_and_sure_ones_come_first():
    scores = np.array([[30, 0], [5, 0], [0, 9], [90, 0], [0, 90]], np.int8)
    labels = np.array([0, 0, 0, 0, 1])
    for seed in range(10):
        chosen = choose_glyphs(scores, labels, 2, np.random.default_rng(seed))
        assert sorted(chosen.tolist()) == [0, 3, 4]


def test_crops_have_ink_of_the_side_asked_for(run):
    for number, side in enumerate(CROP_SIDES):
        crop = draw_crop(run.calibration.samples.glyphs, number, np.random.default_rng(5))
        assert side <= max(crop.shape) <= side + 6


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"no npz at all"])
def test_a_damaged_file_is_refused(tmp_path, data):
    (tmp_path / GOLDEN_FILE).write_bytes(data)
    with pytest.raises(BundleError, match="golden replay"):
        read_golden(tmp_path / GOLDEN_FILE)
