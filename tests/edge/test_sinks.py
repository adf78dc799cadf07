"""Lines, records and pictures of readings, exactly."""

import errno
import io
import json

import cv2
import numpy as np
import pytest

from edge.errors import OutputError
from edge.nouns import Digit, Frame, Reading
from edge.sinks import (
    AnnotatedPictures,
    JsonLines,
    OnChange,
    TextLines,
    Window,
    iso_time,
    one_line,
    picture_stem,
    shown_confidence,
)

GRAY = np.full((400, 500), 200, np.uint8)
FRAME = Frame(GRAY, "page.png", 0, 1795244400.1234, 5.0)
OK = Reading(
    "line-1", "5283", 5283.0, "ok", 0.99823, (212, 180, 130, 44), None, (Digit("5", 0.99912, (212, 181, 28, 43)),)
)
DOUBT = Reading("line-2", "12?4", None, "uncertain", 0.41, (10, 300, 90, 40), "digit 3 is below the cutoff")
EMPTY = Reading("frame", "", None, "empty", 0.0, None, "no ink")


def lines_of(sink_class, *writes, **options):
    stream = io.StringIO()
    sink = sink_class(stream, **options)
    for frame, readings in writes:
        sink.write(frame, readings, 2.1049)
    return stream.getvalue().splitlines()


def test_a_frame_is_one_line_of_json_with_the_keys_in_their_order():
    (line,) = lines_of(JsonLines, (FRAME, [OK]))
    assert line == (
        '{"source": "page.png", "frame": 0, "time": "2026-11-21T07:00:00.123Z", "latency_ms": 2.1, "readings": '
        '[{"name": "line-1", "text": "5283", "value": 5283.0, "status": "ok", "confidence": 0.9982, '
        '"box": [212, 180, 130, 44], "reason": null, '
        '"digits": [{"text": "5", "confidence": 0.9991, "box": [212, 181, 28, 43], "position": null}]}]}'
    )


def test_numpy_numbers_become_json():
    digit = Digit("5", np.float32(0.5), tuple(np.array([1, 2, 3, 4])), np.float64(5.25))
    reading = Reading("a", "5", np.float32(5), "ok", np.float32(0.5), tuple(np.array([1, 2, 3, 4])), None, (digit,))
    record = json.loads(lines_of(JsonLines, (FRAME, [reading]))[0])
    assert record["readings"][0]["box"] == [1, 2, 3, 4]
    assert record["readings"][0]["digits"][0] == {"text": "5", "confidence": 0.5, "box": [1, 2, 3, 4], "position": 5.25}


def test_what_is_not_a_number_never_leaves():
    bad = Reading("a", "?", None, "uncertain", float("nan"), None)
    with pytest.raises(ValueError, match="JSON"):
        lines_of(JsonLines, (FRAME, [bad]))


def test_a_source_of_any_bytes_is_still_one_line_of_json():
    (line,) = lines_of(JsonLines, (Frame(GRAY, "a\udcff\nb.png"), [EMPTY]))
    assert line.isascii()
    assert json.loads(line)["readings"][0]["box"] is None


def test_text_lines_are_aligned_and_give_the_reason():
    assert lines_of(TextLines, (FRAME, [OK, DOUBT]), (FRAME, [EMPTY])) == [
        "page.png  line-1  5283      ok         0.998",
        "page.png  line-2  12?4      uncertain  0.410  digit 3 is below the cutoff",
        "page.png  frame   -         empty             no ink",
    ]


def test_frames_of_a_video_are_numbered_and_live_ones_dated():
    frame = Frame(GRAY, "clip.avi", 12, 0.5)
    assert lines_of(TextLines, (frame, [OK]))[0].startswith("clip.avi#12  line-1")
    assert lines_of(TextLines, (frame, [OK]), with_time=True)[0].startswith("1970-01-01T00:00:00.500Z  line-1")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1.9996, "1970-01-01T00:00:02.000Z"),
        (1795244400.0, "2026-11-21T07:00:00.000Z"),
    ],
)
def test_time_is_utc_with_milliseconds(seconds, text):
    assert iso_time(seconds) == text


def test_confidence_is_never_rounded_up_to_certainty():
    assert [shown_confidence(value) for value in (0.99999, 1.0, 0.9985, 0.0)] == ["0.999", "1.000", "0.998", "0.000"]


def test_control_characters_do_not_reach_the_terminal():
    assert one_line("a\n\x1b[31mb³") == "a\\n\\x1b[31mb³"


def test_only_what_is_new_is_passed_on():
    changed = Reading("line-1", "5284", 5284.0, "ok", 0.9, None)
    surer = Reading("line-1", "5283", 5283.0, "ok", 0.5, None)
    stream = io.StringIO()
    sink = OnChange(TextLines(stream))
    for readings in ([OK, DOUBT], [surer, DOUBT], [changed, DOUBT], [EMPTY], [EMPTY], [changed]):
        sink.write(FRAME, readings, 1.0)
    assert [line.split()[1:3] for line in stream.getvalue().splitlines()] == [
        ["line-1", "5283"], ["line-2", "12?4"], ["line-1", "5284"], ["frame", "-"], ["line-1", "5284"]
    ]  # fmt: skip


def test_another_value_behind_the_same_text_is_new():
    stream = io.StringIO()
    sink = OnChange(TextLines(stream))
    for value in (4523.0, 4523.0, 4524.0):
        sink.write(FRAME, [Reading("m", "452?", value, "ok", 0.6, None, f"{value:.0f} by the readings before")], 1.0)
    assert [line.split()[5] for line in stream.getvalue().splitlines()] == ["4523", "4524"]


def test_json_keeps_the_frame_whole_when_one_reading_is_new():
    changed = Reading("line-1", "5284", 5284.0, "ok", 0.9, None)
    stream = io.StringIO()
    sink = OnChange(JsonLines(stream), whole_frames=True)
    for readings in ([OK, DOUBT], [OK, DOUBT], [changed, DOUBT]):
        sink.write(FRAME, readings, 1.0)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [len(record["readings"]) for record in records] == [2, 2]


class Broken(io.StringIO):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def flush(self):
        raise OSError(self.number, "No space left on device")


def test_a_full_disk_is_one_line():
    with pytest.raises(
        OutputError, match=r"standard output: cannot be written .No space left on device.; free some space"
    ):
        JsonLines(Broken(errno.ENOSPC)).write(FRAME, [OK], 1.0)


def test_a_reader_that_has_gone_is_left_to_the_caller():
    with pytest.raises(BrokenPipeError):
        TextLines(Broken(errno.EPIPE)).write(FRAME, [OK], 1.0)


def test_annotated_pictures_are_named_after_their_source(tmp_path):
    sink = AnnotatedPictures(tmp_path / "out" / "deep")
    sink.write(FRAME, [OK], 1.0)
    sink.write(Frame(GRAY, "other/page.png"), [OK], 1.0)
    sink.write(Frame(GRAY, "clip.avi", 12), [OK], 1.0)
    sink.write(FRAME, [OK], 1.0)
    assert sorted(path.name for path in (tmp_path / "out" / "deep").iterdir()) == [
        "clip-000012.png",
        "page-2.png",
        "page.png",
    ]


def test_an_annotated_picture_has_the_status_colour_at_the_box(tmp_path):
    AnnotatedPictures(tmp_path).write(FRAME, [OK], 1.0)
    picture = cv2.imread(str(tmp_path / "page.png"))
    assert picture.shape == (400, 500, 3)
    assert tuple(picture[200, 212]) == (60, 160, 0)
    assert tuple(picture[390, 490]) == (200, 200, 200)


@pytest.mark.parametrize(
    ("source", "index", "stem"),
    [
        ("a/b/page.png", 0, "page"),
        ("a/b/scan.tif", 3, "scan-000003"),
        ("clip.mp4", 3, "clip-000003"),
        ("v4l2:/dev/video0", 1, "v4l2-dev-video0-000001"),
        ("http://host/snapshot.jpg", 1, "http-host-snapshot.jpg-000001"),
        ("demo:", 0, "demo-000000"),
        ("../..", 0, "frame-000000"),
        ("a b/ü c.jpg", 0, "ü-c"),
    ],
)
def test_picture_names_are_safe_in_any_folder(source, index, stem):
    assert picture_stem(Frame(GRAY, source, index)) == stem


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        AnnotatedPictures(tmp_path / "file")


@pytest.mark.skipif(
    "GUI:                           NONE" not in cv2.getBuildInformation(), reason="this OpenCV has windows"
)
def test_a_window_that_opencv_has_not_got_is_told(capfd):
    with pytest.raises(OutputError, match="--show needs an OpenCV with windows"):
        Window()
    assert capfd.readouterr() == ("", "")
