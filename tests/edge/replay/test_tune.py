"""What is learnt from recorded frames, and how a configuration's text is changed by it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.config import parse_config
from edge.errors import ConfigError
from edge.fields import open_fields
from edge.meters.cell import normalize_cell
from edge.meters.drums import position_of, seeming_tenths
from edge.replay.learn import (
    MIN_FRAMES,
    Seen,
    decimals_of,
    drum_order,
    hang_of,
    is_backward,
    is_jumping,
    learn,
    mirrored,
    observe,
    slack_of,
)
from edge.replay.tune import Proposal, take, with_keys
from edge.schema import FieldTable
from edge.sources import simulated_setup
from edge.sources.simulator.face import drum_window
from edge.sources.simulator.gears import Train
from edge.sources.simulator.kinds import KINDS
from edge.sources.simulator.meter import SimulatedMeter
from tests.edge.test_cli import ROOT

BY_NAME = {kind.name: kind for kind in KINDS}
BOXES = [(10 * k, 0, 8, 12) for k in range(7)]


def seen_of(
    name: str, steps: float, count: int = 400, seed: int = 1, start: float = 184.0, noise: float = 0.03, **changes
):
    """Positions of the drums of a counter that turns evenly, by so many steps of its lowest drum a frame."""
    kind = replace(BY_NAME[name], **changes)
    train = Train.of(kind, seed)
    values = start + steps * kind.resolution * np.arange(count)
    places = np.array([train.places(float(value)) for value in values]) % 10
    return (places + np.random.default_rng(seed).normal(0, noise, places.shape)) % 10


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5, 6), (6, 5, 4, 3, 2, 1, 0)])
def test_the_order_of_drums_is_learnt_from_how_fast_they_turn(order):
    positions = seen_of("power-drums", 0.9, 3000)[:, list(order)]
    assert drum_order(positions) == order


def test_two_drums_that_were_exchanged_are_found():
    positions = seen_of("power-drums", 0.9, 3000)[:, [0, 1, 2, 3, 4, 6, 5]]
    assert drum_order(positions) == (0, 1, 2, 3, 4, 6, 5)


def test_of_a_meter_that_stands_no_order_is_learnt():
    assert drum_order(seen_of("power-drums", 0.0)) is None
    assert drum_order(seen_of("power-drums", 0.05, 60)) is None


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_direction_is_learnt_from_small_steps(backward, seed):
    positions = seen_of("gas-8", 0.27, seed=seed)
    assert is_backward(mirrored(positions) if backward else positions) is backward


@pytest.mark.parametrize("backward", [False, True])
def test_of_drums_that_turn_too_far_between_two_frames_the_direction_is_learnt_from_what_carries_them(backward):
    positions = seen_of("gas-8", 7.3, 300)
    assert is_backward(mirrored(positions) if backward else positions) is backward


def test_half_way_and_beside_it_a_drum_is_turned_round_as_the_decoder_does():
    positions = np.array([0.0, 0.3, 4.4, 4.9, 9.8, np.nan])
    np.testing.assert_allclose(mirrored(positions), [0.0, 9.7, 3.6, 5.1, 0.2, np.nan])
    tenths = np.arange(100)
    np.testing.assert_allclose(mirrored(tenths / 10), seeming_tenths(tenths) / 10)


def test_the_direction_of_drums_is_learnt_from_what_the_shipped_network_says_of_them():
    setup = simulated_setup("demo:?meter=gas-backward&seed=8&frames=1")
    (meter,) = open_fields(setup.config, ROOT / "models", picture=setup.reference).meters.values()
    face, places = SimulatedMeter.of(BY_NAME["gas-backward"], 8).face, 0.1 * np.arange(120)
    windows = [normalize_cell(drum_window(face, number, place)) for place in places for number in (5, 6)]
    scores = meter.classifier.predict(windows)
    positions = np.array([position_of(each.positions) for each in scores]).reshape(-1, 2)
    forward = FieldTable(name="a", kind="drum", digits=BOXES[:2])
    assert learn(Seen(forward, positions[::2]), None).keys["backward"] is True


def test_noise_alone_tells_no_direction_and_no_slack():
    still = seen_of("gas-8", 0.0, noise=0.1)
    assert is_backward(still) is None
    assert slack_of(still[:, -3:], backward=False) is None


def test_a_counter_that_jumps_is_told_from_one_that_rolls():
    assert is_jumping(seen_of("counter", 1.0, 60)) is True
    assert is_jumping(seen_of("gas-8", 0.9, 60)) is False
    assert is_jumping(seen_of("counter", 0.0, 60)) is None


@pytest.mark.parametrize("slack", [0.05, 0.15, 0.3])
def test_the_slack_is_learnt_from_where_drums_rest(slack):
    found = [slack_of(seen_of("power-drums", 3.1, 2000, seed, slack=slack), backward=False) for seed in range(8)]
    assert np.mean(found) == pytest.approx(slack / 3**0.5, abs=0.03)  # it rests anywhere within its slack


def hanging(positions: np.ndarray, hang: float, seed: int = 1) -> np.ndarray:
    """The positions with all drums but the lowest behind, another way after each carry."""
    rng, hung = np.random.default_rng(seed), positions.copy()
    for drum in range(positions.shape[1] - 1):
        carries = np.cumsum(np.diff(positions[:, drum + 1], prepend=positions[0, drum + 1]) < -5)
        hung[:, drum] -= rng.uniform(0, hang, carries[-1] + 1)[carries]
    return hung % 10


@pytest.mark.parametrize("hang", [0.3, 0.6, 0.85])
@pytest.mark.parametrize("backward", [False, True])
def test_how_far_drums_hang_is_learnt_from_where_they_rest(hang, backward):
    still = [seen_of("power-drums", 3.1, 2000, seed, slack=0.05) for seed in range(6)]
    assert [hang_of(each, backward=False) for each in still] == [0.0] * 6
    hung = [hanging(each, hang, seed) for seed, each in enumerate(still)]
    found = [hang_of(mirrored(each) if backward else each, backward=backward) for each in hung]
    assert found == pytest.approx([hang] * 6, abs=0.15)
    slacks = [slack_of(each, backward=False, hang=hang) for each in hung]
    assert np.mean(slacks) == pytest.approx(0.05, abs=0.06)


def test_of_a_meter_that_stands_no_hang_is_learnt():
    assert hang_of(seen_of("power-drums", 0.0), backward=False) is None


def test_hanging_drums_are_proposed_with_their_reason():
    table = FieldTable(name="a", kind="drum", digits=BOXES, slack=0.05)
    found = learn(Seen(table, hanging(seen_of("power-drums", 0.31, 3000, slack=0.05), 0.5)), None)
    assert found.keys["hang"] == pytest.approx(0.5, abs=0.15)
    assert "drums stay behind their digits by up to" in found.reasons[-1]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.dials], ids=lambda kind: kind.name)
def test_red_drums_and_the_point_of_a_display_tell_the_decimals(kind):
    meter = SimulatedMeter.of(kind, 1)
    table = FieldTable(name="a", kind=kind.counter, digits=list(meter.face.digits))
    assert decimals_of(table, meter.reference()) == (kind.decimals or None)


def test_a_gray_picture_tells_no_decimals_of_drums():
    meter = SimulatedMeter.of(BY_NAME["water-8"], 1)
    gray = cv2.cvtColor(cv2.cvtColor(meter.reference(), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert decimals_of(FieldTable(name="a", kind="drum", digits=list(meter.face.digits)), gray) is None


def test_what_is_as_it_should_be_is_left_alone_and_what_is_not_is_proposed_with_its_reason():
    right = FieldTable(name="a", kind="drum", digits=BOXES, slack=0.09)
    positions = seen_of("power-drums", 0.31, 3000)
    assert learn(Seen(right, positions), None).keys == {}
    wrong = FieldTable(name="a", kind="drum", digits=BOXES[::-1], backward=True, jumps=True, slack=0.3)
    found = learn(Seen(wrong, positions[:, ::-1]), None)
    assert found.keys["digits"] == [tuple(box) for box in BOXES]
    assert (found.keys["backward"], found.keys["jumps"]) == (False, False)
    assert found.keys["slack"] == pytest.approx(0.09, abs=0.04)
    assert len(found.reasons) == 4


TEXT = """# mine
[source]
uri = "demo:"

[[field]]
name = "first"  # [[field]] in a remark
kind = "drum"
digits = [
  [1, 2, 3, 4],
  [5, 6, 7, 8],
]
decimals = 0   # none

[[field]]
name = "second"
kind = "lcd"
digits = [[1, 2, 3, 4]]

[run]
every = "1m"
"""


def test_keys_are_set_in_their_field_and_all_else_stays():
    text = with_keys(TEXT, 0, {"digits": [(5, 6, 7, 8), (1, 2, 3, 4)], "decimals": 1, "backward": True})
    before, after = TEXT.splitlines(), text.splitlines()
    assert [line for line in after if line not in before] == [
        "digits = [[5, 6, 7, 8], [1, 2, 3, 4]]",
        "decimals = 1   # none",
        "backward = true",
    ]
    config = parse_config(text)
    assert (config.field[0].decimals, config.field[0].backward) == (1, True)
    assert config.field[1] == parse_config(TEXT).field[1]
    assert config.run == parse_config(TEXT).run
    second = parse_config(with_keys(TEXT, 1, {"slack": 0.2}))
    assert (second.field[0], second.field[1].slack) == (parse_config(TEXT).field[0], 0.2)


def test_a_file_that_was_changed_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(TEXT)
    proposal = Proposal(TEXT, with_keys(TEXT, 0, {"decimals": 1}), ())
    assert "+decimals = 1   # none" in proposal.lines
    take(proposal, path)
    assert path.read_text() == proposal.after
    with pytest.raises(ConfigError, match="was changed meanwhile"):
        take(proposal, path)


def test_too_few_frames_are_one_line():
    from edge.fields import FieldReader
    from edge.forms.form import BoxField

    table = FieldTable(name="a", kind="drum", digits=BOXES)
    reader = FieldReader((BoxField.of(table, None),), {}, {"meter": None})
    with pytest.raises(ConfigError, match=f"only 0 of the frames can be read; a tune needs {MIN_FRAMES}"):
        observe([], reader)
    with pytest.raises(ConfigError, match="no field is a meter's"):
        observe([], FieldReader((), {}, {}))


def test_a_spoilt_configuration_is_mended_by_a_recording_and_written_only_when_asked(tmp_path):
    def call(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=200)

    source = "demo:?meter=gas-8&seed=1&without=all&every=20&frames=150"
    assert call("run", "--source", source, "--record", tmp_path / "rec").returncode == 0
    path = tmp_path / "rec" / "readout.toml"
    right = path.read_text()
    table = parse_config(right).field[0]
    reverse = [list(box) for box in table.digits[::-1]]
    spoilt = with_keys(right, 0, {"digits": reverse, "decimals": 0})
    path.write_text(spoilt)
    shown = call("tune", tmp_path / "rec")
    assert shown.returncode == 0, shown.stderr
    assert "+decimals = 3" in shown.stdout
    assert path.read_text() == spoilt
    assert "not changed; add --write" in shown.stderr
    taken = call("tune", tmp_path / "rec", "--write")
    assert taken.returncode == 0, taken.stderr
    found = parse_config(path.read_text()).field[0]
    assert (found.decimals, found.digits) == (3, table.digits)
