"""The unit file: its sandbox is as tight as promised, its command exists, and the program lives within it."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import cli

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "edge" / "deploy" / "readout.service"

EXPOSURE = 3.0
"""What `systemd-analyze security` may find at most, of 10."""

UNDER_SANDBOX = """
import ctypes, sys
PR_SET_MDWE = 65  # what MemoryDenyWriteExecute=yes comes to, prctl(2)
if ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0):
    sys.exit(77)
from edge.cli import main
sys.exit(main())
"""


@pytest.fixture
def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser


def test_the_sandbox_is_tight():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze; apt-get install systemd")
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for readout.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert 0 < float(found[1]) <= EXPOSURE


def test_the_command_that_it_starts_exists(unit):
    program, command, *options = unit["Service"]["ExecStart"].split()
    known = {name for parameter in cli.commands[command].params for name in parameter.opts}
    assert program.endswith("/readout")
    assert {word for word in options if word.startswith("--")} <= known


def test_systemd_supervises_it(unit):
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert int(service["WatchdogSec"]) > 30
    assert "HUP" in service["ExecReload"]


def test_it_reads_without_memory_that_is_writable_and_executable():
    words = [sys.executable, "-c", UNDER_SANDBOX, "read", "demo:?frames=1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=environment)
    if done.returncode == 77:
        pytest.skip("this kernel knows no PR_SET_MDWE")
    assert (done.returncode, done.stderr) == (0, "")
    assert "12345" in done.stdout
