"""The measuring of meters: what counts as right, what befalls crops, and that the report is of the shipped bundle."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge.inference.bundle import load_card
from edge.nouns import CellScores
from tests.meters.conditions import conditions, shifted, turned, with_gamma
from tests.meters.measure import Answers, Sample, accuracy, answers_of, reliability, share, verdicts
from tests.meters.nothing import KINDS

REPORT = Path(__file__).with_name("report.json")


def scores(tenth: int, sure: float = 1.0) -> CellScores:
    positions = np.zeros(100)
    positions[tenth] = sure
    return CellScores(positions, 1.0 - sure, 0.0, 0.0)


def sample(*labels: int, group: int = 4) -> Sample:
    return Sample([], np.array(labels), np.full(len(labels), group))


def test_an_answer_is_the_tenth_the_digit_and_its_confidence():
    found = answers_of([scores(37), scores(34), scores(99), scores(50, 0.2)])
    assert found.tenths.tolist() == [37, 34, 99, 50]
    assert found.digits.tolist() == [4, 3, 0, -1]
    assert found.confidence.tolist() == pytest.approx([1, 1, 1, 0.8])


def test_a_tenth_is_right_within_one_round_the_circle_and_a_cell_without_a_digit_never():
    found = Answers(np.array([99, 2, 31, 30]), np.array([0, 0, 3, -1]), np.ones(4))
    right = verdicts(sample(0, 0, 30, 30), found)
    assert right["within 0.1"].tolist() == [True, False, True, False]
    assert right["exact tenth"].tolist() == [False, False, False, False]
    assert right["digit"].tolist() == [True, True, True, False]


def test_settled_is_within_a_tenth_of_a_whole_step():
    assert sample(0, 1, 2, 5, 8, 9, 99).is_settled.tolist() == [True, True, False, False, False, True, True]


def test_a_share_has_its_n_and_an_interval_about_it():
    found = share(np.array([True] * 95 + [False] * 5))
    assert found is not None
    assert (found["share"], found["n"], found["wrong"]) == (0.95, 100, 5)
    assert found["interval"] == pytest.approx([0.8882, 0.9785], abs=1e-3)
    assert share(np.zeros(0, bool)) is None


def test_drums_and_displays_are_counted_apart():
    both = Sample([], np.array([10, 20, 30, 35]), np.array([4, 4, 112, 4]))
    found = accuracy(both, Answers(np.array([10, 25, 30, 35]), np.array([1, 3, 3, 4]), np.ones(4)))
    assert found["drums"]["settled digit"]["n"] == 2
    assert found["drums"]["settled digit"]["wrong"] == 1
    assert found["displays"]["digit"] == share(np.array([True]))
    assert found["pooled"]["within 0.1"]["wrong"] == 1
    assert set(found["by group"]) == {"4", "112"}


def test_risk_falls_with_the_cutoff_where_the_unsure_are_the_wrong():
    labels = sample(*([10] * 20))
    found = Answers(np.full(20, 10), np.array([1] * 15 + [2] * 5), np.array([0.999] * 15 + [0.6] * 5))
    rows = {row["cutoff"]: row for row in reliability(labels, found)["risk and coverage"]}
    assert (rows[0.5]["accepted"]["wrong"], rows[0.5]["right"]["wrong"]) == (0, 5)
    assert (rows[0.9]["accepted"]["wrong"], rows[0.9]["right"]["wrong"]) == (5, 0)


@pytest.mark.parametrize("name", list(conditions()))
def test_a_condition_keeps_the_shape_and_is_the_same_each_time(name):
    gray = np.random.default_rng(0).integers(0, 256, (42, 23), dtype=np.uint8)
    first, again = (conditions()[name](gray, np.random.default_rng(3)) for _ in range(2))
    assert (first.shape, first.dtype) == (gray.shape, np.uint8)
    np.testing.assert_array_equal(first, again)
    assert (name == "as it is") == np.array_equal(first, gray)


def test_a_shifted_box_sees_its_crop_moved_by_the_share():
    gray = np.zeros((40, 20), np.uint8)
    gray[20, 10] = 255
    found = shifted(gray, np.random.default_rng(0), across=0.1, down=0.2)
    row, column = np.argwhere(found > 0)[0]
    assert (abs(int(row) - 20), abs(int(column) - 10)) == (8, 2)


def test_a_box_is_turned_about_its_middle_and_gamma_keeps_black_and_white():
    gray = np.zeros((41, 21), np.uint8)
    gray[20, 10] = 255
    assert turned(gray, np.random.default_rng(0), 10.0)[20, 10] == 255
    assert with_gamma(np.array([[0, 255]], np.uint8), np.random.default_rng(0), 3.0).tolist() == [[0, 255]]


@pytest.mark.parametrize("kind", list(KINDS))
def test_cells_without_a_digit_are_gray_pictures(kind):
    made = [KINDS[kind](np.random.default_rng(seed)) for seed in range(12)]
    assert all(each.ndim == 2 and each.dtype == np.uint8 and each.size >= 32 * 20 for each in made)
    assert len({each.tobytes() for each in made}) == 12


def test_the_report_is_of_the_shipped_bundle(repository: Path):
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    card = load_card(repository / "models" / "meter")
    assert report["model_sha256"] == card.model_sha256, "python -m tests.meters.measure --out tests/meters/report.json"
    assert sum(row["n"] for row in report["nothing"].values()) == 10_000
    assert report["accuracy"]["pooled"]["within 0.1"]["n"] == 1426
