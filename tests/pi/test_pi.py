"""The real picamera2 on libcamera's virtual camera in a Trixie userland: natively here, as arm64 by `make test-pi`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.claims import PYTEST, names_in, outcomes_of
from tests.pi.root import CPUS, build_root, lack, run_in_root
from tests.sources import contract
from tests.sources.cameras import jpeg, picture, tinted

CLAIMS = Path(__file__).parent / "inside" / "picamera2_claims.py"

NAMES = names_in(CLAIMS, Path(contract.__file__))

INSIDE_S = 900.0
"""All claims on an emulated processor."""

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
    (root / "frames" / "0.jpg").write_bytes(jpeg(tinted(picture(120, (1280, 720)))))
    words = ["/usr/bin/python3", *PYTEST, "--rootdir", "/src/tests/pi/inside", f"/src/tests/pi/inside/{CLAIMS.name}"]
    done = run_in_root(root, words, cpu, INSIDE_S)
    found = outcomes_of(done.stdout)
    assert found, done.stdout[-3000:] + done.stderr[-3000:]
    return {**found, "output": done.stdout + done.stderr}


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", NAMES)
def test_inside(outcomes, name):
    assert outcomes.get(name) == "PASSED", outcomes["output"][-6000:]


def test_there_is_something_inside():
    assert len(NAMES) > 20
