"""From pieces to lines: which pieces of ink stand side by side as the digits of one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import cv2
import numpy as np

from edge.nouns import Box
from edge.paper.binarize import Ink
from edge.paper.parts import loose_parts
from edge.paper.pieces import MIN_HEIGHT, Piece, typical_height, union_box
from edge.paper.points import point_or_comma
from edge.paper.segment import depth_of, is_surrounded

SIZE_RATIO = 2.3
"""Digits of one number differ by less than this in their longer side, or in height: several may hang together."""

MIN_OVERLAP = 0.2
"""Neighbours overlap vertically by this share of the lower one: at a skew of 15 degrees a small one has no more."""

MAX_GAP = 2.1
"""Gap between neighbours of a number over their height, where nothing else tells."""

WIDE_GAP = 1.2
"""Gap over height from which on two numbers may stand side by side ..."""

GAP_RATIO = 2.2
"""... if it is this many times the middle gap of the line."""

FLAT = 0.35
"""A level stroke is lower than this over the typical height of the picture's pieces."""

RINGED, RINGED_HEIGHT, RINGS = 2, 0.3, 0.95
"""Pieces that a ring goes round at the least, this high over the ring, for points are lower; and its own height at the
most, over the picture's: what is higher is the page's border.
"""

OUTSIDE = 0.45
"""A lone piece that reaches out this far from a number's end, over its height, may be a part of the last digit."""

HANGING = 0.4
"""A small piece this far above or below a digit, over its height, may make a letter or a sign of it."""

HUNG = 0.2
"""The middle of a comma hangs at most this far below a number, over its height."""

MINUS_REACH, MINUS_OVERLAP = 0.9, 0.1
"""A minus sign ends this far before the first digit at the most, and this far below its flag, over the height."""

FAINT, REACH, WALL = 0.72, 0.1, 0.4
"""Bits of a frame have less than this share of the digits' contrast, and reach out this far over their height; walls
are narrower than this over their own, where a slash is not.
"""

FAINTER = 0.5
"""... and bits of walls that reach out on one side only, less than this."""

NEAR = 1.5
"""Nothing farther from a line than this, over its height, says anything about it."""

BESIDE_GAP, BESIDE_SIZE, AMONG = 0.9, 0.35, 0.75
"""A stranger this close to a number, over its height, and at least this size, casts doubt on it; among its digits one
that spans this much of their height.
"""

OVER_END = 0.5
"""... and one that reaches into its last digit's columns by up to this, over its height."""

BITS, BITS_SIZE = 3, 0.6
"""This many bits of ink beside an end, that span this much of the digits' height, may be a faint digit."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The pieces of one number, left to right, the small ones among them, and what stands close to its ends.

    `height` is the middle height of its digits in pixels.
    """

    pieces: tuple[Piece, ...]
    small: tuple[Piece, ...]
    beside: tuple[Piece, ...] = ()
    height: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "height", _height(self.pieces))

    @property
    def box(self) -> Box:
        """The box around its pieces."""
        return union_box([piece.box for piece in self.pieces])


def find_lines(ink: Ink, pieces: Sequence[Piece]) -> list[Line]:
    """Numbers from top to bottom, then left to right.

    Parameters
    ----------
    ink : Ink
    pieces : sequence of Piece
        Left to right.
    """
    pieces = _without_rings(pieces, RINGS * ink.mask.shape[0])
    tall = _may_be_digits(ink, pieces)
    chains = [_without_faint_rules(ink, chain) for chain in _chains(tall)]
    dropped = {id(piece) for piece in tall} - {id(piece) for chain in chains for piece in chain}
    pieces = [piece for piece in pieces if id(piece) not in dropped]
    groups = [_without_commas(part) for chain in chains for part in _split_at_gaps(chain)]
    groups = _without_faint_strays(ink, _drop_minor(groups))
    groups = [group for group in groups if len(group) > 1 or is_surrounded(ink, group[0])]
    return _reading_order([_line_of(ink, group, _near(group, pieces)) for group in groups])


def _without_rings(pieces: Sequence[Piece], most: float) -> Sequence[Piece]:
    """The pieces without those, up to `most` pixels high, that go round several which may be digits: one alone may be
    the stroke in a 0.
    """
    if len(pieces) <= RINGED:
        return pieces
    left, top, width, height = np.array([piece.box for piece in pieces]).T
    is_within = (left > left[:, None]) & (top > top[:, None]) & (height >= RINGED_HEIGHT * height[:, None])
    is_within &= ((left + width) < (left + width)[:, None]) & ((top + height) < (top + height)[:, None])
    is_within &= (height >= MIN_HEIGHT) & (height[:, None] <= most)
    rings = {
        k
        for k in np.flatnonzero(is_within.sum(axis=1) >= RINGED).tolist()
        if all(
            cv2.pointPolygonTest(pieces[k].outline, (float(left[j] + width[j] / 2), pieces[j].middle), False) > 0
            for j in np.flatnonzero(is_within[k]).tolist()
        )
    }
    return [piece for k, piece in enumerate(pieces) if k not in rings] if rings else pieces


def _line_of(ink: Ink, group: list[Piece], near: Sequence[Piece]) -> Line:
    """A number's line; what may be a bit of its frame is none of its digits, and casts doubt on it."""
    digits = _without_faint_rules(ink, group, or_less=True)
    height = _height(digits)
    bits = [piece for piece in group if piece not in digits]
    return Line(tuple(digits), tuple(_small_among(digits, near, height)), (*_beside(digits, near, height), *bits))


def _near(group: Sequence[Piece], pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces that are no members and lie within a height and a half of the group's box."""
    left, top, width, height = union_box([piece.box for piece in group])
    reach = NEAR * _height(group)
    members = {id(piece) for piece in group}
    return [
        piece
        for piece in pieces
        if piece.box[0] < left + width + reach
        and piece.right > left - reach
        and piece.box[1] < top + height + reach
        and piece.bottom > top - reach
        and id(piece) not in members
    ]


def _may_be_digits(ink: Ink, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces that are high enough for a digit, and neither level strokes nor loose parts of a larger one."""
    usual = typical_height(pieces)
    tall = [
        piece
        for piece in pieces
        if MIN_HEIGHT <= piece.height <= RINGS * ink.mask.shape[0]
        and not piece.is_edge
        and (piece.height > FLAT * usual or piece.box[2] < 1.8 * piece.height)
    ]
    parts = loose_parts(ink, tall, usual)
    return [piece for index, piece in enumerate(tall) if index not in parts]


def _height(group: Sequence[Piece]) -> float:
    return float(median(piece.height for piece in group))


def _chains(tall: Sequence[Piece]) -> list[list[Piece]]:
    """Each piece is linked to its nearest fitting neighbour on the right; the links make the chains."""
    follower: dict[int, int] = {}
    taken: dict[int, tuple[float, int]] = {}
    for index in range(len(tall)):
        best = _nearest_right(index, tall)
        if best is None:
            continue
        gap, neighbour = best
        if neighbour in taken and taken[neighbour][0] <= gap:
            continue
        if neighbour in taken:
            del follower[taken[neighbour][1]]
        taken[neighbour] = (gap, index)
        follower[index] = neighbour
    chains = []
    for start in range(len(tall)):
        if start not in taken:
            chain = [start]
            while chain[-1] in follower:
                chain.append(follower[chain[-1]])
            chains.append([tall[index] for index in chain])
    return chains


def _nearest_right(index: int, tall: Sequence[Piece]) -> tuple[float, int] | None:
    """Cost and index of the best neighbour on the right: near, and level with the piece."""
    piece = tall[index]
    best: tuple[float, int] | None = None
    for other in range(index + 1, len(tall)):
        gap = tall[other].box[0] - piece.right
        if gap > MAX_GAP * max(piece.height, 40):
            if tall[other].box[0] - piece.box[0] > 4 * MAX_GAP * max(piece.height, piece.box[2]):
                break
            continue
        cost = gap + abs(tall[other].middle - piece.middle)
        is_near = gap <= MAX_GAP * max(piece.height, tall[other].height)
        if is_near and _fits(piece, tall[other]) and (best is None or cost < best[0]):
            best = (cost, other)
    return best


def _fits(left: Piece, right: Piece) -> bool:
    """Whether two pieces are of like size or height, and on the same line."""
    ratios = (left.size / right.size, left.height / right.height)
    return any(1 / SIZE_RATIO < ratio < SIZE_RATIO for ratio in ratios) and _are_level(left, right)


def _are_level(left: Piece, right: Piece) -> bool:
    overlap = min(left.bottom, right.bottom) - max(left.box[1], right.box[1])
    return overlap > MIN_OVERLAP * min(left.height, right.height)


def _without_faint_rules(ink: Ink, chain: list[Piece], or_less: bool = False) -> list[Piece]:
    """Leave out bits of a frame: fainter than the digits, and reaching out both above and below, or lying outside; with
    `or_less` what is fainter yet and reaches out on one side, and may be a digit.
    """
    if len(chain) < 3:
        return chain
    depths = [depth_of(ink, piece.box) for piece in chain]
    solid = (FAINTER if or_less else FAINT) * sorted(depths)[3 * len(depths) // 4]
    firm = [piece for piece, depth in zip(chain, depths, strict=True) if depth >= solid]
    return [
        piece
        for piece, depth in zip(chain, depths, strict=True)
        if depth >= solid or not _is_frame_bit(piece, firm, or_less)
    ]


def _is_frame_bit(piece: Piece, firm: Sequence[Piece], or_less: bool) -> bool:
    """Whether a faint piece lies to the digits near it as a wall or a rule of their frame does, `or_less` of it."""
    near = sorted(firm, key=lambda other: abs(other.box[0] - piece.box[0]))[:3]
    top, bottom = median(other.box[1] for other in near), median(other.bottom for other in near)
    reach = REACH * (bottom - top)
    is_upright = piece.box[2] < WALL * piece.height
    reaches_out = [piece.box[1] < top - reach, piece.bottom > bottom + reach]
    is_wall = is_upright and (any(reaches_out) if or_less else all(reaches_out))
    return is_wall or not top < piece.middle < bottom


def _split_at_gaps(chain: list[Piece]) -> list[list[Piece]]:
    """Cut a chain where a gap is wide and much wider than the others."""
    if len(chain) < 3:
        return [chain]
    gaps = [right.box[0] - left.right for left, right in pairwise(chain)]
    height = _height(chain)
    limit = max(WIDE_GAP * height, GAP_RATIO * max(median(gaps), 0.1 * height))
    cuts = [0, *(index + 1 for index, gap in enumerate(gaps) if gap > limit), len(chain)]
    return [chain[start:end] for start, end in pairwise(cuts)]


def _without_commas(group: list[Piece]) -> list[Piece]:
    """Leave out pieces between digits that hang from their foot as commas do; they are among the small ones then."""
    height = _height(group)
    inner = [
        piece
        for left, piece, right in zip(group, group[1:], group[2:], strict=False)
        if point_or_comma(piece, (left.bottom + right.bottom) / 2, height) != ","
    ]
    return [*group[:1], *inner, *group[1:][-1:]]


def _drop_minor(groups: list[list[Piece]]) -> list[list[Piece]]:
    """Leave out lone pieces that lie within the rows and columns of a larger number: they are parts of its digits."""
    boxes = [union_box([piece.box for piece in group]) for group in groups]
    kept = []
    for index, group in enumerate(groups):
        if not any(_lies_within(boxes[index], boxes[k], group, groups[k]) for k in range(len(groups)) if k != index):
            kept.append(group)
    return kept


def _without_faint_strays(ink: Ink, groups: list[list[Piece]]) -> list[list[Piece]]:
    """Leave out lone pieces close to a number and much fainter than it: corners of its frame."""
    numbers = [
        (union_box([piece.box for piece in group]), median(depth_of(ink, piece.box) for piece in group))
        for group in groups
        if len(group) > 2
    ]
    return [group for group in groups if len(group) > 1 or not any(_is_stray(ink, group[0], *n) for n in numbers)]


def _is_stray(ink: Ink, piece: Piece, number: Box, depth: float) -> bool:
    x, y, width, height = number
    is_close = (
        x - height < piece.right and piece.box[0] < x + width + height and abs(piece.middle - y - height / 2) < height
    )
    return is_close and depth_of(ink, piece.box) < FAINT * depth


def _lies_within(inner: tuple[int, ...], outer: tuple[int, ...], group: list[Piece], other: list[Piece]) -> bool:
    height = _height(other)
    if len(group) > 1 or group[0].height > 0.75 * height:
        return False
    centre_y = inner[1] + inner[3] / 2
    return (
        outer[0] - OUTSIDE * height <= inner[0]
        and inner[0] + inner[2] <= outer[0] + outer[2] + OUTSIDE * height
        and (outer[1] - 0.1 * height <= centre_y <= outer[1] + outer[3] + HUNG * height)
    )


def _small_among(group: Sequence[Piece], pieces: Sequence[Piece], height: float) -> list[Piece]:
    """Pieces too small to be digits of this number that lie among its digits: bars, dots, specks."""
    box = union_box([piece.box for piece in group])
    return [
        piece
        for piece in pieces
        if not piece.is_edge
        and piece.height <= 0.75 * height
        and (
            _lies_within(piece.box, box, [piece], list(group))
            or _may_be_minus(piece, group[0], height)
            or any(_hangs_on(piece, member) for member in group)
        )
    ]


def _hangs_on(piece: Piece, member: Piece) -> bool:
    """Whether a small piece lies close above or below a digit: the dot of a question mark, the bar of a letter."""
    middle = piece.box[0] + piece.box[2] / 2
    gap = max(member.box[1] - piece.bottom, piece.box[1] - member.bottom)
    return member.box[0] < middle < member.right and 0 <= gap < HANGING * member.height


def _may_be_minus(piece: Piece, first: Piece, height: float) -> bool:
    """Whether a level stroke stands before the first digit, half-way up."""
    gap = first.box[0] - piece.right
    return (
        piece.box[2] > 1.5 * piece.height
        and -MINUS_OVERLAP * height <= gap < MINUS_REACH * height
        and abs(piece.middle - first.middle) < 0.3 * height
    )


def _beside(group: Sequence[Piece], pieces: Sequence[Piece], height: float) -> list[Piece]:
    """Pieces that are no members but stand so close to either end, or so high among them, that they may be digits."""
    strangers = [piece for piece in pieces if height * BESIDE_SIZE < piece.height < height / BESIDE_SIZE]
    near = [piece for piece in strangers if _is_at_an_end(piece, group, height) or _is_among(piece, group, height)]
    return near or _bits_at_an_end(group, pieces, height)


def _bits_at_an_end(group: Sequence[Piece], pieces: Sequence[Piece], height: float) -> list[Piece]:
    """Bits of ink beside an end that are as high as a digit together, the nearest close to it: a faint one falls to
    such.
    """
    bits = [piece for piece in pieces if piece.height <= height * BESIDE_SIZE]
    for end in _ends(group):
        side = [bit for bit in bits if end.is_beside(bit, NEAR * height)]
        is_close = any(end.is_beside(bit, BESIDE_GAP * height) for bit in side)
        if is_close and len(side) >= BITS and union_box([bit.box for bit in side])[3] > BITS_SIZE * height:
            return side
    return []


def _is_at_an_end(piece: Piece, group: Sequence[Piece], height: float) -> bool:
    return any(end.is_beside(piece, BESIDE_GAP * height) for end in _ends(group))


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """An end of a number: its last piece and the one before it, or the same."""

    last: Piece
    inner: Piece
    is_right: bool

    def is_beside(self, piece: Piece, reach: float) -> bool:
        """Whether a piece ends up to `reach` pixels from the number and is level with its last digit, or its middle is
        with the last two: where a digit is broken, what lies beside the number may be its other half.
        """
        gap = piece.box[0] - self.last.right if self.is_right else self.last.box[0] - piece.right
        top, bottom = min(self.last.box[1], self.inner.box[1]), max(self.last.bottom, self.inner.bottom)
        slack = MIN_OVERLAP * (bottom - top)
        is_level = _are_level(piece, self.last) or top - slack < piece.middle < bottom + slack
        return is_level and -OVER_END * self.last.height <= gap < reach


def _ends(group: Sequence[Piece]) -> tuple[_End, _End]:
    return _End(group[0], group[:2][-1], False), _End(group[-1], group[-2:][0], True)


def _is_among(piece: Piece, group: Sequence[Piece], height: float) -> bool:
    """Whether a piece stands between the first and the last digit, as high as they are."""
    middle = piece.box[0] + piece.box[2] / 2
    near = min(group, key=lambda member: abs(member.box[0] + member.box[2] / 2 - middle))
    overlap = min(piece.bottom, near.bottom) - max(piece.box[1], near.box[1])
    return group[0].box[0] < middle < group[-1].right and overlap > AMONG * height


def _reading_order(lines: list[Line]) -> list[Line]:
    """Top to bottom; lines whose middles lie within half a height of each other stand side by side."""
    boxed = sorted(
        ((union_box([piece.box for piece in line.pieces]), line) for line in lines),
        key=lambda pair: pair[0][1] + pair[0][3] / 2,
    )
    rows: list[list[tuple[tuple[int, int, int, int], Line]]] = []
    for box, line in boxed:
        middle = box[1] + box[3] / 2
        if rows and middle - (rows[-1][0][0][1] + rows[-1][0][0][3] / 2) < 0.5 * max(rows[-1][0][0][3], box[3]):
            rows[-1].append((box, line))
        else:
            rows.append([(box, line)])
    return [line for row in rows for _, line in sorted(row, key=lambda pair: pair[0][0])]
