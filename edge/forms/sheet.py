"""Where the sheet of a form lies in a reference picture: its corners, its marks, and the sheet seen straight.

A scan is all sheet and at most turned a little; a photograph shows a light sheet on a darker desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.forms.walls import depth_of, find_walls
from edge.geometry import Matrix, Points, mapped
from edge.nouns import Box, Gray, require_uint8
from edge.paper.pieces import connected_pieces

SIDE = 2339
"""Longer side, in pixels, of the sheet that boxes are looked for in: A4 at 200 dpi."""

MAX_ENLARGED = 2.0
"""A smaller picture is enlarged by this at the most."""

COARSE = 480
"""Longer side of the picture in which a sheet on a desk is looked for."""

SHADED = tuple(1 - 0.04 * step for step in range(16))
"""Of Otsu's level, the levels above which a sheet is light: in a shadow the desk and it are apart farther down."""

LIT = tuple(1.4 - 0.04 * step for step in range(10))
"""... and those above which a part of it is where a lamp makes the desk beside it as light as the rest: its sides are
the sheet's, if there is one.
"""

SAME_QUAD = 1.0
"""Pixels of the coarse picture within which two levels show the same sheet."""

LEAST_SHEET = 0.2
"""Share of the picture that a sheet fills at the least."""

IN_SHEET = 0.93
"""Share of its quadrilateral that the sheet's light area fills at the least."""

INSIDE = 0.01
"""Share of the picture's side by which a sheet's side lies inside; three do in a photograph, none or two in a scan."""

NEAR_EDGE = 2.5
"""Pixels of the coarse picture within which a sheet's side is sought again in the picture itself."""

SURE_EDGE = 0.5
"""Share of each side that lies on a sheet's straight edge at the least; a shadow's edge is soft."""

ON_LINE = 2.0
"""Pixels that a point of a side's edge may lie beside its line."""

SAMPLES = 160
"""Points of a side that its line is fitted to."""

LEAST_TURN, MAX_TURN = 0.0015, 0.12
"""Slopes from which a scan is turned back, 0.1 degree, and beyond which its lines say nothing."""

LEAST_RULE = 60
"""Length in pixels of a line that says how a scan is turned."""

MARK_SIZES = (18, 95)
"""Side of a fiducial in pixels of the sheet: 2.5 to 8 mm on A4, and on A5."""

MARK_ZONE = 0.12
"""Share of the sheet's sides from each corner in which its fiducial lies."""

MARK_LIKE = 0.75
"""Overlap over union of two fiducials of a sheet, laid over each other, at the least."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A quadrilateral whose sides are edges of the picture.

    Parameters
    ----------
    corners : (4, 2) float64
    lines : sequence of (3,) float64
        Its sides, homogeneous: that from the first corner to the second, and on.
    shares : sequence of float
        Share of each side that lies on the edge.
    share : float
        The least of these, or 0 where the lines do not make such a quadrilateral.
    """

    corners: Points
    lines: Sequence[NDArray[np.float64]]
    shares: Sequence[float]
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A form's sheet seen straight.

    Parameters
    ----------
    gray : (rows, columns) uint8
        The sheet, or the picture where it is all sheet, with level lines.
    matrix : (3, 3) float64
        Takes a point of the picture, (x, y, 1), to its place in `gray`.
    corners : (4, 2) float64
        The sheet's corners in the picture, from the upper left clockwise.
    """

    gray: Gray
    matrix: Matrix
    corners: Points

    def __post_init__(self) -> None:
        require_uint8("Sheet.gray", self.gray, 2)

    def in_picture(self, points: Points) -> Points:
        """Points of the sheet, (n, 2) float64 x, y, as points of the picture."""
        return mapped(points, np.linalg.inv(self.matrix))


def find_sheet(gray: Gray) -> Sheet:
    """The sheet in a picture: the whole of a scan, turned until its lines are level, or a light sheet on a desk."""
    require_uint8("gray", gray, 2)
    corners = corners_on_desk(gray)
    if corners is not None:
        size, matrix = _straightened(corners)
        straight = _warped(gray, matrix, size)
        return Sheet(straight, matrix, corners)
    factor = min(MAX_ENLARGED, SIDE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    scaling = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1.0]])
    scaled = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    turn = _turn_level(scaled)
    if turn is None:
        return Sheet(scaled, scaling, own_corners(gray.shape))
    return Sheet(_warped(scaled, turn, size), turn @ scaling, own_corners(gray.shape))


def own_corners(shape: Sequence[int]) -> Points:
    """The corners of a picture, (4, 2) float64 x, y, from the upper left clockwise."""
    rows, columns = shape[:2]
    return np.array([[0, 0], [columns - 1, 0], [columns - 1, rows - 1], [0, rows - 1]], np.float64)


def corners_on_desk(gray: Gray) -> Points | None:
    """The corners of a light sheet that lies on something darker, (4, 2) float64; None where there is none."""
    factor = min(1.0, COARSE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8), borderType=cv2.BORDER_REPLICATE)
    otsu, _ = cv2.threshold(closed, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    shaded, lit = (_light_quads(closed, [share * otsu for share in shares]) for shares in (SHADED, LIT))
    if not shaded:
        return None
    reach = NEAR_EDGE / factor
    fits = [_refined(_refined((quad + 0.5) / factor - 0.5, gray, reach).corners, gray, reach) for quad in shaded + lit]
    fits.append(_refined(_with_best_sides(fits), gray, reach))
    sure = [fit for fit in fits if fit.share >= SURE_EDGE] or [max(fits, key=lambda fit: fit.share)]
    return max((fit.corners for fit in sure), key=lambda quad: float(cv2.contourArea(quad.astype(np.float32))))


def _light_quads(gray: Gray, levels: Sequence[float]) -> list[Points]:
    """The corners of the sheets above some levels, those of neighbouring levels once."""
    quads: list[Points] = []
    for level in levels:
        quad = _light_quad(cv2.compare(gray, level, cv2.CMP_GT))
        if quad is not None and not (quads and np.abs(quad - quads[-1]).max() <= SAME_QUAD):
            quads.append(quad)
    return quads


def _light_quad(light: Gray) -> Points | None:
    """The corners of the largest light area, if it is a sheet's."""
    outlines, _ = cv2.findContours(light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    quad = _quad_around(cv2.convexHull(outline))
    return quad if quad is not None and _is_sheet(quad, cv2.contourArea(outline), light.shape) else None


def _quad_around(hull: NDArray[np.int32]) -> Points | None:
    """A hull brought down to four corners, from the upper left clockwise; None where it has no four."""
    length = cv2.arcLength(hull, True)
    for share in (0.01, 0.02, 0.03, 0.05):
        points = cv2.approxPolyDP(hull, share * length, True)[:, 0].astype(np.float64)
        if len(points) == 4:
            around = np.arctan2(*(points - points.mean(axis=0)).T[::-1])
            points = points[np.argsort(around)]
            return np.roll(points, -int(points.sum(axis=1).argmin()), axis=0)
    return None


def _is_sheet(quad: Points, area: float, shape: Sequence[int]) -> bool:
    """Whether a quadrilateral is large, full, and has at least three sides inside the picture."""
    rows, columns = shape[:2]
    own = float(cv2.contourArea(quad.astype(np.float32)))
    middles = (quad + np.roll(quad, -1, axis=0)) / 2
    inside = np.minimum(middles / (columns, rows), 1 - (middles + 1) / (columns, rows)).min(axis=1) > INSIDE
    return own >= LEAST_SHEET * rows * columns and area >= IN_SHEET * own and int(inside.sum()) >= 3


def _refined(quad: Points, gray: Gray, reach: float) -> _Fit:
    """The quadrilateral with its sides on the strongest edges near them."""
    sides = zip(quad, np.roll(quad, -1, axis=0), strict=True)
    lines, shares = zip(*(_edge_line(first, second, gray, reach) for first, second in sides), strict=True)
    found = _crossings(lines)
    if found is None or np.abs(found - quad).max() > 4 * reach:
        return _Fit(quad, lines, shares, 0.0)
    return _Fit(found, lines, shares, min(shares))


def _crossings(lines: Sequence[NDArray[np.float64]]) -> Points | None:
    """The corners of a quadrilateral whose sides lie on four lines, homogeneous; None where two are parallel."""
    crossings = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    if any(abs(point[2]) < 1e-9 for point in crossings):
        return None
    return np.array([point[:2] / point[2] for point in crossings])


def _with_best_sides(fits: Sequence[_Fit]) -> Points:
    """The corners between the straightest of each side: what is as light as the sheet beside it spoils others of them
    at each level.
    """
    best = [max(fits, key=lambda fit: fit.shares[side]) for side in range(4)]
    corners = _crossings([fit.lines[side] for side, fit in enumerate(best)])
    return corners if corners is not None else fits[0].corners


def _edge_line(
    first: NDArray[np.float64], second: NDArray[np.float64], gray: Gray, reach: float
) -> tuple[NDArray[np.float64], float]:
    """The line, homogeneous, through the points where the picture changes most across a side, and the share of them
    that lie on it.
    """
    along = (second - first) / np.linalg.norm(second - first)
    across = np.array([-along[1], along[0]])  # points into the sheet, which is clockwise
    offsets = np.arange(-2 * reach, 2 * reach + 0.5, 0.5)
    starts = first + np.linspace(0.04, 0.96, SAMPLES)[:, None] * (second - first)
    places = (starts[:, None] + offsets[:, None] * across).astype(np.float32)
    profile = cv2.remap(gray, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rise = np.diff(cv2.blur(profile.astype(np.float32), (5, 1)), axis=1)
    points = starts + (offsets[rise.argmax(axis=1)] + 0.25)[:, None] * across
    strong = points[rise.max(axis=1) >= 0.5 * np.median(rise.max(axis=1))]
    dx, dy, x, y = cv2.fitLine(strong.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
    line = np.array([-dy, dx, dy * x - dx * y])
    return line, float((np.abs(points @ line[:2] + line[2]) <= ON_LINE).mean())


def _straightened(corners: Points) -> tuple[tuple[int, int], Matrix]:
    """(width, height) of a sheet seen straight, and the matrix that takes the picture there."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    factor = min(MAX_ENLARGED, SIDE / max(width, height))
    size = (round(width * factor), round(height * factor))
    target = own_corners(size[::-1])
    return size, cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))


def _warped(gray: Gray, matrix: Matrix, size: tuple[int, int]) -> Gray:
    """The picture through a matrix; where it is brought down, it is smoothed first."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.4 / scale) if scale < 0.8 else gray
    return cv2.warpPerspective(smooth, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _turn_level(gray: Gray) -> Matrix | None:
    """The turn about its middle that makes a picture's lines level; None where they are, or where it has none."""
    slopes, lengths = _slopes(gray)
    if not slopes:
        return None
    order = np.argsort(slopes)
    shares = np.cumsum(np.array(lengths)[order])
    slope = slopes[int(order[int(np.searchsorted(shares, shares[-1] / 2))])]
    if abs(slope) < LEAST_TURN:
        return None
    middle = ((gray.shape[1] - 1) / 2, (gray.shape[0] - 1) / 2)
    return np.vstack([cv2.getRotationMatrix2D(middle, float(np.degrees(np.arctan(slope))), 1.0), [0, 0, 1]])


def _slopes(gray: Gray) -> tuple[list[float], list[float]]:
    """Slope and length of each thin, nearly level line; dotted ones where there are no others."""
    for gap in (0, 8):
        walls = find_walls(gray, gap)
        slopes, lengths = [], []
        for piece in connected_pieces(cv2.compare(walls.level, walls.faint, cv2.CMP_GT)):
            if piece.box[2] < LEAST_RULE or piece.box[3] > MAX_TURN * piece.box[2] + 8:
                continue
            dx, dy, *_ = cv2.fitLine(piece.outline, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
            if abs(dy) < MAX_TURN * abs(dx):
                slopes.append(dy / dx)
                lengths.append(float(piece.box[2]))
        if sum(lengths) >= gray.shape[1] / 4:
            return slopes, lengths
    return slopes, lengths


def find_fiducials(gray: Gray) -> list[tuple[float, float]]:
    """Centres of four equal dark marks in the corners of a sheet seen straight, from the upper left clockwise; none
    where there are no four.
    """
    depth = depth_of(gray)
    dark = max(40.0, 0.5 * float(np.percentile(depth[::4, ::4], 99.5)))
    mask = cv2.compare(depth, dark, cv2.CMP_GT)
    zones = [_marks_in(zone, mask) for zone in _corner_zones(gray.shape)]
    for marks in product(*zones):
        if _are_one_set(marks, mask, gray.shape):
            return [(x + (width - 1) / 2, y + (height - 1) / 2) for x, y, width, height in marks]
    return []


def _corner_zones(shape: Sequence[int]) -> list[Box]:
    """The areas that a sheet's marks lie in, from the upper left clockwise."""
    rows, columns = shape[:2]
    side = round(MARK_ZONE * max(rows, columns))
    return [
        (x, y, side, side) for x, y in ((0, 0), (columns - side, 0), (columns - side, rows - side), (0, rows - side))
    ]


def _marks_in(zone: Box, mask: Gray) -> list[Box]:
    """Boxes of the pieces in a zone that are as high as wide and of a mark's size."""
    x, y, width, height = zone
    boxes = [piece.box for piece in connected_pieces(mask[max(0, y) : y + height, max(0, x) : x + width])]
    least, most = MARK_SIZES
    return [
        (max(0, x) + box[0], max(0, y) + box[1], box[2], box[3])
        for box in boxes
        if least <= min(box[2:]) and max(box[2:]) <= most and abs(box[2] - box[3]) <= max(2, 0.12 * box[2])
    ]


def _are_one_set(marks: Sequence[Box], mask: Gray, shape: Sequence[int]) -> bool:
    """Whether four marks look alike and are the corners of a rectangle."""
    centres = np.array([[x + width / 2, y + height / 2] for x, y, width, height in marks])
    askew = centres[0] + centres[2] - centres[1] - centres[3]
    if np.abs(askew).max() > 0.02 * max(shape):
        return False
    forms = [
        cv2.resize(mask[y : y + h, x : x + w], (32, 32), interpolation=cv2.INTER_AREA) > 127 for x, y, w, h in marks
    ]
    sizes = [max(mark[2:]) for mark in marks]
    same = all((forms[0] & form).sum() >= MARK_LIKE * (forms[0] | form).sum() for form in forms[1:])
    return same and max(sizes) <= 1.15 * min(sizes) + 2
