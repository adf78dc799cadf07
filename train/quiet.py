"""TensorFlow without its announcements, and with memory that it keeps."""

from __future__ import annotations

import ctypes
import os

from edge.stderr import caught_stderr

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Of `mallopt` in glibc's malloc.h."""

MOST, PAD = 2**31 - 1, 2**28
"""Bytes: as much as `mallopt` takes, and how much more than is asked for is taken from the kernel at a time."""


def import_keras_quietly() -> None:
    """Import Keras and start TensorFlow, with what their C++ says of CPU features and absent GPUs kept off stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    keep_memory()
    with caught_stderr():
        import keras  # noqa: F401
        import tensorflow

        tensorflow.config.list_physical_devices()


def keep_memory() -> bool:
    """Let this process keep what it has freed for its next allocation; whether the C library could be told.

    Each step of a training on the CPU allocates and frees the same tens of megabytes. With glibc's thresholds they go
    back to the kernel every time, and every page is zeroed and mapped again: up to half of the time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None:
        return False
    return all([mallopt(TRIM_THRESHOLD, MOST), mallopt(TOP_PAD, PAD), mallopt(MMAP_THRESHOLD, MOST)])
