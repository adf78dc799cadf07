"""A run folder is read whole, or the file that is wrong is named."""

import json

import numpy as np
import pytest

from convert.run_folder import load_run, rank_within_class
from edge.errors import DataError


def test_a_finished_run_is_read(run):
    assert (len(run.calibration.samples), len(run.validation), len(run.evaluation)) == (80, 80, 1000)
    assert run.card.recipe == "digits"


def test_ranks_count_equal_labels_before_each_one():
    assert rank_within_class(np.array([5, 3, 5, 5, 3])).tolist() == [0, 0, 1, 2, 1]


def test_all_calibration_glyphs_are_taken_where_there_are_no_more(run):
    assert len(run.calibration.first(None).indices) == len(run.calibration.first(10_000).indices) == 80


@pytest.mark.parametrize("name", ["model.keras", "run.json", "calibration.npz", "validation.npz", "evaluation.npz"])
def test_a_missing_file_is_named(run_copy, name):
    (run_copy / name).unlink()
    with pytest.raises(DataError, match=name):
        load_run(run_copy)


@pytest.mark.parametrize("name", ["run.json", "calibration.npz", "evaluation.npz"])
@pytest.mark.parametrize("data", [b"\0\1\2", b"PK\3\4", b""])
def test_a_damaged_file_is_named(run_copy, name, data):
    (run_copy / name).write_bytes(data)
    with pytest.raises(DataError, match=name):
        load_run(run_copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"schema_version": 2}, "schema version 2"), ({"seed": "x"}, "seed"), ({"labels": None}, "labels")],
)
def test_a_card_of_another_form_is_refused(run_copy, change, said):
    card = json.loads((run_copy / "run.json").read_text())
    (run_copy / "run.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(DataError, match=said):
        load_run(run_copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"glyphs": np.zeros((4, 28, 28), np.float32)}, "float32"),
        ({"glyphs": np.zeros((4, 28, 28, 1), np.uint8)}, "28, 28, 1"),
        ({"labels": np.zeros(3, np.int64)}, r"\(4,\)"),
        ({"labels": np.full(4, 4)}, "4 classes"),
        ({"labels": np.full(4, -1)}, "4 classes"),
        ({"glyphs": np.zeros((0, 28, 28), np.uint8), "labels": np.zeros(0, np.int64)}, r"\(0, 28, 28\)"),
    ],
)
def test_arrays_of_another_form_are_refused(run_copy, change, said):
    arrays = {"glyphs": np.zeros((4, 28, 28), np.uint8), "labels": np.zeros(4, np.int64)}
    np.savez(run_copy / "evaluation.npz", **{**arrays, **change})
    with pytest.raises(DataError, match=said):
        load_run(run_copy)
