"""OpenCV's own V4L2 code on a camera that is played below it: each claim of tests/sources/inside/v4l2_claims.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.claims import PYTEST, names_in, outcomes_of
from tests.sources import contract
from tests.sources.v4l2 import build_device, environment, v4l2_lack

ROOT = Path(__file__).resolve().parents[3]
CLAIMS = ROOT / "tests" / "sources" / "inside" / "v4l2_claims.py"
NAMES = names_in(CLAIMS, Path(contract.__file__))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, str]:
    """Each claim with its outcome, and what was printed."""
    lack = v4l2_lack()
    if lack:
        pytest.skip(lack)
    folder = tmp_path_factory.mktemp("v4l2")
    (folder / "cameras").mkdir()
    played = environment(build_device(folder), folder / "cameras")
    words = [sys.executable, *PYTEST, "-W", "error", "--rootdir", str(CLAIMS.parent), str(CLAIMS)]
    variables = {**os.environ, **played, "PYTHONPATH": str(ROOT), "OPENCV_LOG_LEVEL": "SILENT"}
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=280, check=False)
    return {**outcomes_of(done.stdout), "output": done.stdout + done.stderr}


@pytest.mark.parametrize("name", NAMES)
def test_inside(outcomes, name):
    assert outcomes.get(name) == "PASSED", outcomes["output"][-6000:]


def test_the_suite_and_more_is_inside():
    assert len(NAMES) > 24
