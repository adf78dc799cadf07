"""Literal counters whose answer can be seen, and what every decode keeps to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.meters.drums import (
    DIAL,
    DRUM,
    DRUM_OVER_DIAL,
    LOWEST_DRUM,
    Wheel,
    WheelTraits,
    carried,
    decode_cells,
    decode_wheels,
    drum_wheels,
    mirrored_scores,
    position_of,
)
from edge.nouns import CellScores


def at(position: float, sigma: float = 0.1) -> np.ndarray:
    """(100,) float64: a bell round a position."""
    off = np.abs(np.arange(100) / 10 - position % 10)
    weights = np.exp(-0.5 * (np.minimum(off, 10 - off) / sigma) ** 2) + 1e-6
    return weights / weights.sum()


def drums(*positions: float, lowest: WheelTraits = LOWEST_DRUM, others: WheelTraits = DRUM) -> list[Wheel]:
    traits = [others] * (len(positions) - 1) + [lowest]
    return [Wheel(at(position), 0.0, each) for position, each in zip(positions, traits, strict=True)]


def dials(*positions: float) -> list[Wheel]:
    return [Wheel(at(position), 0.0, DIAL) for position in positions]


def cell(symbol: str, share: float = 0.97) -> CellScores:
    """An LCD cell that shows a digit, "" for a blank, "-", or "?" for what cannot be told."""
    rest = (1 - share) / 102
    positions = np.full(100, rest)
    others = {name: share if name == symbol else rest for name in ("", "-", "?")}
    if symbol.isdigit():
        positions[10 * int(symbol)] = share
    return CellScores(positions, others[""], others["-"], others["?"])


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        ((1, 2, 3.4), "123"),
        ((3.6, 9.6), "39"),  # each rounded would be 40, or 49 with the last one cut off
        ((4.05, 0.05), "40"),
        ((1.5, 9.5, 9.5), "199"),
        ((9.5, 9.5, 9.5), "999"),
        ((0.05, 9.95, 0.02), "000"),
        ((2.12, 9.0, 5.0), "295"),
        ((7.3,), "7"),
    ],
)
def test_one_value_explains_all_drums(positions, text):
    assert decode_wheels(drums(*positions)).text == text


def test_a_slack_drum_is_put_right_by_the_pointers_below_it():
    found = decode_wheels(drums(0, 0, 4, 5, 2.6, lowest=DRUM) + dials(0.05, 1.25, 2.5, 4.4))
    assert found.text == "004530124"
    assert found.odds > 10
    assert decode_wheels(drums(0, 0, 4, 5, 2.6)).text == "00452"


@pytest.mark.parametrize(
    ("drum", "dial", "text"),
    [
        (3.0, 0.1, "30"),
        (2.6, 0.05, "30"),  # late: the pointer has passed 0 before the drum arrives
        (2.6, 9.5, "29"),
        (2.5, 5.0, "25"),  # geared all the way
        (2.05, 5.0, "25"),
    ],
)
def test_a_drum_over_a_dial_is_carried_near_its_zero_or_evenly(drum, dial, text):
    found = decode_wheels(drums(drum, lowest=DRUM_OVER_DIAL) + dials(dial))
    assert abs(int(found.text) - int(text)) <= 1
    assert found.near > 0.9


@pytest.mark.parametrize(("drum", "dial"), [(2.8, 8.0), (2.75, 7.5), (2.6, 3.0), (3.05, 9.65)])
def test_a_drum_over_a_dial_that_may_be_either_way_is_doubted(drum, dial):
    assert decode_wheels(drums(drum, lowest=DRUM_OVER_DIAL) + dials(dial)).near < 0.9


def test_tenths_of_the_lowest_wheel_are_one_more_digit():
    found = decode_wheels(drums(1, 2, 3.45), with_tenths=True)
    assert found.text == "1234"
    assert len(found.confidences) == 4
    assert found.confidences[0] > 0.99 > found.confidences[3]


def test_a_last_drum_between_two_digits_is_no_doubt_about_the_value():
    found = decode_wheels(drums(1, 2, 4.0))
    assert found.text in {"123", "124"}
    assert found.confidence < 0.7
    assert found.near > 0.99
    assert abs(int(found.runner_up) - int(found.text)) > 1
    assert found.odds > 100


def test_a_drum_that_stands_where_none_can_is_doubted():
    found = decode_wheels(drums(1, 2.5, 3.0))
    assert found.near < 0.9
    assert found.odds < 10
    assert found.runner_up in {"123", "133"}
    assert found.confidences[0] > 0.99


def test_unreadable_drums_are_doubted_and_the_others_not():
    wheels = drums(1, 2, 3, 4.5)
    wheels[1] = Wheel(np.zeros(100), 1.0, DRUM)
    found = decode_wheels(wheels)
    assert found.confidence < 0.15
    assert found.confidences[1] == pytest.approx(0.1, abs=0.02)
    assert min(found.confidences[0], found.confidences[2]) > 0.99


def test_garbage_is_never_sure():
    generator = np.random.default_rng(3)
    for _ in range(20):
        wheels = [Wheel(at(generator.uniform(0, 10), 2.0), 0.0, DRUM) for _ in range(5)]
        assert decode_wheels(wheels).confidence < 0.5


def test_blank_drums_say_nothing():
    blank = CellScores(np.zeros(100), 1.0, 0.0, 0.0)
    shown = CellScores(at(4.0), 0.0, 0.0, 0.0)
    wheels = drum_wheels([blank, shown, shown], LOWEST_DRUM, DRUM)
    assert [wheel.silent for wheel in wheels] == [1.0, 0.0, 0.0]
    assert decode_wheels(wheels).confidence < 0.2


def test_drums_that_turn_the_other_way_are_mirrored():
    back = {"lowest": replace(LOWEST_DRUM, direction=-1), "others": replace(DRUM, direction=-1)}
    assert decode_wheels(drums(4.4, 0.4, **back)).text == "39"
    assert decode_wheels(drums(4.4, 0.4)).text == "40"


@pytest.mark.parametrize("place", [1.5, 8.5])
def test_a_drum_half_way_that_turns_the_other_way_tells_no_digit_however_sure_the_network_is(place):
    back = replace(LOWEST_DRUM, direction=-1)
    assert decode_wheels(drums(place, lowest=back)).near < 0.6
    assert decode_wheels(drums(place)).near > 0.99
    assert decode_wheels(drums(round(place), lowest=back)).near > 0.99


@pytest.mark.parametrize(("seen", "digit"), [(1.4, "0"), (1.6, "2"), (9.7, "0"), (0.4, "9"), (0.3, "9")])
def test_beside_half_way_a_drum_that_turns_the_other_way_is_as_far_beyond_its_digit_as_it_seems_before(seen, digit):
    found = decode_wheels([Wheel(at(seen, 0.06), 0.0, replace(LOWEST_DRUM, direction=-1))])
    assert found.text == digit
    assert found.near > 0.95


@pytest.mark.parametrize(("seen", "digit"), [(1.44, "0"), (1.56, "2"), (9.56, "0"), (0.44, "9")])
def test_a_bell_that_reaches_over_half_way_leaves_no_rival_two_digits_away(seen, digit):
    found = decode_wheels([Wheel(at(seen, 0.08), 0.0, replace(LOWEST_DRUM, direction=-1))])
    assert found.text == digit
    assert found.near > 0.97


def test_what_seems_half_way_goes_to_the_side_that_more_speaks_for():
    bell = np.zeros(100)
    bell[[13, 14, 15]] = 0.25, 0.5, 0.25
    turned = mirrored_scores(bell)
    assert turned[[7, 6, 5]] == pytest.approx([0.25, 0.75, 0.0])
    assert turned.sum() == pytest.approx(1.0)


def in_doubt(one: float, other: float, share: float) -> list[Wheel]:
    """Drums at 1 and 3 above one that may stand at either of two places."""
    return [*drums(1.0, 3.0, lowest=DRUM), Wheel(mixed(one, other, share), 0.0, LOWEST_DRUM)]


def mixed(one: float, other: float, share: float) -> np.ndarray:
    return share * at(one) + (1 - share) * at(other)


def test_between_two_values_two_units_apart_is_the_one_that_is_right_to_a_unit():
    found = decode_wheels(in_doubt(6.4, 8.4, 0.8))
    assert (found.text, found.runner_up) == ("136", "138")
    assert found.near < 0.85
    assert found.middle[0][0] == "137"
    assert found.middle[0][1] > 0.98
    assert sum(share for _, share in found.middle) <= 1.0 + 1e-9


def test_no_value_between_is_told_where_none_is_right_to_a_unit():
    assert decode_wheels(drums(1, 3, 6.4)).middle == ()
    assert decode_wheels(in_doubt(3.4, 8.4, 0.8)).middle == ()
    jumps = replace(LOWEST_DRUM, engages_at=9.5, span=0.0)
    assert decode_wheels([Wheel(each.positions, 0.0, jumps) for each in in_doubt(6.0, 8.0, 0.8)]).middle == ()


def test_all_values_that_count_are_told_and_none_twice():
    found = decode_wheels([Wheel(mixed(1.0, 7.0, 0.7), 0.0, DRUM), *in_doubt(2.3, 7.3, 0.6)[1:]])
    assert [text for text, _ in found.others][:3] == ["137", "732", "737"]
    assert [share for _, share in found.others][:3] == pytest.approx([0.28, 0.18, 0.12], abs=0.02)
    assert found.near + sum(share for _, share in found.others) <= 1.0 + 1e-9
    assert found.odds == pytest.approx(found.near / found.others[0][1])


def test_a_drum_that_jumps_or_hangs_is_a_setting():
    jumps = replace(DRUM, engages_at=9.5, span=0.0)
    assert decode_wheels(drums(4, 9.7, others=jumps)).text == "39"
    hangs = replace(DRUM, hang=0.6)
    assert decode_wheels(drums(2.45, 0.8, lowest=LOWEST_DRUM, others=hangs)).text == "30"
    assert decode_wheels(drums(2.45, 0.8)).near < 0.9


def test_drums_geared_all_the_way_read_like_pointers():
    assert decode_wheels(drums(1.27, 2.7, 7.0, others=LOWEST_DRUM)).text in {"126", "127"}
    assert decode_wheels(dials(0.99, 9.9)).text == "09"


@pytest.mark.parametrize(
    ("below", "traits", "steps"),
    [
        (8.9, DRUM, 0.0),
        (9.5, DRUM, 0.5),
        (10.0, DRUM, 1.0),
        (-0.2, DRUM, -0.2),
        (5.0, DIAL, 0.5),
        (-1.0, DIAL, -0.1),
        (0.2, WheelTraits(engages_at=9.5), -0.3),
        (9.6, WheelTraits(engages_at=9.5, span=0.0), 1.0),
    ],
)
def test_a_wheel_is_carried_by_the_one_below(below, traits, steps):
    assert float(carried(np.array(below), traits)) == pytest.approx(steps)


@given(st.lists(st.floats(0, 9.99), min_size=1, max_size=7))
@settings(max_examples=25, deadline=None)
def test_probabilities_are_probabilities_whatever_the_drums_show(positions):
    found = decode_wheels(drums(*positions))
    assert len(found.text) == len(found.confidences) == len(positions)
    assert found.text.isdigit()
    assert 0 <= found.confidence <= found.near <= 1
    assert all(found.confidence - 1e-9 <= share <= 1 for share in found.confidences)
    assert found.runner_up != found.text
    assert found.odds > 0


@given(st.integers(0, 99_999), st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_a_perfect_counter_reads_as_its_value(value, fraction):
    stands, lower = [], fraction
    for place in range(5):
        digit = value // 10**place % 10
        stands.insert(0, digit + (lower if place == 0 else max(0.0, lower - 9)))
        lower = stands[0]
    found = decode_wheels(drums(*stands))
    assert abs(int(found.text) - value) <= (1 if fraction in (0.05, 0.95) else 0) or found.confidence < 0.8
    assert found.near > 0.9


@pytest.mark.parametrize(("position", "spread"), [(0.0, 0.1), (9.97, 0.1), (3.7, 0.05)])
def test_the_position_is_the_centre_of_the_peak(position, spread):
    off = abs(position_of(at(position, spread)) - position)
    assert min(off, 10 - off) < 0.05


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (["1", "2", "3"], "123"),
        (["", "", "7"], "7"),
        (["", "-", "5"], "-5"),
        (["-", "", "5"], "-5"),
        (["", ""], ""),
    ],
)
def test_cells_that_do_not_roll_read_as_printed(shown, text):
    found = decode_cells([cell(symbol) for symbol in shown])
    assert found.text == text
    assert len(found.symbols) == len(shown)
    assert found.confidence > 0.9


@pytest.mark.parametrize("shown", [["1", "", "3"], ["1", "-"], ["-", "-", "2"], ["1", "?", "3"], ["?"]])
def test_cells_that_make_no_number_are_doubted(shown):
    assert decode_cells([cell(symbol) for symbol in shown]).confidence < 0.1


def test_the_runner_up_of_cells_changes_the_least_sure_one():
    found = decode_cells([cell("1"), cell("8", 0.6), cell("3")])
    assert found.text == "183"
    assert found.runner_up[0] + found.runner_up[2:] == "13"
    assert found.odds > 2


def test_wrong_use_is_named():
    with pytest.raises(ValueError, match="needs a wheel"):
        decode_wheels([])
    with pytest.raises(ValueError, match="needs a cell"):
        decode_cells([])
    with pytest.raises(TypeError, match=r"\(100,\) float64, got \(10,\) float64"):
        Wheel(np.zeros(10), 0.0, DRUM)
    with pytest.raises(ValueError, match="direction must be 1 or -1, got 0"):
        WheelTraits(direction=0)
    with pytest.raises(ValueError, match=r"slack must be 0 to 0\.5, got 2"):
        WheelTraits(slack=2)
