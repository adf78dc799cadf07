"""Meters: cells, drums, dials and displays to one value, and that value over time."""
