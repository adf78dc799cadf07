"""What all tests share: where the real data lies."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def digits_data() -> Path:
    """The folder that DIGITS_DATA names; skipped without it, and a failure in CI."""
    folder = Path(os.environ.get("DIGITS_DATA", ""))
    if os.environ.get("DIGITS_DATA") and folder.is_dir():
        return folder
    if os.environ.get("CI"):
        pytest.fail("DIGITS_DATA names no folder: in CI the real data must be there")
    pytest.skip("DIGITS_DATA names no folder with the real data")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return Path(__file__).parents[1]
