"""What happens when a camera is lost, hangs, freezes or gives half frames: noticed, said once, opened again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest

from edge.errors import SourceError, UnusableSourceError
from edge.nouns import Frame
from edge.sources import Backoff, LiveSource, SourceSettings, open_source
from edge.sources.base import Pace, Source, is_half
from edge.sources.live import MAX_HUNG
from tests.sources.cameras import http_camera, picture, put, rtsp_camera, rtsp_lack, wait_until

AT_ONCE = Backoff(first_s=0.01, longest_s=0.02)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (48, 64), dtype=np.uint8)


class Device(Source):
    """A camera that plays a script: a level is a frame, an exception a fault, a callable is called first."""

    is_live = True
    runs_ahead = True

    def __init__(self, script: list[object], settings: SourceSettings) -> None:
        super().__init__(settings)
        self.script = script
        self.is_closed = False

    def __iter__(self) -> Iterator[Frame]:
        for index, step in enumerate(self.script):
            if isinstance(step, Exception):
                raise step
            if callable(step):
                step()
            else:
                time.sleep(0.002)
                yield self.frame(noise(step), "fake", index)
        self.pause(60)

    def close(self) -> None:
        self.is_closed = True


class Player:
    """Opens a device a script; the last script is played for ever."""

    def __init__(self, *scripts: list[object] | Exception) -> None:
        self.scripts = list(scripts)
        self.opened: list[Device] = []

    def __call__(self) -> Device:
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if isinstance(script, Exception):
            raise script
        self.opened.append(Device(script, SourceSettings()))
        return self.opened[-1]


def live(opener: Callable[[], Source], **settings: object) -> tuple[LiveSource, list[str]]:
    notes: list[str] = []
    asked = {"recovery": AT_ONCE, "timeout_s": 5.0, "on_note": notes.append, **settings}
    return LiveSource("fake", opener, SourceSettings(**asked)), notes


LOST = SourceError("fake: the camera stopped giving frames; check its cable")
FRAMES = list(range(10_000))


def test_a_lost_camera_is_said_once_opened_again_and_said_to_be_back():
    player = Player([1, LOST], LOST, LOST, FRAMES)
    source, notes = live(player)
    with source:
        frames = [source.poll(5.0) for _ in range(3)]
    assert all(frames)
    assert notes[0] == f"{LOST}; it is opened again until it works"
    assert notes[1].startswith("fake: frames again after 0.")
    assert notes[1].endswith("s and 3 attempts")
    assert len(notes) == 2
    assert all(device.is_closed for device in player.opened)


def test_a_camera_that_is_not_there_yet_is_waited_for():
    source, notes = live(Player(LOST, LOST, FRAMES))
    with source:
        assert source.poll(5.0) is not None
    assert len(notes) == 2


def test_without_recovery_a_lost_camera_is_an_error():
    source, notes = live(Player([1, LOST], FRAMES), recovery=None)
    with source, pytest.raises(SourceError, match="stopped giving frames"):
        list(islice(source, 3))
    assert notes == []


def test_what_no_opening_mends_is_an_error_at_once():
    source, notes = live(Player(UnusableSourceError("fake: no such control")))
    with source, pytest.raises(UnusableSourceError, match="no such control"):
        source.poll(5.0)
    assert notes == []


def test_a_hung_camera_is_left_behind_and_opened_again():
    hang = threading.Event()
    source, notes = live(Player([1, hang.wait], FRAMES), timeout_s=0.05, max_age_s=5.0)
    with pytest.MonkeyPatch.context() as patch, source:
        patch.setattr("edge.sources.live.GRACE_S", 0.0)
        patch.setattr("edge.sources.live.CLOSE_TIMEOUT_S", 0.05)
        assert source.poll(5.0) is not None
        assert source.poll(5.0) is not None
        assert "fake: no frame for 0.1 s; check its cable or the network; it is opened again" in notes[0]
        assert not source.is_stuck
    hang.set()


def test_threads_that_hang_for_good_are_not_multiplied(monkeypatch):
    monkeypatch.setattr("edge.sources.live.GRACE_S", 0.0)
    hang = threading.Event()
    player = Player([hang.wait])
    source, notes = live(player, timeout_s=0.01)
    monkeypatch.setattr("edge.sources.live.CLOSE_TIMEOUT_S", 0.01)
    with source:
        end_s = time.monotonic() + 20
        while not source.is_stuck and time.monotonic() < end_s:
            assert source.poll(0.05) is None
        assert source.is_stuck
        source.poll(0.1)
        assert len(player.opened) == MAX_HUNG
        hang.set()
        wait_until(lambda: not source.is_stuck)
    assert len(notes) == 1


def test_a_hung_camera_does_not_hold_up_the_end(monkeypatch):
    hang = threading.Event()
    source, _ = live(Player([hang.wait]))
    source.poll(0.02)
    start_s = time.monotonic()
    source.close()
    assert time.monotonic() - start_s < 1.5
    hang.set()


def test_a_frozen_picture_is_noticed_and_not_given(monkeypatch):
    player = Player([1, 2] + [3] * 10_000, [3] * 10_000, FRAMES[4:])
    source, notes = live(player, frozen_after_s=0.05)
    with source:
        wait_until(lambda: source.poll(0.05) is not None and len(player.opened) == 3)
    assert "fake: frozen, the same picture to the last bit for 0 s" in notes[0]
    assert len(notes) == 2
    assert notes[1].endswith("2 attempts")


def test_the_dark_is_not_frozen():
    class Dark(Device):
        def __iter__(self) -> Iterator[Frame]:
            for index in range(10_000):
                time.sleep(0.002)
                yield self.frame(np.zeros((48, 64), np.uint8), "fake", index)

    source, notes = live(lambda: Dark([], SourceSettings()), frozen_after_s=0.02)
    with source:
        for _ in range(40):
            assert source.poll(1.0) is not None
    assert notes == []


def test_a_frame_that_is_too_old_is_not_given():
    class Late(Device):
        def __iter__(self) -> Iterator[Frame]:
            for index in range(10_000):
                time.sleep(0.002)
                taken_s = time.monotonic() - (3.0 if index < 20 else 0.5)
                yield self.frame(noise(index), "fake", index, taken_s=taken_s)

    source, _ = live(lambda: Late([], SourceSettings()), max_age_s=2.0)
    with source:
        frame = source.poll(5.0)
    assert frame is not None
    assert frame.index >= 20


def test_a_slow_reader_does_not_get_what_lay_in_the_slot():
    played = threading.Event()
    source, _ = live(Player([*range(50), played.set]), max_age_s=0.05)
    with source:
        assert played.wait(20)
        time.sleep(0.1)
        assert source.poll(0.05) is None


def test_a_reader_that_was_long_away_does_not_find_its_camera_lost(monkeypatch):
    monkeypatch.setattr("edge.sources.live.GRACE_S", 0.0)
    source, notes = live(Player(FRAMES), timeout_s=0.3)
    with source:
        wait_until(lambda: source.poll(0.05) is not None)
        time.sleep(0.5)
        assert source.poll(0.25) is not None
    assert notes == []


def test_a_device_that_rests_is_closed_and_opened_for_the_next_frame():
    player = Player(FRAMES)
    source, notes = live(player)
    with source:
        assert source.poll(5.0) is not None
        source.rest()
        assert player.opened[0].is_closed
        assert source.poll(5.0) is not None
    assert len(player.opened) == 2
    assert notes == []


def test_waits_double_up_to_their_limit_and_are_drawn_shorter():
    assert list(islice(Backoff(0.5, 30.0, lambda: 0.0).delays(), 8)) == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert list(islice(Backoff(0.5, 30.0, lambda: 1.0).delays(), 3)) == [0.25, 0.5, 1.0]
    drawn = list(islice(Backoff().delays(), 100))
    assert all(0.25 <= delay_s <= 30 for delay_s in drawn)
    assert len(set(drawn)) == 100


@pytest.mark.parametrize(("rows", "expected"), [(0, False), (5, False), (6, True), (24, True), (48, False)])
def test_half_a_frame_ends_in_one_flat_level(rows, expected):
    gray = noise(1)
    gray[48 - rows :] = 128
    assert is_half(gray) is expected


# On the network


def settings(**others: object) -> SourceSettings:
    return SourceSettings(**{"fps": 100.0, "timeout_s": 1.0, "recovery": AT_ONCE, **others})


@pytest.fixture
def camera():
    with http_camera() as camera:
        yield camera


@pytest.mark.parametrize("path", ["mjpeg", "bare", "snapshot", "moved"])
def test_pictures_come_whole_over_http(camera, path):
    with open_source(f"{camera.address}/{path}", settings(recovery=None)) as source:
        frames = list(islice(source, 5))
    assert [frame.gray.shape for frame in frames] == [(48, 64)] * 5
    assert all(abs(int(frame.gray[40, 3]) - 100) < 30 for frame in frames)
    assert len({frame.index for frame in frames}) == 5


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        *(("mjpeg", fault) for fault in ("down", "half", "frozen", "stall", "hangup")),
        *(("snapshot", fault) for fault in ("down", "half", "frozen")),
    ],
)
def test_a_fault_on_the_network_is_survived(camera, path, fault):
    notes: list[str] = []
    asked = settings(timeout_s=0.3, frozen_after_s=0.2, on_note=notes.append)
    with open_source(f"{camera.address}/{path}", asked) as source:
        assert source.poll(5.0) is not None
        camera.faults.add(fault)
        if fault == "down":
            camera.faults.add("hangup")
        wait_until(lambda: source.poll(0.05) is None and source.is_lost)
        camera.faults.clear()
        wait_until(lambda: source.poll(0.05) is not None)
    assert "it is opened again until it works" in notes[0]
    assert "frames again after" in notes[1]
    assert len(notes) == 2


@pytest.mark.parametrize("path", ["mjpeg", "snapshot"])
def test_of_a_stream_that_sends_more_the_asked_rate_is_taken(camera, path):
    with open_source(f"{camera.address}/{path}", settings(recovery=None, fps=5.0)) as source:
        frames = list(islice(source, 6))
    assert frames[-1].monotonic_s - frames[0].monotonic_s > 0.8, "five intervals of 0.2 s, the last one early"


@pytest.mark.parametrize(
    ("fps", "sent", "taken"),
    [(None, 30, 30), (30.0, 30, 30), (20.0, 30, 20), (10.0, 30, 10), (5.0, 25, 5), (60.0, 30, 30)],
)
def test_a_pace_takes_what_keeps_a_rate(fps, sent, taken):
    pace, late_s = Pace(fps), np.random.default_rng(0).uniform(0, 0.1 / sent, 10 * sent)
    times = 100.0 + np.arange(10 * sent) / sent + late_s
    assert abs(sum(pace.is_due(now_s) for now_s in times) - 10 * taken) <= 2


@pytest.mark.parametrize("path", ["mjpeg", "snapshot"])
def test_frames_of_another_size_than_was_asked_for_are_said_once(camera, path):
    notes: list[str] = []
    asked = settings(recovery=None, size=(640, 480), on_note=notes.append)
    with open_source(f"{camera.address}/{path}", asked) as source:
        list(islice(source, 3))
    assert notes == [
        f"{camera.address}/{path}: gives 64 x 48 pixels, not 640 x 480; boxes drawn for others will not fit"
    ]


def test_half_a_picture_is_never_given(camera):
    camera.faults.add("half")
    said = r"10 pictures in a row cannot be decoded, the last: .*cut off"
    with (
        open_source(f"{camera.address}/mjpeg", settings(recovery=None)) as source,
        pytest.raises(SourceError, match=said),
    ):
        next(iter(source))


def test_an_answer_that_trickles_ends_in_time(camera):
    camera.faults.add("trickle")
    start_s = time.monotonic()
    source = open_source(f"{camera.address}/snapshot", settings(recovery=None, timeout_s=0.5))
    with source, pytest.raises(SourceError, match=r"no whole picture within 0\.5 s"):
        next(iter(source))
    assert time.monotonic() - start_s < 5


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none", "answers 404 Not Found; check the path in the address"),
        ("page", "answers with text/html, not a picture or video"),
        ("secret", "answers 401 Unauthorized; put user and password into the address"),
    ],
)
def test_an_address_without_pictures_says_what_to_do(camera, path, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"{camera.address}/{path}", settings(recovery=None))


@pytest.mark.parametrize("path", ["secret", "digest"])
def test_user_and_password_of_the_address_are_used_and_not_shown(camera, path):
    address = camera.address.replace("//", "//cellar:p%40ss:word@") + f"/{path}"
    with open_source(address, settings(recovery=None)) as source:
        frame = next(iter(source))
    assert frame.source == camera.address.replace("//", "//cellar:***@") + f"/{path}"


def test_a_redirect_to_another_host_does_not_get_the_password(camera):
    with http_camera() as other:
        camera.elsewhere = other.address
        with pytest.raises(SourceError, match="answers 401"):
            open_source(camera.address.replace("//", "//cellar:p%40ss:word@") + "/away", settings(recovery=None))
        assert other.asked == ["/secret"]


def test_a_wrong_password_is_one_line_without_it(camera):
    with pytest.raises(SourceError, match="answers 401") as caught:
        open_source(camera.address.replace("//", "//cellar:guess@") + "/secret", settings(recovery=None))
    assert "guess" not in str(caught.value)


def test_an_rtsp_server_that_dies_and_comes_back_is_found_again(tmp_path):
    lack = rtsp_lack()
    if lack:
        pytest.skip(lack)
    notes: list[str] = []
    with rtsp_camera(tmp_path) as camera:
        source = open_source(camera.address, settings(timeout_s=5.0, on_note=notes.append))
        wait_until(lambda: source.poll(0.1) is not None)
    with source:
        wait_until(lambda: source.poll(0.05) is None and source.is_lost)
        with rtsp_camera(tmp_path, port=camera.port):
            wait_until(lambda: source.poll(0.1) is not None, 20)
    assert "the stream ended" in notes[0]
    assert "frames again after" in notes[-1]


def test_an_rtsp_server_that_hangs_amid_a_frame_is_noticed_and_its_next_frames_are_new(tmp_path):
    lack = rtsp_lack()
    if lack:
        pytest.skip(lack)
    notes: list[str] = []
    with (
        rtsp_camera(tmp_path) as camera,
        open_source(camera.address, settings(timeout_s=1.5, on_note=notes.append)) as source,
    ):
        wait_until(lambda: source.poll(0.1) is not None, 30)
        camera.hang()
        start_s = time.monotonic()
        wait_until(lambda: source.poll(0.05) is None and source.is_lost)
        assert time.monotonic() - start_s < 8
        camera.go_on()
        went_on_s = time.monotonic()
        frames = []
        wait_until(lambda: (frame := source.poll(0.1)) is not None and not frames.append(frame), 30)
        assert frames[0].monotonic_s >= went_on_s
        assert not source.is_stuck
    assert "it is opened again until it works" in notes[0]
    assert "frames again after" in notes[-1]


# A watched folder


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def test_only_new_pictures_are_read_each_once_oldest_first(inbox):
    put(inbox / "before.png", picture(90))
    with open_source(f"watch:{inbox}", settings(max_age_s=0.001)) as source:
        assert source.poll(0.5) is None
        for level in (100, 110, 120):
            put(inbox / f"{200 - level}.png", picture(level))
            time.sleep(0.01)
        frames = [source.poll(5.0) for _ in range(3)]
        assert source.poll(0.5) is None
    assert [int(frame.gray[40, 0]) for frame in frames] == [100, 110, 120]
    assert [frame.index for frame in frames] == [0, 0, 0], "each is a still picture of its own"


def test_a_picture_that_is_written_anew_is_read_again(inbox):
    with open_source(f"watch:{inbox}", settings()) as source:
        source.wait_open()
        for level in (100, 110):
            put(inbox / "now.png", picture(level))
            frame = source.poll(5.0)
            assert frame is not None
            assert int(frame.gray[40, 0]) == level


def test_a_half_written_picture_is_waited_for(inbox):
    put(inbox / "whole.png", picture(100))
    data = (inbox / "whole.png").read_bytes()
    with open_source(f"watch:{inbox}", settings(on_note=pytest.fail)) as source, (inbox / "new.png").open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        assert source.poll(1.0) is None
        file.write(data[len(data) // 2 :])
        file.flush()
        frame = source.poll(5.0)
    assert frame is not None
    assert frame.source == str(inbox / "new.png")


def test_a_damaged_picture_is_said_once_and_the_next_is_read(inbox, monkeypatch):
    monkeypatch.setattr("edge.sources.watch.PATIENCE_S", 0.5)
    notes: list[str] = []
    with open_source(f"watch:{inbox}", settings(on_note=notes.append)) as source:
        source.wait_open()
        (inbox / "bad.png").write_bytes(b"no picture")
        wait_until(lambda: source.poll(0.05) is None and notes)
        put(inbox / "good.png", picture(100))
        assert source.poll(5.0) is not None
    assert len(notes) == 1
    assert "bad.png: not a picture" in notes[0]


def test_pictures_put_in_while_the_folder_was_away_are_not_lost(inbox):
    notes: list[str] = []
    with open_source(f"watch:{inbox}", settings(on_note=notes.append)) as source:
        source.wait_open()
        put(inbox / "1.png", picture(100))
        assert source.poll(5.0) is not None
        away = inbox.rename(inbox.with_name("away"))
        wait_until(lambda: source.poll(0.05) is None and source.is_lost)
        put(away / "2.png", picture(110))
        away.rename(inbox)
        frame = source.poll(10.0)
    assert frame is not None
    assert int(frame.gray[40, 0]) == 110
    assert "the folder cannot be read" in notes[0]


def test_no_picture_in_time_is_an_error_where_one_is_wanted_now(inbox, monkeypatch):
    monkeypatch.setattr("edge.sources.live.GRACE_S", 0.0)
    source = open_source(f"watch:{inbox}", settings(recovery=None, timeout_s=0.3))
    with source, pytest.raises(SourceError, match=f"watch:{inbox}: no frame for 0.3 s"):
        next(iter(source))


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(SourceError, match=f"watch:{tmp_path}/none: the folder cannot be read"):
        open_source(f"watch:{tmp_path}/none", settings(recovery=None))
