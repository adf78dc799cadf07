"""One value explains all wheels of a counter: a joint decode of drums and pointers, each read as a position in doubt.

A wheel stands at p = d + u + s: d its digit, u how far the wheel below has carried it on towards the next
digit, s its slack. What carries the wheel above is where this one stands, so the decode is a chain from the
lowest wheel up, with u on a fine grid: sums over all u and s, and over the digits either sums (the
probability of each digit) or the likeliest strings of them (the value and its runner-up).

References
----------
L. R. Rabiner, A tutorial on hidden Markov models, Proc. IEEE 77(2), 1989: the forward and backward sums.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.nouns import POSITIONS, CellScores

Array = NDArray[np.float64]
Number = TypeVar("Number", np.int64, np.float64)

FINE = 20
"""Grid points a step: half the width of a tenth."""

CARRY = np.arange(-FINE, 2 * FINE + 1) / FINE
"""How far a wheel may have been carried, in steps: below 0 one that is late, above 1 one that is early."""

TAIL = 3.0
"""Standard deviations of slack and noise that are looked at."""

BEAMS = 50
"""Strings of digits that are followed; what they lose is counted as doubt."""

MIDDLE_GAIN = 0.005
"""Probability to be right to one unit by which a value between two exceeds the likelier of them, to be told of."""

OTHERS = 8
"""Other values that are told of at the most: four drums in doubt have fewer that count for a thousandth."""

CELL_BEAMS = 12
"""... of cells that do not roll: of the two likeliest strings no start falls behind so many others."""

HALF_WAY, BESIDE = 5, (4, 6)
"""Tenths of a step beyond a digit: half-way to the next, and on either side of that."""

BELL, SHARPENING = 0.8, 20
"""Tenths of a step: standard deviation of the bell that a network gives a position as, trained to a bell of 0.7; and
iterations that take it off.
"""

_BELL = np.exp(-0.5 * (np.arange(-4, 5) / BELL) ** 2)
_BELL /= _BELL.sum()

DIGITS = 10
BLANK, MINUS = "", "-"


MOST = {"engages_at": 10.0, "span": 10.0, "phase": 2.0, "even": 1.0, "slack": 0.5, "hang": 0.9, "noise": 0.5}
"""Largest value of each trait; the least is 0."""


@dataclass(frozen=True, slots=True)
class WheelTraits:
    """How a drum or a pointer turns, in steps of a tenth of a turn.

    Parameters
    ----------
    direction : 1 or -1
        -1 for a drum whose next digit comes from above: a picture of it a bit on from 4 looks like a bit before 4.
    engages_at : float
        Where the wheel below stands when it starts to carry this one along, 0 to 10.
    span : float
        Steps of the wheel below over which this one makes its own step: 1 for most drums, 0 for one that
        jumps, 10 for a pointer and for what is geared all the way.
    phase : float
        Standard deviation, in steps of the wheel below, of where that one stands then, beside `engages_at`.
    even : float
        Probability that it is geared all the way instead, which cannot be seen.
    slack : float
        Standard deviation of where it stands beside where it should.
    hang : float
        How far it may stay behind, evenly from 0 to this.
    noise : float
        Standard deviation of the reading beyond what its own distribution says.
    outlier : float
        Probability that the reading says nothing about the wheel.
    """

    direction: Literal[1, -1] = 1
    engages_at: float = 9.0
    span: float = 1.0
    phase: float = 0.0
    even: float = 0.0
    slack: float = 0.12
    hang: float = 0.0
    noise: float = 0.05
    outlier: float = 0.002

    def __post_init__(self) -> None:
        if self.direction not in (1, -1):
            raise ValueError(f"WheelTraits.direction must be 1 or -1, got {self.direction}")
        for name, most in MOST.items():
            if not 0.0 <= getattr(self, name) <= most:
                raise ValueError(f"WheelTraits.{name} must be 0 to {most:g}, got {getattr(self, name)}")
        if not 0.0 < self.outlier < 1.0:
            raise ValueError(f"WheelTraits.outlier must lie between 0 and 1, got {self.outlier}")


DRUM = WheelTraits()
"""A drum above another wheel: carried along while that one goes from 9 to 0."""

LOWEST_DRUM = WheelTraits(engages_at=0.0, span=10.0)
"""A drum that turns evenly: the lowest of most counters."""

DRUM_OVER_DIAL = WheelTraits(phase=0.5, even=0.1)
"""A drum above a pointer.

Two drums share the tooth by which one carries the other; a pointer is pressed onto its shaft by itself, and half of its
steps is 18 degrees. Users of AI-on-the-edge-device report most drums to begin beyond 9, some to run with the pointer,
and starts from 5 up to an end at 4 (its documentation, "Analog/Digit Transition on Water Meters"; issues 2743, 4007).
On simulated meters less of either makes more readings sure and wrong, and more of `even` mostly makes doubt
(`python -m tests.meters.over_dial --choose`).
"""

DIAL = WheelTraits(engages_at=0.0, span=10.0)
"""A pointer: geared all the way."""


@dataclass(frozen=True, slots=True, eq=False)
class Wheel:
    """What is seen of one wheel.

    Parameters
    ----------
    positions : (100,) float64
        Probability of each tenth of a step, 0.0 to 9.9.
    silent : float
        Probability that what was seen tells no position; with `positions` it adds up to 1.
    traits : WheelTraits
    """

    positions: Array
    silent: float
    traits: WheelTraits

    def __post_init__(self) -> None:
        if self.positions.shape != (POSITIONS,) or self.positions.dtype != np.float64:
            found = f"{self.positions.shape} {self.positions.dtype}"
            raise TypeError(f"Wheel.positions must be ({POSITIONS},) float64, got {found}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The value that explains all cells best, as it is printed, and how far to believe it.

    Parameters
    ----------
    symbols : tuple of str
        One a cell, most significant first: a digit, "-", "" for a leading blank. With tenths asked for, one more.
    confidences : tuple of float
        Probability of each symbol.
    confidence : float
        Probability that all of them are right.
    near : float
        Probability that the value is right to one unit of the last printed place.
    others : tuple of (str, float)
        The likeliest other values, as they are printed, the runner-up first, and their probabilities; of wheels each
        with what is within a unit of it and of none before it.
    middle : tuple of (str, float)
        The same with the value next to the likeliest first, where that is right to one unit with more probability:
        between two that are two units apart. Empty where it is not, and for cells that do not roll and drums that jump:
        those never stand between.
    """

    symbols: tuple[str, ...]
    confidences: tuple[float, ...]
    confidence: float
    near: float
    others: tuple[tuple[str, float], ...]
    middle: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The value as it is printed, without leading blanks."""
        return "".join(self.symbols)

    @property
    def runner_up(self) -> str:
        """The likeliest other value."""
        return self.others[0][0]

    @property
    def odds(self) -> float:
        """How many times likelier the value is than its runner-up, each with what is within a unit of it."""
        share = self.others[0][1]
        return self.near / share if share > 0 else math.inf


def drum_wheels(cells: Sequence[CellScores], lowest: WheelTraits, others: WheelTraits) -> list[Wheel]:
    """Drums from their cells, most significant first.

    Parameters
    ----------
    cells : sequence of CellScores
        A blank or a minus on a drum tells nothing.
    lowest, others : WheelTraits
        Of the last drum, and of those above it.
    """
    traits = [*[others] * (len(cells) - 1), lowest][: len(cells)]
    return [
        Wheel(cell.positions, cell.blank + cell.minus + cell.unreadable, trait)
        for cell, trait in zip(cells, traits, strict=True)
    ]


def decode_wheels(wheels: Sequence[Wheel], with_tenths: bool = False) -> Decoded:
    """The value of a counter.

    Parameters
    ----------
    wheels : sequence of Wheel
        Most significant first: drums, then pointers. What is below the lowest is not seen; its traits say how it turns.
    with_tenths : bool
        Print the lowest wheel's tenths of a step as one more digit.
    """
    if not wheels:
        raise ValueError("decode_wheels needs a wheel, got none")
    chain = list(reversed(wheels))
    steps = [_step(wheel, above) for wheel, above in zip(chain, [*chain[1:], chain[-1]], strict=True)]
    start = _start(chain[0].traits, with_tenths)
    strings, shares = _likeliest(start, steps)
    best = strings[0]
    marginals = _marginals(start, steps, best, with_tenths)
    (_, near), *others = _groups(strings, shares, _are_near(strings, best))
    return Decoded(
        symbols=tuple(str(digit) for digit in best),
        confidences=marginals,
        confidence=min(float(shares[0]), 1.0),
        near=near,
        others=tuple(others),
        middle=_about_middle(strings, shares, near) if wheels[-1].traits.span > 0 else (),
    )


def position_of(positions: Array) -> float:
    """The likeliest position, 0 to 10: the centre of the probability within half a step of the peak.

    Parameters
    ----------
    positions : (100,) float64
    """
    peak = int(positions.argmax())
    reach = np.arange(-4, 5)
    weights = positions[(peak + reach) % POSITIONS]
    offset = float((weights * reach).sum() / max(float(weights.sum()), 1e-12))
    return (peak + offset) / POSITIONS * DIGITS % DIGITS


def carried(below: Array, traits: WheelTraits) -> Array:
    """Steps that a wheel has been carried by a wheel below that stands at `below`; one that has passed 10 carried it 1.

    Parameters
    ----------
    below : array of float64
        May lie below 0 or above 10: slack lets a wheel stand short of its digit or past it.
    """
    past = below - traits.engages_at
    turns = np.floor(past / DIGITS)
    return turns + np.clip((past - turns * DIGITS) / max(traits.span, 1e-9), 0.0, 1.0)


def _step(wheel: Wheel, above: Wheel) -> Array:
    """(10, carry, carry) float64: likelihood that the wheel shows a digit, by how far it and the next are carried."""
    offsets, slack = _slack(wheel.traits)
    stands, onward = _onward(float(offsets[0]), float(offsets[-1]), above.traits)
    return (slack * _likelihood(wheel)[stands][:, None]) @ onward


@functools.lru_cache(maxsize=64)
def _onward(least: float, most: float, above: WheelTraits) -> tuple[NDArray[np.int64], Array]:
    """Where a wheel may stand beyond each digit, (10, places) int64 fine steps of a turn, and what it then carries.

    The latter is (10, places, carry) float64, a step of the wheel above being shared by the two nearest carries.
    """
    places = np.arange(round((CARRY[0] + least) * FINE), round((CARRY[-1] + most) * FINE) + 1) / FINE
    stands = np.arange(DIGITS)[:, None] + places
    shares = np.zeros((*stands.shape, len(CARRY)))
    for share, steps in _carriages(stands, above):
        carries = np.clip((steps - CARRY[0]) * FINE, 0, len(CARRY) - 1)
        shares += share * np.maximum(1.0 - np.abs(carries[..., None] - np.arange(len(CARRY))), 0.0)
    return np.rint(stands * FINE).astype(np.int64) % (DIGITS * FINE), shares


def _carriages(stands: Array, traits: WheelTraits) -> Iterator[tuple[float, Array]]:
    """Probability of each way that a wheel may be carried, and how far it then is, by where the wheel below stands."""
    reach = round(TAIL * traits.phase * FINE)
    shifts = np.arange(-reach, reach + 1) / FINE
    weights = np.exp(-0.5 * (shifts / max(traits.phase, 1e-9)) ** 2)
    for shift, weight in zip(shifts, weights / weights.sum(), strict=True):
        yield (1 - traits.even) * float(weight), carried(stands - shift, traits)
    if traits.even:
        yield traits.even, carried(stands, replace(traits, engages_at=0.0, span=float(DIGITS)))


def _likelihood(wheel: Wheel) -> Array:
    """(200,) float64: of each fine position over that of any, where what is silent or an outlier fits all alike."""
    positions = wheel.positions if wheel.traits.direction > 0 else _turned_round(wheel.positions)
    fine = np.empty(DIGITS * FINE)
    fine[0::2] = positions
    fine[1::2] = (positions + np.roll(positions, -1)) / 2
    blurred = _blurred(fine * POSITIONS, wheel.traits.noise) + wheel.silent
    return (1 - wheel.traits.outlier) * blurred + wheel.traits.outlier


def _turned_round(positions: Array) -> Array:
    """What a network says of a drum that turns the other way, (100,), as positions of that drum.

    What it says is a bell, and beside half-way a part of the bell lies beyond, where the drum seems to be two digits
    away. So the bell is taken off what the drum seems to show, and put on what it shows (Richardson and Lucy's
    deconvolution).

    References
    ----------
    L. B. Lucy, An iterative technique for the rectification of observed distributions, Astronomical Journal 79(6),
    1974.
    """
    sharp = positions
    for _ in range(SHARPENING):
        sharp = sharp * _as_bells(positions / (_as_bells(sharp) + np.finfo(float).tiny))
    return _as_bells(mirrored_scores(sharp))


def _as_bells(positions: Array) -> Array:
    """Probabilities (100,) of positions, each shared by those about it."""
    reach = len(_BELL) // 2
    return np.convolve(np.concatenate([positions[-reach:], positions, positions[:reach]]), _BELL, "valid")


def mirrored_scores(positions: Array) -> Array:
    """Probabilities (..., 100) of positions, each turned round about its nearest digit.

    A drum that turns the other way seems to stand as far beyond its nearest digit as it stands before it; half-way
    that leaps by two digits. So what is said of half-way goes to its sides, and to see such a drum there is to see it
    at two places (`train.cells.soft_targets`).
    """
    seen = positions.reshape(*positions.shape[:-1], -1, 10).copy()
    sides = seen[..., BESIDE] + np.finfo(float).tiny
    seen[..., BESIDE] += seen[..., [HALF_WAY]] * sides / sides.sum(axis=-1, keepdims=True)
    seen[..., HALF_WAY] = 0.0
    return seen.reshape(positions.shape)[..., seeming_tenths(np.arange(POSITIONS))]


def seeming_tenths(tenths: NDArray[Number]) -> NDArray[Number]:
    """The tenths, 0 to 100, that drums which turn the other way seem to stand at, as far beyond their nearest digits as
    they are before them: what a network should say. The other way round as well, but half-way.
    """
    nearest = (tenths + 5) // 10 * 10
    return np.asarray((2 * nearest - tenths) % POSITIONS, tenths.dtype)


def _blurred(fine: Array, sigma: float) -> Array:
    """A circular distribution blurred by a Gaussian of `sigma` steps."""
    if sigma == 0:
        return fine
    frequency = np.fft.rfftfreq(len(fine), 1 / FINE)
    smooth = np.fft.irfft(np.fft.rfft(fine) * np.exp(-2 * (np.pi * frequency * sigma) ** 2), len(fine))
    return np.maximum(smooth, 0.0)


@functools.lru_cache(maxsize=64)
def _slack(traits: WheelTraits) -> tuple[Array, Array]:
    """Offsets in steps, and the probability that a wheel carried so far stands at each place, (carry, places)."""
    reach, hang = round(TAIL * traits.slack * FINE), round(traits.hang * FINE)
    offsets = np.arange(-reach - hang, reach + 1) / FINE
    sigma = max(traits.slack, 0.25 / FINE)
    weights = np.exp(-0.5 * ((offsets[:, None] + np.arange(hang + 1) / FINE) / sigma) ** 2).sum(axis=1)
    rows = np.zeros((len(CARRY), len(CARRY) + len(offsets) - 1))
    for carry, row in enumerate(rows):
        row[carry : carry + len(offsets)] = weights / weights.sum()
    return offsets, rows


def _start(lowest: WheelTraits, with_tenths: bool) -> Array:
    """(1 or 10, carry) float64: how far the lowest wheel may have been carried, a row for each tenth to be printed."""
    unseen = (np.arange(DIGITS * FINE * 10) + 0.5) / (FINE * 10)
    places = np.floor((carried(unseen, lowest) - CARRY[0]) * FINE + 1e-6).astype(np.int64)
    prior = np.bincount(places, minlength=len(CARRY)) / len(unseen)
    if not with_tenths:
        return prior[None]
    tenths = np.clip(np.floor(CARRY * 10 + 1e-6), 0, DIGITS - 1)
    return np.where(tenths == np.arange(DIGITS)[:, None], prior, 0.0)


def _likeliest(start: Array, steps: Sequence[Array]) -> tuple[NDArray[np.int64], Array]:
    """The likeliest strings of digits, (n, places) int64, most significant first, and their shares, (n,) float64."""
    messages, everything = start, start.sum(axis=0)
    strings = np.arange(len(start))[:, None] if len(start) > 1 else np.empty((1, 0), np.int64)
    for step in steps:
        onward = np.tensordot(messages, step, (1, 1))
        digits = np.tile(np.arange(DIGITS), len(messages))
        strings = np.column_stack([digits, np.repeat(strings, DIGITS, axis=0)])
        messages = onward.reshape(-1, len(CARRY))
        everything = np.tensordot(everything, step, (0, 1)).sum(axis=0)
        best = np.argsort(-messages.sum(axis=1), kind="stable")[:BEAMS]
        total = float(everything.sum())
        strings, messages, everything = strings[best], messages[best] / total, everything / total
    return strings, messages.sum(axis=1)


def _marginals(start: Array, steps: Sequence[Array], best: NDArray[np.int64], with_tenths: bool) -> tuple[float, ...]:
    """The probability of each digit of the likeliest string, most significant first: forward times backward sums."""
    backward = [np.ones(len(CARRY))]
    for step in reversed(steps):
        before = (step @ backward[0]).sum(axis=0)
        backward.insert(0, before / before.max())
    forward = start.sum(axis=0)
    chain = []
    if with_tenths:
        chain.append(start @ backward[0])
    for step, onward in zip(steps, backward[1:], strict=True):
        chain.append((step @ onward) @ forward)
        forward = np.tensordot(forward, step, (0, 1)).sum(axis=0)
        forward = forward / forward.sum()
    shares = [float(weights[digit] / weights.sum()) for weights, digit in zip(reversed(chain), best, strict=True)]
    return tuple(shares)


def _groups(strings: NDArray[np.int64], shares: Array, near: NDArray[np.bool_]) -> list[tuple[str, float]]:
    """The likeliest string and up to `OTHERS` beside it, each with the share of what is within a unit of it.

    What is within a unit of one, of the first those that are `near`, is not counted with another: a last drum between
    two digits is no doubt about the value. With one wheel and nothing else in sight it may be, so there the second
    counts for itself.
    """
    own = near.copy()
    own[1] &= not own.all()
    groups, left = [(_printed(strings[0]), min(float(shares[own].sum()), 1.0))], ~own
    while left.any() and len(groups) <= OTHERS:
        index = int(np.argmax(left))
        own = left & _are_near(strings, strings[index])
        groups.append((_printed(strings[index]), min(float(shares[own].sum()), 1.0)))
        left &= ~own
    return groups


def _about_middle(strings: NDArray[np.int64], shares: Array, near: float) -> tuple[tuple[str, float], ...]:
    """As `_groups`, from the value next to the likeliest that is right to one unit with the most probability, where it
    is by `MIDDLE_GAIN` more than the likeliest is.
    """
    places, top = strings.shape[1], 10 ** strings.shape[1]
    likeliest = int("".join(map(str, strings[0])))
    found: tuple[tuple[str, float], ...] = ()
    for value in ((likeliest + 1) % top, (likeliest - 1) % top):
        middle = np.array([int(symbol) for symbol in f"{value:0{places}d}"], np.int64)
        beside = _are_near(strings, middle)
        share = min(float(shares[beside].sum()), 1.0)
        if share >= max(near + MIDDLE_GAIN, found[0][1] if found else 0.0):
            found = ((_printed(middle), share), *_groups(strings, shares, beside)[1:])
    return found


def _printed(string: NDArray[np.int64]) -> str:
    return "".join(str(digit) for digit in string)


def _are_near(strings: NDArray[np.int64], best: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which strings are the value, or one unit of the last place from it; after 99 comes 00."""
    units = 10.0 ** np.arange(len(best))[::-1]
    apart = np.abs((strings - best) @ units)
    return np.minimum(apart, 10.0 ** len(best) - apart) <= 1.0


def decode_cells(cells: Sequence[CellScores], outlier: float = 0.002) -> Decoded:
    """The number on cells whose digits do not roll: LCD, LED or print.

    Blanks may stand before the first digit, and one minus among them; what would put a blank or a minus
    after a digit, or is unreadable, is doubt and takes from the confidence of the rest.

    Parameters
    ----------
    cells : sequence of CellScores
        Most significant first.
    outlier : float
        Probability that a cell's scores say nothing about it.
    """
    if not cells:
        raise ValueError("decode_cells needs a cell, got none")
    table = [_symbol_scores(cell, outlier) for cell in cells]
    strings = [_String((), 1.0, False, False)]
    for scores in table:
        grown = [longer for string in strings for longer in _grown(string, scores)]
        strings = sorted(grown, key=lambda string: -string.share)[:CELL_BEAMS]
    best = strings[0]
    shares = tuple(scores[symbol] for scores, symbol in zip(table, best.symbols, strict=True))
    others = tuple((each.text, each.share) for each in strings[1:] if each.text != best.text)
    return Decoded(best.symbols, shares, best.share, best.share, others[:OTHERS])


@dataclass(frozen=True, slots=True)
class _String:
    """The first symbols of a number with their probability."""

    symbols: tuple[str, ...]
    share: float
    has_minus: bool
    has_digit: bool

    @property
    def text(self) -> str:
        return "".join(self.symbols)


def _grown(string: _String, scores: dict[str, float]) -> list[_String]:
    """The string with every symbol that may come next."""
    grown = []
    for symbol, score in scores.items():
        is_digit = symbol not in (BLANK, MINUS)
        if is_digit or not (string.has_digit or (symbol == MINUS and string.has_minus)):
            has_minus, has_digit = string.has_minus or symbol == MINUS, string.has_digit or is_digit
            grown.append(_String((*string.symbols, symbol), string.share * score, has_minus, has_digit))
    return grown


def _symbol_scores(cell: CellScores, outlier: float) -> dict[str, float]:
    """Probability of each symbol; a position half-way between two digits is shared by them."""
    tenths = cell.positions.reshape(DIGITS, POSITIONS // DIGITS)
    half = tenths[:, 5] / 2
    digits = tenths[:, :5].sum(axis=1) + half + np.roll(half + tenths[:, 6:].sum(axis=1), 1)
    scores = {str(digit): float(share) for digit, share in enumerate(digits)} | {BLANK: cell.blank, MINUS: cell.minus}
    return {symbol: (1 - outlier) * score + outlier / len(scores) for symbol, score in scores.items()}
