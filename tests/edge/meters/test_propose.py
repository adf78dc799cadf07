from __future__ import annotations

import json
import time
from contextlib import nullcontext

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.config import load_config
from edge.errors import SourceError
from edge.inference.classifier import CellClassifier
from edge.meters.cell import normalize_cell
from edge.meters.drums import DIAL, DRUM, DRUM_OVER_DIAL, Wheel, decode_wheels, drum_wheels
from edge.meters.grids import Row, find_rows
from edge.meters.needle import read_dial
from edge.meters.propose import Proposal, configuration_text, describe, draw_proposal, find_dials, propose
from edge.meters.setup import load_colour, take_picture
from edge.nouns import Frame
from edge.sources import SourceSettings, open_source
from tests.edge.faces import render_counter, render_dial

NOTHING = Proposal((), ())


def fits(found, truth, tolerance: float = 0.2) -> bool:
    """Whether the middle of a box is within a fifth of the true one's, and its sides are alike."""
    off = [abs(found[k] + found[k + 2] / 2 - truth[k] - truth[k + 2] / 2) / truth[k + 2] for k in (0, 1)]
    return max(off) <= tolerance and all(0.6 < found[k] / truth[k] < 1.6 for k in (2, 3))


def all_fit(found, truth) -> bool:
    return len(found) == len(truth) and all(fits(one, other) for one, other in zip(found, truth, strict=True))


@pytest.mark.parametrize("is_light", [False, True])
def test_rows_of_drums_are_found_among_print(is_light):
    meters = [render_counter(seed, is_light) for seed in range(500, 512)]
    found = [find_rows(cv2.cvtColor(meter.picture, cv2.COLOR_BGR2GRAY)) for meter in meters]
    right = [
        len(rows) == 1 and all_fit(rows[0].cells, meter.windows) for rows, meter in zip(found, meters, strict=True)
    ]
    assert sum(right) >= 10


def test_dials_are_found_in_the_order_of_their_places():
    meters = [render_counter(seed, False, dials=3) for seed in range(600, 608)]
    right = [all_fit(find_dials(meter.picture), meter.dials) for meter in meters]
    assert sum(right) >= 6


def test_a_large_photograph_is_proposed_in_its_own_pixels():
    meter = render_counter(509, True)
    large = cv2.resize(meter.picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    rows = propose(large).rows
    assert len(rows) == 1
    assert all_fit(rows[0].cells, [tuple(4 * value for value in box) for box in meter.windows])


@pytest.mark.parametrize("level", [0, 128, 255])
def test_nothing_is_found_where_nothing_is(level):
    assert propose(np.full((240, 320, 3), level, np.uint8)) == NOTHING


def test_noise_holds_no_meter():
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    assert propose(noise) == NOTHING


@pytest.fixture
def water_meter(digits_data):
    labels = json.loads((digits_data / "scenes" / "labels.json").read_text())
    truth = next(each for each in labels if each["file"] == "watermeter.jpg")
    return digits_data / "scenes" / "watermeter.jpg", truth


def test_the_water_meter_is_found(water_meter):
    path, truth = water_meter
    found = propose(load_colour(path))
    assert len(found.rows) == 1
    for boxes, true_boxes in ((found.rows[0].cells, truth["drums_xywh"]), (found.dials, truth["dials_xywh"])):
        assert len(boxes) == len(true_boxes)
        for box, true_box in zip(boxes, true_boxes, strict=True):
            off = np.abs(np.array(box) - true_box) / np.tile(true_box[2:], 2)
            assert off.max() <= 0.2


def test_what_is_written_is_a_configuration(tmp_path, water_meter, capfd):
    out, preview = tmp_path / "meter.toml", tmp_path / "preview.png"
    assert main(["setup", str(water_meter[0]), "--out", str(out), "--preview", str(preview)]) == 0
    assert "found a row of 5 drums, 4 dials" in capfd.readouterr().err
    config = load_config(out)
    assert config.reference
    assert cv2.imread(config.reference.image) is not None
    assert [len(config.field[0].digits), len(config.field[0].dials), config.field[0].decimals] == [5, 4, 4]
    assert cv2.imread(str(preview)).shape == (600, 800, 3)


def test_without_a_file_the_configuration_is_printed(water_meter, capfd):
    assert main(["setup", str(water_meter[0])]) == 0
    assert "[[field]]" in capfd.readouterr().out


def test_a_picture_of_no_meter_is_one_line_and_no_file(tmp_path, capfd):
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((120, 160), 200, np.uint8))
    assert main(["setup", str(tmp_path / "blank.png"), "--out", str(tmp_path / "meter.toml")]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "no row of digit windows was found" in err
    assert not (tmp_path / "meter.toml").exists()


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_no_picture_is_one_line(tmp_path, capfd, name):
    assert main(["setup", str(tmp_path / name)]) == 1
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_configuration_that_is_there_is_kept(tmp_path, capfd):
    (tmp_path / "meter.toml").write_text("by hand")
    assert main(["setup", str(tmp_path / "any.png"), "--out", str(tmp_path / "meter.toml")]) == 1
    assert "is there already" in capfd.readouterr().err
    assert (tmp_path / "meter.toml").read_text() == "by hand"


def test_several_rows_are_fields_of_their_own(tmp_path):
    rows = tuple(Row(((5, y, 10, 20), (20, y, 10, 20), (35, y, 10, 20))) for y in (10, 50))
    proposal = Proposal(rows, ((1, 80, 30, 30),))
    assert describe(proposal) == "a row of 3 drums, a row of 3 drums, 1 dial"
    (tmp_path / "meter.toml").write_text(configuration_text(proposal, 'a "b".png'))
    fields = load_config(tmp_path / "meter.toml").field
    assert [(field.name, len(field.digits), len(field.dials)) for field in fields] == [
        ("counter-1", 3, 0),
        ("counter-2", 3, 1),
    ]


def test_dials_without_digits_are_one_line(tmp_path, capfd):
    picture = np.full((300, 400, 3), 215, np.uint8)
    picture[100:200, 150:250] = render_dial(3.0, 4, 100)
    cv2.imwrite(str(tmp_path / "dial.png"), picture)
    assert main(["setup", str(tmp_path / "dial.png")]) == 1
    assert "1 dial was found, but no row of digit windows" in capfd.readouterr().err


def test_the_drawing_leaves_the_picture_as_it_is():
    picture = np.full((100, 100, 3), 200, np.uint8)
    drawn = draw_proposal(picture, Proposal((), ((10, 20, 30, 30),)))
    assert drawn.shape == picture.shape
    assert (picture == 200).all()
    assert (drawn[20, 15:35] != 200).any()


@pytest.mark.parametrize("boxes", ["given", "found"])
def test_the_water_meter_reads_453012(water_meter, repository, boxes):
    path, truth = water_meter
    colour = load_colour(path)
    found = propose(colour)
    drums = truth["drums_xywh"] if boxes == "given" else found.rows[0].cells
    dials = truth["dials_xywh"] if boxes == "given" else found.dials
    gray = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    classifier = CellClassifier.open(repository / "models" / "meter")
    cells = classifier.predict([normalize_cell(gray[y : y + h, x : x + w]) for x, y, w, h in drums])
    pointers = [read_dial(colour[y : y + h, x : x + w]) for x, y, w, h in dials]
    wheels = drum_wheels(cells, DRUM_OVER_DIAL, DRUM) + [
        Wheel(each.positions, each.unreadable, DIAL) for each in pointers
    ]
    decoded = decode_wheels(wheels)
    assert decoded.text.startswith("00453012")
    assert decoded.odds > 10


# from a camera


def test_a_live_source_gives_its_picture_and_the_configuration_reads_it(tmp_path, capfd):
    out = tmp_path / "meter.toml"
    assert main(["setup", "demo:", "--out", str(out)]) == 0
    assert "meter.png: found a row of 5 drums" in capfd.readouterr().err
    config = load_config(out)
    assert config.reference.image == str(tmp_path / "meter.png")
    with open_source("demo:", SourceSettings()) as source:
        frame = next(iter(source))
    assert load_colour(tmp_path / "meter.png").shape == (*frame.gray.shape, 3)
    assert len(config.field[0].digits) == 5


def test_the_picture_has_the_cameras_colours(tmp_path, monkeypatch):
    colour = np.zeros((60, 80, 3), np.uint8)
    colour[:, 40:] = (40, 60, 200)
    gray = cv2.resize(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), (160, 120), interpolation=cv2.INTER_NEAREST)
    source = nullcontext(
        [Frame(gray, "v4l2:0", monotonic_s=time.monotonic() + after_s, colour=colour) for after_s in (0, 9)]
    )
    monkeypatch.setattr("edge.meters.setup.open_source", lambda *_: source)
    take_picture("v4l2:0", tmp_path / "a.png")
    seen = load_colour(tmp_path / "a.png")
    assert np.abs(seen[60, 120].astype(int) - (40, 60, 200)).max() <= 2
    assert np.abs(seen[60, 20].astype(int)).max() <= 2


def test_a_live_source_needs_a_name_for_its_picture_and_keeps_one_that_is_there(tmp_path, capfd):
    assert main(["setup", "demo:"]) == 2
    assert "goes beside the configuration; name that: --out FILE" in capfd.readouterr().err
    (tmp_path / "meter.png").write_bytes(b"mine")
    assert main(["setup", "demo:", "--out", str(tmp_path / "meter.toml")]) == 1
    assert "meter.png: is there already; name another file" in capfd.readouterr().err
    assert (tmp_path / "meter.png").read_bytes() == b"mine"


def test_a_camera_that_sees_no_meter_leaves_nothing_behind(tmp_path, monkeypatch, capfd):
    def take(_, path):
        cv2.imwrite(str(path), np.full((240, 320), 200, np.uint8))

    monkeypatch.setattr("edge.meters.setup.take_picture", take)
    assert main(["setup", "camera", "--out", str(tmp_path / "meter.toml")]) == 1
    assert "no row of digit windows was found; take the picture straight on" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_ends_at_once_is_one_line_and_no_file(tmp_path):
    with pytest.raises(SourceError, match=r"demo:\?frames=2: ended within 2 s; name a camera"):
        take_picture("demo:?frames=2", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
