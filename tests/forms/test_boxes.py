"""Boxes proposed for whole generated forms, of seeds that are neither those tuned on nor those reported."""

from functools import lru_cache

import cv2
import numpy as np
import pytest

from edge.forms.sheet import corners_on_desk
from tests.forms.boxes import LOOKS, count_form
from tests.forms.layout import make_form


@lru_cache(maxsize=1)
def seen(seed, look="photograph"):
    """A form of single frames and a picture of it."""
    form = make_form("single", seed)
    return form, LOOKS[look](form, np.random.default_rng([seed, list(LOOKS).index(look)]))


@pytest.mark.parametrize("seed", [7000, 7002])
def test_a_sheet_is_found_though_at_no_level_of_light_all_of_its_sides_show(seed):
    """A shadow makes half of the first darker than the desk's streaks; the desk below the second is in the light."""
    form, picture = seen(seed)
    corners = cv2.perspectiveTransform(form.corners[None], picture.matrix)[0]
    assert np.abs(corners_on_desk(picture.gray) - corners).max() <= 3


@pytest.mark.parametrize("look", ["photograph", "scan, 200 dpi"])
def test_frames_of_two_lines_are_found_as_wide_as_they_are_meant(look):
    counts = count_form(*seen(7026, look))
    assert (counts.found, counts.false) == (counts.boxes, 0)
    assert counts.boxes == 103


def test_frames_with_thick_rounded_corners_are_found_as_wide_as_they_are():
    counts = count_form(*seen(7055))
    assert counts.found >= 34
    assert counts.false <= 1
    assert counts.boxes == 35
