"""The real picamera2 on libcamera's virtual camera in a Trixie userland: natively here, as arm64 by `make test-pi`."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.pi.root import CPUS, build_root, lack, run_in_root
from tests.sources.cameras import jpeg, picture

CLAIMS = Path(__file__).parent / "inside" / "picamera2_claims.py"

NAMES = re.findall(r"^def (test_\w+)", CLAIMS.read_text(encoding="utf-8"), re.MULTILINE)

WHERE = [("amd64", "cortex-a72"), *(("arm64", cpu) for cpu in CPUS)]


@pytest.fixture(scope="module", params=WHERE, ids=lambda where: "-".join(where) if where[0] == "arm64" else where[0])
def outcomes(request) -> dict[str, str]:
    """Each test inside with its outcome."""
    arch, cpu = request.param
    if arch == "arm64" and not os.environ.get("TEST_PI"):
        pytest.skip("emulated processors are tested by: make test-pi")
    reason = lack(arch)
    if reason:
        pytest.skip(reason)
    try:
        root = build_root("trixie", arch)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"the userland cannot be built here: {error}")
    for old in (root / "frames").iterdir():
        old.unlink()
    (root / "frames" / "0.jpg").write_bytes(jpeg(picture(120, (1280, 720))))
    words = ["-m", "pytest", "-c", "/dev/null", "--rootdir", "/src/tests/pi/inside", "-p", "no:cacheprovider"]
    done = run_in_root(
        root, ["/usr/bin/python3", *words, "-rA", "-q", "--tb=short", f"/src/tests/pi/inside/{CLAIMS.name}"], cpu
    )
    found = dict(_outcomes(done.stdout))
    assert found, done.stdout[-3000:] + done.stderr[-3000:]
    return {**found, "output": done.stdout + done.stderr}


def _outcomes(report: str) -> list[tuple[str, str]]:
    return [(name, outcome) for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\w+)", report, re.M)]


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", NAMES)
def test_inside(outcomes, name):
    assert outcomes.get(name) == "PASSED", outcomes["output"][-6000:]


def test_there_is_something_inside():
    assert len(NAMES) > 8
