"""Readings over time: what follows is published, what does not is refused with its reason, and nothing stays stuck."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.meters.overtime import (
    MAX_TRACKS,
    PROMOTION_READINGS,
    Accepted,
    Candidate,
    Evidence,
    History,
    Meter,
    Moment,
    Published,
    Track,
    declared,
    elapsed_between,
    step,
)
from tests.meters.readings import Home, simulate

WATER = Meter(top=100_000.0, resolution=1.0, max_rate_per_hour=2.5, slack=1.0)
LITRES = Meter(top=1e5, resolution=0.001, max_rate_per_hour=2.5, slack=0.001)
SURE = 0.9999


def at(minutes, boot="a", wall=None):
    return Moment(60.0 * minutes if wall is None else wall, 60.0 * minutes, boot)


def reads(value, minutes, probability=SURE, boot="a", wall=None):
    status = "ok" if probability > 0.985 else "uncertain"
    return Evidence(f"{value:05.0f}", at(minutes, boot, wall), (Candidate(float(value), probability),), status)


def told(evidences, meter=WATER, history=None):
    """The history after some readings, and what was published of each."""
    history, published = history or History(), []
    for evidence in evidences:
        history, each = step(history, evidence, meter)
        published.append(each)
    return history, published


def settled(value=452, minutes=120, meter=WATER):
    """A meter that has stood at a value, a reading a minute, up to minute 0."""
    return told([reads(value, k - minutes) for k in range(minutes + 1)], meter)[0]


def test_the_first_value_takes_two_readings_that_agree():
    _, (first, second) = told([reads(452, 0), reads(452, 1)])
    assert first == Published("00452", 452.0, None, "uncertain", "the first reading; waits for another that agrees")
    assert second == Published("00452", 452.0, 452.0, "ok", None)


def test_two_first_readings_that_differ_give_no_value():
    _, published = told([reads(452, 0), reads(752, 1)])
    assert [each.status for each in published] == ["uncertain", "uncertain"]


def test_a_wrong_first_reading_costs_two_more():
    _, published = told([reads(752, 0), reads(452, 1), reads(452, 2), reads(452, 3)])
    assert [each.value for each in published][2:] == [452.0, 452.0]


def test_a_standing_and_a_slowly_rising_meter_are_ok_at_every_reading():
    _, published = told([reads(452 + k // 30, k + 1) for k in range(200)], history=settled())
    assert [each.value for each in published] == [452.0 + k // 30 for k in range(200)]
    assert {each.reason for each in published} == {None}


def test_what_goes_back_is_refused_with_its_reason_and_what_it_read():
    _, (published,) = told([reads(432, 1)], history=settled())
    assert published == Published("00432", 432.0, None, "rejected", "goes back by 20 from 452")


def test_what_rises_too_fast_is_refused_with_its_reason():
    _, (published,) = told([reads(458, 1)], history=settled())
    assert published.value is None
    assert published.status == "rejected"
    assert published.reason == "rises by 6 from 452 in 60 s, faster than 2.5 an hour"


def test_a_meter_may_go_back_by_its_slack_but_not_step_by_step():
    _, published = told([reads(451, 1), reads(452, 2), reads(451, 3), reads(450, 4)], history=settled())
    assert [each.value for each in published] == [451.0, 452.0, 451.0, None]
    assert published[-1].reason == "goes back by 2 from 452"


@pytest.mark.parametrize("wrong", [0, 52, 432, 454, 458, 952, 50452, 99452])
def test_one_wrong_reading_that_breaks_a_rule_is_not_published_and_costs_no_other(wrong):
    _, published = told([reads(wrong, 1), reads(452, 2), reads(452, 3)], history=settled())
    assert [each.value for each in published] == [None, 452.0, 452.0]


def test_the_meter_rolls_over_at_its_top():
    history = settled(99_999)
    _, published = told([reads(0, 1), reads(0, 2), reads(1, 3)], history=history)
    assert [each.value for each in published] == [0.0, 0.0, 1.0]
    assert [each.reason for each in published] == [None, None, None]


def test_a_frame_without_a_reading_says_why_and_changes_nothing():
    history = settled()
    none = Evidence("", at(1), (), "rejected", "dark: nothing is brighter than 12 of 255")
    after, published = step(history, none, WATER)
    assert after == history
    assert published == Published("", None, None, "rejected", "dark: nothing is brighter than 12 of 255")


def test_of_two_candidates_the_one_that_follows_is_published_and_the_other_is_named():
    torn = Evidence("0045?", at(1), (Candidate(458.0, 0.6), Candidate(453.0, 0.395)))
    history, (published,) = told([torn], history=settled())
    reason = "may also read 458, which does not follow from before"
    assert published == Published("0045?", 458.0, 453.0, "ok", reason)
    _, after = told([replace(torn, moment=at(2)), reads(453, 3)], history=history)
    assert [each.value for each in after] == [453.0, 453.0]


def test_two_candidates_that_both_follow_wait_for_the_drum_to_settle():
    rolling = [Evidence("45?", at(k), (Candidate(453.0, 0.55), Candidate(452.0, 0.44))) for k in (1, 2)]
    _, published = told([*rolling, reads(453, 3)], history=settled())
    assert [each.value for each in published] == [None, None, 453.0]


def test_after_an_outage_the_time_that_passed_widens_what_is_plausible():
    _, an_hour = told([reads(492, 60), reads(492, 61)], history=settled())
    assert [each.status for each in an_hour] == ["rejected", "rejected"]
    _, three_days = told([reads(492, 3 * 1440), reads(492, 3 * 1440 + 1)], history=settled())
    assert [each.value for each in three_days] == [None, 492.0]
    assert three_days[0].reason == "492 is new; waits for another reading that agrees"


def test_across_a_boot_the_wall_clock_counts():
    later = [reads(492, k, boot="b", wall=3 * 86400 + 60 * k) for k in range(2)]
    assert told(later, history=settled())[1][-1].value == 492.0
    soon = [reads(492, k, boot="b", wall=600 + 60 * k) for k in range(2)]
    assert told(soon, history=settled())[1][-1].status == "rejected"


def test_within_a_boot_a_step_of_the_wall_clock_does_not_count():
    _, (published,) = told([reads(492, 1, wall=9 * 86400)], history=settled())
    assert published.status == "rejected"
    assert told([reads(452, 1, wall=-9 * 86400)], history=settled())[1][0].value == 452.0


def test_where_no_clock_knows_the_time_a_rise_takes_more_readings_and_the_doubt_is_said():
    later = [reads(492, k, boot="b", wall=-86400 + 60 * k) for k in range(6)]
    _, published = told(later, history=settled())
    first = next(k for k, each in enumerate(published) if each.value is not None)
    assert 2 <= first <= 3
    assert published[first].value == 492.0
    assert "no clock knows the time" in published[first].reason
    assert elapsed_between(at(0), at(0, "b", -86400.0)) is None
    unset = Moment(None, 0.0, "b")
    assert elapsed_between(at(0), unset) is None
    assert elapsed_between(unset, at(9)) is None
    assert elapsed_between(unset, Moment(None, 5.0, "b")) == 5.0


def test_a_monotonic_clock_that_runs_back_holds_nothing_up():
    _, published = told([reads(453, -60 + k) for k in range(4)], history=settled())
    assert published[0].value == 453.0
    _, published = told([reads(3, -60 + k) for k in range(90)], history=settled())
    assert published[-1].value == 3.0


def test_an_exchanged_meter_is_refused_for_as_long_as_it_takes_and_then_accepted_and_said():
    _, published = told([reads(3, k + 1) for k in range(90)], history=settled())
    accepted = next(k for k, each in enumerate(published) if each.value is not None)
    assert accepted == 60  # as long as `patience_s`, and the meter before was seen for longer
    assert {each.status for each in published[:accepted]} == {"rejected"}
    assert {each.reason for each in published[:accepted]} == {"goes back by 449 from 452"}
    assert published[accepted].reason == "accepted after 61 readings over 3600 s: goes back by 449 from 452"
    assert [(each.value, each.reason) for each in published[accepted + 1 :]] == [(3.0, None)] * 29


def test_what_was_seen_for_a_short_time_is_contradicted_as_soon():
    history = settled(752, minutes=2)
    _, published = told([reads(452, k + 1) for k in range(5)], history=history)
    assert [each.value for each in published] == [None] * (PROMOTION_READINGS - 1) + [452.0, 452.0]


def test_a_wrong_value_that_got_through_is_taken_back_within_five_readings():
    outage = 3 * 1440
    history, published = told([reads(492, outage), reads(492, outage + 1)], history=settled())
    assert published[-1].value == 492.0
    _, published = told([reads(460, outage + 2 + k) for k in range(5)], history=history)
    assert [each.value for each in published] == [None, None, 460.0, 460.0, 460.0]
    assert published[2].reason == "takes back 492, which later readings did not bear out"


def test_a_value_set_by_hand_is_where_readings_go_on_from():
    history = settled(952)
    _, (refused,) = told([reads(452, 1)], history=history)
    _, published = told([reads(452, 3), reads(453, 4)], history=declared(452.0, at(2), WATER))
    assert refused.reason == "goes back by 500 from 952"
    assert [(each.value, each.reason) for each in published] == [(452.0, None), (453.0, None)]


def test_a_value_set_by_hand_is_none_that_was_read():
    _, (published,) = told([reads(452, 1, probability=0.6)], history=declared(452.0, at(0), WATER))
    assert (published.value, published.status) == (None, "uncertain"), "it makes no reading surer"
    _, (published,) = told([reads(952, 1)], history=declared(452.0, at(0), WATER))
    assert (published.value, published.decoded) == (None, 952.0)


def test_what_contradicts_a_value_set_by_hand_is_refused_for_as_long_as_can_be_and_then_heals():
    _, published = told([reads(952, k) for k in range(1, 120)], history=declared(452.0, at(0), WATER))
    refused = [each for each in published if each.status == "rejected"]
    assert 60 <= len(refused) <= 62
    assert {each.reason.partition(" from")[0] for each in refused} == {"rises by 500"}
    assert published[-1].value == 952.0


@pytest.mark.parametrize(("value", "shown"), [(12.3456, 12.34), (0.0, 0.0), (99.99, 99.99), (12.3, 12.3)])
def test_a_value_set_by_hand_is_cut_to_what_the_meter_shows(value, shown):
    history = declared(value, at(0), Meter(top=100.0, resolution=0.01))
    assert history.accepted.value == history.tracks[0].value == shown


@pytest.mark.parametrize("value", [-1.0, 100_000.0, float("nan"), float("inf")])
def test_a_value_that_the_meter_cannot_show_is_not_set(value):
    with pytest.raises(ValueError, match="it shows 0 to 99999"):
        declared(value, at(0), WATER)


def test_many_frames_a_second_are_not_many_opinions():
    days = 3 * 1440
    _, burst = told([reads(492, days + k / 6000) for k in range(10)], history=settled())
    assert {each.value for each in burst} == {None}
    _, spaced = told([reads(492, days + k / 60) for k in range(2)], history=settled())
    assert spaced[-1].value == 492.0
    _, start = told([reads(452, k / 300) for k in range(7)])
    assert [each.value for each in start] == [None] * 5 + [452.0] * 2


def test_a_new_track_has_room_beside_eight_that_are_as_likely():
    crowd = [
        Track(7000.0 + 10 * k, 7000.0 + 10 * k, 0.0, at(0), at(0), 9, 9.0, 0.0, 8.0, -0.5 * k, None) for k in range(8)
    ]
    history = History(Accepted(7000.0, 7000.0, at(0), 9.0), tuple(crowd))
    _, published = told([reads(452, k / 300) for k in range(1, 100)], history=history)
    assert published[-1].value == 452.0


def test_a_reading_that_looks_unsure_is_not_published_however_often_a_meter_that_stands_still_makes_it():
    history, published = told([reads(453, k, 0.7) for k in range(1, 60)], history=settled())
    assert {each.value for each in published} == {None}
    assert published[0].reason == "read with a probability of 0.70; waits for another reading that agrees"
    _, after = told([reads(453, 60, 0.97), reads(453, 61, 0.7)], history=history)
    assert [each.value for each in after] == [453.0, None]


def test_what_was_read_surely_is_not_published_for_frames_that_doubt_it():
    """Seen in a simulated meter: it rose by two more, and its last drum was read as before, for half an hour."""
    rises = [in_doubt(452.111, 60, 0.99), in_doubt(452.124, 61, 0.99)]
    moved = [in_doubt(452.124, 62 + k, 0.87, Candidate(452.12, 0.1), Candidate(452.126, 0.01)) for k in range(25)]
    after = [in_doubt(452.126, 87 + k, 0.99) for k in range(2)]
    *held, _, last = told([*rises, *moved, *after], LITRES, litres_standing(0.99))[1]
    assert {each.value for each in held} == {None}
    assert last.value == 452.126


def test_a_first_value_in_doubt_is_not_published_for_one_reading_in_many_that_looks_sure():
    doubtful = [0.94, 0.95, 0.93, 0.985, 0.94] * 8
    _, published = told([reads(487, k, each) for k, each in enumerate(doubtful)])
    assert {each.value for each in published} == {None}
    assert published[-1].reason.startswith("read with a probability of 0.95 on average, a first value takes 0.975")
    _, turning = told([reads(487 + k // 4, k, each) for k, each in enumerate(doubtful)])
    assert {each.value for each in turning} == {None}, "the low digits turn, the one in doubt does not"
    _, (*_, rolling) = told([*(reads(487, k, 0.985) for k in range(9)), reads(488, 9, 0.6)])
    assert rolling.value is None, "one that is in doubt by itself is not the first, whatever was before"
    _, sure = told([reads(467, k, 0.984) for k in range(12)])
    assert [each.value for each in sure] == [None] * 9 + [467.0] * 3
    _, surest = told([Evidence("", at(k), (Candidate(467.0, 0.993),)) for k in range(3)])
    assert [each.value for each in surest] == [None, 467.0, 467.0]
    assert sure[5].reason == "read with a probability of 0.98 on average; waits for 10 readings that agree"


def test_before_the_first_value_a_candidate_that_no_reading_bore_out_speaks_against_another():
    def either(value, minutes):
        return Evidence("", at(minutes), (Candidate(value, 0.96), Candidate(value - 20, 0.03)))

    history, _ = told([reads(487, k, 0.94) for k in range(30)])
    history, published = told([either(488.0, 30), either(488.0, 31)], history=history)
    assert [each.value for each in published] == [None, None]
    assert history.tracks[0].sure == pytest.approx(math.log(0.96 / 0.04))


@pytest.mark.parametrize("rate", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("fps", [1.0, 10.0, 30.0])
def test_a_fast_counter_at_many_frames_a_second_has_a_value(rate, fps):
    frames = [(k / fps, float(100 + math.floor(rate * k / fps + 1e-9))) for k in range(round(20 * fps))]
    counter = Meter(1e6, 1.0)
    history, published = History(), []
    for time_s, value in frames:
        moment = Moment(time_s, time_s, "boot")
        history, found = step(history, Evidence("", moment, (Candidate(value, 0.97),), "ok"), counter)
        published.append(found.value)
    pairs = zip(published, frames, strict=True)
    assert {value for value, (_, shown) in pairs if value is not None and value != shown} == set()
    assert sum(value is not None for value in published) > 0.85 * len(frames)


def litres_standing(probability=0.9999, minutes=60):
    """A meter of litres whose readings are all as sure, up to the minute before `minutes`."""
    readings = [Evidence("", at(k), (Candidate(452.1, probability),), "ok") for k in range(minutes)]
    return told(readings, LITRES)[0]


def test_the_next_step_is_published_at_once():
    history, _ = told([reads(452, k) for k in range(-60, 30)])
    assert told([reads(453, 30)], history=history)[1][0].value == 453.0
    assert told([Evidence("", at(60), (Candidate(452.101, 0.99),))], LITRES, litres_standing())[1][0].value == 452.101


@pytest.mark.parametrize("probability", [0.99, 0.995, 0.9999])
def test_a_rise_that_nothing_foretold_takes_a_second_reading_however_sure_the_first_is(probability):
    rises = [Evidence("", at(60 + k), (Candidate(452.109, probability),), "ok") for k in range(2)]
    first, second = told(rises, LITRES, litres_standing(probability))[1]
    assert (first.status, first.value) == ("uncertain", None)
    assert first.reason == "452.109 is new; waits for another reading that agrees"
    assert second.value == 452.109


@pytest.mark.parametrize("later_s", [0.2, 2.0])
def test_a_second_frame_right_after_the_first_will_do(later_s):
    moments = [at(60), Moment(3600 + later_s, 3600 + later_s, "a")]
    rises = [Evidence("", moment, (Candidate(452.109, 0.9999),), "ok") for moment in moments]
    assert [each.value for each in told(rises, LITRES, litres_standing())[1]] == [None, 452.109]


@pytest.mark.parametrize("misread", [452.102, 452.103, 452.109, 452.13, 452.142, 452.703, 453.1, 552.1, 452.09])
def test_one_sure_misread_of_a_meter_that_is_always_as_sure_is_not_published_and_costs_no_other(misread):
    frames = [Evidence("", at(60), (Candidate(misread, 0.9999),), "ok")]
    frames += [Evidence("", at(k), (Candidate(452.1, 0.9999),), "ok") for k in range(61, 64)]
    assert [each.value for each in told(frames, LITRES, litres_standing())[1]] == [None, 452.1, 452.1, 452.1]


@pytest.mark.parametrize("misread", [-9, 3, 6, 20])
def test_one_sure_misread_while_it_flows_is_not_published(misread):
    """The flow is 12 litres a minute; what goes on without a misread is published at each reading from its third on."""
    values = [452.1 + 0.012 * max(0, k - 59) for k in range(64)]
    readings = [Evidence("", at(k), (Candidate(round(value, 3), 0.9999),), "ok") for k, value in enumerate(values)]
    history, published = told(readings, LITRES)
    assert [each.value for each in published[60:]] == [None, *(round(value, 3) for value in values[61:])]
    planted = Evidence("", at(64), (Candidate(round(values[-1] + 0.012 + 0.001 * misread, 3), 0.9999),), "ok")
    assert step(history, planted, LITRES)[1].value is None


@pytest.mark.parametrize(("resolution", "minutes"), [(0.1, 9), (0.1, 31), (0.01, 15)])
def test_after_a_while_out_of_view_a_rise_of_several_steps_takes_a_second_reading(resolution, minutes):
    power = Meter(1e6, resolution, max_rate_per_hour=15.0)
    history, _ = told([reads(452, k, 0.9999) for k in range(60)], power)
    rises = [reads(452.4, 59 + minutes + k / 30, 0.9999) for k in range(2)]
    assert [each.value for each in told(rises, power, history)[1]] == [None, 452.4]


def test_where_readings_differ_in_how_sure_they_are_a_sure_one_is_not_believed_at_once():
    litres = replace(WATER, top=1e5, resolution=0.001, slack=0.001)
    history = History()
    for k in range(80):
        said = Evidence("", at(k), (Candidate(452.1, (0.96, 0.9999)[k % 2]),))
        history, _ = step(history, said, litres)
    rise = [Evidence("", at(80 + k), (Candidate(452.109, 0.9999),)) for k in range(2)]
    history, first = step(history, rise[0], litres)
    _, second = step(history, rise[1], litres)
    assert (first.value, second.value) == (None, 452.109)


FORBIDDEN = tuple(Candidate(452.109 + 1000 * k, 0.005) for k in range(1, 9))
"""What a high drum in doubt may show besides: years away."""


def in_doubt(value, minutes, probability, *others):
    """A reading that is in doubt by itself, and says what it may show else."""
    return Evidence("", at(minutes), (Candidate(value, probability), *others), "uncertain", "one or another")


def wavering():
    """A meter of litres whose readings differ in how sure they are, up to minute 79."""
    return told([in_doubt(452.1, k, (0.96, 0.9999)[k % 2]) for k in range(80)], LITRES)[0]


def test_a_high_drum_in_doubt_holds_no_rise_up_for_longer_than_a_second_reading():
    rises = [in_doubt(452.109, k, 0.955, *FORBIDDEN) for k in (80, 81)]
    assert [each.value for each in told(rises, LITRES, wavering())[1]] == [None, 452.109]


PIECES = Meter(top=1e6, resolution=1.0, max_rate_per_hour=1200.0, slack=1.0)


def pieces(rises, odd=None):
    """What is published of a counter whose readings differ in how sure they are, of each rise after it has stood; the
    frame before the last reads `odd` pieces more than there are.
    """
    history = told([in_doubt(500.0, k, (0.96, 0.9999)[k % 2]) for k in range(80)], PIECES)[0]
    counts = [500.0 + sum(rises[: k + 1]) for k in range(len(rises))]
    seen = counts if odd is None else [*counts[:-2], counts[-2] + odd, counts[-1]]
    readings = [in_doubt(value, 80 + k, 0.995) for k, value in enumerate(seen)]
    return [None if each.value is None else each.value - 500 for each in told(readings, PIECES, history)[1]], counts


@pytest.mark.parametrize("rises", [[9, 10] * 10, [6, 7, 6, 6, 7, 6, 6], [2, 3] * 6, [14, 15, 14, 14, 14, 15]])
def test_a_flow_that_never_changes_is_foretold_though_its_rises_differ_by_a_step(rises):
    published, counts = pieces(rises)
    assert published[2:] == [count - 500 for count in counts[2:]]
    assert set(published[:2]) <= {None, *(count - 500 for count in counts)}


@pytest.mark.parametrize("odd", [3, 4, 5, 9, -4])
def test_one_frame_that_is_misread_while_it_flows_is_not_published(odd):
    published, counts = pieces([6, 7, 6, 6, 7, 6, 6, 7], odd)
    assert published[-2] is None
    assert published[-1] in (None, counts[-1] - 500)


def over_pointer(value, minutes, apart, probability=0.96):
    """A drum over a pointer that may be a unit early or late; which of them, its place tells."""
    return in_doubt(value, minutes, probability, Candidate(round(value + apart, 3), 0.99 - probability))


def test_a_high_drum_that_reads_its_neighbour_for_ten_minutes_gives_no_first_value():
    """Planted: the true value is 20 above, and was the lesser candidate of each of the first readings."""
    wrong = [over_pointer(452.1, k, 20.0) for k in range(10)]
    right = [over_pointer(472.1, 10 + k, -20.0, 0.97) for k in range(60)]
    assert {each.value for each in told([*wrong, *right], LITRES)[1]} <= {None, 472.1}


@pytest.mark.parametrize("misread", [452.12, 452.139])
def test_one_frame_that_is_misread_within_the_rules_is_not_published_however_sure_it_is(misread):
    planted = Evidence("", at(80), (Candidate(misread, 0.995),), "ok")
    true = [Evidence("", at(k), (Candidate(452.101, 0.995),), "ok") for k in range(81, 90)]
    first, *others = told([planted, *true], LITRES, wavering())[1]
    assert (first.value, first.status) == (None, "uncertain")
    assert {each.value for each in others} <= {None, 452.101}
    assert others[-1].value == 452.101


def test_what_is_hardly_likely_weakens_no_track_that_it_bears_out():
    """Eight values of a hundredth each: that the meter still stands at one of them is as likely as that it says."""
    history = wavering()
    hardly = Candidate(452.1, 0.015)
    standing = step(history, in_doubt(452.109, 80, 0.9, hardly, Candidate(952.1, 0.08)), LITRES)[0]
    gone = step(history, in_doubt(452.109, 80, 0.9, Candidate(852.1, 0.015), Candidate(952.1, 0.08)), LITRES)[0]
    before = [next(t.weight for t in each.tracks if t.value == 452.1) for each in (standing, gone)]
    assert before[0] > before[1] + 1.0


def test_what_is_hardly_likely_is_a_surprise_to_a_track_that_it_could_follow_from():
    """A burner starts, its last drum in doubt: a few hundredths at other rises do not say that the meter stands."""
    rivals = (Candidate(452.12, 0.015), Candidate(452.13, 0.0125), Candidate(452.14, 0.0125))
    burst = [in_doubt(452.109, 60 + k / 300, 0.96, *rivals) for k in range(5)]
    published = told(burst, LITRES, litres_standing(0.99))[1]
    assert [each.value for each in published] == [None, None, 452.109, 452.109, 452.109]
    standing = [replace(each, candidates=(each.candidates[0], Candidate(452.1, 0.04))) for each in burst]
    assert {each.value for each in told(standing, LITRES, litres_standing(0.99))[1]} == {None}


def test_what_lies_behind_is_no_small_rise_that_a_long_one_would_be_rarer_than():
    """A burner goes off. A drum above is in doubt, and so little that the value would lie behind the one before, where
    only an account of an hour ago leads to: for each rise of the burner's it was counted ten times.
    """
    flow = [in_doubt(round(452.1 + 0.042 * max(0, k - 59), 3), k, 0.99) for k in range(70)]
    ended = [in_doubt(452.536, 70 + k, 0.976, Candidate(452.436, 0.012)) for k in range(4)]
    history, _ = told(flow, LITRES)
    assert [each.value for each in told(ended, LITRES, history)[1]] == [None, 452.536, 452.536, 452.536]
    doubted = [replace(each, candidates=(Candidate(452.536, 0.93), Candidate(452.436, 0.06))) for each in ended]
    assert {each.value for each in told(doubted, LITRES, history)[1]} == {None}


def test_a_flow_that_has_ended_foretells_no_rise():
    litres = replace(WATER, top=1e5, resolution=0.001, slack=0.001)
    history, values = History(), [100.0 + 0.01 * min(k, 10) for k in range(13)]
    for k, value in enumerate(values):
        history, found = step(history, Evidence("", at(k), (Candidate(round(value, 3), 0.99),)), litres)
    assert found.value == 100.1
    _, after = step(history, Evidence("", at(13), (Candidate(100.108, 0.99),)), litres)
    assert after.value is None


def test_two_numbers_that_take_turns_do_not_take_each_others_place():
    history = settled()
    _, published = told([reads((452, 99)[k % 3 > 0], k + 1) for k in range(300)], history=history)
    assert {each.value for each in published} <= {None, 452.0}
    _, after = told([reads(99, 400 + k) for k in range(120)], history=told([reads(99, 1)], history=history)[0])
    assert after[-1].value == 99.0


probabilities = st.floats(0.02, 1.0)
values = st.integers(0, 99_999).map(float)
gaps = st.one_of(st.floats(0, 5), st.floats(5, 1e6))
clocks = st.one_of(st.none(), st.floats(-1e6, 1e6))
anything = st.lists(st.tuples(values, values, probabilities, gaps, clocks), max_size=25)
"""Two values, how likely the first is, seconds since the row before, and by how much a boot puts the clock wrong."""


def evidences(rows, start_s=0.0):
    now_s, boot, wrong_s, found = start_s, 0, 0.0, []
    for value, other, probability, gap, clock in rows:
        now_s, boot = now_s + gap, boot + (clock is not None)
        wrong_s = wrong_s if clock is None else clock
        candidates = [Candidate(value, probability)]
        if other != value and probability < 0.9:
            candidates.append(Candidate(other, (1 - probability) / 2))
        candidates.sort(key=lambda each: -each.probability)
        found.append(Evidence("", Moment(now_s + wrong_s, now_s, str(boot)), tuple(candidates)))
    return found, now_s, str(boot)


@settings(max_examples=60, deadline=None)
@given(anything, values)
def test_whatever_happened_consistent_readings_lead_to_ok(rows, truth):
    meter = replace(WATER, patience_s=600.0)
    found, now_s, boot = evidences(rows)
    history, _ = told(found, meter)
    limit = 8 + 10  # readings to be ahead, and a patience of ten readings
    moments = [now_s + 60 * k for k in range(1, limit + 3)]
    steady = [Evidence("", Moment(now, now, boot), (Candidate(truth, SURE),)) for now in moments]
    _, published = told(steady, meter, history)
    assert [each.value for each in published[limit:]] == [truth, truth]


@settings(max_examples=60, deadline=None)
@given(anything)
def test_only_what_the_frame_may_show_is_published_and_memory_stays_small(rows):
    history = History()
    for evidence in evidences(rows)[0]:
        before = history
        history, published = step(history, evidence, WATER)
        assert step(before, evidence, WATER) == (history, published)
        assert published.decoded == evidence.candidates[0].value
        assert published.value in (None, *(each.value for each in evidence.candidates))
        assert (published.status == "ok") or published.reason
        assert 1 <= len(history.tracks) <= MAX_TRACKS


@settings(max_examples=60, deadline=None)
@given(st.integers(455, 99_999 - 50), st.floats(0.5, 1.0), st.integers(1, 3))
def test_a_few_wrong_readings_in_a_row_are_never_published(wrong, probability, times):
    history, published = told([reads(wrong, k + 1, probability) for k in range(times)], history=settled())
    assert {each.value for each in published} == {None}
    _, after = told([reads(452, times + 1 + k) for k in range(5)], history=history)
    assert after[-1].value == 452.0


@pytest.mark.parametrize("resolution", [1.0, 0.01])
def test_four_simulated_days_have_no_wrong_value(resolution):
    tally = simulate(Home(resolution, 0.005), seed=11, days=4)
    assert tally.misread > 10
    assert tally.wrong == 0
    assert tally.with_value > 0.93


def test_a_fine_meter_that_flows_is_wrong_by_less_than_its_flow_and_recovers_within_five():
    tally = simulate(Home(0.001, 0.01), seed=12, days=4)
    assert tally.slowest_recovery <= 5
    assert tally.largest_error_steps < 1.5 / 60 * 1000 * 2  # the flow of two readings
    assert tally.wrong <= 0.1 * tally.misread


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Evidence("", at(0)), "needs a status that is not ok, and a reason"),
        (lambda: Evidence("", at(0), (Candidate(1.0, 0.7), Candidate(2.0, 0.7))), "add up to 1 at the most"),
        (lambda: Evidence("", at(0), (Candidate(1.0, 0.0),)), "above 0"),
        (lambda: Meter(10.0, 10.0), "0 < resolution < top"),
        (lambda: Published("", None, 1.0, "rejected", None), "exactly when its status is ok"),
    ],
)
def test_nouns_that_make_no_sense_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
