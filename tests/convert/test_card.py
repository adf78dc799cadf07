"""Figures of the card."""

import hashlib

import numpy as np
import pytest

from convert.card import git_commit, score, tool_versions, wilson_interval
from edge.inference.bundle import load_card


@pytest.mark.parametrize(
    ("right", "n", "expected"),
    [(9950, 10_000, (0.99341, 0.99620)), (10, 10, (0.72247, 1.0)), (0, 10, (0.0, 0.27753)), (1, 2, (0.09453, 0.90547))],
)
def test_wilson_intervals_are_the_published_ones(right, n, expected):
    assert wilson_interval(right, n) == pytest.approx(expected, abs=1e-4)


def test_a_score_holds_errors_share_and_interval():
    found = score(50, 10_000)
    assert (found.n, found.errors, found.accuracy) == (10_000, 50, 0.995)
    assert found.interval[0] < 0.995 < found.interval[1]


def test_the_calibration_hash_is_of_the_indices_as_little_endian_int64(report):
    indices = b"".join(index.to_bytes(8, "little") for index in range(80))
    assert load_card(report.bundle).calibration_set.sha256 == hashlib.sha256(indices).hexdigest()


def test_the_card_names_the_models_that_it_was_trained_on_from(report):
    assert load_card(report.bundle).started_from == ["ab" * 32]


def test_accuracy_is_of_the_evaluation_glyphs(report, measurement):
    accuracy = load_card(report.bundle).accuracy
    assert accuracy.keras.errors == np.count_nonzero(measurement.keras.argmax(1) != measurement.labels)
    assert accuracy.int8.errors == np.count_nonzero(measurement.quantized["litert"].argmax(1) != measurement.labels)


def test_versions_tell_training_and_conversion_apart(report):
    versions = load_card(report.bundle).versions
    assert {"python", "tensorflow", "keras", "numpy", "ai-edge-litert", "train.keras"} <= set(versions)
    assert tool_versions()["keras"] == versions["keras"]


def test_a_folder_in_no_repository_has_no_known_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) == "unknown"


def test_a_machine_without_git_has_no_known_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() == "unknown"
