"""The sides of a row's cells, set on its walls: all cells of a row have theirs at the same distance.

The holes that cells are found by are smaller than these where a wall's rounded corners are thick, and are what the
inner lines leave where a wall is two thin lines: a cell reaches to the middle between them, as the form means it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.forms.boxrows import BoxRow
from edge.nouns import Box, Gray

INSIDE, OUTSIDE = 11, 16
"""Pixels inside and outside of a side that its wall is looked for in, 1.4 and 2 mm at 200 dpi: it may be on either of
two lines.
"""

NEAREST, FARTHEST = -4, 7
"""Pixels outside of the side that a wall of one line begins: further inside there is writing."""

CORNERS = 0.2
"""Share of a side at each end that is left out: a rounded corner."""

AS_DARK = 0.5
"""Depth of a line over that of the darkest of its wall at the least."""

PALEST = 12.0
"""Gray levels below the paper that a wall has at the least."""

UNEQUAL = 1.5
"""Pixels by which the two lines of one wall may be farther apart than those of another."""

Profile = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Wall:
    """How far outside of a cell's side its wall begins, in pixels, how far its middle is, and how far apart its two
    lines are; 0 where it is one.
    """

    start: float
    middle: float
    apart: float


def on_walls(row: BoxRow, depth: Gray) -> BoxRow:
    """A row of cells whose sides are where its walls begin, or in the middle between two lines that each wall is.

    Parameters
    ----------
    row : BoxRow
    depth : (rows, columns) uint8
        How much darker than the paper the picture is.
    """
    if row.kind != "cells" or not all(_is_inside(box, depth) for box in row.boxes):
        return row
    sides = list(zip(*(_profiles(box, depth) for box in row.boxes), strict=True))
    own = [[_wall_in(profile) for profile in profiles] for profiles in sides]
    margins = _middles(own)
    if margins is None:
        walls = [_wall_in(np.median(profiles, axis=0)) for profiles in sides]
        margins = [[wall.start if wall else 0.0] * len(row.boxes) for wall in walls]
    return BoxRow(
        tuple(_grown(box, each) for box, each in zip(row.boxes, zip(*margins, strict=True), strict=True)), row.kind
    )


def _is_inside(box: Box, depth: Gray) -> bool:
    x, y, width, height = box
    return min(x, y) >= OUTSIDE and x + width + OUTSIDE <= depth.shape[1] and y + height + OUTSIDE <= depth.shape[0]


def _profiles(box: Box, depth: Gray) -> tuple[Profile, Profile, Profile, Profile]:
    """How dark it is across the upper, lower, left and right side of a box, from its inside out: (27,) each."""
    x, y, width, height = box
    across, down = round(CORNERS * width), round(CORNERS * height)
    columns, rows = slice(x + across, x + width - across), slice(y + down, y + height - down)
    above = depth[y - OUTSIDE : y + INSIDE, columns][::-1]
    below = depth[y + height - INSIDE : y + height + OUTSIDE, columns]
    left = depth[rows, x - OUTSIDE : x + INSIDE][:, ::-1]
    right = depth[rows, x + width - INSIDE : x + width + OUTSIDE]
    return np.median(above, axis=1), np.median(below, axis=1), np.median(left, axis=0), np.median(right, axis=0)


def _wall_in(profile: Profile) -> _Wall | None:
    """The wall in a profile; None where there is none, or where the cell itself is as dark."""
    is_line = np.concatenate([[False], profile >= max(PALEST, AS_DARK * float(profile.max())), [False]])
    starts, ends = np.flatnonzero(is_line[1:] & ~is_line[:-1]), np.flatnonzero(is_line[:-1] & ~is_line[1:])
    if not starts.size or starts[0] == 0:
        return None
    nearest = int(starts[np.abs(starts - INSIDE).argmin()]) - INSIDE
    lines = ((starts + ends) / 2 - INSIDE)[:2]
    return _Wall(float(nearest) if NEAREST <= nearest <= FARTHEST else 0.0, float(lines.mean()), float(np.ptp(lines)))


def _middles(sides: Sequence[Sequence[_Wall | None]]) -> list[list[float]] | None:
    """For the upper, lower, left and right side of each cell how far outside of it the middle of its wall is; None
    where the walls are not two lines each. What is written in a cell may hide its own.
    """
    apart = [wall.apart for walls in sides for wall in walls if wall and wall.apart]
    usual = float(np.median(apart)) if apart else 0.0
    found = [[wall if wall and abs(wall.apart - usual) <= UNEQUAL else None for wall in walls] for walls in sides]
    if not usual or any(2 * walls.count(None) > len(walls) for walls in found):
        return None
    middles = [float(np.median([wall.middle for wall in walls if wall])) for walls in found]
    return [[wall.middle if wall else middle for wall in walls] for walls, middle in zip(found, middles, strict=True)]


def _grown(box: Box, margins: Sequence[float]) -> Box:
    """A box with so much more above, below, at the left and at the right."""
    x, y, width, height = box
    above, below, left, right = margins
    first, last = (round(x - left), round(y - above)), (round(x + width + right), round(y + height + below))
    return *first, last[0] - first[0], last[1] - first[1]
