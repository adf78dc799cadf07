"""Views of a cell: the first is the cell itself, and their means are means."""

import numpy as np
import pytest

from edge.geometry import corners_of
from edge.meters.cell import CELL_LABELS, normalize_cell
from tests.meters.views import VIEWS, averaged, lines_of, views_of

FRAME = np.random.default_rng(0).integers(0, 256, (120, 160), np.uint8)


def test_the_first_view_is_the_cell_and_the_others_are_others():
    cells = views_of(FRAME, corners_of((40, 30, 30, 50)))
    assert cells.shape == (len(VIEWS), 32, 20)
    assert (cells[0] == normalize_cell(FRAME[30:80, 40:70])).all()
    assert len({cell.tobytes() for cell in cells}) == len(VIEWS)


def test_scores_are_averaged_plainly_and_as_logarithms():
    scores = np.array([[[0.8, 0.2], [0.2, 0.8], [0.98, 0.02]]])
    assert averaged(scores, 2, as_logarithms=False)[0] == pytest.approx([0.5, 0.5])
    assert averaged(scores, 2, as_logarithms=True)[0] == pytest.approx([0.5, 0.5])
    assert averaged(scores, 3, as_logarithms=True)[0, 0] == pytest.approx(1 / (1 + 49 ** (-1 / 3)))


def test_a_sure_and_wrong_digit_shows_as_wrong():
    scores = np.zeros((2, len(VIEWS), len(CELL_LABELS)))
    scores[:, :, 60] = 1.0
    lines = lines_of(scores, np.array([6, 8]))
    assert len(lines) == 8
    assert all("right 50.00%" in line and line.endswith("0.999: 100.0%,   1 wrong") for line in lines)
