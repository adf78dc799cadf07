"""The simulated meter: its physics by hand, its frames by their seed, and what happens before its camera."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SourceError
from edge.geometry import mapped
from edge.sources import SourceSettings, is_live_uri, keeps_time, open_source, simulated_setup
from edge.sources.demo import parse_demo
from edge.sources.simulator.events import A_DAY, ALL_KINDS, KNOCK_SHIFT, Course
from edge.sources.simulator.face import SIZE, drum_window
from edge.sources.simulator.flow import BASE, PULSES, Flow
from edge.sources.simulator.gears import Train
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.meter import FADE_S, SCREEN_S, SimulatedMeter

BY_NAME = {kind.name: kind for kind in KINDS}
CALM = frozenset[str]()
DAY_S = 86_400.0


def train(name: str, **changes) -> Train:
    """A counter without play, whose teeth take hold at 9 over a whole step."""
    kind = replace(BY_NAME[name], slack=0.0)
    count = kind.digits + kind.dials
    plain = {"engages_at": (9.0,) * count, "spans": (1.0,) * count, "askew": (0.0,) * kind.dials}
    return Train(kind, 0, **{**plain, **changes})


def test_there_are_ten_kinds_of_meter_each_with_a_name_of_its_own():
    assert len(KINDS) == len({kind.name for kind in KINDS}) == 10


@pytest.mark.parametrize(
    ("value", "places"),
    [
        (123.0, (0, 0, 1, 12, 123)),
        (128.9, (0, 0, 1, 12, 128.9)),  # the tooth has not taken hold
        (129.5, (0, 0, 1, 12.5, 129.5)),
        (130.0, (0, 0, 1, 13, 130)),
        (999.5, (0, 0.5, 9.5, 99.5, 999.5)),  # one takes the next along
        (99_999.75, (9.75, 99.75, 999.75, 9999.75, 99_999.75)),
    ],
)
def test_a_drum_is_taken_along_while_the_one_below_goes_from_nine_to_nought(value, places):
    assert train("water-5").places(value) == pytest.approx(places)


def test_a_tooth_that_takes_hold_early_and_briefly_ends_early():
    early = train("water-5", engages_at=(8.5,) * 5, spans=(0.5,) * 5)
    assert early.places(18.4)[-2:] == pytest.approx((1, 18.4))
    assert early.places(18.75)[-2:] == pytest.approx((1.5, 18.75))
    assert early.places(19.0)[-2:] == pytest.approx((2, 19))


def test_pointers_are_geared_all_the_way_and_the_drum_above_by_the_first_of_them():
    places = train("water-dials").places(453.0124)
    assert places[5:] == pytest.approx((4530.124, 45_301.24, 453_012.4, 4_530_124))
    assert places[:5] == pytest.approx((0, 0, 4, 45, 453))
    assert train("water-dials").places(453.95)[4] == pytest.approx(453.5)


def test_drums_that_jump_stand_at_digits_only():
    assert train("counter").places(129.9) == (0, 0, 0, 1, 12, 129)


@settings(max_examples=60, deadline=None)
@given(value=st.floats(0, 99_990), seed=st.integers(0, 50))
def test_a_drum_rests_within_its_play_and_never_turns_back_by_more(value, seed):
    own = Train.of(BY_NAME["power-drums"], seed)
    still = replace(own, kind=replace(own.kind, slack=0.0)).places(value)
    later = own.places(value + 0.03)
    slack = own.kind.slack
    for place, after, ideal in zip(own.places(value)[:-1], later[:-1], still[:-1], strict=True):
        assert abs(place - ideal) <= 2 * slack + 1  # what is below has play too, which may carry it a step more
        assert after >= place - 2 * slack - 1e-6
    assert own.places(value)[-1] == pytest.approx(value * 10)


@pytest.mark.parametrize("profile", sorted(PULSES))
def test_what_runs_through_a_meter_never_runs_back_and_no_faster_than_it_may(profile):
    kind = next(kind for kind in KINDS if kind.profile == profile)
    flow = Flow(profile, 3)
    times = np.arange(0, 3 * DAY_S, 60.0)
    amounts = np.array([flow.at(float(each)) for each in times])
    hourly = np.diff(amounts) * 60
    assert hourly.min() >= BASE[profile] - 1e-9
    assert amounts[-1] > 0
    assert hourly.max() <= kind.max_rate_per_hour


def test_a_value_is_the_same_whenever_it_is_asked_for():
    late_first, in_order = Flow("household water", 1), Flow("household water", 1)
    late = late_first.at(5.5 * DAY_S)
    assert [late_first.at(k * DAY_S) for k in range(6)] == [in_order.at(k * DAY_S) for k in range(6)]
    assert in_order.at(5.5 * DAY_S) == late


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_frame_is_that_of_its_seed_and_time_and_of_no_other(kind):
    one, same, other = (SimulatedMeter.of(kind, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.frame(5000.0), same.frame(5000.0))
    assert not np.array_equal(one.frame(5000.0), other.frame(5000.0))
    assert not np.array_equal(one.frame(5000.0), one.frame(5060.0))
    assert (one.frame(5000.0).shape, one.frame(5000.0).dtype) == ((480, 640), np.uint8)


def test_the_register_starts_again_at_its_top():
    meter = SimulatedMeter.of(BY_NAME["counter"], 1, 999_990.0, CALM)
    shown = [meter.shown(3600.0 * hour) for hour in range(24)]
    assert shown[0] == 999_990.0
    assert shown[-1] < 20_000.0


@pytest.mark.parametrize(("name", "sign"), [("gas-8", -1), ("gas-backward", 1)])
def test_a_drum_on_its_way_moves_its_digit_up_or_where_it_is_backward_down(name, sign):
    face = SimulatedMeter.of(BY_NAME[name], 1, 5.0, CALM).face
    still, later = (drum_window(face, len(face.digits) - 1, place) for place in (5.0, 5.2))
    height = len(still)
    fits = {}
    for shift in range(-height // 3, height // 3):
        rows = slice(height // 3, -height // 3)
        fits[shift] = float(np.abs(np.roll(still, shift, axis=0)[rows].astype(int) - later[rows]).mean())
    assert min(fits, key=lambda shift: fits[shift]) == pytest.approx(sign * 0.2 * 0.8 * height, abs=2)


def test_a_display_shows_its_screens_in_turn_and_says_when_it_shows_the_register():
    meter = SimulatedMeter.of(BY_NAME["power-screens"], 1, happens=CALM)
    assert [meter.is_shown(SCREEN_S * (k + 0.5)) for k in range(6)] == [True, False, False] * 2
    assert not meter.is_shown(3 * SCREEN_S + FADE_S / 2)
    first, second = (meter.scene(SCREEN_S * (k + 0.5)) for k in range(2))
    assert not np.array_equal(first, second)
    assert SimulatedMeter.of(BY_NAME["power-lcd"], 1).is_shown(SCREEN_S * 1.5)


def test_without_disturbances_frames_differ_from_the_reference_by_noise_alone():
    meter = SimulatedMeter.of(BY_NAME["water-5"], 1, happens=CALM)
    apart = cv2.absdiff(meter.frame(10.0), cv2.cvtColor(meter.reference(), cv2.COLOR_BGR2GRAY))
    assert np.percentile(apart, 99) < 25
    assert not any(meter.is_lost(60.0 * k) for k in range(1440))


def lasting(kind: str) -> tuple[SimulatedMeter, float]:
    """A meter to which nothing but one thing happens, and a moment at which it does."""
    for seed in range(40):
        meter = SimulatedMeter.of(BY_NAME["water-5"], seed, happens=frozenset({kind}))
        found = [60.0 * k for k in range(2880) if meter.course.events(60.0 * k)]
        if found:
            return meter, found[len(found) // 2]
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["glare", "fog", "lamp out", "hand", "defocused"])
def test_what_happens_before_the_camera_is_seen(kind):
    meter, time_s = lasting(kind)
    calm = SimulatedMeter.of(BY_NAME["water-5"], 0, happens=CALM)
    calm = replace(calm, seed=meter.seed, face=meter.face, lights=meter.lights, flow=meter.flow, train=meter.train)
    calm = replace(calm, start=meter.start)
    apart = cv2.absdiff(meter.frame(time_s), calm.frame(time_s)).astype(np.float32)
    least = {"glare": 0.5, "fog": 0.5}.get(kind, 3.0)
    assert apart.mean() > least


def test_a_frozen_camera_gives_the_same_bytes_again():
    meter, time_s = lasting("frozen")
    event = meter.course.events(time_s)[0]
    times = [event.start_s + 1, event.start_s + 100]
    assert np.array_equal(meter.frame(times[0]), meter.frame(times[1]))


def test_a_knock_moves_the_picture_for_good_and_leaves_all_windows_in_view():
    course = Course(5, frozenset({"knock"}), SimulatedMeter.of(BY_NAME["water-8"], 5).course.windows)
    days = range(40)
    counts = [course.knocks(day * DAY_S) for day in days]
    assert 40 * A_DAY["knock"][0] / 3 < counts[-1] < 40 * A_DAY["knock"][0] * 3
    assert counts == sorted(counts)
    views = [course.view(day * DAY_S) for day in days]
    moved = {view.tobytes() for view in views}
    assert len(moved) == len(set(counts))
    for view in views:
        corners = mapped(np.array(course.windows), view)
        assert (corners >= 0).all()
        assert (corners <= SIZE).all()
    shifts = [np.abs(mapped(np.array([(320.0, 240.0)]), view)[0] - (320, 240)) / SIZE for view in views]
    assert 0.05 < np.max(shifts) <= KNOCK_SHIFT + 0.02


def test_single_frames_are_lost_or_torn_about_as_often_as_they_should():
    course = Course(1, frozenset({"fault"}), ())
    found = [course.fault(60.0 * k) for k in range(20_000)]
    assert 8 <= found.count("lost") <= 40
    assert 2 <= found.count("torn aside") <= 25
    assert Course(1, CALM, ()).fault(0.0) is None


def test_an_outage_gives_no_frames_and_a_new_start_of_the_machine():
    uri = "demo:?meter=water-5&seed=3&frames=2880"
    with open_source(uri) as source:
        course = source.meter.course
        out = [k for k in range(60 * 1440) if any(e.kind == "outage" for e in course.events(60.0 * k))]
        assert out
        first, last = out[0], next(k for k in range(out[0], out[0] + 60) if k not in out)
        assert source.frame_at(first, 60.0 * first) is None
        before, after = source.frame_at(first - 1, 60.0 * (first - 1)), source.frame_at(last, 60.0 * last)
        assert before.boot != after.boot


def test_the_source_gives_time_and_truth_of_each_frame():
    with open_source("demo:?meter=water-8&seed=1&frames=3&every=30&start=7&without=all") as source:
        frames = list(source)
    assert [frame.monotonic_s for frame in frames] == [0.0, 30.0, 60.0]
    assert frames[1].timestamp_s - frames[0].timestamp_s == 30.0
    assert [(frame.truth[0].name, frame.truth[0].is_shown) for frame in frames] == [("meter", True)] * 3
    assert 7.0 <= frames[0].truth[0].value <= frames[2].truth[0].value < 7.1
    assert all(frame.colour is None for frame in frames)
    with open_source("demo:?meter=water-dials&frames=1", SourceSettings(with_colour=True)) as source:
        (frame,) = source
    assert frame.colour.shape == (240, 320, 3)
    red = frame.colour[..., 2].astype(int) - frame.colour[..., 1]
    assert (red > 45).sum() > 100


def test_days_make_frames_and_a_meter_without_an_end_is_live():
    assert parse_demo("demo:?meter=gas-8&days=2&every=30").count == 5760
    assert parse_demo("demo:?meter=gas-8&days=2&frames=100").count == 100
    assert (is_live_uri("demo:?meter=gas-8"), is_live_uri("demo:?meter=gas-8&days=1")) == (True, False)
    assert [keeps_time(uri) for uri in ("demo:?meter=gas-8&days=1", "demo:", "demo:?frames=3")] == [True, True, False]


def test_a_live_meter_gives_frames_until_it_is_closed():
    with open_source("demo:?meter=water-5", SourceSettings(fps=50.0)) as source:
        start = time.monotonic()
        frames = [source.poll(5.0) for _ in range(3)]
        assert all(frame is not None for frame in frames)
        assert frames[0].index < frames[1].index < frames[2].index
        assert abs(frames[0].monotonic_s - start) < 5


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("demo:?meter=water8", "did you mean water-8?"),
        ("demo:?meter=", "known are water-5, water-8"),
        ("demo:?days=3", "it goes with meter=, one of water-5"),
        ("demo:?meter=water-8&days=0", "days must be at least 1"),
        ("demo:?meter=water-8&every=0", "every must be at least 1"),
        ("demo:?meter=water-8&day=1", "did you mean days?"),
        ("demo:?meter=water-8&days=1.5", "must be a whole number"),
        ("demo:?meter=water-8&seed=-1", "must be a whole number"),
        ("demo:?meter=water-8&days=99999999999999", "must be a whole number"),
        ("demo:?meter=water-8&without=rain", "without has no 'rain'; known are"),
        ("demo:?meter=water-8&without=glar,fog", "did you mean glare?"),
    ],
)
def test_a_mistake_in_the_address_is_one_line_that_helps(uri, message):
    with pytest.raises(SourceError, match=message.replace("?", r"\?").replace("+", r"\+")) as caught:
        open_source(uri)
    assert "\n" not in str(caught.value)


def test_a_simulated_frame_has_one_size():
    with pytest.raises(SourceError, match="640 x 480; leave size out"):
        open_source("demo:?meter=water-8&days=1", SourceSettings(size=(320, 240)))


def test_without_names_what_does_not_happen():
    assert parse_demo("demo:?meter=water-5&without=lamp-out,fog").without == ("fog", "lamp out")
    assert set(parse_demo("demo:?meter=water-5&without=all").without) == ALL_KINDS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_comes_with_a_configuration_whose_boxes_lie_on_its_windows(kind):
    uri = f"demo:?meter={kind.name}&days=1"
    own = simulated_setup(uri)
    (field,) = own.config.field
    assert (field.kind, field.decimals, field.unit) == (kind.counter, kind.decimals, kind.unit)
    assert (len(field.digits), len(field.dials)) == (kind.digits, kind.dials)
    assert field.max_rate_per_hour == kind.max_rate_per_hour
    assert own.config.source.uri == uri
    assert own.reference.shape == (480, 640)
    x, y, width, height = field.digits[-1]
    window = own.reference[y : y + height, x : x + width]
    assert np.ptp(window.astype(int)) > 60
    assert simulated_setup("demo:?frames=3") is None
