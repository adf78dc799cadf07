import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from train import cli
from train.data.dataset import Dataset
from train.run_folder import RunFolder

Train = Callable[..., tuple[int, str, str]]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], builtin: Dataset) -> Train:
    """The command, with the small embedded data set: exit code, stdout, stderr."""
    monkeypatch.setattr("train.data.choose.load_builtin", {0: builtin}.__getitem__)
    monkeypatch.setattr(cli.log, "handlers", [])

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def run_folder(dense_run: RunFolder) -> Path:
    return dense_run.path


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    """A photograph-like 7: dark on light, in colour, with a shadow."""
    paper = np.full((160, 120, 3), (170, 200, 220), np.uint8)
    cv2.polylines(paper, [np.array([[30, 35], [90, 35], [55, 125]])], False, (60, 30, 20), 12, cv2.LINE_AA)
    shadow = np.linspace(1, 0.7, 120)[None, :, None]
    cv2.imwrite(str(tmp_path / "seven.png"), (paper * shadow).astype(np.uint8))
    return tmp_path / "seven.png"


def test_fit_prints_one_result_and_logs_every_epoch(train: Train, tmp_path: Path):
    code, out, err = train(
        "fit", "dense", "--data", "builtin", "--out", tmp_path / "run", "--epochs", 2, "--limit", 300
    )
    assert code == 0
    assert out.startswith(f"{tmp_path / 'run'}: ")
    assert "of 300 right (builtin test" in out
    assert out.count("\n") == 1
    assert "epoch 1/2: loss" in err
    assert "epoch 2/2: loss" in err
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    assert card["command"].startswith("python -m train fit dense --data builtin")


def test_without_mnist_fit_says_so_first_and_last(
    train: Train, tmp_path: Path, empty_cache: Path, dead_url: str, monkeypatch: pytest.MonkeyPatch
):
    from train.data import choose, mnist

    monkeypatch.setattr(choose, "load_mnist", lambda: mnist.load_mnist(mirrors=[dead_url]))
    code, _, err = train("fit", "dense", "--out", tmp_path / "run", "--epochs", 1, "--limit", 200)
    assert code == 0
    lines = err.strip().splitlines()
    notes = [k for k, line in enumerate(lines) if line.startswith("NOTE: MNIST was not found")]
    assert len(notes) == 2
    assert notes[0] < next(k for k, line in enumerate(lines) if line.startswith("epoch 1/1")) < notes[1]
    assert notes[1] == len(lines) - 1
    assert str(empty_cache / "readout" / "mnist") in lines[-1]


def test_evaluate_makes_the_figures_again(train: Train, tmp_path: Path, run_folder: Path):
    copy = shutil.copytree(run_folder, tmp_path / "run")
    before = json.loads((copy / "report.json").read_text())
    for path in [*copy.glob("*.png"), *copy.glob("report.*")]:
        if path.name != "samples.png":
            path.unlink()
    code, out, _ = train("evaluate", copy)
    assert code == 0
    assert f"{before['accuracy']:.2%}" in out
    assert json.loads((copy / "report.json").read_text()) == before
    assert {path.name for path in copy.iterdir()} == {path.name for path in run_folder.iterdir()}


def test_predict_gives_label_and_every_score(train: Train, run_folder: Path, seven: Path, tmp_path: Path):
    code, out, _ = train("predict", seven, "--run", run_folder, "--plot", tmp_path / "plot.png")
    assert code == 0
    first, scores = out.splitlines()
    assert first.startswith(f"{seven}: 7 (")
    values = dict(zip(scores.split()[::2], map(float, scores.split()[1::2]), strict=True))
    assert list(values) == list("0123456789")
    assert sum(values.values()) == pytest.approx(1, abs=0.001)
    assert max(values, key=values.__getitem__) == "7"
    assert cv2.imread(str(tmp_path / "plot.png")).std() > 5


def test_light_on_dark_is_the_same_digit(train: Train, run_folder: Path, seven: Path):
    cv2.imwrite(str(seven), 255 - cv2.imread(str(seven)))
    code, out, _ = train("predict", seven, "--run", run_folder)
    assert code == 0
    assert f"{seven}: 7 (" in out


def test_an_unreadable_picture_does_not_keep_the_next_one_from_being_read(train: Train, run_folder: Path, seven: Path):
    broken = seven.with_name("broken.png")
    broken.write_bytes(b"no picture")
    code, out, err = train("predict", broken, seven, "--run", run_folder)
    assert code == 1
    assert "broken.png" in err
    assert "broken.png" not in out
    assert f"{seven}: 7" in out


def test_an_empty_picture_has_no_digit(train: Train, run_folder: Path, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((60, 60), 200, np.uint8))
    code, out, _ = train("predict", tmp_path / "empty.png", "--run", run_folder, "--plot", tmp_path / "plot.png")
    assert code == 0
    assert out == f"{tmp_path / 'empty.png'}: no digit\n"
    assert (tmp_path / "plot.png").is_file()


def test_a_folder_without_a_run_is_one_line(train: Train, tmp_path: Path):
    code, out, err = train("evaluate", tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith(f"readout: {tmp_path}: holds no finished run")
    assert "Traceback" not in err


def test_debug_shows_where_an_error_came_from(train: Train, tmp_path: Path):
    code, _, err = train("--debug", "evaluate", tmp_path)
    assert code == 1
    assert "Traceback" in err


@pytest.mark.parametrize("arguments", [("fit",), ("fit", "nonsense"), ("fit", "dense", "--epochs", "0"), ("predict",)])
def test_wrong_use_exits_with_2(train: Train, arguments: tuple[str, ...]):
    code, out, err = train(*arguments)
    assert (code, out) == (2, "")
    assert "Error" in err
