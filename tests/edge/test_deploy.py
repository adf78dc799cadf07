"""The unit file: its sandbox is as tight as promised, its command exists, and the program lives within it."""

from __future__ import annotations

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "edge" / "deploy" / "probe.py"
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


# what a bundle has to fit


def test_a_system_that_fits_is_told_by_its_python_and_machine(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 13, 5, "final", 0))
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    runpy.run_path(str(PROBE))
    assert capsys.readouterr().out == "13 aarch64\n"


@pytest.mark.parametrize(
    ("version", "machine", "bits", "words"),
    [
        ((3, 9), "aarch64", 64, "does not fit; install Raspberry Pi OS Bookworm .Python 3.11. or Trixie"),
        ((3, 12), "x86_64", 64, "does not fit; install"),
        ((3, 11), "aarch64", 32, r"has 32 bits, LiteRT needs 64; install Raspberry Pi OS .64-bit."),
        ((3, 13), "riscv64", 64, "no packages for a riscv64; take an aarch64 or x86_64 machine"),
    ],
)
def test_one_that_does_not_is_told_what_to_install(monkeypatch, version, machine, bits, words):
    monkeypatch.setattr(sys, "version_info", (*version, 2, "final", 0))
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("struct.calcsize", lambda _: bits // 8)
    with pytest.raises(SystemExit, match=words):
        runpy.run_path(str(PROBE))


def test_the_shell_scripts_parse():
    for path in [*UNIT.parent.glob("*.sh"), *(UNIT.parent / "debian").glob("p*")]:
        shell = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("#!")
        subprocess.run([shell, "-n", path], check=True)
