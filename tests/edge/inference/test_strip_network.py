"""The network for touching digits that lies in the shipped bundle: what it reads, and what happens without it."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.check import check_device
from edge.errors import BundleError
from edge.inference.bundle import STRIPS_FOLDER
from edge.inference.classifier import StripNetwork
from edge.nouns import Frame
from edge.paper.reader import Reader
from edge.paper.strings import codes_of, likeliest_strings, padded, text_of
from edge.pipeline import read_frame

BUNDLE = Path(__file__).parents[3] / "models" / "paper"


@pytest.fixture(scope="module")
def golden():
    """Strips (n, 32, 160) of the replay with what stands on each."""
    with np.load(BUNDLE / STRIPS_FOLDER / "golden.npz") as arrays:
        return arrays["glyphs"], [text_of(code) for code in codes_of(arrays["labels"]).tolist()]


@pytest.fixture(scope="module")
def network():
    return StripNetwork.open(BUNDLE / STRIPS_FOLDER)


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(BUNDLE, tmp_path / "paper"))


@pytest.fixture(scope="module")
def seven():
    """A glyph of the replay that is a 7, sure when it stands alone."""
    with np.load(BUNDLE / "golden.npz") as arrays:
        return arrays["glyphs"][arrays["labels"] == 7][0]


def page_of(strip, first):
    """A digit's glyph and, a little apart, the ink of a strip, large on white paper."""
    ink = strip[:, : int(np.flatnonzero(strip.any(axis=0))[-1]) + 4]
    page, left = np.full((300, 900), 235, np.uint8), 50
    for picture, times in ((first, 5.0), (ink, 4.0)):
        large = cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
        top = 150 - large.shape[0] // 2
        page[top : top + large.shape[0], left : left + large.shape[1]] -= (large * 0.8).astype(np.uint8)
        left += large.shape[1]
    return cv2.GaussianBlur(page, (0, 0), 0.8)


def test_pieces_of_ink_give_their_strings_in_one_inference(network, golden):
    strips, texts = golden
    read = [text_of(int(codes_of(padded(likeliest_strings(each)[:1]))[0])) for each in network.read(list(strips))]
    assert np.mean([found == text for found, text in zip(read, texts, strict=True)]) > 0.95
    assert network.read([]) == []


def test_the_reader_of_pages_reads_touching_digits_better_with_it(golden, seven):
    reader = Reader.open(BUNDLE)
    assert reader.strips is not None
    alone = Reader(reader.classifier, reader.cutoff)
    chosen = [
        (page_of(strip, seven), f"7{text}")
        for strip, text in zip(*golden, strict=True)
        if 2 <= len(text) <= 4 and "?" not in text
    ]
    right = [0, 0]
    for page, text in chosen:
        for k, each in enumerate((alone, reader)):
            readings = read_frame(Frame(page, "page"), each)
            right[k] += [reading.text for reading in readings] == [text]
            assert all(reading.text == text for reading in readings if reading.status == "ok")
    assert right[1] > right[0]
    assert right[1] >= 0.8 * len(chosen)


def test_a_bundle_without_it_reads_by_cuts_alone(copy):
    shutil.rmtree(copy / STRIPS_FOLDER)
    assert Reader.open(copy).strips is None


@pytest.mark.parametrize("name", ["model.tflite", "card.json", "golden.npz"])
def test_a_part_of_it_is_no_bundle(copy, name):
    (copy / STRIPS_FOLDER / name).unlink()
    with pytest.raises(BundleError, match=f"{STRIPS_FOLDER}: {name} is missing"):
        Reader.open(copy)


def test_a_truncated_network_is_named(copy):
    path = copy / STRIPS_FOLDER / "model.tflite"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BundleError, match=r"strings/model\.tflite: sha256"):
        Reader.open(copy)
    failed = [check for check in check_device(copy) if check.outcome == "FAILED"]
    assert [check.name for check in failed] == ["strings"]


def test_the_check_replays_it_as_well():
    checks = {check.name: check for check in check_device(BUNDLE)}
    assert checks["golden replay of strings"].outcome == "ok"
    assert "labelled the same" in checks["golden replay of strings"].detail
    assert checks["strings"].detail.startswith(str(BUNDLE / STRIPS_FOLDER))
