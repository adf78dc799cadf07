"""The machine under the program: what it is called and how much memory the program took."""

from __future__ import annotations

import platform
import re
import resource
import sys
from pathlib import Path

DEVICE_TREE_MODEL = Path("/proc/device-tree/model")
CPU_INFO = Path("/proc/cpuinfo")


def board_name() -> str:
    """ "Raspberry Pi 4 Model B Rev 1.4" on one, else the processor's name and number of cores."""
    try:
        return DEVICE_TREE_MODEL.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return _processor_name()


def is_raspberry_pi() -> bool:
    """Whether this is one."""
    return board_name().startswith("Raspberry Pi")


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _processor_name() -> str:
    try:
        found = re.search(
            r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
        )
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
