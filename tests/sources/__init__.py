"""Cameras on the network and what is measured of every source."""
