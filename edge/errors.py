"""What can go wrong by a user's hand or the world's: one base, each leaf with a builtin parent.

A message says what was wrong, what was found, and what to do next, on one line.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of every error that a user can cause or mend; shown as one line, without a traceback."""


class ConfigError(EdgeError, ValueError):
    """A configuration file does not say what the schema asks for."""


class BundleError(EdgeError, ValueError):
    """A model folder is incomplete, altered, or made for another version or preprocessing."""


class PictureError(EdgeError, ValueError):
    """A file is not a picture that can be read."""


class PageError(PictureError):
    """A page of a stack cannot be read; says which: the file's name and the page's index, None for the whole file."""

    def __init__(self, message: str, source: str, index: int | None) -> None:
        super().__init__(message)
        self.source = source
        self.index = index


class SourceError(EdgeError, OSError):
    """A source cannot be opened, or stopped giving frames."""


class UnusableSourceError(SourceError):
    """A source that no second attempt can open: a wrong address or setting, a missing package."""


class OutputError(EdgeError, OSError):
    """A result could not be written: disk full, no permission, no such folder."""


class MissingRuntimeError(EdgeError, ImportError):
    """No TFLite runtime is installed, or the one that is cannot make an interpreter."""


class MissingPackageError(EdgeError, ImportError):
    """An output needs a package that is not installed."""


class DataError(EdgeError, ValueError):
    """A data set's file is missing, altered or not in its published format."""


class DeliveryError(EdgeError, ConnectionError):
    """An output cannot be reached or takes nothing now; what it was to get waits in the outbox.

    `delivered` messages of the batch, from its start, have arrived; `after_s` is how long the other side asks to be
    left alone.
    """

    def __init__(self, message: str, *, delivered: int = 0, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.delivered = delivered
        self.after_s = after_s


class CommandError(EdgeError, ValueError):
    """A running service is asked for what it cannot do."""


class RefusedError(EdgeError, ValueError):
    """An output will never take a message, whatever is waited for."""
