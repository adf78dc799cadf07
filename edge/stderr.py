"""What C libraries say on their own: caught, so that a user sees one line and not theirs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def caught_stderr() -> Iterator[list[str]]:
    """A list whose only item is, after the block, what was written to file descriptor 2 in it.

    OpenCV, libpng, libjpeg, FFmpeg and XNNPACK write there past Python's `sys.stderr`.
    """
    caught = [""]
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield caught
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            caught[0] = file.read().decode("utf-8", errors="replace")
