"""What is often wrong with a device, each with its remedy: Python, 32 bits, packages, permissions, a full disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import struct
import sys
from pathlib import Path

from edge.errors import MissingRuntimeError, OutputError, SourceError

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
"""Versions that there are wheels of LiteRT for, and that this package asks for."""

LEAST_BYTES = 100_000_000
"""Free space below which a disk is as good as full: a day's log or an update takes as much."""

PROCESSES = Path("/proc")

OTHER_NUMPY = "numpy.dtype size changed"
"""What a module built for numpy 1 says, as a ValueError, beside numpy 2."""

NO_MULTIARRAY = "numpy.core.multiarray failed to import"
"""What apt's OpenCV says beside numpy 2."""


def why_no_import(error: ImportError | ValueError) -> str:
    """Why a package could not be imported, and what to do.

    Parameters
    ----------
    error : ImportError or ValueError
        What the import raised.
    """
    found = " ".join(str(error).split())
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return wrong_python()
    if OTHER_NUMPY in found or NO_MULTIARRAY in found:
        remedy = "pip install 'numpy<2' 'opencv-python-headless<4.12'"
        return f"numpy 2 is installed beside packages that were built for numpy 1 ({found}); {remedy}"
    if found.startswith("No module named 'libcamera'"):
        return f"{found}; make the environment with: python3 -m venv --system-site-packages .venv"
    remedy = "make setup, or in the repository: pip install -e '.[edge]'"
    return f"a package is missing or does not fit the others ({found}); {remedy}"


def wrong_python() -> str:
    """What is said of a Python that is too old or too new."""
    found = ".".join(str(number) for number in sys.version_info[:3])
    wanted = f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} to {NEWEST_PYTHON[0]}.{NEWEST_PYTHON[1]}"
    return f"Python {found} does not fit; make the environment with Python {wanted}"


def require_python() -> None:
    """Raise MissingRuntimeError unless this Python is one that the packages are made for."""
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        raise MissingRuntimeError(wrong_python())


def require_64_bits() -> str:
    """ "64 bits"; or, where the older runtime is there, what 32 bits cost.

    Raises
    ------
    MissingRuntimeError
        32 bits, and no runtime that works there.
    """
    bits = pointer_bits()
    if bits == 64:
        return "64 bits"
    if importlib.util.find_spec("tflite_runtime"):
        return f"{bits} bits: tflite-runtime works, LiteRT needs a 64-bit system"
    raise MissingRuntimeError(
        f"{bits} bits: LiteRT needs a 64-bit system; install Raspberry Pi OS (64-bit), "
        "or on Python 3.11: pip install tflite-runtime==2.14.0 'numpy<2'"
    )


def pointer_bits() -> int:
    """Bits of this Python's addresses; a 64-bit kernel may run a 32-bit system."""
    return struct.calcsize("P") * 8


def require_permission(device: str) -> None:
    """Raise SourceError where this user may not use a video device."""
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceError(f"{device}: no permission; sudo usermod -aG video $USER, then log in again")


def users_of(path: str) -> list[str]:
    """Names and numbers of the other processes that hold a file open, as far as this user may see."""
    numbers = sorted(int(each.name) for each in PROCESSES.iterdir() if each.name.isdecimal())
    return [f"{_name(number)} ({number})" for number in numbers if number != os.getpid() and _holds(number, path)]


def require_space(folder: Path) -> str:
    """How much is free where a folder is, or will be.

    Raises
    ------
    OutputError
        The folder is missing or may not be written to, or the disk is as good as full.
    """
    if not folder.is_dir():
        raise OutputError(f"{folder}: no such folder; make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: may not be written to; write elsewhere or change its permissions")
    free = shutil.disk_usage(folder).free
    if free < LEAST_BYTES:
        raise OutputError(f"{folder}: only {free // 10**6} MB are free; free some space")
    return f"{folder}: {free / 1e9:.1f} GB free"


def _holds(number: int, path: str) -> bool:
    """Whether a process holds a file open; False where that may not be seen."""
    try:
        return any(
            each.is_symlink() and str(each.readlink()) == path for each in (PROCESSES / f"{number}/fd").iterdir()
        )
    except OSError:
        return False


def _name(number: int) -> str:
    try:
        return (PROCESSES / f"{number}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process"
