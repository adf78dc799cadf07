import numpy as np
import pytest

from edge.nouns import NOT_A_DIGIT, Prediction, Region
from edge.paper.cuts import Cutting, best_path, over_segment


def prediction(label, confidence):
    scores = {
        **dict.fromkeys("0123456789", (1 - confidence) / 10),
        NOT_A_DIGIT: (1 - confidence) / 10,
        label: confidence,
    }
    return Prediction(label, confidence, scores)


def two_bars_with_a_bridge() -> Region:
    coverage = np.zeros((40, 60), np.uint8)
    coverage[2:38, 8:16] = coverage[2:38, 42:50] = 255
    coverage[20:22, 16:42] = 255
    return Region((100, 50, 60, 40), coverage)


def test_a_bridge_is_cut_between_the_bars():
    cutting = over_segment(two_bars_with_a_bridge())
    assert cutting.parts
    whole_cover = [span for span in cutting.spans if span[0] == 0]
    assert whole_cover, "some part starts at the left end"
    for part in cutting.parts:
        x, _, width, _ = part.box
        assert x >= 100
        assert x + width <= 160


def test_parts_carry_their_own_ink_only():
    cutting = over_segment(two_bars_with_a_bridge())
    total = two_bars_with_a_bridge().coverage
    for part in cutting.parts:
        assert (part.coverage <= total).all()
        assert part.coverage.any()


def test_the_best_chain_reaches_from_end_to_end():
    part = Region((0, 0, 5, 9), np.ones((9, 5), np.uint8))
    cutting = Cutting((0.0,) * 4, ((0, 1), (0, 2), (1, 3), (2, 3), (1, 2)), (part,) * 5)
    predictions = [prediction("4", c) for c in (0.99, 0.6, 0.98, 0.7, 0.99)]
    path, _, odds = best_path(cutting, predictions)
    assert [cutting.spans[k] for k in path] == [(0, 1), (1, 3)]
    assert 0.5 < odds < 1


def test_no_chain_is_no_path():
    part = Region((0, 0, 5, 9), np.ones((9, 5), np.uint8))
    assert best_path(Cutting((0.0,) * 3, ((0, 1),), (part,)), [prediction("1", 0.9)]) == ([], 0.0, 0.0)


@pytest.mark.parametrize("shape", [(9, 9), (64, 3), (10, 64)])
def test_any_region_is_over_segmented_without_error(shape):
    cutting = over_segment(Region((0, 0, shape[1], shape[0]), np.full(shape, 255, np.uint8)))
    assert len(cutting.spans) == len(cutting.parts)
