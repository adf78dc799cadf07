"""Durations and sizes as the configuration writes them: `5m`, `20 MB`."""

from __future__ import annotations

DURATION = r"\d{1,6}[smhd]"

SIZE = r"\d{1,6} ?(kB|MB|GB)"

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

BYTES = {"kB": 1000, "MB": 1000**2, "GB": 1000**3}


def duration_s(text: str) -> float:
    """Seconds of `30s`, `5m`, `1h` or `7d`."""
    return float(text[:-1]) * SECONDS[text[-1]]


def size_bytes(text: str) -> int:
    """Bytes of `500 kB`, `20 MB` or `1 GB`."""
    return int(text[:-2]) * BYTES[text[-2:]]
