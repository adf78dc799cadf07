"""Where readings go beyond the terminal: files, a database, brokers and servers."""

from edge.outputs.opening import open_outputs

__all__ = ["open_outputs"]
