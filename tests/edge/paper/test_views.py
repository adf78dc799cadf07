import cv2
import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Glyph, Prediction
from edge.paper.normalize import normalize_glyph
from edge.paper.views import MAPS, OWN_WEIGHT, agreed, views_of

LABELS = [*"0123456789", NOT_A_DIGIT]


def glyph(kind):
    coverage = np.zeros((60, 40), np.uint8)
    if kind == "stroke":
        cv2.line(coverage, (26, 5), (14, 55), 255, 6)
    elif kind == "ring":
        cv2.ellipse(coverage, (20, 30), (14, 24), 0, 0, 360, 255, 5)
    elif kind == "box":
        cv2.rectangle(coverage, (3, 3), (36, 56), 255, 5)
    return Glyph(normalize_glyph(coverage))


def prediction(label, confidence):
    others = dict.fromkeys(LABELS, (1 - confidence) / 10)
    return Prediction(label, confidence, others | {label: confidence})


@pytest.mark.parametrize("kind", ["stroke", "ring", "box"])
def test_the_views_hold_about_as_much_ink_in_the_same_place(kind):
    own = glyph(kind)
    views = views_of(own)
    assert len(views) == len(MAPS) == 4
    for view in views:
        assert (view.pixels.shape, view.pixels.dtype) == ((28, 28), np.uint8)
        assert int(view.pixels.sum()) == pytest.approx(int(own.pixels.sum()), rel=0.25)
        before, after = cv2.moments(own.pixels), cv2.moments(view.pixels)
        for axis in ("m10", "m01"):
            assert after[axis] / after["m00"] == pytest.approx(before[axis] / before["m00"], abs=0.6)


def test_the_views_differ_from_the_glyph_and_from_each_other():
    own = glyph("stroke")
    assert len({each.pixels.tobytes() for each in (own, *views_of(own))}) == 5


def test_two_views_are_turned_one_is_narrower_and_one_lower():
    own = glyph("box")
    boxes = [cv2.boundingRect((each.pixels > 96).astype(np.uint8)) for each in (own, *views_of(own))]
    (_, _, width, height), left, right, narrower, lower = boxes
    assert left[2] > width < right[2]
    assert narrower[2] < width
    assert abs(narrower[3] - height) <= 1
    assert lower[3] < height
    assert abs(lower[2] - width) <= 1


def test_an_empty_glyph_has_empty_views():
    assert not any(view.pixels.any() for view in views_of(Glyph(np.zeros((28, 28), np.uint8))))


@pytest.mark.parametrize("label", ["7", NOT_A_DIGIT])
def test_views_that_say_the_same_change_nothing(label):
    own = prediction(label, 0.8)
    same = agreed(own, [own] * len(MAPS))
    assert same.label == label
    assert same.confidence == pytest.approx(0.8)
    assert same.scores == pytest.approx(own.scores)


@pytest.mark.parametrize("others", [("7", "7", "7", "1"), ("1", "2", "3", "4"), ("7",), ()])
def test_what_is_agreed_is_a_distribution_in_the_same_order_and_its_label_the_likeliest(others):
    seen = agreed(prediction("7", 0.6), [prediction(label, 0.9) for label in others])
    assert list(seen.scores) == LABELS
    assert sum(seen.scores.values()) == pytest.approx(1.0)
    assert min(seen.scores.values()) >= 0.0
    assert seen.label == max(seen.scores, key=seen.scores.get)
    assert seen.confidence == seen.scores[seen.label]


def test_a_view_that_says_otherwise_lowers_the_confidence():
    own = prediction("7", 0.9)
    one, two = (agreed(own, [own] * (4 - n) + [prediction("1", 0.9)] * n) for n in (1, 2))
    assert one.label == two.label == "7"
    assert own.confidence > one.confidence > two.confidence


def test_views_that_are_surer_than_the_glyph_raise_the_confidence():
    assert agreed(prediction("7", 0.6), [prediction("7", 0.95)] * 4).confidence > 0.8


def test_four_views_overrule_the_glyph_and_two_do_not():
    own, other = prediction("7", 0.9), prediction("1", 0.9)
    assert OWN_WEIGHT == 2.0
    assert agreed(own, [other] * 4).label == "1"
    assert agreed(own, [other, own, own, own]).label == "7"
    even = agreed(own, [other] * 2)
    assert even.scores["7"] == pytest.approx(even.scores["1"])


def test_a_score_of_nothing_is_no_veto_and_no_error():
    sure = Prediction("7", 1.0, dict.fromkeys(LABELS, 0.0) | {"7": 1.0})
    seen = agreed(sure, [prediction("1", 0.9), *[sure] * 3])
    assert seen.label == "7"
    assert np.isfinite(list(seen.scores.values())).all()
    assert seen.scores["1"] > 0
