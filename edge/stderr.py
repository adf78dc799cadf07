"""What C libraries say on their own: caught, so that a user sees one line and not theirs."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

WAIT_S = 2.0
"""How long another thread's block is waited for; one that hangs in a driver must not hold up the next."""

_redirected = threading.Lock()  # file descriptor 2 is one for all threads: crossed, it would be lost for good


@contextmanager
def caught_stderr() -> Iterator[list[str]]:
    """A list whose only item is, after the block, what was written to file descriptor 2 in it.

    OpenCV, libpng, libjpeg, FFmpeg and XNNPACK write there past Python's `sys.stderr`. One thread at a
    time; where another does not end its block in time, nothing is caught.
    """
    caught = [""]
    if not _redirected.acquire(timeout=WAIT_S):
        yield caught
        return
    try:
        with _file_for_stderr() as file:
            yield caught
            sys.stderr.flush()
            file.seek(0)
            caught[0] = file.read().decode("utf-8", errors="replace")
    finally:
        _redirected.release()


@contextmanager
def _file_for_stderr() -> Iterator[BinaryIO]:
    """A file that takes file descriptor 2 during the block."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            yield file
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
