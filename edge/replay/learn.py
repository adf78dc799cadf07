"""What recorded frames tell of drums: which turns faster, which way they turn, how they rest, and where red begins.

A position is what the network says of one drum by itself, 0.0 to 9.9. Nothing here asks for the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.fields import FieldReader, meter_cells
from edge.geometry import Points, box_around, corners_of, mapped
from edge.meters.cell import TENTHS, digit_masses, normalize_cell
from edge.meters.drums import DRUM, MOST, position_of, seeming_tenths
from edge.meters.judge import judge_frame
from edge.meters.meter import cut_cell
from edge.nouns import CellScores, Colour, Frame, Gray
from edge.schema import FieldTable

Array = NDArray[np.float64]

MIN_FRAMES = 10
"""That were read, before anything is learnt."""

MIN_SEEN = 0.5
"""Probability that a cell shows any digit, from which on its position counts."""

MOVED, FASTER = 0.9, 3.0
"""Steps in all from which on a drum turns; and times that it does over the next, which is ten times slower, or less
where it was seen for less than a turn.
"""

ROLLING = 0.25
"""Share of the frames in which the lowest drum stands between two digits, at the least; it would be 0.6."""

SMALL = (0.15, 0.45)
"""Steps between two frames that show which way a drum goes: beyond noise, and less than half a step."""

MIN_STEPS, CLEARLY = 8, 0.8
"""How many of those there must be, and the share that agrees."""

SETTLED = 0.2
"""Steps beside a digit: what only ever stands closer than this jumps."""

MIN_JUMPS = 20
"""Digits that a drum went through before it is called one that jumps."""

AT_REST = (1.0, 8.0)
"""Where a drum stands while it does not touch the one above."""

BACK_STEPS = 2.0
"""Steps by which the drum below falls back, from beyond 8 to 1, when it has carried one on: noise is less."""

MIN_RESTS, LEAST_SLACK, SLACK_STEP = 5, 0.03, 0.04
"""Rests that a slack is learnt from, the least that is proposed, and how far it must be from the one in use."""

LEAST_HANG, HANG_STEP = 0.2, 0.1
"""Least hang that is proposed, for a box drawn askew by a tenth of a step looks like it; and how far it must be from
the one in use.
"""

RED, NOT_RED = 25.0, 12.0
"""Red over green about a drum that counts decimals, at the least, and about one that does not, at the most."""

POINT = 30.0
"""Gray levels that a decimal point is darker or lighter than where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the frames show of one field.

    Parameters
    ----------
    table : FieldTable
    positions : (frames, cells) float64
        Of each drum or character; nan where it showed none.
    """

    table: FieldTable
    positions: Array


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is proposed for one field: keys of its table with their values, and what each is learnt from."""

    keys: dict[str, object]
    reasons: tuple[str, ...]


def observe(frames: Iterable[Frame], reader: FieldReader) -> list[Seen]:
    """What each meter's cells show in the frames that can be read.

    Raises
    ------
    ConfigError
        There is no meter among the fields, or too few frames can be read.
    """
    tables = [field.table for field in reader.fields if field.table.is_meter and field.table.bundle in reader.meters]
    if not tables:
        raise ConfigError("no field is a meter's: a tune learns drums and displays")
    rows: dict[str, list[list[float]]] = {table.name: [] for table in tables}
    near = None
    for frame in frames:
        found = reader.locate(frame.gray, near)
        if found.matrix is None:
            continue
        near = found
        cells = [mapped(cell, found.matrix) for cell in meter_cells(tables)] if reader.traits else []
        if judge_frame(frame.gray, cells, reader.traits) is None:
            for table in tables:
                rows[table.name].append(_positions(frame.gray, table, reader, found.matrix))
    count = len(rows[tables[0].name])
    if count < MIN_FRAMES:
        raise ConfigError(f"only {count} of the frames can be read; a tune needs {MIN_FRAMES}, of a meter that turns")
    return [Seen(table, np.array(rows[table.name])) for table in tables]


def learn(seen: Seen, picture: Colour | None) -> Learnt:
    """What the frames, and the reference picture in colour where there is one, tell of a field."""
    table, positions = seen.table, seen.positions
    found: list[tuple[dict[str, object], str]] = []
    if table.kind == "drum":
        order = drum_order(positions)
        if order is not None and order != tuple(range(len(order))):
            found.append(({"digits": [table.digits[k] for k in order]}, "the drums turn in another order"))
        positions = positions[:, list(order)] if order is not None else positions
        found += _learn_turning(table, positions)
    table = table.model_copy(update=found[0][0]) if found and "digits" in found[0][0] else table
    decimals = decimals_of(table, picture) if picture is not None else None
    if decimals is not None and decimals != table.decimals:
        how = "are red" if table.kind == "drum" else "stand behind the point"
        found.append(({"decimals": decimals}, f"{decimals - len(table.dials)} of the digits {how}"))
    keys = {key: value for each, _ in found for key, value in each.items()}
    return Learnt(keys, tuple(reason for _, reason in found))


def drum_order(positions: Array) -> tuple[int, ...] | None:
    """The cells in the order of their places, the highest first; None where too few of them turn.

    The lowest drum is the one that stands between two digits most of the time: between two frames it may turn too far
    for its speed to be seen. Those that do not turn stand before all others, in the order that they have, or in the
    other where the ones that turn have it.
    """
    steps = np.abs(circular(np.diff(positions, axis=0)))
    activity = np.where(steps > SMALL[0], steps, 0.0).sum(axis=0)
    between = np.nanmean(np.abs(circular(positions - np.rint(positions))) > SETTLED, axis=0)
    rank = np.where(between > max(ROLLING, 2 * float(np.sort(between)[-2])), np.inf, activity)
    moving = [int(k) for k in np.argsort(rank, kind="stable") if rank[k] > MOVED]
    if len(moving) < 2 or any(rank[fast] < FASTER * rank[slow] for slow, fast in pairwise(moving)):
        return None
    still = [k for k in range(positions.shape[1]) if k not in moving]
    return (*(still if moving[-1] > moving[0] else reversed(still)), *moving)


def circular(steps: Array) -> Array:
    """Steps on a drum of ten, the shorter way round: -5 to 5."""
    return np.asarray((steps + 5) % 10 - 5, np.float64)


def is_backward(positions: Array) -> bool | None:
    """Whether drums, the highest first, turn the other way; None where nothing tells.

    By the small steps that they take from frame to frame; where they turn too far for that, by how far the one below
    has carried a drum that stands between two digits.
    """
    steps = circular(np.diff(positions, axis=0)).ravel()
    small = steps[(np.abs(steps) > SMALL[0]) & (np.abs(steps) < SMALL[1])]
    share = float((small < 0).mean()) if len(small) >= MIN_STEPS else 0.5
    if max(share, 1 - share) >= CLEARLY:
        return share > 0.5
    forward, other = _misfits(positions), _misfits(mirrored(positions))
    if len(forward) < MIN_STEPS:
        return None
    fits, fits_other = float(np.median(forward)), float(np.median(other))
    return fits_other < fits if min(fits, fits_other) < 0.5 * max(fits, fits_other) else None


def _misfits(positions: Array) -> Array:
    """How far drums that stand between two digits are from where the drum below has carried them, in steps."""
    upper, lower = positions[:, :-1], positions[:, 1:]
    is_between = np.abs(circular(upper - np.rint(upper))) > SETTLED
    off = upper - np.floor(upper) - np.clip(lower - 9, 0, 1)
    return np.abs((off + 0.5) % 1 - 0.5)[is_between & ~np.isnan(lower)]


def is_jumping(positions: Array) -> bool | None:
    """Whether drums only ever stand at digits; None where too few changes were seen."""
    steps = circular(np.diff(positions, axis=0))
    changes = int((np.abs(steps) > 0.5).sum())
    between = np.abs(circular(positions - np.rint(positions)))
    if float(np.nanmean(between > SETTLED)) > 0.02:
        return False
    return True if changes >= MIN_JUMPS else None


def slack_of(positions: Array, *, backward: bool, hang: float = 0.0) -> float | None:
    """Standard deviation of where drums rest beside their digits, or beside where they hang evenly up to `hang`; None
    where too few rests were seen.
    """
    drums = _rests(positions, backward=backward)
    if sum(map(len, drums)) < MIN_RESTS:
        return None
    beside = np.concatenate([rests - rests.mean() for rests in drums if len(rests)] if hang else drums)
    variance = float(np.mean(np.square(beside))) - hang**2 / 12  # of what is spread evenly
    return max(LEAST_SLACK, round(max(variance, 0.0) ** 0.5, 2))


def hang_of(positions: Array, *, backward: bool) -> float | None:
    """How far drums stay behind their digits, those that do; 0 where none does, None where too few rests were seen.

    One that stays behind evenly from 0 to this does so by half of it on average. Beyond a whole step nothing is known:
    a drum that stays behind by 0.9 looks like one that runs ahead by 0.1.
    """
    drums = [rests for rests in _rests(positions, backward=backward) if len(rests) >= MIN_RESTS]
    behind = [rests for rests in drums if _is_behind(rests)]
    mean = float(np.concatenate(behind).mean()) if behind else 0.0
    return round(min(-2 * mean, MOST["hang"]), 2) + 0.0 if drums else None


def _is_behind(rests: Array) -> bool:
    """Whether a drum rests behind its digits by more than chance and a box that is drawn a little askew explain."""
    error = float(rests.std()) / len(rests) ** 0.5
    return -2 * float(rests.mean()) >= LEAST_HANG and -float(rests.mean()) > 3 * error


def _rests(positions: Array, *, backward: bool) -> list[Array]:
    """Where each drum but the lowest rests beside its digits, a number a rest; about their mean round the circle."""
    turned = mirrored(positions) if backward else positions
    return [_rests_of(upper, lower) for upper, lower in zip(turned.T[:-1], turned.T[1:], strict=True)]


def _rests_of(upper: Array, lower: Array) -> Array:
    """Those of one drum: it rests while the one below does not touch it."""
    free = np.flatnonzero((lower > AT_REST[0]) & (lower < AT_REST[1]) & ~np.isnan(upper))
    places = upper[free]
    breaks = (np.diff(lower[free]) < -BACK_STEPS) | (np.abs(circular(np.diff(places))) > SMALL[1])
    runs = [run for run in np.split(places, np.flatnonzero(breaks) + 1) if len(run)]
    rests = np.array([run[0] + float(np.median(circular(run - run[0]))) for run in runs])
    middle = float(np.angle(np.exp(2j * np.pi * rests).mean())) / (2 * np.pi) if len(rests) else 0.0
    return np.asarray(middle + (rests - middle + 0.5) % 1 - 0.5, np.float64)


def mirrored(positions: Array) -> Array:
    """Positions of drums that turn the other way: each turned round about its nearest digit, as the decoder does."""
    return seeming_tenths(positions * TENTHS) / TENTHS


def decimals_of(table: FieldTable, picture: Colour) -> int | None:
    """How many digits and dials stand after the point: red drums, or what follows the point of a display; None where
    nothing tells.
    """
    quads = [corners_of(area) for area in table.digits]
    if table.kind == "drum":
        reds = [_redness(picture, quad) for quad in quads]
        first = next((k for k, red in enumerate(reds) if red > RED), len(reds))
        clear = all(red > RED for red in reds[first:]) and all(red < NOT_RED for red in reds[:first])
        return len(reds) - first + len(table.dials) if clear and 0 < first < len(reds) else None
    dots = [_dot(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), *pair) for pair in pairwise(quads)]
    best = int(np.argmax(dots)) if len(dots) > 1 else 0
    others = [dot for k, dot in enumerate(dots) if k != best]
    return len(quads) - 1 - best if others and dots[best] - max(others) > POINT else None


def _learn_turning(table: FieldTable, positions: Array) -> list[tuple[dict[str, object], str]]:
    """What is new about how drums turn and rest."""
    found: list[tuple[dict[str, object], str]] = []
    jumps, backward = is_jumping(positions), is_backward(positions)
    if jumps is not None and jumps != table.jumps:
        found.append(
            ({"jumps": jumps}, "the drums only stand at digits" if jumps else "the drums stand between digits")
        )
    if backward is not None and backward != table.backward and not jumps:
        side = "from above" if backward else "from below"
        found.append(({"backward": backward}, f"the next digit of a drum comes {side}"))
    way = table.backward if backward is None else backward
    hang = hang_of(positions, backward=way)
    if hang is not None and abs(hang - table.hang) >= HANG_STEP:
        found.append(({"hang": hang}, f"drums stay behind their digits by up to {hang:g} steps, not {table.hang:g}"))
    slack = slack_of(positions, backward=way, hang=table.hang if hang is None else hang)
    used = DRUM.slack if table.slack is None else table.slack
    if slack is not None and abs(slack - used) >= SLACK_STEP:
        found.append(({"slack": slack}, f"drums rest {slack:g} steps beside their digits, not {used:g}"))
    return found


def _positions(gray: Gray, table: FieldTable, reader: FieldReader, matrix: Array) -> list[float]:
    """Where each cell of a field stands in one frame."""
    quads = [mapped(corners_of(area), matrix) for area in table.digits]
    cells = [normalize_cell(cut_cell(gray, quad)) for quad in quads]
    return [_position(scores, table) for scores in reader.meters[table.bundle].classifier.predict(cells)]


def _position(scores: CellScores, table: FieldTable) -> float:
    if float(scores.positions.sum()) < MIN_SEEN:
        return float("nan")
    return position_of(scores.positions) if table.kind == "drum" else float(digit_masses(scores.positions).argmax())


def _redness(picture: Colour, quad: Points) -> float:
    """Red over green about a cell: of its window's rim, for the figures may be white on red or red on white."""
    x, y, width, height = box_around(quad)
    rim = max(2, round(0.1 * height))
    part = picture[max(0, y - rim) : y + height + rim, max(0, x - 1) : x + width + 1].astype(np.float64)
    ring = np.concatenate([part[:rim].reshape(-1, 3), part[-rim:].reshape(-1, 3)])
    return float(np.median(ring[:, 2] - ring[:, 1]))


def _dot(gray: Gray, left: Points, right: Points) -> float:
    """How much a point stands out between two cells: gray levels from what is above it."""
    x, y, width, height = box_around(left)
    start, end = x + width - 2, max(x + width + 2, box_around(right)[0] + 2)
    foot = gray[y + round(0.8 * height) : y + round(1.05 * height), start:end].astype(np.float64)
    above = gray[y + round(0.3 * height) : y + round(0.7 * height), start:end].astype(np.float64)
    if not foot.size or not above.size:
        return 0.0
    small = cv2.blur(foot, (3, 3))
    return float(np.abs(small - np.median(above)).max())
