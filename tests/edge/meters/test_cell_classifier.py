"""The shipped bundle for meters through the real runtime: crops of meters that it has not seen, and wrong uses.

The crops' names say what they show: tenths of a step for drums, whole ones for displays.
"""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.check import replay_golden
from edge.cli import main
from edge.errors import BundleError
from edge.inference.bundle import load_card
from edge.inference.classifier import CellClassifier, Classifier, open_network
from edge.inference.preprocessing import cells as cell_way
from edge.meters.cell import CELL_LABELS, normalize_cell, position_of, prediction_of
from edge.nouns import NOT_A_DIGIT
from edge.paper.crop import classify_cell

MODELS = Path(__file__).parents[3] / "models"
BUNDLE = MODELS / "meter"
CROPS = sorted((Path(__file__).parents[2] / "fixtures" / "meter").glob("*.jpg"))


@pytest.fixture(scope="module")
def classifier() -> CellClassifier:
    return CellClassifier.open(BUNDLE)


def gray_of(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def shown(path: Path) -> float:
    return float(path.stem.rpartition("-")[2])


def test_there_are_crops_of_drums_and_displays():
    assert {path.stem.partition("-")[0] for path in CROPS} == {"drum", "display"}
    assert len(CROPS) >= 6


@pytest.mark.parametrize("path", CROPS, ids=lambda path: path.stem)
@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_crop_reads_as_its_name_says_in_either_polarity(classifier, path, is_inverted):
    gray = gray_of(path)
    scores = classifier.predict([normalize_cell(255 - gray if is_inverted else gray)])[0]
    apart = abs(position_of(scores) - shown(path))
    assert min(apart, 10 - apart) < 0.15


def test_scores_add_up_to_one_and_a_batch_gives_what_each_cell_gives_alone(classifier):
    cells = [normalize_cell(gray_of(path)) for path in CROPS]
    together, alone = classifier.predict(cells), [classifier.predict([cell])[0] for cell in cells]
    for one, other in zip(together, alone, strict=True):
        assert one.positions.sum() + one.blank + one.minus + one.unreadable == pytest.approx(1)
        np.testing.assert_array_equal(one.positions, other.positions)
    assert classifier.predict([]) == []


@pytest.mark.parametrize("level", [0, 40, 128, 255])
def test_a_flat_cell_shows_no_digit(classifier, level):
    scores = classifier.predict([normalize_cell(np.full((50, 30), level, np.uint8))])[0]
    assert prediction_of(scores).label == NOT_A_DIGIT
    assert scores.blank + scores.unreadable > 0.9


def test_cells_of_another_shape_are_refused(classifier):
    with pytest.raises(TypeError, match=r"\(n, 32, 20\) uint8"):
        classifier.predict([np.zeros((28, 28), np.uint8)])


def test_the_card_says_what_the_bundle_is():
    card = load_card(BUNDLE)
    assert tuple(card.labels) == CELL_LABELS
    assert card.preprocessing.sha256 == cell_way().sha256
    assert card.input.shape == [1, 32, 20, 1]
    assert card.size_bytes <= 250_000
    assert [data.licence for data in card.data] == ["Apache-2.0"]


def test_another_preprocessing_of_cells_is_refused_and_the_difference_named(tmp_path):
    copy = Path(shutil.copytree(BUNDLE, tmp_path / "bundle"))
    card = json.loads((copy / "card.json").read_text())
    constants = card["preprocessing"]["constants"] | {"least_range": 7}
    card["preprocessing"] = {"sha256": "0" * 64, "constants": constants}
    (copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match="least_range is 7, here 20"):
        load_card(copy)


def test_each_bundle_opens_as_what_it_is_and_as_nothing_else():
    assert isinstance(open_network(BUNDLE), CellClassifier)
    assert isinstance(open_network(MODELS / "digits"), Classifier)
    with pytest.raises(BundleError, match="reads the cells of a meter, not lines of digits"):
        Classifier.open(BUNDLE)
    with pytest.raises(BundleError, match="reads single glyphs"):
        CellClassifier.open(MODELS / "digits")


def test_the_golden_replay_holds(classifier):
    assert "labelled the same" in replay_golden(classifier, BUNDLE / "golden.npz")


def test_a_classified_crop_has_its_position_and_a_flat_one_has_none(classifier):
    drum = next(path for path in CROPS if path.stem.startswith("drum"))
    found = classify_cell(gray_of(drum), classifier)
    assert found.seen is not None
    assert found.seen.shape == (32, 20)
    assert found.position == pytest.approx(shown(drum), abs=0.15)
    assert classify_cell(np.full((40, 30), 90, np.uint8), classifier).position is None


def test_classify_prints_the_contract_with_the_position(capsys, tmp_path):
    display = next(path for path in CROPS if path.stem.startswith("display"))
    flat = tmp_path / "flat.png"
    cv2.imwrite(str(flat), np.full((40, 30), 90, np.uint8))
    assert main(["classify", str(display), str(flat), "--model", str(BUNDLE), "--json"]) == 0
    digit, none = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(digit) == ["source", "label", "confidence", "scores", "position"]
    assert digit["label"] == str(round(shown(display)) % 10)
    assert list(digit["scores"]) == [*"0123456789", "-"]
    assert digit["position"] == pytest.approx(shown(display), abs=0.15)
    assert (none["label"], none["position"]) == (None, None)


def test_a_bundle_for_meters_is_not_for_pages(capsys, tmp_path):
    picture = tmp_path / "page.png"
    cv2.imwrite(str(picture), np.full((40, 30), 90, np.uint8))
    assert main(["read", str(picture), "--model", str(BUNDLE)]) == 1
    err = capsys.readouterr().err
    assert "reads the cells of a meter" in err
    assert len(err.splitlines()) == 1
