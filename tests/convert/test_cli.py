"""Exit codes, one line for a mistake, and the table on stdout."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from convert.cli import main
from edge.errors import DataError
from edge.inference.bundle import GOLDEN_FILE, load_card

ROOT = Path(__file__).parents[2]


def invoke(*arguments, **options):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def test_build_prints_the_table_and_where_the_bundle_lies(run_path, tmp_path):
    result = invoke("build", run_path, "--out", tmp_path / "mine")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"bundle {tmp_path / 'mine'}"
    assert "agreement, litert" in result.stdout
    assert "FAILED" not in result.stdout
    assert load_card(tmp_path / "mine").name == "mine"


def test_verify_fails_with_the_table_and_one_line(bundle, run_path):
    (bundle / GOLDEN_FILE).write_bytes(b"altered")
    result = invoke("verify", bundle, "--run", run_path)
    assert result.exit_code == 1
    assert next(line for line in result.stdout.splitlines() if line.startswith("opens in edge")).endswith("FAILED")
    assert result.stderr.splitlines()[-1].startswith("readout: 1 of ")
    assert "opens in edge" in result.stderr


def test_a_mistake_is_one_line_and_status_1(tmp_path):
    result = invoke("build", tmp_path / "no")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("readout: ")


def test_debug_brings_the_traceback_back(tmp_path):
    with pytest.raises(DataError):
        invoke("build", tmp_path / "no", "--debug", catch_exceptions=False)


@pytest.mark.parametrize(
    "arguments", [["build"], ["verify", "x"], ["bake"], ["build", "x", "--calibration-count", "0"]]
)
def test_wrong_usage_is_status_2(arguments):
    assert invoke(*arguments).exit_code == 2


def test_help_comes_without_tensorflow():
    code = "import sys, convert.cli; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_command_is_a_module():
    command = [sys.executable, "-m", "convert", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "build" in done.stdout
    assert "verify" in done.stdout
    assert done.stderr == ""
