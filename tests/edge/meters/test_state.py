"""The state is the one before or the one after, whatever happens, and a file that is neither is said."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import atomic
from edge.errors import OutputError
from edge.meters.overtime import Candidate, Evidence, History, Meter, Moment, step
from edge.meters.state import Restored, State, read_state, write_state

WATER = Meter(top=100_000.0, resolution=0.001, max_rate_per_hour=2.5, slack=0.001)


def history_of(*values):
    """What a meter that read so, a reading a minute, leaves."""
    history = History()
    for index, value in enumerate(values):
        moment = Moment(1.7e9 + 60 * index, 60.0 * index, "1f0c")
        history, _ = step(history, Evidence(str(value), moment, (Candidate(value, 0.9999),)), WATER)
    return history


BEFORE = State({"water": history_of(452.1, 452.1, 452.101)})
AFTER = State({"water": history_of(452.1, 452.1, 452.102), "heat m³": history_of(7.0, 3.3, 7.0)})


class PowerCut(BaseException):
    """Nothing after it runs."""


def test_a_state_is_read_back_as_it_was(tmp_path):
    path = tmp_path / "state.json"
    write_state(path, AFTER)
    assert read_state(path) == Restored(AFTER)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 99_999.0), max_size=12), st.text(max_size=5))
def test_any_history_is_read_back_to_the_last_bit(tmp_path_factory, values, name):
    path = tmp_path_factory.mktemp("state") / "state.json"
    write_state(path, State({name: history_of(*values)}))
    assert read_state(path).state.histories == {name: history_of(*values)}


def test_without_a_file_the_start_is_from_nothing_and_nothing_is_said(tmp_path):
    assert read_state(tmp_path / "state.json") == Restored(State())


def test_a_file_cut_off_at_any_byte_is_said_and_set_aside(tmp_path):
    path = tmp_path / "state.json"
    write_state(path, BEFORE)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:length])
        restored = read_state(path)
        assert restored.state == State()
        assert "set aside as state.json.unreadable; starts from nothing" in restored.remark
        assert "\n" not in restored.remark
        assert (tmp_path / "state.json.unreadable").read_bytes() == whole[:length]
        assert not path.exists()


def test_a_file_with_any_byte_altered_is_the_same_state_or_refused(tmp_path):
    path = tmp_path / "state.json"
    write_state(path, BEFORE)
    whole = path.read_bytes()
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        at = rng.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :])
        restored = read_state(path)
        assert restored.state in (BEFORE, State())
        assert (restored.remark is None) == (restored.state == BEFORE)
        refused += restored.remark is not None
    assert refused > 200


def test_another_version_is_named(tmp_path):
    path = tmp_path / "state.json"
    write_state(path, BEFORE)
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "schema_version": 0}))
    assert "is of version 0, this program writes 1; set aside as" in read_state(path).remark


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"histories": 3}', "[" * 100_000, "\0\0\0", "\ufeff{}"])
def test_what_is_no_state_is_said(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    restored = read_state(path)
    assert restored.state == State()
    assert str(path) in restored.remark


def test_a_state_made_by_hand_is_checked_beyond_its_checksum(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    write_state(path, BEFORE)
    record = json.loads(path.read_text())
    record["histories"]["water"]["tracks"][0]["weight"] = "much"
    monkeypatch.setattr("edge.meters.state._checksum", lambda _: record["sha256"])
    path.write_text(json.dumps(record))
    assert (
        "holds what makes no sense (water.tracks.0.weight: Input should be a valid number)" in read_state(path).remark
    )


def test_a_file_that_may_not_be_read_is_said_and_left(tmp_path):
    (tmp_path / "state.json").mkdir()
    restored = read_state(tmp_path / "state.json")
    assert "cannot be read (Is a directory); starts from nothing" in restored.remark


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["pathlib.Path.write_bytes", "edge.atomic.os.fsync", "pathlib.Path.replace"])
def test_a_disk_that_refuses_leaves_the_state_before(tmp_path, monkeypatch, call, number):
    path = tmp_path / "state.json"
    write_state(path, BEFORE)

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(call, refuse)
        with pytest.raises(OutputError, match=r"state\.json: cannot be written"):
            write_state(path, AFTER)
    assert read_state(path) == Restored(BEFORE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def calls_of_a_write(monkeypatch, path, cut_at):
    """The calls that a write makes to the disk, in order; the power is cut at number `cut_at`, before or half-way."""
    made = []
    write_bytes, fsync, rename = Path.write_bytes, os.fsync, Path.replace

    def counted(name, call, half):
        def wrapper(*arguments):
            if len(made) == cut_at:
                half(*arguments)
                raise PowerCut
            made.append(name)
            return call(*arguments)

        return wrapper

    with monkeypatch.context() as patch:
        half_written = lambda path, data: write_bytes(path, data[: len(data) // 2])  # noqa: E731
        patch.setattr(Path, "write_bytes", counted("write", write_bytes, half_written))
        patch.setattr(os, "fsync", counted("flush", fsync, lambda _: None))
        patch.setattr(Path, "replace", counted("rename", rename, lambda *_: None))
        patch.setattr(Path, "unlink", lambda *_: None)  # without power nobody tidies up
        try:
            write_state(path, AFTER)
        except PowerCut:
            made.append("cut")
    return made


def test_the_file_is_on_the_disk_before_the_rename_and_the_folder_after_it(tmp_path, monkeypatch):
    assert calls_of_a_write(monkeypatch, tmp_path / "state.json", None) == ["write", "flush", "rename", "flush"]


@pytest.mark.parametrize(("cut_at", "expected"), [(0, BEFORE), (1, BEFORE), (2, BEFORE), (3, AFTER)])
def test_a_power_cut_at_any_call_leaves_the_state_before_or_after(tmp_path, monkeypatch, cut_at, expected):
    path = tmp_path / "state.json"
    write_state(path, BEFORE)
    assert calls_of_a_write(monkeypatch, path, cut_at)[-1] == "cut"
    assert read_state(path) == Restored(expected)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"], "what was left beside it is swept away"


def test_another_file_beside_it_is_not_swept_away(tmp_path):
    (tmp_path / ".state-notes.json").write_text("mine")
    (tmp_path / ".other-01234567.json").write_text("mine")
    read_state(tmp_path / "state.json")
    assert len(list(tmp_path.iterdir())) == 2


WRITER = """
import sys
import time
from edge.meters.overtime import Accepted, History, Moment
from edge.meters.state import State, write_state
for number in range(10**9):
    accepted = Accepted(float(number), float(number), Moment(0.0, 0.0), 0.0)
    write_state(sys.argv[1], State({"water": History(accepted)}))
    print(number, flush=True)
"""


def test_a_writer_killed_at_random_instants_leaves_its_last_state_or_the_next(tmp_path):
    path = tmp_path / "state.json"
    rng = random.Random(1)
    environment = {**os.environ, "PYTHONPATH": str(Path(atomic.__file__).parents[1])}
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as writer:
            said = [writer.stdout.readline() for _ in range(rng.randrange(1, 40))]
            time.sleep(rng.random() * 0.01)
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.readlines()
        last = int([line for line in said if line.endswith("\n")][-1])
        restored = read_state(path)
        assert restored.remark is None
        assert restored.state.histories["water"].accepted.value in (last, last + 1)
