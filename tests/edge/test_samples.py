"""The shipped pictures read as they are named, with the shipped bundle: adding a file adds a test."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.check import check_device
from edge.nouns import Frame
from edge.paper.reader import Reader
from edge.pictures import load_picture
from edge.pipeline import classify_crop, read_frame
from edge.sources import SourceSettings, open_source

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "models" / "paper"
SAMPLES = sorted((ROOT / "edge" / "samples").glob("*.png"))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.open(BUNDLE)


def test_there_are_samples():
    assert len(SAMPLES) >= 6


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_reads_as_it_is_named(path, reader):
    readings = read_frame(Frame(load_picture(path), str(path)), reader)
    wanted = [] if path.stem == "none" else path.stem.split("_")
    assert [r.text for r in readings if r.status == "ok"] == wanted
    assert [r.status for r in readings] == (["ok"] * len(wanted) or ["empty"])


def test_a_photographed_page_of_handwriting_is_read_and_nothing_is_surely_wrong(reader):
    readings = read_frame(Frame(load_picture(ROOT / "tests" / "fixtures" / "hyp5.jpg"), "hyp5"), reader)
    numbers = ["64193796", "52306", "12307468", "0755"]
    assert len(readings) == 4
    sure = [reading.text for reading in readings if reading.status == "ok"]
    assert set(sure) <= set(numbers)
    assert len(sure) >= 3


def test_the_demo_counts_up(reader):
    with open_source("demo:?frames=5", SourceSettings()) as source:
        texts = [read_frame(frame, reader)[0] for frame in source]
    assert [reading.status for reading in texts] == ["ok"] * 5
    values = [reading.value for reading in texts]
    assert values == sorted(values)


def test_the_shipped_bundle_passes_the_check():
    outcomes = {check.outcome for check in check_device(BUNDLE, None)}
    assert "FAILED" not in outcomes


def test_blank_and_noisy_frames_are_empty(reader):
    import numpy as np

    rng = np.random.default_rng(0)
    for level in (0, 60, 128, 255):
        assert [r.status for r in read_frame(Frame(np.full((240, 320), level, np.uint8), "flat"), reader)] == ["empty"]
    for sigma in (5, 20, 60):
        noisy = rng.normal(128, sigma, (240, 320)).clip(0, 255).astype(np.uint8)
        assert all(r.status != "ok" for r in read_frame(Frame(noisy, "noise"), reader))


def test_a_crop_without_ink_has_no_prediction(reader):
    import numpy as np

    assert classify_crop(np.full((40, 40), 130, np.uint8), reader) == (None, None)


def cross_out(gray, box):
    x, y, width, height = box
    cv2.line(gray, (x - 4, y + height), (x + width + 4, y), 0, 5)
    cv2.line(gray, (x - 4, y), (x + width + 4, y + height), 0, 5)


def blot(gray, box):
    x, y, width, height = box
    cv2.circle(gray, (x + width // 2, y + height // 2), height // 2, 0, -1)


def hide_under_glare(gray, box):
    x, y, width, height = box
    cv2.circle(gray, (x + width // 2, y + height // 2), round(0.6 * height), 255, -1)


def put_a_speck_before(gray, box):
    x, y, _, height = box
    cv2.rectangle(gray, (x - 8, y + height - 6), (x - 3, y + height - 1), 0, -1)


def test_half_a_zero_is_no_one(reader):
    gray = load_picture(next(path for path in SAMPLES if path.stem == "00427")).copy()
    (reading,) = read_frame(Frame(gray, "sample"), reader)
    x, y, width, height = reading.digits[1].box
    gray[y - 3 : y + height + 3, x + width // 2 : x + width + 3] = np.median(gray)
    (halved,) = read_frame(Frame(gray, "planted"), reader)
    assert (halved.text, halved.status) == ("0?427", "uncertain")
    assert halved.reason in ("1 of 5 marks are not digits", "a bowed stroke may be half a digit")


@pytest.mark.parametrize("plant", [cross_out, blot, hide_under_glare, put_a_speck_before])
def test_a_planted_fault_is_never_surely_read(plant, reader):
    gray = load_picture(next(path for path in SAMPLES if path.stem == "00427")).copy()
    (reading,) = read_frame(Frame(gray, "sample"), reader)
    plant(gray, reading.digits[2].box)
    assert [r.status for r in read_frame(Frame(gray, "planted"), reader)] == ["uncertain"]


@pytest.mark.parametrize("turn", [-1, 1], ids=["left", "right"])
def test_a_number_cut_by_the_border_is_never_surely_read(turn, reader):
    gray = load_picture(next(path for path in SAMPLES if path.stem == "00427"))
    (reading,) = read_frame(Frame(gray, "sample"), reader)
    x, _, width, _ = reading.box
    cut = gray[:, x + 12 :] if turn < 0 else gray[:, : x + width - 12]
    assert all(r.status != "ok" for r in read_frame(Frame(np.ascontiguousarray(cut), "cut"), reader))
