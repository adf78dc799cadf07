"""What holds of every source: one suite, run with files, fakes and servers, with OpenCV on a V4L2 camera that is played
below it, and with a real picamera2 on a virtual camera.

Who runs it imports these tests and gives the fixture `case`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice, pairwise

import cv2
import numpy as np
import pytest

from edge.errors import EdgeError
from edge.nouns import Frame
from edge.sources import Source, SourceSettings, open_source
from tests.sources.cameras import SIZE


@dataclass(frozen=True)
class Case:
    """A source that shows `tinted(picture(…))`, and how it is asked for frames.

    Parameters
    ----------
    uri : str
    size : (width, height)
        Of its frames; another one of the pictures has the same shares.
    fps : float
    is_drawn : bool
        Whether it is the rendered meter, gray, and not the picture.
    keeps_all : bool
        Whether it is live and gives every frame all the same.
    timeout_s : float
    """

    uri: str
    size: tuple[int, int] = SIZE
    fps: float | None = 100.0
    is_drawn: bool = False
    keeps_all: bool = False
    timeout_s: float = 10.0

    def open(self, uri: str | None = None, **settings: object) -> Source:
        """The source; a remark fails the test."""
        asked = {"size": self.size, "fps": self.fps, "on_note": pytest.fail, "timeout_s": self.timeout_s, **settings}
        return open_source(uri or self.uri, SourceSettings(**asked))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its frames."""
        return self.size[1], self.size[0]


def test_frames_are_gray_and_of_one_shape(case):
    with case.open() as source:
        frames = list(islice(source, 4))
    assert frames
    assert all(isinstance(frame, Frame) and frame.gray.dtype == np.uint8 and frame.gray.ndim == 2 for frame in frames)
    assert {frame.gray.shape for frame in frames} == {case.shape}


def test_indices_start_near_zero_and_rise(case):
    with case.open() as source:
        frames = list(islice(source, 4))
        assert all(one.index < next_.index for one, next_ in pairwise(frames) if one.source == next_.source)
        assert frames[0].index == 0 or source.is_live


def test_files_lose_no_frame(case):
    with case.open() as source:
        if not source.is_live:
            frames = list(source)
            for name in {frame.source for frame in frames}:
                indices = [frame.index for frame in frames if frame.source == name]
                assert indices == list(range(len(indices)))
            assert len(frames) in {1, 4, 5, 12}


def test_a_slow_reader_of_a_live_source_gets_a_new_frame(case):
    with case.open() as source:
        frames = iter(source)
        next(frames)
        if source.is_live and not case.keeps_all:
            time.sleep(0.5)
            asked_s = time.monotonic()
            assert next(frames).monotonic_s > asked_s - 0.25


def test_frames_are_dated_and_times_do_not_run_backwards(case):
    with case.open() as source:
        frames = list(islice(source, 4))
    for frame in frames:
        age_s = time.monotonic() - frame.monotonic_s
        assert -0.001 < age_s < 60
        assert abs(time.time() - age_s - frame.timestamp_s) < (1 if source.is_live and not case.keeps_all else 60)
    assert all(later.monotonic_s > earlier.monotonic_s - 0.005 for earlier, later in pairwise(frames))


def test_frames_name_what_the_user_named(case):
    with case.open() as source:
        frame = next(iter(source))
    assert frame.source.startswith(case.uri.split("?")[0].removeprefix("watch:"))


def test_rotation_turns_every_frame_clockwise(case):
    with case.open() as source:
        upright = next(iter(source)).gray
    with case.open(rotation=90) as source:
        turned = next(iter(source)).gray
    assert turned.shape == upright.shape[::-1]
    if not case.is_drawn:
        width, height = case.size
        assert (turned[: width // 2 - 4, height // 2 + 4 :] < 40).all(), "the dark corner is now at the right"
        assert turned[width // 2 + 4 :].min() > 80


def assert_same_picture(gray: np.ndarray, colour: np.ndarray) -> None:
    """The colour planes show what the gray levels show, half as large, and red where it is not dark."""
    even = cv2.copyMakeBorder(gray, 0, gray.shape[0] % 2, 0, gray.shape[1] % 2, cv2.BORDER_REPLICATE)
    gray = cv2.resize(even, colour.shape[1::-1], interpolation=cv2.INTER_AREA)
    apart = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY).astype(int) - gray
    assert np.abs(apart).mean() < 4  # an edge that is between two pixels of either
    assert abs(apart.mean()) < 1  # a column or a row beside its place makes more
    blue, green, red = cv2.split(colour.astype(int))
    assert (red - np.maximum(blue, green))[gray > 80].mean() > 30
    assert abs((red - green)[gray < 10].mean()) < 15


def test_frames_carry_colour_at_half_size_where_it_is_asked_for(case):
    with case.open() as source:
        assert next(iter(source)).colour is None
    with case.open(with_colour=True) as source:
        frame = next(iter(source))
    if case.is_drawn:
        assert frame.colour is None
        return
    assert frame.colour.shape == (case.shape[0] // 2, case.shape[1] // 2, 3)
    assert frame.colour.dtype == np.uint8
    assert_same_picture(frame.gray, frame.colour)


@pytest.mark.parametrize("odd", [0, 1])
def test_colour_is_cut_and_turned_as_the_gray_levels_are(case, odd):
    width, height = case.size
    crop = (width // 8 + odd, height // 12 + odd, width * 5 // 8 + odd, height * 5 // 8 + odd)
    with case.open(with_colour=True, crop=crop, rotation=90) as source:
        frame = next(iter(source))
    assert frame.gray.shape == (crop[2], crop[3])
    if not case.is_drawn:
        assert frame.colour.shape == ((crop[2] + 1) // 2, (crop[3] + 1) // 2, 3)
        assert_same_picture(*(cv2.rotate(each, cv2.ROTATE_90_COUNTERCLOCKWISE) for each in (frame.gray, frame.colour)))


def test_a_source_closes_twice_and_after_an_error(case):
    source = case.open()

    def fail() -> None:
        with source:
            next(iter(source))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    source.close()


def test_a_source_can_be_opened_again(case):
    for _ in range(3):
        with case.open() as source:
            assert next(iter(source)).gray.shape == case.shape


def test_errors_of_opening_are_one_line(case):
    with pytest.raises(EdgeError) as caught, case.open(f"{case.uri}-no-such") as source:
        list(islice(source, 1))
    assert "\n" not in str(caught.value)
