"""From what single frames say to what the meter shows: the evidence of many readings, weighed against each other.

A track is one account of what the meter did: the value it stands at, how fast it rises, and how well the readings
bear it out. Each reading extends the tracks that it can follow from, weakens the others, and starts one of its own
where it breaks a rule. Weights are natural logarithms of odds. A reading is published as ok when its track is ahead of
all that contradict it and keeps to the rules: never back beyond the slack, and never faster than the meter can.

A reading that breaks a rule is in quarantine: refused with its reason, until its track has been borne out by several
readings over as long as the one it contradicts, at most for `patience_s`. So a meter that was exchanged, a wrong value
that got through, or a long pause all end by themselves. What is read is never altered: a value is one of the
candidates that the picture gave, or there is none.

A value that a person sets (`declared`) stands like one that was seen for `patience_s`: what follows from it is
published, what contradicts it is in quarantine. It is no reading, so nothing is published of it by itself.

A rise that nothing foretold is published at its second reading, however sure the first one is: a single frame that is
misread within the rules looks the same, whatever the network's odds. Foretold are a rise by one step, and one that the
flow of late, going on as it did, leaves within a step of. So what one misread frame can bring about is a value that is
a step off, the value before once more, or that of a flow that has just ended. Whoever takes a reading now and then
takes a second frame with it, as `edge run` does, and loses nothing.

What cannot be told from the truth is a wrong value that keeps coming: one that breaks no rule is published at its
second reading; one that breaks a rule at its fourth, and no sooner than after the time for which the value before was
seen, or `patience_s`, whichever is less. A meter that stands still makes one picture, so its readings count as little
more than one: a value in doubt stays so until the meter moves.

References
----------
D. B. Reid, An algorithm for tracking multiple targets, IEEE Transactions on Automatic Control 24(6), 1979: several
accounts are kept until the evidence decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge.nouns import Candidate, Status

MAX_EVIDENCE = 8.0
"""Of one reading at the most, however sure it looks: glare and a wrong box are not in the network's odds."""

SUDDEN = -3.0
"""A rise that the rules allow and that the flow so far does not explain: about every twentieth, in a household."""

UNSURE = -12.0
"""... over a time that no clock knows: it takes three readings."""

BROKEN = -15.0
"""A step that breaks a rule."""

FLOOR = -20.0
"""No track falls further behind, so that four sure readings bring any of them back."""

MIN_PROBABILITY = 0.02
"""Of a candidate that a track can follow."""

SURE, FIRST_SURE = 0.95, 0.975
"""Probability, among what the rules allow, from which on a value is published; and on average the first one, which no
value before bears out, where its frame by itself is in doubt. A drum in a face that the network mistakes is mistaken in
every frame: a simulated 6 was read as an 8 at 0.90 to 0.98.
"""

FLOW_CHANGE, MOST_CHANGE = 0.1, 0.5
"""Share of the flow of late that a rise may differ from it by, besides one step, and be no surprise; in steps at the
most. A whole step more lets misreads by two steps through at every tenth frame (`python -m tests.meters.planted`).
"""

MEMORY_READINGS = 20
"""That an average of readings remembers."""

FIRST_READINGS, FIRST_AT_ONCE = 10, 0.99
"""That such an average is taken over at the least, of all values of a track: a mistaken high digit stays while the low
ones turn, and now and then one reading of it looks sure. And the average from which on `START_READINGS` are enough: of
2,255 simulated cells 14 are wrong at 0.95 and more, none at 0.99 (`python -m tests.meters.views`).
"""

MOST_RARER = 10.0
"""Times that one of two rises is rarer than the other at the most."""

REST_SHARE = 0.25
"""Of the probability that no candidate has, which one other value may have, and those that the rules allow together:
of a dozen drums' other digits they allow a few.
"""

PACE_SPACINGS = 10.0
"""Times `spacing_s` over which a pace is taken."""

TURNS_S = 600.0
"""For which a value that breaks a rule is refused, whatever speaks for it, after the one before was seen again: two
numbers that take turns are two numbers.
"""

RATE_S = 300.0
"""In so many seconds the memory of a flow that ended fades to a third."""

START_READINGS, PROMOTION_READINGS = 2, 4
"""That agree before the first value is published, the first and last not sharing their mistakes; and before one that
breaks a rule is.
"""

LONGEST_GAP_S = 600.0
"""Between two readings of a track, that counts as time for which it was seen."""

MEMORY_S = 1800.0
"""For which a track is kept that no reading bears out."""

DECIMALS = 12
"""That a value has at the most, as in the configuration."""

MAX_TRACKS = 8
"""That are kept; two candidates a reading leave one or two that matter."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was taken: the wall clock, the monotonic clock, and the boot that the latter belongs to.

    `wall_s` is None while the wall clock is not set.
    """

    wall_s: float | None
    monotonic_s: float
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one frame says of one field.

    Parameters
    ----------
    raw : str
        The characters as they were read.
    moment : Moment
    candidates : tuple of Candidate
        Most likely first, each value once; their probabilities add up to 1 at the most. Empty without a reading.
    status : Status
        Of the frame's reading; published where there is no candidate.
    reason : str or None
        Why there is none.
    """

    raw: str
    moment: Moment
    candidates: tuple[Candidate, ...] = ()
    status: Status = "uncertain"
    reason: str | None = None

    def __post_init__(self) -> None:
        if not self.candidates and (self.status == "ok" or not self.reason):
            raise ValueError("Evidence without candidates needs a status that is not ok, and a reason")
        total = sum(each.probability for each in self.candidates)
        if any(not 0 < each.probability <= 1 for each in self.candidates) or total > 1 + 1e-6:
            raise ValueError(f"the probabilities of candidates are above 0 and add up to 1 at the most, got {total:g}")


@dataclass(frozen=True, slots=True)
class Meter:
    """What is known of a meter.

    Parameters
    ----------
    top : float
        The value after its last one, where it starts from 0 again: 100000 for five digits.
    resolution : float
        The smallest step that can be read.
    max_rate_per_hour : float or None
        It never rises faster; no limit if None.
    slack : float
        It may go back by this much: drums have play.
    patience_s : float
        For so long at the most a value that breaks a rule is refused, if readings bear it out.
    lead : float
        Logarithm of the odds that a published value is ahead of what contradicts it. Above 5, a surprise needs two
        readings however sure they are; else one that is sure enough will do.
    spacing_s : float
        Readings closer than this count for less: they share their mistakes.
    """

    top: float
    resolution: float
    max_rate_per_hour: float | None = None
    slack: float = 0.0
    patience_s: float = 3600.0
    lead: float = 6.0
    spacing_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.resolution < self.top or self.slack < 0:
            raise ValueError(f"a meter has 0 < resolution < top and slack >= 0, got {self}")


@dataclass(frozen=True, slots=True)
class Track:
    """One account of the meter.

    Parameters
    ----------
    value, peak : float
        Where it stands, and the furthest that it stood.
    rate : float
        Of late, a second.
    moment : Moment
        Of the last reading that bore it out.
    since : Moment
        Of its start or its last surprise: a step that nothing foretold.
    readings : int
        That bore it out since then.
    seen_s : float
        Over how long, gaps left out.
    earned_s : float
        Over how long it was seen before its last surprise; counts once a second reading bears that out.
    sure : float
        Logarithm of the odds that it stands at just this value: of the last reading, before the first value of all.
    weight : float
        Logarithm of its odds against the best track.
    reason : str or None
        The rule that it broke; None where it broke none, or was accepted since.
    pace : float
        Rise a second since its last surprise, of readings a `spacing_s` apart: many that rise by a step each are a flow
        that no two of them show.
    mark : tuple of float and Moment, optional
        The value and the time that the pace is next taken from.
    all_readings : int
        That bore it out since its start.
    average : float
        Of the logarithms of their odds, the late ones for as much as `MEMORY_READINGS` of them.
    """

    value: float
    peak: float
    rate: float
    moment: Moment
    since: Moment
    readings: int
    seen_s: float
    earned_s: float
    sure: float
    weight: float
    reason: str | None
    pace: float = 0.0
    mark: tuple[float, Moment] | None = None
    all_readings: int = 1
    average: float = 0.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was published as ok last: the value, the furthest that it stood, when, and for how long it was seen."""

    value: float
    peak: float
    moment: Moment
    seen_s: float


@dataclass(frozen=True, slots=True)
class History:
    """All that is remembered of a meter: the last accepted value, and the tracks, the best one first."""

    accepted: Accepted | None = None
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What is said of one frame.

    Parameters
    ----------
    raw : str
        As it was read.
    decoded : float or None
        The frame's own most likely value.
    value : float or None
        What the meter shows; given exactly when `status` is ok.
    status : Status
    reason : str or None
        Why there is no value, or what is special about it.
    """

    raw: str
    decoded: float | None
    value: float | None
    status: Status
    reason: str | None

    def __post_init__(self) -> None:
        if (self.value is not None) != (self.status == "ok"):
            raise ValueError(f"a value is published exactly when its status is ok, got {self.value} and {self.status}")


@dataclass(frozen=True, slots=True)
class _Step:
    """How a value follows from a track: its kind, the logarithm of its odds, and the rule that it breaks."""

    kind: Literal["natural", "sudden", "broken"]
    odds: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """One candidate of a frame: how much of it is news, its probability, that of what else the rules allow, and whether
    no value was accepted before it.
    """

    value: float
    moment: Moment
    share: float
    probability: float
    against: float
    is_first: bool

    @property
    def gain(self) -> float:
        """What it adds to a track's weight."""
        return self.share * math.log(self.probability)

    @property
    def sure(self) -> float:
        """Logarithm of its odds among what the rules allow."""
        return math.log(self.probability / max(self.against, math.exp(-MAX_EVIDENCE)))


def step(history: History, evidence: Evidence, meter: Meter) -> tuple[History, Published]:
    """What is known after one more frame, and what is published of it."""
    if not evidence.candidates:
        return history, Published(evidence.raw, None, None, evidence.status, evidence.reason)
    likely = [each for each in evidence.candidates if each.probability >= MIN_PROBABILITY]
    candidates = likely or list(evidence.candidates[:1])
    hardly = [each for each in evidence.candidates if each not in candidates]
    tracks = _ranked(_extended(history, candidates, hardly, evidence.moment, meter), evidence.moment, meter)
    published = _judged(replace(history, tracks=tracks), candidates, evidence, meter)
    if published.value is None:
        return replace(history, tracks=tracks), published
    best = replace(tracks[0], reason=None)
    accepted = Accepted(best.value, best.peak, best.moment, best.seen_s)
    return History(accepted, (best, *tracks[1:])), published


def declared(value: float, moment: Moment, meter: Meter) -> History:
    """What is known of a meter after its owner has said what it shows: that alone, for the longest time.

    It makes no reading surer: one that agrees is published for its own evidence. What is finer than the meter shows is
    cut off.

    Raises
    ------
    ValueError
        The meter cannot show the value.
    """
    if not 0 <= value < meter.top:
        raise ValueError(f"it shows 0 to {_number(meter.top - meter.resolution, meter)}")
    shown = round(math.floor(value / meter.resolution + 1e-6) * meter.resolution, DECIMALS)
    track = replace(_started(shown, shown, moment), seen_s=meter.patience_s)
    return History(Accepted(shown, shown, moment, meter.patience_s), (track,))


def elapsed_between(earlier: Moment, later: Moment) -> float | None:
    """Seconds between two moments: by the monotonic clock within a boot, by the wall clock across boots; None where
    that ran back or was not set, so that nobody knows.
    """
    if earlier.boot == later.boot:
        elapsed = later.monotonic_s - earlier.monotonic_s
    elif earlier.wall_s is None or later.wall_s is None:
        return None
    else:
        elapsed = later.wall_s - earlier.wall_s
    return elapsed if elapsed >= 0 else None


def _extended(
    history: History, candidates: Sequence[Candidate], hardly: Sequence[Candidate], now: Moment, meter: Meter
) -> list[Track]:
    """All accounts that a reading leaves: tracks that it bears out, tracks that it does not, and new ones.

    Candidates that are hardly likely start no track and bear none out, but where the rules allow them they speak
    against the others. What the rules forbid does not, so that a high drum that stands still is no doubt, however the
    network wavers about it: all else that it may show is years away.
    """
    share = _share(history.tracks, now, meter)
    unsaid = max(1.0 - sum(each.probability for each in (*candidates, *hardly)), 0.0)
    steps = {each.value: _steps_of(history, each.value, now, meter) for each in (*candidates, *hardly)}
    least = max(REST_SHARE * unsaid, candidates[0].probability * math.exp(-MAX_EVIDENCE))
    found = []
    for k, track in enumerate(history.tracks):
        rest = max([least, *(_hope(each, steps[each.value][k]) for each in hardly)])
        found.append(replace(track, weight=track.weight + share * math.log(rest)))
    lawful = {value for value, row in steps.items() if _is_lawful(row, history.tracks)}
    allowed = [each for each in (*candidates, *hardly) if each.value in lawful]
    for candidate in candidates:
        against = 1.0 - candidate.probability
        if candidate.value in lawful and history.accepted is not None:  # before, no rule is against another candidate
            against = _against(candidate, allowed, unsaid, history.accepted, meter)
        reading = _Reading(candidate.value, now, share, candidate.probability, against, history.accepted is None)
        pairs = zip(history.tracks, steps[candidate.value], strict=True)
        found += [_moved(track, taken, reading, meter) for track, taken in pairs if not taken.reason]
        if candidate.value not in lawful:
            odds, reason = _birth(history, candidate.value, now, meter)
            weight = odds + reading.gain
            new = _started(candidate.value, candidate.value, now, weight, reason)
            found.append(replace(new, sure=reading.sure, average=reading.sure))
    return found


def _steps_of(history: History, value: float, now: Moment, meter: Meter) -> list[_Step]:
    """How a value follows from each track."""
    return [_step_of(track, value, now, meter) for track in history.tracks]


def _hope(candidate: Candidate, taken: _Step) -> float:
    """What a candidate that is hardly likely leaves of a track that it could follow from: a surprise is rarer yet."""
    return 0.0 if taken.reason else candidate.probability * math.exp(taken.odds)


def _is_lawful(row: Sequence[_Step], tracks: Sequence[Track]) -> bool:
    """Whether a value follows within the rules from a track that broke none."""
    return any(not taken.reason and not track.reason for taken, track in zip(row, tracks, strict=True))


def _against(
    candidate: Candidate, lawful: Iterable[Candidate], unsaid: float, accepted: Accepted, meter: Meter
) -> float:
    """Probability of what else the rules allow: other candidates, and a part of what no candidate says.

    Small rises are many: draws of water or gas are about as many from 1 to 10 steps as from 10 to 100, so that one of
    so many steps is as rare as it is long.
    """
    own = _apart(accepted.peak, candidate.value, meter)
    others = [each for each in lawful if each.value != candidate.value]
    rivals = sum(each.probability * _rarer(own, _apart(accepted.peak, each.value, meter), meter) for each in others)
    return rivals + unsaid * (REST_SHARE if meter.max_rate_per_hour is not None else 1.0)


def _rarer(rise: float, other: float, meter: Meter) -> float:
    """How many times rarer a rise is than another; what goes back, by an account that is left behind, is no rise."""
    if other < -meter.slack - 1e-6 * meter.resolution:
        return 1.0
    times = max(rise, meter.resolution) / max(other, meter.resolution)
    return min(max(times, 1 / MOST_RARER), MOST_RARER)


def _share(tracks: Sequence[Track], now: Moment, meter: Meter) -> float:
    """How much of a reading is news after the last one, 0..1."""
    gaps = [elapsed_between(track.moment, now) for track in tracks]
    least = min((gap for gap in gaps if gap is not None), default=meter.spacing_s)
    return min(1.0, least / meter.spacing_s) if meter.spacing_s else 1.0


def _birth(history: History, value: float, now: Moment, meter: Meter) -> tuple[float, str | None]:
    """Odds of a track that starts with a value, and the rule that the value breaks by what was accepted last."""
    if history.accepted is None:
        return (SUDDEN if history.tracks else 0.0), None
    last = history.accepted
    taken = _step_of(_started(last.value, last.peak, last.moment), value, now, meter)
    return taken.odds, taken.reason


def _started(value: float, peak: float, now: Moment, weight: float = 0.0, reason: str | None = None) -> Track:
    """A track of one reading."""
    return Track(value, peak, 0.0, now, now, 1, 0.0, 0.0, 0.0, weight, reason)


def _step_of(track: Track, value: float, now: Moment, meter: Meter) -> _Step:
    """How a value follows from a track."""
    above = _apart(track.peak, value, meter)
    rise = above + _apart(track.value, track.peak, meter)
    tolerance = 1e-6 * meter.resolution
    if above < -meter.slack - tolerance:
        return _Step("broken", BROKEN, f"goes back by {_number(-above, meter)} from {_number(track.peak, meter)}")
    if above <= tolerance:
        return _Step("natural", 0.0)
    elapsed = elapsed_between(track.moment, now)
    if elapsed is None:
        return _Step("natural", 0.0) if rise <= meter.resolution + tolerance else _Step("sudden", UNSURE)
    if meter.max_rate_per_hour is not None:
        limit = meter.max_rate_per_hour * elapsed / 3600 + meter.resolution
        if rise > limit + tolerance:
            return _Step("broken", BROKEN, _too_fast(track, rise, elapsed, meter))
    foretold = max(track.rate, track.pace) * elapsed
    change = min(FLOW_CHANGE * foretold, MOST_CHANGE * meter.resolution)
    is_natural = min(rise, abs(rise - foretold) - change) <= meter.resolution + tolerance
    return _Step("natural", 0.0) if is_natural else _Step("sudden", SUDDEN)


def _too_fast(track: Track, rise: float, elapsed: float, meter: Meter) -> str:
    amount, start = _number(rise, meter), _number(track.value, meter)
    return f"rises by {amount} from {start} in {elapsed:.0f} s, faster than {meter.max_rate_per_hour:g} an hour"


def _apart(start: float, end: float, meter: Meter) -> float:
    """How far a value has risen, the shorter way round: from 99999 to 2 by 3."""
    half = meter.top / 2
    return (end - start + half) % meter.top - half


def _moved(track: Track, taken: _Step, reading: _Reading, meter: Meter) -> Track:
    """The track after a step that a reading bears out."""
    value, now = reading.value, reading.moment
    gap = elapsed_between(track.moment, now) or 0.0
    rise = max(0.0, _apart(track.value, value, meter))
    late = max(0.0, rise - meter.resolution) / gap if gap > 0 else 0.0  # a step may be the end of a slow one
    goes_on = taken.kind == "natural" and rise > meter.resolution * (1 + 1e-6)
    faded = track.rate if goes_on else track.rate * math.exp(-gap / RATE_S)
    if rise == 0 and gap > 0:
        faded = min(faded, meter.resolution / gap)  # it stood still, so that flow has ended
    seen_s = track.seen_s + track.earned_s + min(gap, LONGEST_GAP_S)
    is_natural, is_same = taken.kind == "natural", value == track.value
    pace, mark = _paced(track, value, now, meter)
    return Track(
        value=value,
        peak=value if _apart(track.peak, value, meter) > 0 else track.peak,
        rate=max(late, faded) if is_natural else late,
        moment=now,
        since=track.since if is_natural else now,
        readings=track.readings + 1 if is_natural else 1,
        seen_s=seen_s if is_natural else 0.0,
        earned_s=0.0 if is_natural else seen_s,
        sure=_surer(track, reading) if is_same else reading.sure,
        weight=track.weight + taken.odds + reading.gain,
        reason=track.reason,
        pace=pace if is_natural else 0.0,
        mark=mark if is_natural else (value, now),
        all_readings=track.all_readings + 1,
        average=track.average + (reading.sure - track.average) / (min(track.all_readings, MEMORY_READINGS) + 1),
    )


def _surer(track: Track, reading: _Reading) -> float:
    """How sure a value is that was read once more: on average before the first value, else as this reading is.

    Of many readings of a mistaken digit one looks sure; their average says how sure the network is of it. And a meter
    that stands still makes the same picture: one in doubt, after one that was sure, shows that the drums have moved.
    """
    if reading.is_first:
        return track.sure + (reading.sure - track.sure) / (min(track.readings, MEMORY_READINGS) + 1)
    return reading.sure


def _paced(track: Track, value: float, now: Moment, meter: Meter) -> tuple[float, tuple[float, Moment]]:
    """The pace of a track that went on to a value as was foretold, and what the next is taken from."""
    start, since = track.mark or (track.value, track.moment)
    elapsed = elapsed_between(since, now)
    if elapsed is None or elapsed < meter.spacing_s or elapsed == 0:
        return track.pace, (start, since)
    pace = max(0.0, _apart(start, value, meter) - meter.resolution) / elapsed
    return pace, (start, since) if elapsed < PACE_SPACINGS * meter.spacing_s else (value, now)


def _ranked(tracks: Iterable[Track], now: Moment, meter: Meter) -> tuple[Track, ...]:
    """The tracks that are worth keeping, the best one first; those at one place are one.

    Of those that the last reading bears out, half the room is theirs: what is new has a chance beside what was sure.
    """
    merged: dict[int, Track] = {}
    for track in tracks:
        place = round(track.value / meter.resolution * 4)
        merged[place] = _merged(merged[place], track, now) if place in merged else track
    best = max(track.weight for track in merged.values())
    level = [replace(track, weight=max(track.weight - best, FLOOR)) for track in merged.values()]
    level.sort(key=lambda track: (-track.weight, track.moment != now, -track.readings))
    new = [track for track in level if track.moment == now][: MAX_TRACKS // 2]
    old = [track for track in level if track.moment != now and not _is_stale(track, level, now)]
    kept = [*new, *old[: MAX_TRACKS - len(new)]]
    return tuple(track for track in level if track in kept)


def _is_stale(track: Track, tracks: Sequence[Track], now: Moment) -> bool:
    """Whether a track has not been borne out for long, while one that breaks no rule is and was."""
    lasting = (each.since for each in tracks if each.moment == now and each.reason is None)
    is_replaced = any((elapsed_between(since, now) or 0.0) > MEMORY_S for since in lasting)
    return is_replaced and (elapsed_between(track.moment, now) or 0.0) > MEMORY_S


def _merged(one: Track, other: Track, now: Moment) -> Track:
    """Two tracks at one place: the one borne out better, as likely as the likelier, lawful if one of them is."""
    better, worse = sorted((one, other), key=lambda track: (track.moment != now, -track.weight, -track.readings))
    is_lawful = better.reason is None or worse.reason is None
    return replace(better, weight=max(one.weight, other.weight), reason=None if is_lawful else better.reason)


def _judged(history: History, candidates: Sequence[Candidate], evidence: Evidence, meter: Meter) -> Published:
    """What is published of a frame whose tracks, ranked, are those of `history`."""
    best, now = history.tracks[0], evidence.moment
    decoded = candidates[0].value
    chosen = next((each for each in candidates if each.value == best.value and best.moment == now), None)
    status, reason = _doubt(history, chosen, evidence, meter)
    value = best.value if status == "ok" else None
    if status == "ok" and reason is None:
        reason = _remark(history, candidates, meter)
    elif status != "ok" and chosen is None:
        own = next((t for t in history.tracks if t.moment == now and t.value == decoded), None)
        if own is not None and own.reason:
            status, reason = "rejected", own.reason
    return Published(evidence.raw, decoded, value, status, reason)


def _doubt(history: History, chosen: Candidate | None, evidence: Evidence, meter: Meter) -> tuple[Status, str | None]:
    """Whether the best track's value is published; else why not."""
    best, now = history.tracks[0], evidence.moment
    if chosen is None:
        return "uncertain", f"does not agree with {_number(best.value, meter)}; waits for more readings"
    others = (track for track in history.tracks[1:] if not _is_taken_back(track, best, history.accepted, now))
    rivals = (track for track in others if _contradicts(track, best, now, meter))
    lead = best.weight - max((track.weight for track in rivals), default=FLOOR)
    if best.reason is not None:
        return _quarantine(history, lead, meter)
    if history.accepted is None and (best.readings < START_READINGS or best.seen_s < meter.spacing_s):
        return "uncertain", "the first reading; waits for another that agrees"
    if lead < meter.lead:
        return "uncertain", f"{_number(best.value, meter)} is new; waits for another reading that agrees"
    doubt = _first_doubt(best) if history.accepted is None and evidence.status != "ok" else None
    if doubt is not None:
        return "uncertain", doubt
    if best.sure < _log_odds(SURE):
        said = f"read with a probability of {chosen.probability:.2f}"
        return "uncertain", f"{said}; waits for another reading that agrees"
    return "ok", None


def _first_doubt(best: Track) -> str | None:
    """What speaks against a first value whose frame by itself is in doubt."""
    is_settled = best.average >= _log_odds(FIRST_SURE) and best.all_readings >= FIRST_READINGS
    if is_settled or best.average >= _log_odds(FIRST_AT_ONCE):
        return None
    said = f"read with a probability of {1 / (1 + math.exp(-best.average)):.2f} on average"
    if best.all_readings < FIRST_READINGS:
        return f"{said}; waits for {FIRST_READINGS} readings that agree"
    return f"{said}, a first value takes {FIRST_SURE}; waits for the digit in doubt to turn, or to be set"


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _quarantine(history: History, lead: float, meter: Meter) -> tuple[Status, str | None]:
    """Whether a track that broke a rule has been borne out for long enough."""
    best = history.tracks[0]
    needed = min(meter.patience_s, history.accepted.seen_s) if history.accepted else 0.0
    turns = [track for track in history.tracks[1:] if track.reason is None and _is_after(track.moment, best.since)]
    if any((elapsed_between(track.moment, best.moment) or 0.0) < TURNS_S for track in turns):
        return "rejected", best.reason
    if best.readings >= PROMOTION_READINGS and best.seen_s >= needed and lead >= meter.lead:
        return "ok", f"accepted after {best.readings} readings over {best.seen_s:.0f} s: {best.reason}"
    return "rejected", best.reason


def _is_after(later: Moment, earlier: Moment) -> bool:
    return later != earlier and elapsed_between(earlier, later) is not None


def _contradicts(other: Track, best: Track, now: Moment, meter: Meter) -> bool:
    """Whether the best track's value is more than the natural continuation of another, at the pace that it has."""
    return _step_of(replace(other, pace=max(other.pace, best.pace)), best.value, now, meter).kind != "natural"


def _is_taken_back(other: Track, best: Track, last: Accepted | None, now: Moment) -> bool:
    """Whether one frame alone told of another value, and this one shows the accepted one again."""
    return last is not None and best.value == last.value and other.readings == 1 and other.moment != now


def _remark(history: History, candidates: Sequence[Candidate], meter: Meter) -> str | None:
    """What is special about a value that is published."""
    best, last = history.tracks[0], history.accepted
    if last and _apart(last.value, best.value, meter) < -meter.slack - 1e-6 * meter.resolution:
        return f"takes back {_number(last.value, meter)}, which later readings did not bear out"
    if best.value != candidates[0].value:
        return f"may also read {_number(candidates[0].value, meter)}, which does not follow from before"
    if last and elapsed_between(last.moment, best.moment) is None:
        return "no clock knows the time since the last value, so its rate could not be judged"
    return None


def _number(value: float, meter: Meter) -> str:
    """A value with the decimals of its meter."""
    return f"{value:.{max(0, math.ceil(-math.log10(meter.resolution) - 1e-9))}f}"
