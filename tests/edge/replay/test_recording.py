"""Recordings: frames come back to the bit, a power cut costs one frame, and a damaged file is one line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edge.errors import OutputError, SourceError
from edge.nouns import Frame, Truth
from edge.replay.command import _as_recorded
from edge.replay.recording import (
    CONFIGURATION,
    FRAMES,
    INDEX,
    REFERENCE,
    TRUTH,
    Recorder,
    marker_file,
    read_entries,
    read_truth,
    recorded,
    recorded_frames,
    write_setup,
)

RNG = np.random.default_rng(1)


def frame(index: int, colour: bool = False, **keys) -> Frame:
    gray = RNG.integers(0, 256, (48, 64)).astype(np.uint8)
    planes = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8) if colour else None
    return Frame(gray, "camera", index, 1000.0 + index, 5.0 + index, colour=planes, **keys)


def test_frames_come_back_to_the_bit_with_all_that_is_known_of_them(tmp_path):
    truth = (Truth("water", 452.5), Truth("gas", 1.0, is_shown=False))
    frames = [frame(0), frame(1, colour=True, truth=truth), frame(2, is_time_sure=False, boot="later")]
    recorder = Recorder(tmp_path, "first")
    for each in frames:
        recorder.keep(each)
        recorder.end_burst()
    entries = read_entries(tmp_path)
    assert [entry.burst for entry in entries] == [0, 1, 2]
    back = list(recorded_frames(tmp_path, entries))
    for own, found in zip(frames, back, strict=True):
        assert np.array_equal(own.gray, found.gray)
        assert (own.timestamp_s, own.monotonic_s) == (found.timestamp_s, found.monotonic_s)
        assert (own.is_time_sure, own.truth) == (found.is_time_sure, found.truth)
    assert [each.boot for each in back] == ["first", "first", "later"]
    assert np.array_equal(back[1].colour, frames[1].colour)
    assert back[0].colour is None


def test_a_recording_goes_on_after_a_power_cut_that_left_half_a_line_and_half_a_frame(tmp_path):
    first = Recorder(tmp_path, "first")
    for index in range(3):
        first.keep(frame(index))
        first.end_burst()
    with (tmp_path / INDEX).open("a") as file:
        file.write('{"file": "00000')
    (tmp_path / FRAMES / "0000003.png").write_bytes(b"half")
    last = frame(3)
    again = Recorder(tmp_path, "second")
    again.keep(last)
    entries = read_entries(tmp_path)
    assert [(entry.file, entry.burst) for entry in entries] == [(f"000000{k}.png", k) for k in range(4)]
    assert np.array_equal(list(recorded_frames(tmp_path, entries))[-1].gray, last.gray)


def test_a_recording_ends_at_its_most_and_says_so_once(tmp_path):
    said: list[str] = []
    recorder = Recorder(tmp_path, "boot", said.append, most_bytes=8000)
    for index in range(6):
        recorder.keep(frame(index))
    assert 1 <= len(read_entries(tmp_path)) < 6
    assert len(said) == 1
    assert "the recording has ended" in said[0]


def test_frames_of_one_burst_share_its_number(tmp_path):
    recorder = Recorder(tmp_path, "boot")
    read, combine = recorded(recorder, lambda each: [each.index], lambda burst: burst[-1], in_bursts=True)
    for start in (0, 2):
        assert combine([read(frame(start)), read(frame(start + 1))]) == [start + 1]
    assert [entry.burst for entry in read_entries(tmp_path)] == [0, 0, 1, 1]
    single = Recorder(tmp_path / "single", "boot")
    read, _ = recorded(single, lambda each: [each.index], lambda burst: burst[-1], in_bursts=False)
    assert [read(frame(k)) for k in range(2)] == [[0], [1]]
    assert [entry.burst for entry in read_entries(tmp_path / "single")] == [0, 1]


def test_what_somebody_saw_overrides_and_is_found_by_the_frame(tmp_path):
    recorder = Recorder(tmp_path, "boot")
    for index in range(2):
        recorder.keep(frame(index, truth=(Truth("water", 1.0),)))
    (tmp_path / TRUTH).write_text("frame,field,value\n0000001.png,water,453.25\n")
    values = [each.truth[0].value for each in recorded_frames(tmp_path, read_entries(tmp_path))]
    assert values == [1.0, 453.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,value\na,1\n", "has the columns name, value; expected frame,field,value"),
        ("frame,field,value\na,water,many\n", "line 2: 'many' is no number"),
        ("frame,field,value\na,water,nan\n", "'nan' is no number"),
    ],
)
def test_a_truth_that_is_none_is_one_line(tmp_path, text, message):
    (tmp_path / TRUTH).write_text(text)
    with pytest.raises(SourceError, match=message):
        read_truth(tmp_path / TRUTH)


@pytest.mark.parametrize(
    "line", ["no json", "{}", '{"file": "../../etc/passwd"}', "[1]", json.dumps({"file": "a.png", "time": "later"})]
)
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / INDEX).write_text(f"{line}\n")
    with pytest.raises(SourceError, match="line 1: is no entry"):
        read_entries(tmp_path)


def test_another_configuration_needs_another_folder(tmp_path):
    write_setup(tmp_path, "[source]\n", {})
    write_setup(tmp_path, "[source]\n", {})
    assert (tmp_path / CONFIGURATION).read_text() == "[source]\n"
    with pytest.raises(OutputError, match="a recording of another configuration"):
        write_setup(tmp_path, "[source]\nfps = 2\n", {})
    with pytest.raises(OutputError, match="a recording of another configuration"):
        write_setup(tmp_path, "[source]\n", {REFERENCE: b"png"})


def test_the_pictures_of_a_recordings_configuration_lie_beside_it(tmp_path):
    text = """[reference]
image = "mine.png"

[[field]]
name = "day"
marker_image = "day.png"

[[field]]
name = "gas"

[[field]]
name = "night"
  marker_image = "../night.png"  # another folder
"""
    kept = _as_recorded(text)
    assert [line for line in kept.splitlines() if "marker" in line] == [
        'marker_image = "marker-1.png"',
        'marker_image = "marker-2.png"',
    ]
    pictures = {REFERENCE: b"face", marker_file(1): b"day", marker_file(2): b"night"}
    for _ in range(2):
        write_setup(tmp_path, kept, pictures)
    assert {name: (tmp_path / name).read_bytes() for name in pictures} == pictures
    with pytest.raises(OutputError, match="a recording of another configuration"):
        write_setup(tmp_path, kept, pictures | {marker_file(2): b"noon"})


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Recorder(tmp_path / "file" / "deeper", "boot")


def test_a_recordings_configuration_has_no_outputs_and_names_its_own_picture():
    text = """[source]
uri = "camera"

[mqtt]
host = "broker"
password = "secret"

[reference]
image = "../meter.jpg"  # mine
min_score = 0.5

[[field]]
name = "water"
image = "not this"

[webhook]
url = "http://host/"
"""
    kept = _as_recorded(text)
    assert "secret" not in kept
    assert "webhook" not in kept
    assert 'image = "reference.png"' in kept
    assert 'image = "not this"' in kept
    assert ("min_score = 0.5" in kept, 'uri = "camera"' in kept) == (True, True)
