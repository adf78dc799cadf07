"""Data sets of digits and characters: found, downloaded, checked, or rendered."""
