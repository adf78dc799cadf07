"""Reads numbers from pictures and cameras with an int8 TFLite digit classifier."""

__version__ = "0.1.0"
