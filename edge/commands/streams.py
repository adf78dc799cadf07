"""What the commands put on stdout and stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice

import click

from edge.service.notify import JOURNAL_LEVELS, is_journal

LINES_AT_ONCE = 500
"""Lines that are written to stdout with one call."""


def print_all(lines: Iterator[str]) -> None:
    """Lines on stdout, however many there are."""
    from edge.sinks import write_lines

    while chunk := list(islice(lines, LINES_AT_ONCE)):
        write_lines(sys.stdout, chunk)


def say(remark: object) -> None:
    """One line on stderr, whatever bytes a file's name has; for the journal with the level of an error."""
    text = str(remark).replace("\n", " ").encode("utf-8", "backslashreplace").decode()
    prefix = f"<{JOURNAL_LEVELS['error']}>" if is_journal(2, os.environ) else "readout: "
    click.echo(f"{prefix}{text}", err=True)


def silence_libraries() -> None:
    """Keep OpenCV's and FFmpeg's own remarks off stderr; they are read before OpenCV is first used."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def drop_stdout() -> None:
    """Point stdout at nothing, for Python flushes it once more at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def drop_unwritten() -> None:
    """Point stdout at nothing if what it still holds cannot be written: Python would fail with it at the exit."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_stdout()
