"""The measures of frames and readings run, and a planted fault shows in them."""

from dataclasses import replace

import numpy as np
import pytest

from edge.meters.overtime import Accepted
from edge.meters.register import Alignment, Reference
from tests.meters import frames, readings
from tests.meters.frames import (
    HARMLESS,
    SPOILT,
    drawn_faces,
    judged_lines,
    located_lines,
    measure_judgement,
    measure_location,
)
from tests.meters.readings import Home, simulate, tally_lines


@pytest.fixture(scope="module")
def faces():
    return drawn_faces(2)


def test_harmless_and_spoilt_frames_are_told_apart(faces):
    rows = [measure_judgement(kind, faces, 1) for kind in ("gamma", "dark", "frozen")]
    assert [row.reasons for row in rows] == [{"fit": 2}, {"dark": 2}, {"frozen": 2}]
    assert judged_lines(rows)[2].split() == ["dark", "dark", "2"]
    assert not set(HARMLESS) & set(SPOILT)


def test_views_are_found_and_strangers_are_not(faces):
    still, strange = measure_location("still", faces, 1), measure_location("another meter", faces, 1)
    assert (still.used, still.lost, still.askew, strange.used) == (2, 0, 0, 0)
    assert still.median_error < 0.5
    assert located_lines([still])[1].startswith("still")


def test_a_registration_that_is_off_shows_as_askew(faces, monkeypatch):
    off = np.eye(3)
    off[0, 2] = 6.0
    monkeypatch.setattr(Reference, "locate", lambda *_: Alignment(off, 1.0, False))
    assert measure_location("still", faces, 1).askew == 2
    assert measure_location("a hand", faces, 1).askew == 2


def test_a_check_that_is_blind_shows_in_the_table(faces, monkeypatch):
    monkeypatch.setattr(frames, "judge_frame", lambda *_: None)
    assert measure_judgement("dark", faces, 1).reasons == {"fit": 2}


def test_a_filter_that_believes_everything_shows_wrong_values(monkeypatch):
    def believe(history, evidence, meter):
        published = readings_step(history, evidence, meter)[1]
        if not evidence.candidates:
            return history, published
        value = evidence.candidates[0].value
        believed = replace(published, value=value, status="ok")
        return replace(history, accepted=Accepted(value, value, evidence.moment, 0.0)), believed

    readings_step = readings.step
    home = Home(1.0, 0.05)
    assert simulate(home, 1, 0.25).wrong == 0
    monkeypatch.setattr(readings, "step", believe)
    tally = simulate(home, 1, 0.25)
    assert tally.wrong > 5
    assert tally_lines([tally])[1].startswith("1, 5.0% misread, 1 a minute")
