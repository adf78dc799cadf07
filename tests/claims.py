"""Tests that run in another process, where the machine is made to look like another: their names and their outcomes."""

from __future__ import annotations

import re
from pathlib import Path

PYTEST = ("-m", "pytest", "-c", "/dev/null", "-p", "no:cacheprovider", "-rA", "-q", "--tb=short")


def names_in(*files: Path) -> list[str]:
    """The tests that files define."""
    return [name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M)]


def outcomes_of(report: str) -> dict[str, str]:
    """How each test ended, of a report of `PYTEST`: the worst, where it has several parameters."""
    found: dict[str, str] = {}
    for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\w+)", report, re.M):
        found[name] = outcome if found.get(name, "PASSED") == "PASSED" else found[name]
    return found
