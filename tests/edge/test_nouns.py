"""What a noun refuses when it is made."""

from __future__ import annotations

import numpy as np
import pytest

from edge.nouns import Frame

GRAY = np.zeros((41, 60), np.uint8)


@pytest.mark.parametrize("shape", [(20, 30, 3), (21, 30, 3)])
def test_colour_planes_of_half_the_size_are_taken(shape):
    assert Frame(GRAY, "a", colour=np.zeros(shape, np.uint8)).colour.shape == shape


@pytest.mark.parametrize("shape", [(41, 60, 3), (20, 29, 3), (30, 20, 3), (20, 30, 4)])
def test_colour_planes_of_another_shape_are_refused(shape):
    with pytest.raises(TypeError, match=r"Frame.colour must be .* uint8, got \("):
        Frame(GRAY, "a", colour=np.zeros(shape, np.uint8))


@pytest.mark.parametrize("planes", [np.zeros((20, 30, 3)), np.zeros((20, 30), np.uint8)])
def test_colour_planes_of_another_type_are_refused(planes):
    with pytest.raises(TypeError, match=r"Frame.colour must be a 3-d uint8 array, got \(20, 30"):
        Frame(GRAY, "a", colour=planes)
