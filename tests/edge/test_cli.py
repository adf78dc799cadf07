"""The commands as a user types them: what stands on stdout, what on stderr, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import cli, main
from edge.commands.opening import default_model
from edge.sources.demo import render_meter

ROOT = Path(__file__).resolve().parents[2]

WITH_FAKE = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/edge")
import conftest, edge.inference.classifier, edge.pipeline
from edge.inference.bundle import Card
def open_fake(folder, runtime=None, threads=1):
    return conftest.FakeClassifier(Card.model_validate_json((folder / "card.json").read_text()))
edge.inference.classifier.Classifier.open = open_fake
from edge.cli import main
sys.exit(main())
"""
"""`python -m edge` with the classifier that takes every glyph for a 5."""


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", WITH_FAKE, *words]


@pytest.fixture
def page(tmp_path):
    cv2.imwrite(str(tmp_path / "page.png"), render_meter(12345, (640, 480)))
    return tmp_path / "page.png"


@pytest.fixture
def blank(tmp_path):
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((120, 160), 200, np.uint8))
    return tmp_path / "blank.png"


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    return tmp_path / "bad.png"


def call(capfd, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    status = main([str(word) for word in words])
    return status, *capfd.readouterr()


# read


def test_a_picture_is_a_line_of_text(capfd, fake_bundle, page):
    status, out, err = call(capfd, "read", page, "--model", fake_bundle)
    assert (status, err) == (0, "")
    assert out.split() == [str(page), "line-1", "55555", "ok", "0.950"]


def test_json_is_one_line_a_frame_with_the_contracts_keys(capfd, fake_bundle, page, blank):
    status, out, err = call(capfd, "read", page, blank, "--model", fake_bundle, "--json")
    assert (status, err) == (0, "")
    read, empty = [json.loads(line) for line in out.splitlines()]
    assert list(read) == ["source", "frame", "time", "latency_ms", "readings"]
    assert list(read["readings"][0]) == [
        *("name", "text", "value", "status", "confidence", "box", "reason", "digits"),
    ]
    assert read["readings"][0]["value"] == 55555.0
    assert [digit["text"] for digit in read["readings"][0]["digits"]] == ["5"] * 5
    assert empty["readings"][0]["status"] == "empty"
    assert empty["readings"][0]["box"] is None


def test_a_bad_picture_is_one_line_and_the_next_is_read(capfd, fake_bundle, page, bad, blank):
    status, out, err = call(capfd, "read", bad, page, bad.parent / "none.png", blank, "--model", fake_bundle)
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == [str(page), str(blank)]
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        ["readout", str(bad)],
        ["readout", f"{bad.parent}/none.png"],
    ]


def test_a_folder_with_other_files_and_a_bad_picture_is_read_on(capfd, fake_bundle, tmp_path, page, bad):
    (tmp_path / "notes.txt").touch()
    status, out, err = call(capfd, "read", tmp_path, "--model", fake_bundle)
    assert status == 1
    assert len(out.splitlines()) == 1
    assert "skipped 1 .txt file, 1 folder" in err
    assert "bad.png: the file is empty" in err
    assert len(err.splitlines()) == 2


def test_one_frame_of_a_live_source_is_read(capfd, fake_bundle):
    status, out, _ = call(capfd, "read", "demo:", "--model", fake_bundle, "--json")
    assert status == 0
    assert [json.loads(line)["frame"] for line in out.splitlines()] == [0]


def test_every_frame_of_a_clip_is_read(capfd, fake_bundle):
    _, out, _ = call(capfd, "read", "demo:?frames=7", "--model", fake_bundle, "--json")
    assert [json.loads(line)["frame"] for line in out.splitlines()] == list(range(7))


def test_annotated_pictures_are_written(capfd, fake_bundle, page, tmp_path):
    status, _, _ = call(capfd, "read", page, "--model", fake_bundle, "--annotate", tmp_path / "seen")
    assert status == 0
    assert cv2.imread(str(tmp_path / "seen" / "page.png")).shape == (480, 640, 3)


def test_a_configuration_sets_the_cutoff(capfd, fake_bundle, page, tmp_path):
    (tmp_path / "a.toml").write_text("[read]\ncutoff = 0.995")
    _, out, _ = call(capfd, "read", page, "--model", fake_bundle, "--config", tmp_path / "a.toml")
    assert "55555" not in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[source]\nfbs = 5", "line 2: source.fbs: unknown key; did you mean 'fps'?"),
        ('[[field]]\nname = "w"\nkind = "drum"\ndigits = [[0, 0, 9, 9]]', "kind drum needs a meter model: none at"),
        ('[[field]]\nname = "w"\nkind = "print"\nregion = [0, 0, 9, 9]', "kind print needs a paper model: none at"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_one_line(capfd, fake_bundle, page, tmp_path, text, message):
    (tmp_path / "a.toml").write_text(text)
    status, out, err = call(capfd, "read", page, "--model", fake_bundle, "--config", tmp_path / "a.toml")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("readout: ")
    assert message in err


@pytest.mark.parametrize("words", [("read", "a.png"), ("classify", "a.png"), ("run", "--source", "demo:"), ("bench",)])
def test_a_model_that_is_missing_is_one_line(capfd, tmp_path, words):
    status, out, err = call(capfd, *words, "--model", tmp_path / "none")
    assert (status, out) == (1, "")
    assert err.startswith(f"readout: {tmp_path}/none: card.json is missing; copy the whole bundle folder")
    assert err.count("\n") == 1


def test_a_window_that_opencv_has_not_got_is_one_line(capfd, fake_bundle, page, monkeypatch):
    def refuse(*_):
        raise cv2.error("not implemented")

    monkeypatch.setattr("edge.sinks.cv2.namedWindow", refuse)
    status, out, err = call(capfd, "read", page, "--model", fake_bundle, "--show")
    assert (status, out) == (1, "")
    assert "--show needs an OpenCV with windows" in err


# classify


def test_a_digit_is_a_label_with_every_score(capfd, fake_bundle, page):
    status, out, err = call(capfd, "classify", page, "--model", fake_bundle)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"{page}  5  0.990"
    assert len(out.splitlines()) == 12


def test_classify_json_has_the_contracts_keys(capfd, fake_bundle, page, blank):
    _, out, _ = call(capfd, "classify", page, blank, "--model", fake_bundle, "--json")
    digit, none = [json.loads(line) for line in out.splitlines()]
    assert list(digit) == ["source", "label", "confidence", "scores", "position"]
    assert (digit["label"], digit["scores"]["5"], digit["position"]) == ("5", 0.99, None)
    assert none["label"] is None


def test_a_plot_is_drawn(capfd, fake_bundle, page, tmp_path):
    status, _, _ = call(capfd, "classify", page, "--model", fake_bundle, "--plot", tmp_path / "plot.png")
    assert status == 0
    assert cv2.imread(str(tmp_path / "plot.png")).std() > 10


def test_a_plot_of_several_pictures_is_wrong_usage(capfd, page):
    status, _, err = call(capfd, "classify", page, page, "--plot", "plot.png")
    assert status == 2
    assert "--plot draws one picture" in err


def test_a_bad_crop_is_one_line_and_the_next_is_classified(capfd, fake_bundle, page, bad):
    status, out, err = call(capfd, "classify", bad, page, "--model", fake_bundle, "--json")
    assert (status, len(out.splitlines()), len(err.splitlines())) == (1, 1, 1)


# run


def test_only_new_readings_are_printed(capfd, fake_bundle):
    status, out, err = call(capfd, "run", "--source", "demo:?frames=30", "--model", fake_bundle)
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 1
    assert out.split()[1:4] == ["line-1", "55555", "ok"]


def test_run_ends_after_its_frames(capfd, fake_bundle):
    start_s = time.monotonic()
    status, out, _ = call(capfd, "run", "--source", "demo:", "--frames", "2", "--model", fake_bundle, "--json")
    assert status == 0
    assert json.loads(out)["frame"] == 0
    assert time.monotonic() - start_s < 5


def test_run_without_a_source_is_wrong_usage(capfd):
    status, out, err = call(capfd, "run")
    assert (status, out) == (2, "")
    assert "name a source: --source camera" in err


def test_a_source_that_fails_is_one_line(capfd, fake_bundle):
    status, out, err = call(capfd, "run", "--source", "v4l2:/dev/video77", "--model", fake_bundle)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "/dev/video77: no such device" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_is_stopped_cleanly_by_a_signal(fake_bundle, number):
    words = command("run", "--source", "demo:", "--model", str(fake_bundle))
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "55555" in process.stdout.readline()
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")


def test_a_reader_that_goes_away_ends_it_quietly(fake_bundle):
    words = command("read", "demo:?frames=3000", "--model", str(fake_bundle))
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(20) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_line(fake_bundle):
    words = command("read", "demo:?frames=3", "--model", str(fake_bundle))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "readout: standard output: cannot be written (No space left on device); free some space or write elsewhere\n"
    )


# check, bench, and what belongs to all


def test_check_prints_each_line_and_succeeds(capfd, fake_bundle):
    status, out, err = call(capfd, "check", "--model", fake_bundle)
    assert (status, err) == (0, "")
    assert "ok     golden replay: 4 glyphs labelled the same" in out


def test_check_fails_with_the_number_of_failures(capfd, fake_bundle):
    (fake_bundle / "golden.npz").write_bytes(b"altered")
    status, out, err = call(capfd, "check", "--model", fake_bundle)
    assert status == 1
    assert "FAILED bundle: " in out
    assert err == "readout: 1 check failed; the lines above say what to do\n"


def test_bench_prints_latencies(capfd, fake_bundle):
    status, out, _ = call(capfd, "bench", "--model", fake_bundle, "--frames", "2", "--size", "320x240")
    assert status == 0
    assert "2 of 320 x 240" in out
    _, out, _ = call(capfd, "bench", "--model", fake_bundle, "--frames", "2", "--size", "320x240", "--json")
    assert set(json.loads(out)["stages"]) == {"binarize", "regions", "normalize", "predict", "frame"}


@pytest.mark.parametrize("size", ["640", "0x480", "axb", "640x480x3"])
def test_a_size_that_is_none_is_wrong_usage(capfd, size):
    status, _, err = call(capfd, "bench", "--size", size)
    assert status == 2
    assert "write it like 640x480" in err


@pytest.mark.parametrize(
    "words", [("read",), ("red", "a.png"), ("read", "--no-such", "a.png"), ("run", "--frames", "0")]
)
def test_wrong_usage_is_2(capfd, words):
    status, out, err = call(capfd, *words)
    assert (status, out) == (2, "")
    assert "Usage: readout" in err


def test_no_arguments_print_the_help(capfd):
    status, out, err = call(capfd)
    assert (status, err) == (0, "")
    assert all(name in out for name in cli.commands)


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_is_described(capfd, name):
    status, out, _ = call(capfd, name, "--help")
    assert status == 0
    assert all(
        getattr(option, "help", "") for option in cli.commands[name].params if option.param_type_name == "option"
    )
    assert cli.commands[name].help
    assert f"readout {name}" in out


def test_debug_shows_the_traceback(tmp_path):
    words = [sys.executable, "-m", "edge", "read", "a.png", "--model", str(tmp_path)]
    plain = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    debug = subprocess.run([*words, "--debug"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (plain.returncode, plain.stdout, plain.stderr.count("\n")) == (1, "", 1)
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr
    assert "edge.errors.BundleError" in debug.stderr


def test_a_missing_package_is_one_line():
    words = [
        sys.executable,
        "-c",
        "import sys; sys.modules['cv2'] = None\nfrom edge.cli import main\nsys.exit(main(['bench']))",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "a package is missing or does not fit the others (import of cv2 halted" in done.stderr


def test_a_file_name_of_any_bytes_is_reported(capfd, fake_bundle, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.png"
    Path(os.fsdecode(path)).write_bytes(b"")
    status, _, err = call(capfd, "read", os.fsdecode(path), "--model", fake_bundle)
    assert status == 1
    assert "the file is empty" in err


def test_the_model_of_the_folder_one_works_in_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert default_model().is_absolute() or not default_model().exists()
    (tmp_path / "models" / "paper").mkdir(parents=True)
    assert default_model() == Path("models/paper")


def test_a_folder_that_may_not_be_looked_into_holds_no_bundle(tmp_path, monkeypatch):
    """As for `sudo -u readout readout check` in the home of someone else."""
    is_dir = Path.is_dir

    def refuse(path):
        if not path.is_absolute():
            raise PermissionError(13, "Permission denied")
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert default_model().is_absolute()
