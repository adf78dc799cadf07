"""Where readings go beyond the terminal: files, a database, brokers and servers."""

from edge.outputs.mqtt import Command
from edge.outputs.opening import open_outputs

__all__ = ["Command", "open_outputs"]
