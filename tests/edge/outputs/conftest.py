"""What the tests of the outputs share."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from edge.outputs import store

NOON = 1795262400.0  # 2026-11-21T12:00:00Z, of which day the tests' records are


@pytest.fixture(autouse=True)
def it_is_noon(monkeypatch):
    """The store's clock stands on the records' day, whenever the tests run: it drops what is too old."""
    monkeypatch.setattr(store, "time", SimpleNamespace(**vars(time) | {"time": lambda: NOON}))
