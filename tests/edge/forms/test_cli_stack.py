"""`edge read --csv --review` as a user types it, with a newcomer's mistakes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.nouns import Reading
from edge.sources.demo import render_meter

ROOT = Path(__file__).resolve().parents[3]

SLOW = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background of a shell
sys.path.insert(0, "tests/edge")
import conftest, edge.inference.classifier, edge.pipeline
from edge.inference.bundle import Card
def open_fake(folder, runtime=None, threads=1):
    return conftest.FakeClassifier(Card.model_validate_json((folder / "card.json").read_text()))
edge.inference.classifier.Classifier.open = open_fake
read_frame = edge.pipeline.read_frame
def slow(frame, reader):
    time.sleep(0.05)
    return read_frame(frame, reader)
edge.pipeline.read_frame = slow
from edge.cli import main
sys.exit(main())
"""
"""`python -m edge` with the classifier that takes every glyph for a 5, at most 20 pages a second."""


@pytest.fixture
def scans(tmp_path) -> Path:
    """A folder with two pictures, a broken one between them, and a TIFF of two pages."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("1.png", "3.png"):
        cv2.imwrite(str(folder / name), render_meter(12345, (640, 480)))
    (folder / "2.png").write_bytes(b"")
    cv2.imwritemulti(str(folder / "10.tif"), [np.full((120, 160), 200, np.uint8)] * 2)
    return folder


def call(capfd, *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    return status, *capfd.readouterr()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_stack_with_a_broken_picture_is_read_to_its_end(capfd, fake_bundle, scans, tmp_path):
    words = ("read", scans, "--model", fake_bundle, "--csv", tmp_path / "o.csv", "--review", tmp_path / "review")
    status, out, err = call(capfd, *words)
    assert (status, out) == (1, "")
    assert [
        (Path(row["source"]).name, row["page"], row["text"], row["status"]) for row in rows(tmp_path / "o.csv")
    ] == [
        ("1.png", "1", "55555", "ok"),
        ("2.png", "1", "", "failed"),
        ("3.png", "1", "55555", "ok"),
        ("10.tif", "1", "", "empty"),
        ("10.tif", "2", "", "empty"),
    ]
    assert err.splitlines() == [
        f"readout: {scans}/2.png: the file is empty; copy or take the picture again",
        f"readout: {tmp_path}/o.csv: 5 forms (2 empty, 2 ok, 1 failed); look through {tmp_path}/review/index.html",
    ]
    assert "the file is empty" in (tmp_path / "review" / "index.html").read_text()


def test_the_same_command_again_reads_what_is_new(capfd, fake_bundle, scans, tmp_path):
    words = ("read", scans, "--model", fake_bundle, "--csv", tmp_path / "o.csv")
    call(capfd, *words)
    before = (tmp_path / "o.csv").read_bytes()
    status, _, err = call(capfd, *words)
    assert status == 1, "the broken picture is still broken"
    assert f"{scans}/2.png: the file is empty" in err
    assert "has 5 forms (2 empty, 2 ok, 1 failed) already" in err
    assert (tmp_path / "o.csv").read_bytes() == before
    cv2.imwrite(str(scans / "2.png"), render_meter(7, (640, 480)))
    status, _, err = call(capfd, *words)
    assert status == 0
    assert err.splitlines()[-1] == f"readout: {tmp_path}/o.csv: 5 forms (2 empty, 3 ok)"
    assert (tmp_path / "o.csv").read_bytes().startswith(before)
    assert [row["source"] for row in rows(tmp_path / "o.csv")[5:]] == [f"{scans}/2.png"]


def test_json_goes_on_beside_the_table(capfd, fake_bundle, scans, tmp_path):
    (scans / "2.png").unlink()
    words = ("read", scans, "--model", fake_bundle, "--csv", tmp_path / "o.csv", "--json")
    assert len(call(capfd, *words)[1].splitlines()) == 4
    assert len(rows(tmp_path / "o.csv")) == 4


def test_files_of_one_name_in_two_folders_are_two_forms(capfd, fake_bundle, tmp_path):
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "1.png"), render_meter(value, (640, 480)))
    words = ("read", tmp_path / "a", tmp_path / "b", tmp_path / "a" / "1.png", "--model", fake_bundle)
    assert call(capfd, *words, "--csv", tmp_path / "o.csv")[0] == 0
    assert [row["source"] for row in rows(tmp_path / "o.csv")] == [f"{tmp_path}/a/1.png", f"{tmp_path}/b/1.png"]


def test_fields_are_columns(capfd, fake_bundle, scans, tmp_path, monkeypatch):
    field = '[[field]]\nname = "{}"\nkind = "print"\ndigits = [[0, 0, 9, 9]]\n'
    (tmp_path / "form.toml").write_text(field.format("total") + field.format("day"))
    (tmp_path / "models" / "paper").symlink_to(fake_bundle)
    readings = [Reading("total", "007", 7.0, "ok", 0.99, None), Reading("day", "", None, "empty", 1.0, None)]
    monkeypatch.setattr("edge.pipeline.read_frame", lambda *_: readings)
    (scans / "2.png").unlink()
    words = ("read", scans, "--model", fake_bundle, "--config", tmp_path / "form.toml", "--csv", tmp_path / "o.csv")
    assert call(capfd, *words)[0] == 0
    assert [(row["total"], row["total.value"], row["day"], row["day.status"]) for row in rows(tmp_path / "o.csv")] == [
        ("007", "7", "", "empty")
    ] * 4
    (tmp_path / "form.toml").write_text(field.format("total") + field.format("day") + "required = true\n")
    status, _, err = call(capfd, *words)
    assert status == 1
    assert err == (
        f"readout: {tmp_path}/o.csv: its forms were read with another configuration; name another file, "
        "or go on with what they were read with\n"
    )


def test_a_review_without_a_table_is_wrong_usage(capfd, scans, tmp_path):
    status, _, err = call(capfd, "read", scans, "--review", tmp_path / "review")
    assert status == 2
    assert "--review goes with --csv FILE" in err
    assert not (tmp_path / "review").exists()


def test_a_table_is_a_file(capfd, scans, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = call(capfd, "read", scans, "--csv", "-")
    assert status == 2
    assert "for a pipe take --json" in err
    assert not Path("-").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--csv", "{0}/none/o.csv"), "none/o.csv: cannot be written (No such file or directory); make its folder"),
        (("--csv", "{0}"), "cannot be written (Is a directory)"),
        (("--csv", "{0}/mine.csv"), "is there already and is no table of readings; name another file"),
        (("--csv", "{0}/scans/1.png"), "is there already and is no table of readings; name another file"),
        (("--csv", "{0}/o.csv", "--review", "{0}/scans"), "scans: is not empty and holds no review; name a new folder"),
        (("--csv", "{0}/o.csv", "--review", "{0}/mine.csv"), "mine.csv: cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_of_the_users_is_touched(capfd, fake_bundle, scans, tmp_path, words, message):
    (tmp_path / "mine.csv").write_text("name,price\nbolt,3\n")
    before = {path: path.read_bytes() for path in [tmp_path / "mine.csv", *scans.iterdir()]}
    status, out, err = call(capfd, "read", scans, "--model", fake_bundle, *[word.format(tmp_path) for word in words])
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert message in err
    assert {path: path.read_bytes() for path in [tmp_path / "mine.csv", *scans.iterdir()]} == before


def test_ctrl_c_closes_the_table_and_the_same_command_goes_on(fake_bundle, tmp_path):
    (tmp_path / "scans").mkdir()
    for number in range(30):
        picture = render_meter(12345 + number, (320, 240))
        cv2.imwrite(str(tmp_path / "scans" / f"{number:02d}.png"), picture)
    words = [sys.executable, "-c", SLOW, "read", str(tmp_path / "scans"), "--model", str(fake_bundle)]
    words += ["--csv", str(tmp_path / "o.csv"), "--review", str(tmp_path / "review")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "o.csv").exists() or len(rows(tmp_path / "o.csv")) < 3:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130
    assert 3 <= len(rows(tmp_path / "o.csv")) < 30
    assert err.splitlines()[-1].startswith(f"readout: {tmp_path}/o.csv: ")
    assert all(line.startswith("readout: ") for line in err.splitlines())
    assert (tmp_path / "review" / "index.html").is_file()
    again = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "reading goes on after them" in again.stderr
    assert [Path(row["source"]).name for row in rows(tmp_path / "o.csv")] == [f"{n:02d}.png" for n in range(30)]
