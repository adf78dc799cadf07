"""Where the pointer of a dial stands: the angle of a red or black needle, as a position from 0.0 to 9.9.

The needle is the ink that runs outwards from the hub without a break; digits and ticks of the face do not
begin there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.nouns import POSITIONS

Array = NDArray[np.float64]
Ink = Literal["auto", "red", "black"]

SIDE = 129
"""Side of the square that every dial is brought to, in pixels; odd, so that one of them is the centre."""

RADIUS = SIDE / 2
"""Radius of the face in it."""

RAYS = 500
"""Directions that are looked along: five a tenth of a step."""

RADII = np.arange(0.0, 0.96, 0.02)
"""Distances from the hub that are looked at, over the face's radius."""

MIN_RED, MIN_DARK = 45.0, 0.3
"""Least excess of red over the other colours, of 255, and least darkness beside the face, of 1, of a needle."""

FACE = 0.9
"""Share of the radius in which a needle is looked for; outside lie rim and ticks."""

HUB_REACH, HUB_SIZE = 0.22, 0.1
"""How far from the middle of the box a hub may be, and its least radius, over the face's radius."""

PIVOT = 0.06
"""Radius of the pivot, over the face's radius."""

MAX_HOLE = 0.16
"""Radius of the largest hole in the ink that is filled, over the face's radius."""

START, GAP = 0.2, 0.1
"""Over the radius: how far from the middle ink must have begun, and the longest break in it, by glare or a glint."""

MIN_REACH, MIN_LEAD = 0.42, 0.16
"""A needle reaches this far, over the radius, and this much farther than half of all directions."""

SPREADS = {0.75: 0.155, 0.6: 0.235}
"""At this share of its reach a needle takes no more than this share of a turn, its tail included."""

RED_SHARE, DARK_SHARE = 0.6, 0.15
"""Least share of the ink that hangs together with the pivot: digits are dark ink as well, but rarely red."""

RED_SCATTER, DARK_SCATTER = 0.06, 0.14
"""Largest scatter, in steps, of the middles of a needle: a dark one may touch digits. Rendered needles have half."""

LEAST_DOUBT = 0.01
"""A dial is never surer than this."""

SOFTNESS = 0.05
"""The direction that reaches this much less far, over the radius, is e times less likely that of the tip."""

RIVAL = 0.12
"""Share of a turn beside the tip that belongs to it."""

SIGMA = 0.06
"""Standard deviation of a needle's position on rendered dials, in steps, to which the scatter of its axis is added."""

MAX_INK = 0.45
"""With more of the face than this it is no needle."""


@dataclass(frozen=True, slots=True, eq=False)
class DialScores:
    """What a dial shows: probability of each tenth of a step, and that there is no needle to be seen; they add up to 1.

    Parameters
    ----------
    positions : (100,) float64
    unreadable : float
    """

    positions: Array
    unreadable: float

    def __post_init__(self) -> None:
        if self.positions.shape != (POSITIONS,) or self.positions.dtype != np.float64:
            found = f"{self.positions.shape} {self.positions.dtype}"
            raise TypeError(f"DialScores.positions must be ({POSITIONS},) float64, got {found}")


def read_dial(
    picture: NDArray[np.uint8], clockwise: bool = True, zero_degrees: float = 0.0, ink: Ink = "auto"
) -> DialScores:
    """Where a dial's pointer stands.

    Parameters
    ----------
    picture : (rows, columns, 3) uint8 BGR, or (rows, columns) uint8
        The dial cut to its rim; an oblong box is a circle seen askew.
    clockwise : bool
        Whether the numbers rise clockwise.
    zero_degrees : float
        Where 0 stands, clockwise from straight up.
    ink : "auto", "red" or "black"
        Colour of the needle; a gray picture knows no red.
    """
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise TypeError(
            f"a dial must be (rows, columns) or (rows, columns, 3) uint8, got {picture.shape} {picture.dtype}"
        )
    seen = _seen_ink(_squared(picture), ink)
    return _scores(_needles(seen) if seen else [], zero_degrees, 1 if clockwise else -1)


@dataclass(frozen=True, slots=True, eq=False)
class _Ink:
    """What may be a needle, (SIDE, SIDE) bool, and whether it is known by its red."""

    mask: NDArray[np.bool_]
    is_red: bool


@dataclass(frozen=True, slots=True)
class _Needle:
    """A way to see the needle: degrees clockwise from up, their scatter in steps, probability, and its lead.

    `lead` is 1 where it reaches much farther than half of all directions do.
    """

    degrees: float
    scatter: float
    share: float
    lead: float


def _needles(ink: _Ink) -> list[_Needle]:
    """Needles that the ink may be, the likeliest first; none where nothing in it looks like one."""
    hub, hub_radius = _find_hub(ink.mask)
    own = _at_pivot(ink.mask, hub, RED_SHARE if ink.is_red else DARK_SHARE)
    if own is None:
        return []
    mask = ink.mask if ink.is_red else own  # what a glint cuts off is red as well, but digits are dark
    reach = _reach(mask, hub)
    if not _is_needle(reach):
        return []
    lead = min(1.0, (float(reach.max()) - float(np.median(reach))) / (2 * MIN_LEAD))
    needles = []
    for tip, share in _tips(reach):
        degrees, scatter = _axis(mask, hub, hub_radius, tip, float(reach[tip]))
        needles.append(_Needle(_on_the_scale(degrees, hub, float(reach[tip])), scatter, share, lead))
    return needles if needles[0].scatter <= (RED_SCATTER if ink.is_red else DARK_SCATTER) else []


def _scores(needles: list[_Needle], zero_degrees: float, direction: int) -> DialScores:
    positions = np.zeros(POSITIONS)
    if not needles:
        return DialScores(positions, 1.0)
    for needle in needles:
        sigma = float(np.hypot(SIGMA, needle.scatter))
        positions += needle.share * _around((needle.degrees - zero_degrees) / 36 * direction, sigma)
    unreadable = max(1.0 - needles[0].share * needles[0].lead, LEAST_DOUBT)
    return DialScores(positions / positions.sum() * (1 - unreadable), unreadable)


def _squared(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The dial brought to a square, its noise smoothed."""
    shrinks = min(picture.shape[:2]) > SIDE
    square = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return cv2.GaussianBlur(square, (0, 0), 1.0)


def _seen_ink(square: NDArray[np.uint8], ink: Ink) -> _Ink | None:
    """The red ink if there is a needle's worth of it, else the dark ink; None where there is neither."""
    if square.ndim == 3 and ink != "black" and (mask := _red_mask(square)) is not None:
        return _Ink(mask, True)
    gray = square if square.ndim == 2 else cv2.cvtColor(square, cv2.COLOR_BGR2GRAY)
    mask = _dark_mask(gray) if ink != "red" else None
    return None if mask is None else _Ink(mask, False)


def _red_mask(square: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    blue, green, red = np.moveaxis(square.astype(np.float64), 2, 0)
    return _strong(red - np.maximum(green, blue), MIN_RED)


def _dark_mask(gray: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """What is much darker than the face around it; a shadow is part of the face."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SIDE // 2 | 1, SIDE // 2 | 1))
    face = cv2.GaussianBlur(cv2.morphologyEx(gray, cv2.MORPH_CLOSE, kernel), (0, 0), SIDE / 16).astype(np.float64)
    return _strong(1.0 - gray / np.maximum(face, 1.0), MIN_DARK)


def _strong(evidence: Array, least: float) -> NDArray[np.bool_] | None:
    """Where the evidence is at least half of its strongest within the face, if that is strong and not everywhere."""
    inside = _distance((RADIUS, RADIUS)) < FACE * RADIUS
    near = _distance((RADIUS, RADIUS)) < 2 * HUB_REACH * RADIUS
    strongest = float(np.quantile(evidence[near], 0.97))
    if strongest < least:
        return None
    mask = _without_holes(evidence > strongest / 2)
    share = float(mask[inside].mean())
    return mask if share < MAX_INK else None


def _without_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ink with the small holes in its middle filled: a light cap on the hub, or a glint."""
    _, labels, statistics, middles = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    is_small = statistics[:, cv2.CC_STAT_AREA] < np.pi * (MAX_HOLE * RADIUS) ** 2
    is_central = np.hypot(*(middles + 0.5 - RADIUS).T) < HUB_REACH * RADIUS
    return mask | (is_small & is_central)[labels]


def _distance(centre: tuple[float, float]) -> Array:
    """Of each pixel from a point (x, y)."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.hypot(columns - centre[0], rows - centre[1])


def _find_hub(mask: NDArray[np.bool_]) -> tuple[tuple[float, float], float]:
    """Centre (x, y) and radius of the largest disc of ink near the middle; the middle itself where there is none."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5).astype(np.float64)
    depth[_distance((RADIUS, RADIUS)) > HUB_REACH * RADIUS] = 0.0
    radius = float(depth.max())
    if radius < HUB_SIZE * RADIUS:
        return (RADIUS, RADIUS), 0.0
    rows, columns = np.nonzero(depth > radius - 0.75)
    return (float(columns.mean()) + 0.5, float(rows.mean()) + 0.5), radius


def _sampled(mask: NDArray[np.bool_], centre: tuple[float, float]) -> NDArray[np.bool_]:
    """The mask along each ray from a centre, (rays, radii) bool."""
    turn = np.arange(RAYS)[:, None] * (2 * np.pi / RAYS)
    columns = np.floor(centre[0] + np.sin(turn) * RADII * RADIUS).astype(np.int64)
    rows = np.floor(centre[1] - np.cos(turn) * RADII * RADIUS).astype(np.int64)
    is_inside = (columns >= 0) & (columns < SIDE) & (rows >= 0) & (rows < SIDE)
    return mask[rows.clip(0, SIDE - 1), columns.clip(0, SIDE - 1)] & is_inside


def _reach(mask: NDArray[np.bool_], hub: tuple[float, float]) -> Array:
    """How far ink runs from the hub along each ray before it breaks off, over the radius, (rays,) float64."""
    ink = _sampled(mask, hub)
    last = np.maximum.accumulate(np.where(ink, RADII, -np.inf), axis=1)
    last[:, RADII <= START] = np.maximum(last[:, RADII <= START], np.where(RADII <= START, RADII, 0.0)[RADII <= START])
    is_broken = RADII - last > GAP
    end = np.where(is_broken.any(axis=1), is_broken.argmax(axis=1), len(RADII))
    before = np.arange(len(RADII)) < end[:, None]
    return np.where(ink & before, RADII, 0.0).max(axis=1)


def _at_pivot(mask: NDArray[np.bool_], hub: tuple[float, float], least_share: float) -> NDArray[np.bool_] | None:
    """The ink that hangs together with the pivot; None where there is none, or too small a part of all ink."""
    face = (mask & (_distance((RADIUS, RADIUS)) < FACE * RADIUS)).astype(np.uint8)
    _, labels = cv2.connectedComponents(face)
    at_pivot = labels[_distance(hub) < PIVOT * RADIUS]
    if not at_pivot.any():
        return None
    own = labels == int(np.bincount(at_pivot[at_pivot > 0]).argmax())
    return own if float(own.sum()) >= least_share * float(face.sum()) else None


def _is_needle(reach: Array) -> bool:
    """Whether one direction stands out as a needle does."""
    longest = float(reach.max())
    is_thin = all(float((reach > share * longest).mean()) <= most for share, most in SPREADS.items())
    return is_thin and longest >= MIN_REACH and longest - float(np.median(reach)) >= MIN_LEAD


def _tips(reach: Array) -> list[tuple[int, float]]:
    """Rays at which the needle may end and the probability of each, the likeliest first."""
    left = reach.copy()
    tips: list[tuple[int, float]] = []
    for _ in range(3):
        longest = float(left.max())
        if longest < MIN_REACH:
            break
        tip = _middle_of(left >= longest - 0.02, int(left.argmax()))
        tips.append((tip, longest))
        apart = np.abs(np.arange(RAYS) - tip)
        left[np.minimum(apart, RAYS - apart) < RIVAL * RAYS] = 0.0
    weights = np.exp((np.array([longest for _, longest in tips]) - tips[0][1]) / SOFTNESS)
    return [(tip, float(weight)) for (tip, _), weight in zip(tips, weights / weights.sum(), strict=True)]


def _middle_of(is_long: NDArray[np.bool_], ray: int) -> int:
    """The middle of the run of long rays that a ray lies in."""
    turned = np.roll(is_long, RAYS // 2 - ray)
    before = turned[: RAYS // 2][::-1]
    after = turned[RAYS // 2 :]
    left = int(np.argmin(before)) if not before.all() else len(before)
    right = int(np.argmin(after)) if not after.all() else len(after)
    return (ray + (right - 1 - left) // 2) % RAYS


def _axis(
    mask: NDArray[np.bool_], hub: tuple[float, float], hub_radius: float, tip: int, reach: float
) -> tuple[float, float]:
    """Degrees clockwise from up in which the middles of the needle lie from the hub, and their scatter in steps.

    A digit that the needle touches moves some of the middles, not the weighted median of them.
    """
    ink = np.roll(_sampled(mask, hub), RAYS // 2 - tip, axis=0)
    start = max(hub_radius / RADIUS * 1.2, 0.3 * reach)
    window = slice(RAYS // 2 - RAYS // 8, RAYS // 2 + RAYS // 8 + 1)
    places = np.flatnonzero((start <= RADII) & (reach >= RADII))
    runs = [_run_about_middle(ink[window, place]) for place in places]
    middles = np.array([run - RAYS // 8 for run in runs if run is not None] or [0.0])
    lengths = np.array([RADII[place] for place, run in zip(places, runs, strict=True) if run is not None] or [1.0])
    middle = _weighted_median(middles, lengths)
    scatter = 1.5 * _weighted_median(np.abs(middles - middle), lengths)
    return (tip + middle) * 360 / RAYS, scatter * 10 / RAYS


def _on_the_scale(degrees: float, hub: tuple[float, float], reach: float) -> float:
    """Half-way between the needle's own direction and that of its tip from the middle of the face.

    A camera that looks askew moves the needle over the face: then its own direction is right. A needle beside
    the middle of its scale points by its tip. Which it is cannot be seen; half-way halves the worse error.
    """
    turn = np.radians(degrees)
    right = (hub[0] - RADIUS) / RADIUS / 2 + reach * np.sin(turn)
    up = (RADIUS - hub[1]) / RADIUS / 2 + reach * np.cos(turn)
    return float(np.degrees(np.arctan2(right, up)))


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    rising = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(rising, rising[-1] / 2)]])


def _run_about_middle(ink: NDArray[np.bool_]) -> float | None:
    """The middle of the run of ink nearest to the middle of a row of samples."""
    places = np.flatnonzero(ink)
    if not len(places):
        return None
    nearest = int(places[np.abs(places - len(ink) // 2).argmin()])
    left = nearest - int(np.argmin(ink[nearest::-1])) if not ink[: nearest + 1].all() else -1
    right = nearest + int(np.argmin(ink[nearest:])) if not ink[nearest:].all() else len(ink)
    return (left + right) / 2


def _around(position: float, sigma: float) -> Array:
    """(100,) float64: a Gaussian round the circle."""
    apart = np.abs(np.arange(POSITIONS) / 10 - position % 10)
    weights: Array = np.exp(-0.5 * (np.minimum(apart, 10 - apart) / sigma) ** 2)
    return weights / weights.sum()
